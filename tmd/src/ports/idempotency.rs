//! The idempotency ledger: one row a key of a principal.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tmcore::idempotency::Fingerprint;
use tmcore::{OrderId, Timestamp};

use super::StoreError;
use super::batch::{Batch, BatchStore};
use super::order::{CommandRefusal, KeyRef, OrderRecord};

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

/// A claim that is held. Whoever takes the key over has another end of the lease: so a claim is ended by its holder or by
/// nobody, however late the end is written (S7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The key.
    pub key: KeyRef,
    /// When others may take it over, by the store's clock.
    pub until: Timestamp,
}

/// What a claim finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody used the key: do the work.
    Fresh(Lease),
    /// Somebody died at the work: go on from the order it was about, if it came that far (I7).
    Resume(Option<OrderId>, Lease),
    /// The work is done: this is the answer (I4).
    Replay(StoredAnswer),
    /// The key was used with another request (I5).
    Reused,
    /// Somebody is at it (I6).
    InFlight,
}

impl Claimed {
    /// The claim, if it is the caller's.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Fresh(lease) | Self::Resume(_, lease) => Some(lease),
            Self::Replay(_) | Self::Reused | Self::InFlight => None,
        }
    }
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, byte for byte.
    pub body: Arc<[u8]>,
}

/// What a command's outcome is answered with, if that is the last word.
pub type AnswerOf = dyn Fn(Result<&OrderRecord, &CommandRefusal>) -> Option<StoredAnswer> + Send + Sync;

/// Has the answer to a command kept by the command's own transaction: nothing comes between what was done and what is
/// answered, and there is one commit less to wait for.
#[derive(Clone)]
pub struct Keep {
    /// Under which claim.
    pub lease: Lease,
    answer: Arc<AnswerOf>,
    kept: Arc<OnceLock<StoredAnswer>>,
}

impl Keep {
    /// Keeps what `answer` makes of what the command comes to.
    #[must_use]
    pub fn new(lease: Lease, answer: Arc<AnswerOf>) -> Self {
        Self { lease, answer, kept: Arc::default() }
    }

    /// The answer to be kept; `None` when the claim does not end with this outcome.
    #[must_use]
    pub fn answer(&self, outcome: Result<&OrderRecord, &CommandRefusal>) -> Option<StoredAnswer> {
        (self.answer)(outcome)
    }

    /// Notes that the answer was committed.
    pub fn committed(&self, answer: StoredAnswer) {
        // The first is what the row has; an ended claim is not written again.
        let _ = self.kept.set(answer);
    }

    /// What was kept, once it is committed.
    #[must_use]
    pub fn kept(&self) -> Option<&StoredAnswer> {
        self.kept.get()
    }
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep").field("lease", &self.lease).field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// A claim commits before the work begins; of two concurrent claims one is first.
#[async_trait]
pub trait IdempotencyStore: BatchStore {
    /// Claims every key, in the order given.
    async fn claim(&self, claims: Vec<KeyClaim>) -> Vec<Result<Claimed, StoreError>> {
        self.write(Batch { claims, ..Batch::default() }).await.claims
    }

    /// Ends every claim that is still held; of one that somebody else took over nothing is changed.
    async fn finish(&self, ends: Vec<(Lease, Option<StoredAnswer>)>) -> Vec<Result<(), StoreError>> {
        self.write(Batch { ends, ..Batch::default() }).await.ends
    }

    /// Takes over at most `limit` bookings whose claim has lapsed and whose order waits to be finalized, each with a new
    /// lease: a second caller does not get it meanwhile. Answers the claim and the order.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn lapsed_bookings(
        &self,
        limit: u32,
        lease_seconds: u32,
    ) -> Result<Vec<(Lease, OrderId)>, StoreError>;

    /// Forgets keys older than `keep_hours` whose order, if any, has ended (I11). Answers how many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn purge_keys(&self, keep_hours: u32) -> Result<u64, StoreError>;

    /// Frees what whoever had the store before was at when it ended: claims may be taken over, and payments under way are
    /// due. Only for a store that nobody else has open.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn inherit(&self) -> Result<(), StoreError>;
}
