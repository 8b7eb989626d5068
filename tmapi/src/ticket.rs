//! Tickets, one a seat, and their check at the door.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, OrderId, SeatId, TicketId, Timestamp};
use utoipa::ToSchema;

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// The ticket.
    #[schema(value_type = String)]
    pub ticket_id: TicketId,
    /// The order that paid for it.
    #[schema(value_type = String)]
    pub order_id: OrderId,
    /// The event it admits to.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// The seat.
    #[schema(value_type = String)]
    pub seat_id: SeatId,
    /// Its section.
    pub section: String,
    /// Its row.
    pub row: String,
    /// Its number.
    pub number: String,
    /// What the QR code carries: at most 61 characters of base32.
    pub code: String,
    /// When it was issued.
    #[schema(value_type = String)]
    pub issued_at: Timestamp,
}

/// `POST /api/ticket-checks` (organiser).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckTicket {
    /// What the QR code carries, or what somebody typed.
    pub code: String,
}

/// What the check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TicketVerdict {
    /// A ticket of ours, good for its seat.
    Valid,
    /// A ticket of ours that was given back.
    Void,
    /// Not a code of ours: mistyped or forged.
    Forged,
}

/// The answer of a check. Always 200: a forged ticket is an answer, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketCheck {
    /// What was found.
    pub verdict: TicketVerdict,
    /// The ticket, unless forged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketView>,
}
