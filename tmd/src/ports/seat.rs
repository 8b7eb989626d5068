//! The seat ledger, apart from orders: what is free, and what the organiser keeps back.

use async_trait::async_trait;
use tmcore::{EventId, SeatId, Timestamp};

use super::StoreError;

/// The seats of an event at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatSnapshot {
    /// Grows with every committed change.
    pub seq: u64,
    /// The database's clock when it was read.
    pub as_of: Timestamp,
    /// One code a seat in geometry order: 0 available, 1 reserved, 2 sold, 3 blocked. A hold that has passed by the
    /// database's clock reads as available, whether or not anybody wrote that down (S4, S5).
    pub codes: Vec<u8>,
}

/// Where an event's sections begin and end.
pub type Sections = Vec<(String, u32)>;

/// Why seats are not blocked or unblocked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BlockRefusal {
    /// There is no such event, or it has no seats.
    #[error("no such event")]
    NotFound,
    /// Seats that the event does not have.
    #[error("the event has no such seats")]
    Unknown(Vec<SeatId>),
    /// Seats that are held or sold.
    #[error("some of the seats are taken")]
    Taken(Vec<SeatId>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads see what was committed before they began.
#[async_trait]
pub trait SeatLedger: Send + Sync {
    /// Every seat of the event; `None` when it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn seat_snapshot(&self, event: &EventId) -> Result<Option<SeatSnapshot>, StoreError>;

    /// The event's sections in geometry order.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sections(&self, event: &EventId) -> Result<Option<Sections>, StoreError>;

    /// Keeps unsold seats back, or puts kept ones on sale again; all or none. Answers how many changed.
    ///
    /// # Errors
    /// [`BlockRefusal`].
    async fn block_seats(
        &self,
        event: &EventId,
        seats: &[SeatId],
        blocked: bool,
    ) -> Result<u32, BlockRefusal>;
}
