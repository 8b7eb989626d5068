//! Waiting-room sessions: one place in line.

use serde::{Deserialize, Serialize};
use tmcore::{EventId, OrderId, SessionId, Timestamp};
use utoipa::ToSchema;

/// `POST /api/waiting-room/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinWaitingRoom {
    /// The event to queue for.
    #[schema(value_type = String)]
    pub event_id: EventId,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionStatus {
    /// In line, or in the lobby before the sale begins.
    Waiting,
    /// Let in: an order may be created until `expiresAt`.
    Active,
    /// An order is open.
    Ordering,
    /// The order came to its end.
    Done,
    /// The buyer gave the place up.
    Left,
    /// No sign of life for too long while in line.
    Abandoned,
    /// Let in, but no order was begun in time.
    Expired,
}

impl SessionStatus {
    /// Whether nothing can happen to the session any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Left | Self::Abandoned | Self::Expired)
    }
}

/// How long the wait may take, from the rate at which buyers are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitEstimate {
    /// Hardly sooner than this, seconds.
    pub low_seconds: u32,
    /// Hardly later than this, seconds; absent while nobody is being let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_seconds: Option<u32>,
}

/// A session as its owner sees it; also the data of every event of its stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The session.
    #[schema(value_type = String)]
    pub session_id: SessionId,
    /// The event it queues for.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// Where it stands.
    pub status: SessionStatus,
    /// Place in line, from 1; absent in the lobby and once let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// How many are before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// How many are in line altogether.
    pub waiting: u64,
    /// How long the wait may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<WaitEstimate>,
    /// The sale has not begun: places are drawn by lot when it does.
    pub lobby: bool,
    /// The organiser holds the line.
    pub paused: bool,
    /// When it joined.
    #[schema(value_type = String)]
    pub joined_at: Timestamp,
    /// Until when an order must be begun, once let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Timestamp>,
    /// The order, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub order_id: Option<OrderId>,
}

/// The answer to a join: 201 for a new place, 200 for the one the buyer already had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinedSession {
    /// The place.
    #[serde(flatten)]
    pub session: SessionView,
    /// Present when the join came without a credential: who holds this token is the guest. `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
}
