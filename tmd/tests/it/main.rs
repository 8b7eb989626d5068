//! The whole daemon, through the real client, the real router, real sockets and a real database.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that unwraps says where it failed"
)]

mod access;
mod crowd;
mod harness;
mod input;
mod openapi;
mod purchase;
mod routes;
mod scene;
mod secret;
mod wire;
