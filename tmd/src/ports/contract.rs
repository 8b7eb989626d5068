//! One suite a port: what every backend has to keep (P1).

pub mod gateway;
