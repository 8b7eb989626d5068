//! The whole daemon, through the real client, the real router, real sockets and a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that unwraps says where it failed"
)]

mod abuse;
mod access;
mod availability;
mod breaker;
mod callback;
mod catalog;
mod crowd;
mod harness;
mod idempotency;
mod identity;
mod input;
#[cfg(feature = "drills")]
mod mutant;
mod openapi;
mod order;
mod organiser;
mod overload;
mod payment;
mod program;
mod provider;
mod purchase;
mod race;
mod reader;
mod reconcile;
mod refund;
mod restart;
mod routes;
mod scene;
mod seat;
mod secret;
mod shared;
mod single;
mod stadium;
mod stream;
mod till;
mod verify;
mod waiting_room;
mod wire;
