//! One suite a port: what every backend has to keep (P1).

pub mod batch;
pub mod bus;
pub mod cache;
pub mod callback;
pub mod catalog;
pub mod gateway;
pub mod idempotency;
pub mod identity;
pub mod ledger;
pub mod order;
pub mod payment;
pub mod queue;
pub mod search;
pub mod seat;
pub mod stage;
pub mod verify;
pub mod waiting_room;
