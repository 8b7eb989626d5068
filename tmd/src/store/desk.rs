//! Order commands at work, the same for every store.
//!
//! A store lays the rows that a batch is about on the desk, in one transaction and as few statements as it can. The
//! commands are decided on one after the other, as the core says, each seeing what those before it changed; a refused
//! command changes nothing. Then the store writes back what changed, every row guarded by what was read of it.

mod block;
mod change;
mod claim;
mod columns;
mod command;
mod decide;
mod effect;
mod filed;
mod join;
mod row;
mod save;
mod settle;
mod wanted;

pub use block::{decide as decide_block, missing};
pub use change::{Changes, LedgerEntry, NewPayment};
pub use claim::{ClaimChanges, KeyRow};
pub use filed::Filed;
pub use row::{OrderRow, PaymentRow, Rows, SaleRow, SeatRow};
pub use save::{Part, Statement};
pub use wanted::Wanted;

use tmcore::Timestamp;

/// A batch at work.
#[derive(Debug)]
pub struct Desk {
    /// The database's clock.
    pub at: Timestamp,
    /// How long whoever writes a payment down has to send it before the resolver does.
    pub send_lease_seconds: u32,
    /// The rows as they stand after the commands so far.
    pub rows: Rows,
    /// What has to be written.
    pub changes: Changes,
}

impl Desk {
    /// An empty desk.
    #[must_use]
    pub fn new(at: Timestamp, send_lease_seconds: u32) -> Self {
        Self { at, send_lease_seconds, rows: Rows::default(), changes: Changes::default() }
    }
}
