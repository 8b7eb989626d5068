//! Orders, with the seats they hold and the payments they ask for.

use async_trait::async_trait;
use tmcore::idempotency::IdempotencyKey;
use tmcore::order::{Order, OrderState};
use tmcore::payment::{Answer, ProviderKey};
use tmcore::{EventId, Money, OrderId, SeatId, SessionId, TicketId, Timestamp, UserId};

use super::StoreError;
use super::batch::{Batch, BatchStore};
use super::payment::PaymentRecord;
use super::waiting_room::SessionRecord;

/// An order in full, at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// The order.
    pub order: Order,
    /// The database's clock when it was read or written.
    pub as_of: Timestamp,
    /// Its seats: held, pinned or owned.
    pub seats: Vec<SeatLine>,
    /// Its tickets.
    pub tickets: Vec<TicketRecord>,
}

/// A seat of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatLine {
    /// Its index in geometry order.
    pub index: u32,
    /// Its id.
    pub id: SeatId,
    /// Its section.
    pub section: String,
    /// Its row.
    pub row: String,
    /// Its number.
    pub number: String,
    /// Its price level and price.
    pub price: (String, Money),
}

/// A ticket as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRecord {
    /// Its id.
    pub id: TicketId,
    /// The order that paid for it, and its owner.
    pub owner: (OrderId, UserId),
    /// What it admits to.
    pub event: EventId,
    /// The seat.
    pub seat: SeatLine,
    /// What the QR code carries.
    pub code: String,
    /// Whether it is good.
    pub valid: bool,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// A ticket ready to be written.
#[derive(Clone, Debug)]
pub struct NewTicket {
    /// Its id.
    pub id: TicketId,
    /// The seat.
    pub seat: SeatId,
    /// What the QR code carries.
    pub code: String,
}

/// The idempotency key a command works for: the same transaction writes the order down as its recovery point (I7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRef {
    /// Whose key.
    pub user: UserId,
    /// The key.
    pub key: IdempotencyKey,
}

/// One thing to do with an order.
#[derive(Clone, Debug)]
pub enum OrderCommand {
    /// Begin it.
    Create {
        /// Its id.
        order: OrderId,
        /// Whose.
        user: UserId,
        /// For which event.
        event: EventId,
        /// The session that was let in; `None` finds the user's own.
        session: Option<SessionId>,
        /// For which key.
        key: KeyRef,
    },
    /// Hold seats, all or none, and write the authorization down as sent.
    Hold {
        /// Which order.
        order: OrderId,
        /// Whose.
        user: UserId,
        /// The seats.
        seats: Vec<SeatId>,
        /// For which key.
        key: KeyRef,
    },
    /// Write down what the provider said of a payment, and what follows.
    Settle {
        /// Which payment.
        payment: ProviderKey,
        /// What it said.
        verdict: Verdict,
        /// The tickets to issue should a capture have gone well, one a seat.
        tickets: Vec<NewTicket>,
    },
    /// Pin the seats and write the capture down as sent.
    Pin {
        /// Which order.
        order: OrderId,
        /// Whose.
        user: UserId,
        /// For which key.
        key: KeyRef,
    },
    /// Give the money of a finalized order back; an organiser's wish.
    Refund {
        /// Which order.
        order: OrderId,
        /// For which key.
        key: KeyRef,
    },
    /// Give it up.
    Cancel {
        /// Which order.
        order: OrderId,
        /// Whose.
        user: UserId,
        /// For which key.
        key: KeyRef,
    },
}

impl OrderCommand {
    /// The key it works for; what the provider said needs none.
    #[must_use]
    pub const fn key(&self) -> Option<&KeyRef> {
        match self {
            Self::Create { key, .. }
            | Self::Hold { key, .. }
            | Self::Pin { key, .. }
            | Self::Refund { key, .. }
            | Self::Cancel { key, .. } => Some(key),
            Self::Settle { .. } => None,
        }
    }
}

/// What is known of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The provider's definite answer.
    Answered(Answer),
    /// No answer, or none that can be trusted: ask again later (M6).
    Unknown,
    /// The provider never saw it and never will.
    NeverHappened,
}

/// A command that was carried out.
#[derive(Clone, Debug)]
pub struct OrderOutcome {
    /// The order as it stands.
    pub record: OrderRecord,
    /// The payment that has to be sent to the provider now, already written down.
    pub payment: Option<PaymentRecord>,
    /// The session, if it changed with the order.
    pub session: Option<SessionRecord>,
    /// Whether seats changed hands.
    pub seats_changed: bool,
}

/// Why a command was not carried out; nothing of it is kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandRefusal {
    /// No such event, order or payment, or somebody else's.
    #[error("no such order")]
    NotFound,
    /// The sale takes nobody now.
    #[error(transparent)]
    Entry(#[from] tmcore::event::EntryRefusal),
    /// The waiting room has not let the buyer in (W10).
    #[error("the waiting room has not let this buyer in")]
    NotAdmitted,
    /// The buyer has an unfinished order.
    #[error("the buyer has an unfinished order")]
    OpenOrder(OrderId),
    /// The buyer would have more seats than one may.
    #[error("no more than {limit} seats a buyer, and this buyer has {owned}")]
    PurchaseLimit {
        /// How many one may have.
        limit: u32,
        /// How many the buyer has.
        owned: u32,
    },
    /// More seats than an order may have.
    #[error("no more than {limit} seats an order")]
    TooManySeats {
        /// How many an order may have.
        limit: u32,
    },
    /// Seats that the event does not have.
    #[error("the event has no such seats")]
    UnknownSeats(Vec<SeatId>),
    /// Seats that somebody else has (S3).
    #[error("some of the seats are taken")]
    SeatsTaken(Vec<SeatId>),
    /// The order's state does not allow it.
    #[error("the order is {}", .0.as_str())]
    State(OrderState),
    /// The order's time is up.
    #[error("the order's time is up")]
    Expired,
    /// A seat write found another owner or fence (S7). Nothing was written.
    #[error("the seats are no longer this order's")]
    FenceLost,
    /// The claim of the key lapsed, and somebody else took it over: what it was claimed for is theirs to do (I9).
    #[error("this request was slow, and another with its key took it over")]
    ClaimLost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Orders and seats change together or not at all.
#[async_trait]
pub trait OrderStore: BatchStore {
    /// Carries out every command, in the order given.
    async fn apply(&self, commands: Vec<OrderCommand>) -> Vec<Result<OrderOutcome, CommandRefusal>> {
        let commands = commands.into_iter().map(|command| (command, None)).collect();
        let written = self.write(Batch { commands, ..Batch::default() }).await;
        written.commands.into_iter().map(|decided| decided.outcome).collect()
    }

    /// Ends at most `limit` orders whose time is up by the database's clock. Cosmetic for seats (S5).
    ///
    /// # Errors
    /// [`StoreError`].
    async fn expire_due(&self, limit: u32) -> Result<Vec<OrderOutcome>, StoreError>;

    /// An order, whoever asks.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn order(&self, order: OrderId) -> Result<Option<OrderRecord>, StoreError>;

    /// A ticket, whoever asks.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn ticket(&self, ticket: TicketId) -> Result<Option<TicketRecord>, StoreError>;

    /// Orders finalized for an event, and what they paid.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn takings(&self, event: &EventId) -> Result<(u64, i64), StoreError>;
}
