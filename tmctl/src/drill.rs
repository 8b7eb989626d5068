//! The rehearsal of an on-sale: an office of its own, a crowd, faults, and what came of it.

pub mod auditor;
mod buyer;
pub mod choice;
pub mod fault;
mod history;
pub mod inspector;
mod odd;
mod office;
pub mod onlooker;
pub mod page;
pub mod report;
mod shop;
mod wire;
mod wires;

pub use buyer::visit;
pub use history::write as write_history;
pub use office::{Office, Settings, has_waiting_room};
pub use shop::Shop;
