//! How the sale of an event is going, for its organiser.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, Money, Timestamp};
use utoipa::ToSchema;

use crate::event::{SaleStatus, SeatTotals};

/// `GET /api/events/{eventId}/sale` (organiser).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaleView {
    /// The event.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// Where its sale stands.
    pub sale_status: SaleStatus,
    /// When this was read.
    #[schema(value_type = String)]
    pub as_of: Timestamp,
    /// Its seats.
    pub seats: SeatTotals,
    /// Buyers in line.
    pub waiting: u64,
    /// Buyers let in who have not begun an order.
    pub active: u64,
    /// Buyers with an open order.
    pub ordering: u64,
    /// How many may be inside at once.
    pub capacity: u32,
    /// Buyers let in during the last minute.
    pub admitted_last_minute: u64,
    /// Orders paid and ticketed.
    pub orders_finalized: u64,
    /// Money taken.
    #[schema(value_type = Object)]
    pub revenue: Money,
}
