//! The idempotency ledger: one row a key of a principal.

use std::sync::Arc;

use async_trait::async_trait;
use tmcore::OrderId;
use tmcore::idempotency::Fingerprint;

use super::StoreError;
use super::order::KeyRef;

/// A key to be claimed.
#[derive(Clone, Debug)]
pub struct KeyClaim {
    /// Whose key.
    pub key: KeyRef,
    /// Of which request.
    pub fingerprint: Fingerprint,
    /// What for.
    pub purpose: Purpose,
    /// How long the claim holds without an answer.
    pub lease_seconds: u32,
}

/// What a key is for, as far as the office goes on without the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// One step; the next is the client's to ask for.
    #[default]
    Step,
    /// All steps of a purchase in one.
    Booking,
}

/// What a claim finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody used the key: do the work.
    Fresh,
    /// Somebody died at the work: go on from the order it was about, if it came that far (I7).
    Resume(Option<OrderId>),
    /// The work is done: this is the answer (I4).
    Replay(StoredAnswer),
    /// The key was used with another request (I5).
    Reused,
    /// Somebody is at it (I6).
    InFlight,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, byte for byte.
    pub body: Arc<[u8]>,
}

/// A claim commits before the work begins; of two concurrent claims one is first.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Claims every key, in the order given, in one transaction of its own.
    async fn claim(&self, claims: Vec<KeyClaim>) -> Vec<Result<Claimed, StoreError>>;

    /// Ends every claim: with an answer it is done for good, without one the key may be tried again at once, from its
    /// recovery point.
    async fn finish(&self, keys: Vec<(KeyRef, Option<StoredAnswer>)>) -> Vec<Result<(), StoreError>>;

    /// Takes over at most `limit` bookings whose claim has lapsed and whose order waits to be finalized, each with a new
    /// lease: a second caller does not get it meanwhile. Answers the key and the order.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn lapsed_bookings(
        &self,
        limit: u32,
        lease_seconds: u32,
    ) -> Result<Vec<(KeyRef, OrderId)>, StoreError>;

    /// Forgets keys older than `keep_hours` whose order, if any, has ended (I11). Answers how many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn purge_keys(&self, keep_hours: u32) -> Result<u64, StoreError>;
}
