//! The wire of the ticket office: what requests and answers look like, one noun a file.
//!
//! JSON in camelCase, times in RFC 3339 UTC, money as `{amount, currency}` in minor units. Requests refuse unknown
//! fields; answers only ever grow, so readers ignore what they do not know. With the feature `client` the crate
//! also holds the HTTP and SSE client that the command line and the daemon's own tests use.

pub mod availability;
#[cfg(feature = "client")]
pub mod client;
pub mod event;
pub mod order;
pub mod page;
pub mod payment;
pub mod problem;
pub mod sale;
pub mod seat_map;
pub mod session;
pub mod stream;
pub mod ticket;
pub mod verify;

pub use problem::{Problem, ProblemCode};
