//! What the daemon asks of the world, where configuration can choose who answers.

#[cfg(test)]
pub mod contract;
pub mod gateway;
