//! What the use cases answer, as the layers above see it.

pub use crate::ports::bus::Fact;
pub use crate::ports::cache::{Body, Rebuilt};
pub use crate::ports::catalog::{EventRecord, Inventory, InventorySeat, PriceLevel, VenueRecord};
pub use crate::ports::gateway::{ProviderEvent, ProviderRecord};
pub use crate::ports::idempotency::{Claimed, Keep, Lease, Purpose, StoredAnswer};
pub use crate::ports::ledger::DatedPayment;
pub use crate::ports::order::{KeyRef, OrderRecord, SeatLine, TicketRecord};
pub use crate::ports::queue::{Gate, News};
pub use crate::ports::search::SearchQuery;
pub use crate::ports::verify::{Part, Passage};
pub use crate::ports::waiting_room::{Place, SessionRecord};
