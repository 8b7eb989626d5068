//! The idempotency ledger: one row a key of a principal.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tmcore::OrderId;
use tmcore::idempotency::Fingerprint;

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

/// What a command's outcome is answered with, if that is the last word.
pub type AnswerOf = dyn Fn(Result<&OrderRecord, &CommandRefusal>) -> Option<StoredAnswer> + Send + Sync;

/// Has the answer to a command kept by the command's own transaction: nothing comes between what was done and what is
/// answered, and there is one commit less to wait for.
#[derive(Clone)]
pub struct Keep {
    /// Under which key.
    pub key: KeyRef,
    answer: Arc<AnswerOf>,
    kept: Arc<OnceLock<StoredAnswer>>,
}

impl Keep {
    /// Keeps what `answer` makes of what the command comes to.
    #[must_use]
    pub fn new(key: KeyRef, answer: Arc<AnswerOf>) -> Self {
        Self { key, answer, kept: Arc::default() }
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
        f.debug_struct("Keep").field("key", &self.key).field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// A claim commits before the work begins; of two concurrent claims one is first.
#[async_trait]
pub trait IdempotencyStore: BatchStore {
    /// Claims every key, in the order given.
    async fn claim(&self, claims: Vec<KeyClaim>) -> Vec<Result<Claimed, StoreError>> {
        self.write(Batch { claims, ..Batch::default() }).await.claims
    }

    /// Ends every claim.
    async fn finish(&self, ends: Vec<(KeyRef, Option<StoredAnswer>)>) -> Vec<Result<(), StoreError>> {
        self.write(Batch { ends, ..Batch::default() }).await.ends
    }

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
