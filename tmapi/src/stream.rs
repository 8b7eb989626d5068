//! What the server-sent event streams carry. Every event has an `id:` and `data:`; the first is a snapshot.

use crate::session::SessionStatus;

/// Names of the events on `GET /api/sse/waiting-room/sessions/{sessionId}`; data is a
/// [`SessionView`](crate::session::SessionView).
pub mod session_event {
    /// Still in line; sent first, and whenever the place or the estimate changes.
    pub const POSITION: &str = "waiting-room-position";
    /// Let in: create an order now.
    pub const ACTIVE: &str = "waiting-room-active";
    /// An order was begun.
    pub const ORDERING: &str = "waiting-room-ordering";
    /// The order came to its end. Last event.
    pub const DONE: &str = "waiting-room-done";
    /// The place was given up. Last event.
    pub const LEFT: &str = "waiting-room-left";
    /// No sign of life for too long. Last event.
    pub const ABANDONED: &str = "waiting-room-abandoned";
    /// Let in, but no order was begun in time. Last event.
    pub const EXPIRED: &str = "waiting-room-expired";
}

/// Names of the events on `GET /api/sse/events/{eventId}/seats`.
pub mod seat_event {
    /// Data is an [`AvailabilityView`](crate::availability::AvailabilityView); sent first.
    pub const SNAPSHOT: &str = "seat-snapshot";
    /// Data is a [`SeatDelta`](crate::availability::SeatDelta).
    pub const DELTA: &str = "seat-delta";
}

/// The event that tells of a session's status.
#[must_use]
pub const fn session_event_name(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Waiting => session_event::POSITION,
        SessionStatus::Active => session_event::ACTIVE,
        SessionStatus::Ordering => session_event::ORDERING,
        SessionStatus::Done => session_event::DONE,
        SessionStatus::Left => session_event::LEFT,
        SessionStatus::Abandoned => session_event::ABANDONED,
        SessionStatus::Expired => session_event::EXPIRED,
    }
}
