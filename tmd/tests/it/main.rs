//! The whole daemon, through the real client, the real router, real sockets and a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that unwraps says where it failed"
)]

mod harness;
mod idempotency;
mod order;
mod payment;
mod purchase;
mod race;
mod seat;
mod till;
