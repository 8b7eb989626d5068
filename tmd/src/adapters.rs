//! What stands behind the ports, one driver each.

pub mod remote_gateway;
pub mod sandbox;
