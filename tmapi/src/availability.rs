//! Which seats are to be had: two bits a seat, and counters by section.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, Timestamp};
use utoipa::ToSchema;

use crate::event::SeatTotals;

/// The state of every seat of an event at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityView {
    /// The event.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// Grows with every committed change.
    pub seq: u64,
    /// When this was read, at most 2 s ago.
    #[schema(value_type = String)]
    pub as_of: Timestamp,
    /// How many seats there are.
    pub seat_count: u32,
    /// All seats together.
    pub totals: SeatTotals,
    /// Two bits a seat in geometry order, base64 (RFC 4648, padded): seat `i` is bits `2*(i%4)` of byte `i/4`;
    /// 0 available, 1 reserved, 2 sold, 3 blocked.
    pub status: String,
    /// Counters of the sections, in the seat map's order.
    pub sections: Vec<SectionAvailability>,
}

/// The counters of one section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SectionAvailability {
    /// Its name.
    pub name: String,
    /// Its seats.
    #[serde(flatten)]
    pub seats: SeatTotals,
}

/// What changed between two states. Applies to any state with `from <= seq`; newer ones are unaffected by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatDelta {
    /// The event.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// The state this builds on. A reader whose `seq` is smaller has missed something and fetches anew.
    pub from: u64,
    /// The state this leads to.
    pub seq: u64,
    /// When it was read.
    #[schema(value_type = String)]
    pub as_of: Timestamp,
    /// Runs of seats: `[first index, how many, status]`, status as in [`AvailabilityView::status`].
    pub changes: Vec<[u32; 3]>,
    /// All seats together, after the change.
    pub totals: SeatTotals,
    /// Counters of the sections that changed, after the change.
    pub sections: Vec<SectionAvailability>,
}
