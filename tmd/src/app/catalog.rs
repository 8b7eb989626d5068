//! The catalogue: what is on, and what its organiser makes of it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tmcore::cache_key::CacheKey;
use tmcore::event::RuleError;
use tmcore::text::is_control;
use tmcore::{EventId, SeatId};

use super::Office;
use crate::ports::StoreError;
use crate::ports::cache::{Rebuild, Rebuilt};
use crate::ports::catalog::{CatalogRefusal, EventRecord, Inventory};
use crate::ports::search::SearchQuery;
use crate::ports::seat::BlockRefusal;

/// The longest name of an event, venue, town or performer, in characters.
const MAX_NAME_CHARS: usize = 200;
/// The most performers of an event.
const MAX_PERFORMERS: usize = 50;

/// Why an event is not taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EventError {
    /// A rule out of its range.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A name that is empty, too long, or holds control characters.
    #[error("{0} must have 1 to {MAX_NAME_CHARS} characters and no control characters")]
    Name(&'static str),
    /// Too many performers.
    #[error("an event has at most {MAX_PERFORMERS} performers")]
    Performers,
    /// Two performers whose names come to one id.
    #[error(
        "performers: {0} and {1} are one and the same to the office; leave one out, or name it otherwise"
    )]
    SamePerformer(String, String),
    /// The catalogue says no.
    #[error(transparent)]
    Refused(#[from] CatalogRefusal),
}

impl Office {
    /// An encoded answer from the cache, built if there is none.
    ///
    /// # Errors
    /// What the rebuild failed with.
    pub async fn cached(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt {
        self.ports.cache.get_or_build(key, rebuild).await
    }

    /// The event.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn event(&self, event: &EventId) -> Result<Option<EventRecord>, StoreError> {
        self.store().event(event).await
    }

    /// A page of events.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events(&self, after: Option<&EventId>, limit: u32) -> Result<Vec<EventRecord>, StoreError> {
        self.store().events(after, limit).await
    }

    /// Events that match, and how many there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search(&self, query: &SearchQuery) -> Result<(Vec<EventRecord>, u64), StoreError> {
        self.store().search(query).await
    }

    /// The geometry of the event's seats.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seat_map(&self, event: &EventId) -> Result<Option<Bytes>, StoreError> {
        self.store().seat_map(event).await
    }

    /// Whether the store reads and writes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn probe_store(&self) -> Result<(), StoreError> {
        self.store().probe().await
    }

    /// Writes an event, with its seats when it comes with some.
    ///
    /// # Errors
    /// [`EventError`]; nothing is written then.
    pub async fn put_event(
        self: &Arc<Self>,
        event: &EventRecord,
        inventory: Option<&Inventory>,
        new: bool,
    ) -> Result<EventRecord, EventError> {
        check(event)?;
        self.store().put_event(event, inventory, new).await?;
        Ok(self.refresh_event(&event.sale.event).await?)
    }

    /// Keeps seats back, or puts them on sale again.
    ///
    /// # Errors
    /// [`BlockRefusal`].
    pub async fn block_seats(
        &self,
        event: &EventId,
        seats: &[SeatId],
        blocked: bool,
    ) -> Result<u32, BlockRefusal> {
        let changed = self.store().block_seats(event, seats, blocked).await?;
        self.tell_seats(event);
        Ok(changed)
    }

    /// Reads an event that changed, and tells of it.
    ///
    /// # Errors
    /// [`CatalogRefusal`].
    pub async fn refresh_event(&self, event: &EventId) -> Result<EventRecord, CatalogRefusal> {
        let record = self.store().event(event).await?.ok_or(CatalogRefusal::NotFound)?;
        self.rooms.open(record.sale.clone());
        self.tell_event(event).await;
        Ok(record)
    }
}

fn check(event: &EventRecord) -> Result<(), EventError> {
    event.sale.rules.check()?;
    name("name", &event.name)?;
    name("venue", &event.venue.name)?;
    if !event.venue.city.is_empty() {
        name("city", &event.venue.city)?;
    }
    if event.performers.len() > MAX_PERFORMERS {
        return Err(EventError::Performers);
    }
    event.performers.iter().try_for_each(|(_, performer)| name("performers", performer))?;
    let mut met = HashMap::new();
    for (id, name) in &event.performers {
        if let Some(first) = met.insert(id, name) {
            return Err(EventError::SamePerformer(first.clone(), name.clone()));
        }
    }
    Ok(())
}

fn name(field: &'static str, text: &str) -> Result<(), EventError> {
    let fits = (1..=MAX_NAME_CHARS).contains(&text.chars().count()) && !text.chars().any(is_control);
    if fits { Ok(()) } else { Err(EventError::Name(field)) }
}
