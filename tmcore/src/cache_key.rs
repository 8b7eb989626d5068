//! Every key that a cache may hold, with its text and how long it may be kept, on one page.

use std::fmt;
use std::time::Duration;

use crate::EventId;

/// Changes whenever the shape of a cached value does, so that an old value is never read as a new one.
pub const SCHEMA_VERSION: u32 = 1;

/// What is cached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CacheKey {
    /// A page of the list of events.
    EventPage {
        /// The event after which the page begins; `None` for the first.
        after: Option<EventId>,
        /// The most events on it.
        limit: u32,
    },
    /// An event in full.
    Event(EventId),
    /// The geometry of an event's seats; never changes.
    SeatMap(EventId),
    /// The state of an event's seats.
    Availability(EventId),
}

impl CacheKey {
    /// How long a value may be served.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        match self {
            Self::EventPage { .. } | Self::Event(_) => Duration::from_secs(1),
            Self::SeatMap(_) => Duration::from_secs(3_600),
            Self::Availability(_) => Duration::from_millis(250),
        }
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{SCHEMA_VERSION}:")?;
        match self {
            Self::EventPage { after: None, limit } => write!(f, "events::{limit}"),
            Self::EventPage { after: Some(after), limit } => write!(f, "events:{after}:{limit}"),
            Self::Event(event) => write!(f, "event:{event}"),
            Self::SeatMap(event) => write!(f, "seat-map:{event}"),
            Self::Availability(event) => write!(f, "availability:{event}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_nothing_that_changes_is_kept_for_longer_than_two_seconds() {
        let event: EventId = "E1".parse().expect("an id");
        let page = CacheKey::EventPage { after: None, limit: 20 };
        for key in [page, CacheKey::Event(event.clone()), CacheKey::Availability(event)] {
            assert!(key.ttl() < Duration::from_secs(2), "{key}");
        }
    }
}
