//! The program in a real terminal, against a real daemon.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that unwraps says where it failed; it waits for programs, by the clock"
)]

mod buyers;
mod cast;
mod code;
mod fake;
mod hardship;
mod large;
mod leaving;
mod linear;
mod office;
mod proxy;
mod purchase;
mod start;
mod terminal;
mod trouble;
