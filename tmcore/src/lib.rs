//! The rules of the ticket office, and nothing else.
//!
//! Every rule lives here once, as a pure function over plain data: no clock, no randomness, no I/O. The current
//! time, random bytes and limits come in as arguments; what has to happen in the world goes out as data.

pub mod breaker;
pub mod cache_key;
pub mod drill;
pub mod event;
pub mod history;
pub mod id;
pub mod idempotency;
pub mod identity;
pub mod ledger;
pub mod money;
pub mod order;
pub mod payment;
pub mod plan;
pub mod reconcile;
pub mod retry;
pub mod seat;
pub mod seating;
pub mod shedding;
pub mod steady_clock;
pub mod text;
pub mod ticket;
pub mod timestamp;
pub mod verify;
pub mod waiting_room;
pub mod webhook;

pub use id::{EventId, OrderId, PerformerId, SeatId, SessionId, TicketId, UserId, VenueId};
pub use money::Money;
pub use timestamp::Timestamp;
