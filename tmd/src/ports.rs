//! What configuration can choose: the traits behind which stores, queues, providers and engines are exchangeable.
//!
//! Every trait says what is atomic, what is ordered, and what a second caller may observe. Each has one contract suite
//! that every backend passes.

pub mod batch;
pub mod bus;
pub mod cache;
pub mod callback;
pub mod catalog;
#[cfg(test)]
#[allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "suites panic to say what is broken"
)]
pub mod contract;
pub mod fault;
pub mod gateway;
pub mod idempotency;
pub mod identity;
pub mod ledger;
pub mod order;
pub mod payment;
pub mod queue;
pub mod search;
pub mod seat;
pub mod verify;
pub mod waiting_room;

use std::sync::Arc;

use async_trait::async_trait;

use self::fault::Fault;

/// A store that could not do what it was asked. Nothing of the failed batch is kept, unless it says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// A lock was not to be had in time, or too much is waiting (S9).
    #[error("the store is busy")]
    Busy,
    /// The disk or the file under the store is at fault.
    #[error("the store cannot be used: {0}")]
    Fault(#[from] Fault),
    /// The store cannot be reached, or was lost in the middle. What it was asked last happened once or not at all: the same
    /// again, under the same idempotency key, finds out.
    #[error("the store cannot be reached: {0}")]
    Unreachable(Arc<str>),
    /// The store does not answer, or answers what it should not.
    #[error("the store failed: {0}")]
    Failed(Arc<str>),
}

impl StoreError {
    /// A failure told in words.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string().into())
    }
}

/// Everything the store does; the source of truth of one office.
#[async_trait]
pub trait Store:
    batch::BatchStore
    + catalog::CatalogStore
    + seat::SeatLedger
    + waiting_room::WaitingRoomStore
    + order::OrderStore
    + payment::PaymentStore
    + callback::CallbackStore
    + ledger::LedgerStore
    + idempotency::IdempotencyStore
    + identity::IdentityStore
    + search::SearchIndex
    + verify::VerifyStore
{
    /// Whether the store reads and writes: writes something that changes nothing, unless it wrote a moment ago.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn probe(&self) -> Result<(), StoreError>;
}
