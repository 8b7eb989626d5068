//! Events: what is on, where, when, and at what price.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, Money, PerformerId, Timestamp, VenueId};
use utoipa::ToSchema;

/// Where the sale of an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SaleStatus {
    /// Not begun.
    Scheduled,
    /// On.
    Open,
    /// Held by the organiser: nobody is let in, those who are in go on.
    Paused,
    /// Over.
    Closed,
}

/// Whether buyers queue before they order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitingRoomMode {
    /// Orders need a session that the waiting room let in.
    On,
    /// Anybody may order.
    Off,
}

/// A place where events are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VenueView {
    /// The venue's id.
    #[schema(value_type = String)]
    pub venue_id: VenueId,
    /// Its name.
    pub name: String,
    /// Its town; empty when the organiser gave none.
    pub city: String,
}

/// Somebody who performs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PerformerView {
    /// The performer's id.
    #[schema(value_type = String)]
    pub performer_id: PerformerId,
    /// Their name.
    pub name: String,
}

/// Seats that cost the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceLevelView {
    /// The seating plan's category.
    pub name: String,
    /// Its colour on the plan, `#rrggbb`.
    pub color: String,
    /// What a seat costs.
    #[schema(value_type = Object)]
    pub price: Money,
    /// How many seats there are of it.
    pub seats: u32,
}

/// How seats of an event stand, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatTotals {
    /// To be had.
    pub available: u32,
    /// Held or being paid.
    pub reserved: u32,
    /// Ticketed.
    pub sold: u32,
    /// Kept back by the organiser.
    pub blocked: u32,
}

impl SeatTotals {
    /// All seats of the event.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.available + self.reserved + self.sold + self.blocked
    }
}

/// An event as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventSummary {
    /// The event's id.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// Its name.
    pub name: String,
    /// When it begins.
    #[schema(value_type = String)]
    pub starts_at: Timestamp,
    /// Where it is.
    pub venue: VenueView,
    /// Who performs.
    pub performers: Vec<PerformerView>,
    /// Where its sale stands.
    pub sale_status: SaleStatus,
    /// When its sale begins or began; absent when the organiser opens it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sale_starts_at: Option<Timestamp>,
    /// Whether buyers queue.
    pub waiting_room: WaitingRoomMode,
    /// The cheapest seat's price; absent while the event has no seats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub from_price: Option<Money>,
    /// Its seats, at most 2 s old.
    pub seats: SeatTotals,
}

/// An event with all that a buyer may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// What lists show.
    #[serde(flatten)]
    pub summary: EventSummary,
    /// What seats cost.
    pub price_levels: Vec<PriceLevelView>,
    /// The rules of its sale.
    pub settings: EventSettingsView,
}

/// The rules of an event's sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventSettingsView {
    /// How long an order may take before its seats go back, seconds.
    pub hold_ttl_seconds: u32,
    /// How many buyers may be inside at once.
    pub capacity: u32,
    /// How many buyers are let in a minute at the most.
    pub admissions_per_minute: u32,
    /// How many seats an order may have.
    pub seats_per_order: u32,
    /// How many seats of the event a buyer may have over all orders.
    pub seats_per_buyer: u32,
    /// After how long without a sign of life a place in line lapses, seconds.
    pub lapse_seconds: u32,
    /// How long a buyer who was let in may take to begin an order, seconds.
    pub active_seconds: u32,
    /// How long before the sale begins its lobby opens, seconds.
    pub lobby_seconds: u32,
}

/// What may be set of an event; everything left out keeps its value, or the daemon's default on a new event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventPatch {
    /// Its name, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub starts_at: Option<Timestamp>,
    /// When its sale begins. Left out on a new event: the organiser opens it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sale_starts_at: Option<Timestamp>,
    /// The venue's name, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<String>,
    /// The venue's town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Names of those who perform, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performers: Option<Vec<String>>,
    /// Whether buyers queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_room: Option<WaitingRoomMode>,
    /// ISO 4217; fixed once seats are imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// See [`EventSettingsView`]; 1 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_ttl_seconds: Option<u32>,
    /// See [`EventSettingsView`]; 0 lets nobody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// See [`EventSettingsView`]; 1 to 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admissions_per_minute: Option<u32>,
    /// See [`EventSettingsView`]; 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats_per_order: Option<u32>,
    /// See [`EventSettingsView`]; at least `seatsPerOrder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats_per_buyer: Option<u32>,
    /// See [`EventSettingsView`]; 3 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapse_seconds: Option<u32>,
    /// See [`EventSettingsView`]; 1 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<u32>,
    /// See [`EventSettingsView`]; 0 to 604,800.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lobby_seconds: Option<u32>,
}

/// `POST /api/events`: a new event, without seats yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateEvent {
    /// The id the organiser chooses.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// What is known of it; `name` and `startsAt` must be.
    pub event: EventPatch,
}

/// `POST /api/events/{eventId}:import`: the seats of an event and their prices; creates the event when there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportSeatingPlan {
    /// A seating plan as pretix writes it.
    #[schema(value_type = Object)]
    pub seating_plan: serde_json::Value,
    /// Price by category, minor units of the event's currency. Every category with seats needs one.
    pub prices: std::collections::BTreeMap<String, i64>,
    /// Settings to change in the same step.
    #[serde(default)]
    pub event: EventPatch,
}

/// `POST /api/events/{eventId}:block` and `:unblock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockSeats {
    /// The seats to keep back, or to put on sale again; 1 to 10,000.
    #[schema(value_type = Vec<String>)]
    pub seats: Vec<tmcore::SeatId>,
}

/// What `:block` and `:unblock` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedSeats {
    /// How many seats changed; the others already were so.
    pub changed: u32,
}
