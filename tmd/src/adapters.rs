//! Everything behind a port but the stores.

pub mod memory;
