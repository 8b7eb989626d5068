//! The geometry of an event's seats. It never changes once seats are imported, so it may be cached for ever.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, SeatId};
use utoipa::ToSchema;

use crate::event::PriceLevelView;

/// All seats in geometry order: the place of a seat in this order is its index in availability and deltas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatMapView {
    /// The event.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// Width of the plan, plan units.
    pub width: i32,
    /// Height of the plan, plan units.
    pub height: i32,
    /// How many seats there are.
    pub seat_count: u32,
    /// What `level` of a seat points into.
    pub price_levels: Vec<PriceLevelView>,
    /// The sections, in order.
    pub sections: Vec<SectionView>,
    /// Shapes that are no seats: the stage, a pitch.
    #[schema(value_type = Vec<Object>)]
    pub areas: Vec<serde_json::Value>,
}

/// A section and its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SectionView {
    /// Its name.
    pub name: String,
    /// The index of its first seat.
    pub offset: u32,
    /// How many seats it has.
    pub seat_count: u32,
    /// Its rows, in order.
    pub rows: Vec<RowView>,
}

/// A row, its seats as columns of equal length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowView {
    /// The row's label.
    pub row: String,
    /// Seat ids.
    #[schema(value_type = Vec<String>)]
    pub ids: Vec<SeatId>,
    /// Seat numbers as printed on a ticket.
    pub numbers: Vec<String>,
    /// Positions, plan units.
    pub x: Vec<i32>,
    /// Positions, plan units.
    pub y: Vec<i32>,
    /// Price levels, as places in `priceLevels`.
    pub levels: Vec<u16>,
    /// Places in this row that are for wheelchairs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessible: Vec<u16>,
}
