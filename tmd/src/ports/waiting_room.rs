//! The waiting room's rows. They are the truth: queues and memory only say where to look.

use async_trait::async_trait;
use tmcore::event::EntryRefusal;
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, OrderId, SessionId, Timestamp, UserId};

use super::StoreError;
use super::batch::{Batch, BatchStore};

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// The event it queues for.
    pub event: EventId,
    /// Whose it is.
    pub user: UserId,
    /// Where it stands.
    pub state: SessionState,
    /// Its place in line; meaningless in the lobby.
    pub place: Place,
    /// When it joined.
    pub joined_at: Timestamp,
    /// What it was let in for.
    pub inside: Inside,
}

/// A place, in line or in the lobby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Drawn when the sale begins.
    Lobby,
    /// Everybody with a smaller number is let in first.
    Line(u64),
}

/// What a session was let in for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    /// Until when it must have begun an order.
    pub deadline: Option<Timestamp>,
    /// The order it began.
    pub order: Option<OrderId>,
}

/// Somebody who wants a place.
#[derive(Clone, Debug)]
pub struct Join {
    /// The id of the session, should a new one be made.
    pub session: SessionId,
    /// Who.
    pub user: UserId,
    /// For which event.
    pub event: EventId,
}

/// A place was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The session.
    pub session: SessionRecord,
    /// Whether it was made now; else the user already had it (W4).
    pub new: bool,
}

/// Why there is no place.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JoinRefusal {
    /// There is no such event.
    #[error("no such event")]
    NotFound,
    /// The event is sold without a waiting room.
    #[error("the event is sold without a waiting room")]
    NoWaitingRoom,
    /// The sale does not take anybody now.
    #[error(transparent)]
    Entry(#[from] EntryRefusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a turn at the gate changed.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// Sessions that changed state.
    pub changed: Vec<SessionRecord>,
    /// How many of them were let in.
    pub admitted: u64,
}

/// Each call is one transaction. Joins get places in the order in which they are answered (W2).
#[async_trait]
pub trait WaitingRoomStore: BatchStore {
    /// Finds everybody a place, in the order given.
    async fn join(&self, joins: Vec<Join>) -> Vec<Result<Joined, JoinRefusal>> {
        self.write(Batch { joins, ..Batch::default() }).await.joins
    }

    /// Gives a place up: who waits has LEFT, who was let in has EXPIRED before time and frees the slot, who has an order
    /// stays until it ends. Again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]. `None` when the user has no such session.
    async fn leave(&self, session: SessionId, user: UserId) -> Result<Option<SessionRecord>, StoreError>;

    /// One turn at the event's gate, in one transaction under its row: lapses who gave no sign of life, ends who began
    /// no order in time, then lets in whom capacity and rate allow, in the order of places (W1, W2, W3, W9).
    ///
    /// # Errors
    /// [`StoreError`].
    async fn turn(&self, event: &EventId) -> Result<Turn, StoreError>;

    /// Writes down that these gave a sign of life now.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn touch(&self, sessions: &[SessionId]) -> Result<(), StoreError>;

    /// Counts every session in line as seen now: nobody could give a sign of life while nobody listened.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn revive(&self) -> Result<(), StoreError>;

    /// A session, live or ended.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn session(&self, session: SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// At most `limit` live sessions with an id after `after`, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn live_sessions(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError>;
}
