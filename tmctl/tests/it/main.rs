//! The program itself, run against a small ticket office that remembers what it was asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that unwraps says where it failed"
)]

mod buying;
mod cut_off;
mod exits;
mod hostile;
mod office;
mod program;
mod waiting;
