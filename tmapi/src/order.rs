//! Orders: seats held, a payment authorized, then captured and ticketed.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, Money, OrderId, SeatId, SessionId, Timestamp, UserId};
use utoipa::ToSchema;

use crate::ticket::TicketView;

/// `POST /api/orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOrder {
    /// The event to buy for.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// The session that was let in; left out, the buyer's own for the event is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub session_id: Option<SessionId>,
}

/// `POST /api/orders/{orderId}:confirm` and `POST /api/bookings/{eventId}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeatsAndPayment {
    /// The seats, all or none of which are held.
    #[schema(value_type = Vec<String>)]
    pub seats: Vec<SeatId>,
    /// The card token, from the payment provider; never stored nor logged.
    pub payment_token: String,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Begun; seats are not held yet, or held while a new card is asked for.
    Pending,
    /// Seats held; the provider has not said yet whether the card is good.
    Authorizing,
    /// Seats held and the card good: finalize before `expiresAt`.
    Authorized,
    /// Seats pinned; the money is being taken.
    Capturing,
    /// Paid and ticketed.
    Finalized,
    /// The money is on its way back.
    Refunding,
    /// The money is back.
    Refunded,
    /// Time was up; the seats went back.
    Expired,
    /// Given up; the seats went back.
    Cancelled,
    /// The provider refused to take the money; the seats went back.
    Failed,
}

impl OrderStatus {
    /// Whether the order still holds, or may come to hold, seats.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Authorizing | Self::Authorized | Self::Capturing)
    }

    /// Whether the order waits for the payment provider: it will stand elsewhere without anybody's doing.
    #[must_use]
    pub const fn is_with_provider(self) -> bool {
        matches!(self, Self::Authorizing | Self::Capturing)
    }
}

/// One seat of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderSeat {
    /// The seat.
    #[schema(value_type = String)]
    pub seat_id: SeatId,
    /// Its section.
    pub section: String,
    /// Its row.
    pub row: String,
    /// Its number.
    pub number: String,
    /// Its price level.
    pub price_level: String,
    /// What it costs.
    #[schema(value_type = Object)]
    pub price: Money,
}

/// An order as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order.
    #[schema(value_type = String)]
    pub order_id: OrderId,
    /// Whose it is.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The event.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// The waiting-room session it was begun in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub session_id: Option<SessionId>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Until when it must be confirmed and finalized.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
    /// When it was begun.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// The seats it holds or owns.
    pub seats: Vec<OrderSeat>,
    /// What they cost together.
    #[schema(value_type = Object)]
    pub total: Money,
    /// The tickets, once finalized.
    pub tickets: Vec<TicketView>,
    /// Present when an order for an event without waiting room came without a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
}
