//! The daemon of the ticket office, as a library so that its tests can start it in their own process.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod descriptors;
pub mod drill;
pub mod entropy;
pub mod health;
pub mod http;
pub mod lifecycle;
pub mod ports;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod wire;
pub mod workers;
