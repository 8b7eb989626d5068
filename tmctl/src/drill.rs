//! The rehearsal of an on-sale: an office of its own, a crowd, faults, and what came of it.

mod auditor;
mod buyer;
mod choice;
mod fault;
mod history;
mod inspector;
mod messenger;
mod odd;
mod office;
mod onlooker;
pub mod page;
mod rehearsal;
pub mod report;
#[allow(clippy::doc_markdown, reason = "texts of arguments are shown as they are")]
mod scenario;
mod servers;
mod shop;
mod surroundings;
mod trouble;
mod wave;
mod wire;
mod wires;

pub use buyer::visit;
pub use history::write as write_history;
pub use office::{Office, has_waiting_room};
pub use rehearsal::{Rehearsal, Stage};
pub use scenario::Scenario;
pub use shop::Shop;
pub use surroundings::Surroundings;
