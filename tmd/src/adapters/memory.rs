//! What the embedded profile has in its own process.

pub mod bus;
pub mod cache;
pub mod queue;

#[cfg(test)]
mod tests;
