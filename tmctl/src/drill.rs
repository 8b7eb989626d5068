//! The rehearsal of an on-sale: an office of its own, a crowd, faults, and what came of it.

mod buyer;
pub mod choice;
pub mod fault;
mod history;
mod messenger;
mod office;
pub mod page;
pub mod report;
#[allow(clippy::doc_markdown, reason = "texts of arguments are shown as they are")]
mod scenario;
mod servers;
mod shop;
mod surroundings;
mod trouble;
mod wire;
mod wires;

pub use buyer::visit;
pub use history::write as write_history;
pub use office::{Office, Settings, has_waiting_room};
pub use scenario::Scenario;
pub use shop::Shop;
pub use surroundings::Surroundings;
