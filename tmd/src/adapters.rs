//! Everything behind a port but the stores.

pub mod breaker;
pub mod memory;
pub mod redis;
pub mod remote_gateway;
pub mod sandbox;
