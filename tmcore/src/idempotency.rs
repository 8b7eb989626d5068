//! One effect a key, however often a request is sent.
//!
//! A request first claims its key in a short transaction of its own; [`decide`] says what the claim found. When the
//! request ends, its answer is stored under the key if [`is_stored`], else the key is given free.

mod canonical;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::Timestamp;

/// What a client is asked to wait while the first request with its key is worked on (I6).
pub const IN_FLIGHT_RETRY_AFTER_SECONDS: u32 = 1;

/// How long a request may hold its key before another may resume it (I7).
pub const LEASE_SECONDS: u32 = 30;

/// What a client calls one intention: 1 to 255 characters of `[A-Za-z0-9_.:-]` (I2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(Arc<str>);

/// The text is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 255 characters of [A-Za-z0-9_.:-], bare or in double quotes")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// The longest key that is accepted, in characters, quotes not counted.
    pub const MAX_CHARS: usize = 255;

    /// The key without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the header's value: bare as most clients send it, or a quoted string as draft-ietf-httpapi-idempotency-key-header
/// has it. Both are the same key.
impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        let bare = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-');
        let fits = (1..=Self::MAX_CHARS).contains(&bare.len()) && bare.bytes().all(allowed);
        if fits { Ok(Self(bare.into())) } else { Err(IdempotencyKeyError) }
    }
}

/// SHA-256 of what a request asks for: method, path and canonical body (I3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a request. A request without a body has the body `null`.
    ///
    /// Key order and white space of the body do not matter; everything else does, numbers as `serde_json` reads them
    /// (`1` and `1.0` differ, `1e2` and `100.0` do not).
    #[must_use]
    pub fn of(method: &str, path: &str, body: &serde_json::Value) -> Self {
        let mut hash = Sha256::new();
        for part in [method, path] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        canonical::feed(body, &mut hash);
        Self(hash.finalize().into())
    }

    /// From the hash as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash itself.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", hex::encode(self.0))
    }
}

/// What is known of a principal's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Of the request that claimed the key first.
    pub fingerprint: Fingerprint,
    /// How far that request is.
    pub state: LedgerState,
}

/// How far the first request with a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerState {
    /// Being worked on.
    InFlight {
        /// Until when, unless its process died.
        lease_until: Timestamp,
    },
    /// Answered.
    Done {
        /// The HTTP status.
        status: u16,
        /// The body, byte for byte.
        body: Arc<[u8]>,
    },
}

/// What a request may do under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is new: do it.
    Fresh,
    /// Done before: answer the same, do nothing (I4).
    Replay {
        /// The HTTP status.
        status: u16,
        /// The body, byte for byte.
        body: Arc<[u8]>,
    },
    /// The key belongs to another request: 422, and nothing of that one is told (I5).
    Reused,
    /// The first request is being worked on: 409 (I6).
    InFlight {
        /// What to ask the client to wait.
        retry_after_seconds: u32,
    },
    /// Whoever had the key is gone: take over its lease and go on from the recovery point (I7).
    Resume,
}

/// What a request with `fingerprint` may do, given what is known of its key. `now` is the database's.
#[must_use]
pub fn decide(existing: Option<&LedgerRow>, fingerprint: &Fingerprint, now: Timestamp) -> Claim {
    match existing {
        None => Claim::Fresh,
        Some(row) if row.fingerprint != *fingerprint => Claim::Reused,
        Some(LedgerRow { state: LedgerState::Done { status, body }, .. }) => {
            Claim::Replay { status: *status, body: Arc::clone(body) }
        }
        Some(LedgerRow { state: LedgerState::InFlight { lease_until }, .. }) if now < *lease_until => {
            Claim::InFlight { retry_after_seconds: IN_FLIGHT_RETRY_AFTER_SECONDS }
        }
        Some(_) => Claim::Resume,
    }
}

/// How a request ended, as far as its status does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<'a> {
    /// A success that stays as it is.
    Final,
    /// A 202 that is still on its way to its end (I10).
    Converging,
    /// A refusal, with the problem's code.
    Refused(&'a str),
}

/// Whether the answer is kept under its key, so that sending the request again repeats it (I8). What is not kept gives
/// the key free: the same request may do better later.
#[must_use]
pub fn is_stored(status: u16, ending: Ending<'_>) -> bool {
    match (status, ending) {
        (200..=299, ending) => ending == Ending::Final,
        (402 | 410, _) => true,
        (409, Ending::Refused(code)) => matches!(
            code,
            "order-state" | "event-state" | "seats-unavailable" | "purchase-limit" | "open-order-exists"
        ),
        (422, Ending::Refused(code)) => code != "idempotency-key-reused",
        _ => false,
    }
}

#[cfg(test)]
mod tests;
