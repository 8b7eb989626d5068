//! The catalogue: events, their venues, performers, prices and geometry.

use async_trait::async_trait;
use bytes::Bytes;
use tmcore::event::{Sale, SaleAction};
use tmcore::money::Currency;
use tmcore::{EventId, PerformerId, SeatId, Timestamp, VenueId};

use super::StoreError;
use super::waiting_room::SessionRecord;

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Its id, where its sale stands, and the rules of it.
    pub sale: Sale,
    /// Its name.
    pub name: String,
    /// When it begins.
    pub starts_at: Timestamp,
    /// Where it is.
    pub venue: VenueRecord,
    /// Who performs.
    pub performers: Vec<(PerformerId, String)>,
    /// What its prices are in.
    pub currency: Currency,
    /// What its seats cost; empty before a plan is imported.
    pub price_levels: Vec<PriceLevel>,
}

/// A venue as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueRecord {
    /// Its id.
    pub id: VenueId,
    /// Its name.
    pub name: String,
    /// Its town.
    pub city: String,
}

/// Seats that cost the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceLevel {
    /// The plan's category.
    pub name: String,
    /// Its colour.
    pub color: String,
    /// Minor units of the event's currency.
    pub price: i64,
    /// How many seats there are.
    pub seats: u32,
}

/// The seats of an event, ready to be written.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// What they cost.
    pub price_levels: Vec<PriceLevel>,
    /// Sections in geometry order: name and number of seats.
    pub sections: Vec<(String, u32)>,
    /// Seats in geometry order.
    pub seats: Vec<InventorySeat>,
    /// The geometry as it is served.
    pub body: Bytes,
}

/// One seat of an inventory.
#[derive(Clone, Debug)]
pub struct InventorySeat {
    /// Its id.
    pub id: SeatId,
    /// The place of its section in [`Inventory::sections`].
    pub section: u32,
    /// Its row.
    pub row: String,
    /// Its number.
    pub number: String,
    /// The place of its price level.
    pub level: u32,
}

/// Why the catalogue does not take a change.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogRefusal {
    /// An event of this id exists.
    #[error("an event of this id exists")]
    Exists,
    /// There is no such event.
    #[error("no such event")]
    NotFound,
    /// The event's sale has begun, or is over.
    #[error("the event's sale is {}", .0.as_str())]
    State(tmcore::event::SaleState),
    /// The event has no seats yet.
    #[error("the event has no seats yet")]
    NoSeats,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Each call is one transaction: it happens as a whole or not at all, and is durable once answered.
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Writes an event, with its seats when it comes with some: a new one if `new`, else the one that is there. Seats
    /// are only taken while the sale is SCHEDULED. The sale's state is never changed by this.
    ///
    /// # Errors
    /// [`CatalogRefusal`]; two concurrent callers with `new` see one success and one `Exists`.
    async fn put_event(
        &self,
        event: &EventRecord,
        inventory: Option<&Inventory>,
        new: bool,
    ) -> Result<(), CatalogRefusal>;

    /// Moves the sale along. Opening draws the lobby's places from `seed`, once (W11), and answers the sessions whose
    /// place that changed.
    ///
    /// # Errors
    /// [`CatalogRefusal`] where the action makes no sense.
    async fn change_sale(
        &self,
        event: &EventId,
        action: SaleAction,
        seed: [u8; 32],
    ) -> Result<Vec<SessionRecord>, CatalogRefusal>;

    /// The event.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn event(&self, event: &EventId) -> Result<Option<EventRecord>, StoreError>;

    /// At most `limit` events after `after` in order of start and id; `None` begins at the first. An `after` that
    /// does not exist answers no events.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn events(&self, after: Option<&EventId>, limit: u32) -> Result<Vec<EventRecord>, StoreError>;

    /// The geometry as it is served.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn seat_map(&self, event: &EventId) -> Result<Option<Bytes>, StoreError>;

    /// Ids of events whose sale is due to begin by the database's clock.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn due_sales(&self) -> Result<Vec<EventId>, StoreError>;
}
