//! Rows of events, and what belongs to them.

use tmcore::event::{Sale, SaleRules, SaleState, SeatLimits};
use tmcore::waiting_room::GateLimits;

use super::{Columns, strange};
use crate::ports::StoreError;
use crate::ports::catalog::{EventRecord, Inventory, PriceLevel, VenueRecord};

/// What [`read`] reads, as the head of a statement.
pub const EVENT: &str =
    "SELECT e.*, v.name AS venue_name, v.city FROM events e JOIN venues v USING (venue_id)";

/// An event of a row of [`EVENT`], without performers and price levels.
pub fn read(row: &impl Columns) -> Result<EventRecord, StoreError> {
    let venue = VenueRecord {
        id: row.parse("venue_id")?,
        name: row.text("venue_name")?.into(),
        city: row.text("city")?.into(),
    };
    Ok(EventRecord {
        sale: sale(row)?,
        name: row.text("name")?.to_owned(),
        starts_at: row.time("starts_at")?,
        venue,
        performers: Vec::new(),
        currency: row.parse("currency")?,
        price_levels: Vec::new(),
    })
}

/// The sale of a row of an event.
pub fn sale(row: &impl Columns) -> Result<Sale, StoreError> {
    let state = SaleState::parse(row.text("sale_state")?).ok_or_else(|| strange("sale state"))?;
    let gate = GateLimits {
        capacity: row.count("capacity")?,
        admissions_per_minute: row.count("admissions_per_minute")?,
    };
    let seats =
        SeatLimits { per_order: row.count("seats_per_order")?, per_buyer: row.count("seats_per_buyer")? };
    let rules = SaleRules {
        waiting_room: row.int("waiting_room")? != 0,
        gate,
        lapse_seconds: row.count("lapse_seconds")?,
        active_seconds: row.count("active_seconds")?,
        lobby_seconds: row.count("lobby_seconds")?,
        hold_ttl_seconds: row.count("hold_ttl_seconds")?,
        seats,
    };
    Ok(Sale { event: row.parse("event_id")?, state, starts_at: row.time_opt("sale_starts_at")?, rules })
}

/// Adds performers and price levels to the events that they are of.
pub fn complete<R: Columns>(
    records: &mut [EventRecord],
    performers: &[R],
    levels: &[R],
) -> Result<(), StoreError> {
    for record in records {
        let event = record.sale.event.as_str();
        for row in performers.iter().filter(|row| row.text("event_id").is_ok_and(|id| id == event)) {
            record.performers.push((row.parse("performer_id")?, row.text("name")?.to_owned()));
        }
        for row in levels.iter().filter(|row| row.text("event_id").is_ok_and(|id| id == event)) {
            record.price_levels.push(PriceLevel {
                name: row.text("name")?.to_owned(),
                color: row.text("color")?.to_owned(),
                price: row.int("price")?,
                seats: row.count("seats")?,
            });
        }
    }
    Ok(())
}

/// The name of a seat's section.
pub fn section(inventory: &Inventory, index: u32) -> &str {
    let index = usize::try_from(index).ok();
    index.and_then(|index| inventory.sections.get(index)).map_or("", |(name, _)| name.as_str())
}
