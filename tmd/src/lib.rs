//! The daemon of the ticket office, as a library so that its tests can start it in their own process.

pub mod cli;
pub mod clock;
pub mod config;
pub mod entropy;
pub mod health;
pub mod http;
pub mod lifecycle;
pub mod serve;
pub mod telemetry;
