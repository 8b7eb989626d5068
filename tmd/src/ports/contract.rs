//! One suite a port: what every backend has to keep (P1).
#![allow(clippy::missing_panics_doc, reason = "a broken promise ends the suite")]
#![allow(clippy::missing_errors_doc, reason = "what is refused is what the suites are about")]
#![allow(clippy::must_use_candidate, reason = "the stage's constructors are called inside of assertions")]

pub mod bus;
pub mod cache;
pub mod catalog;
pub mod gateway;
pub mod idempotency;
pub mod order;
pub mod payment;
pub mod queue;
pub mod search;
pub mod seat;
pub mod stage;
pub mod waiting_room;
