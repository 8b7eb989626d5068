//! What an error looks like: `application/problem+json` (RFC 9457) with a code that programs can match on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The body of every answer with a status of 400 and above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: `code` tells the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for people.
    pub detail: String,
    /// What went wrong, for programs.
    pub code: ProblemCode,
    /// Finds the line in the daemon's log.
    pub request_id: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What to do next, where the daemon knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The seats that stood in the way (`seats-unavailable`, `invalid-seats`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub seats: Vec<tmcore::SeatId>,
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Why a request was refused. Stable: codes are only ever added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
            /// A code of a newer daemon.
            #[serde(other)]
            Unknown,
        }

        impl ProblemCode {
            /// Every code this version knows.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown => "unknown",
                }
            }
        }
    };
}

problem_codes! {
    /// 400: the body is no JSON of the shape the route takes; `detail` names the field.
    MalformedBody = "malformed-body",
    /// 400: a query parameter or header is not what the route takes.
    InvalidParameter = "invalid-parameter",
    /// 400: the route needs an `Idempotency-Key`.
    IdempotencyKeyMissing = "idempotency-key-missing",
    /// 400: the key is not 1 to 255 characters of `[A-Za-z0-9_.:-]`.
    IdempotencyKeyInvalid = "idempotency-key-invalid",
    /// 401: no credential, or one that does not verify or has expired.
    Unauthenticated = "unauthenticated",
    /// 402: the payment provider declined.
    Declined = "declined",
    /// 403: the credential is good, but not for this.
    Forbidden = "forbidden",
    /// 403: the waiting room has not let this buyer in.
    NotAdmitted = "not-admitted",
    /// 404: no such thing, or not yours.
    NotFound = "not-found",
    /// 405: the path exists, the method does not.
    MethodNotAllowed = "method-not-allowed",
    /// 406: the route answers in a media type that the request excludes.
    NotAcceptable = "not-acceptable",
    /// 408: the request came too slowly.
    RequestTimeout = "request-timeout",
    /// 409: sale has not begun, and its lobby is not open.
    NotOnSale = "not-on-sale",
    /// 409: the buyer has, or would have, more seats of the event than one may.
    PurchaseLimit = "purchase-limit",
    /// 409: the buyer has an unfinished order for the event.
    OpenOrderExists = "open-order-exists",
    /// 409: some of the seats are not to be had; `seats` lists which.
    SeatsUnavailable = "seats-unavailable",
    /// 409: the order is not in a state that allows this.
    OrderState = "order-state",
    /// 409: the seats are under another hold than the one this step knew; nothing was changed. Asking again tells what
    /// became of the order.
    FenceLost = "fence-lost",
    /// 409: the event is not in a state that allows this.
    EventState = "event-state",
    /// 409: an event of this id exists.
    EventExists = "event-exists",
    /// 409: the first request with this key is still being worked on.
    IdempotencyInFlight = "idempotency-in-flight",
    /// 410: the sale is over.
    SaleOver = "sale-over",
    /// 410: the order's time is up.
    OrderExpired = "order-expired",
    /// 413: the body is larger than the route takes.
    PayloadTooLarge = "payload-too-large",
    /// 414: the request line is longer than 8 KiB.
    UriTooLong = "uri-too-long",
    /// 415: the body is not `application/json`.
    UnsupportedMediaType = "unsupported-media-type",
    /// 422: the key was used with another request.
    IdempotencyKeyReused = "idempotency-key-reused",
    /// 422: seats that are empty, too many, named twice or unknown to the event.
    InvalidSeats = "invalid-seats",
    /// 422: a seating plan with a fault; `detail` names the place.
    InvalidPlan = "invalid-plan",
    /// 422: event settings that contradict each other or are out of range.
    InvalidEvent = "invalid-event",
    /// 429: too many requests; `Retry-After` says when.
    RateLimited = "rate-limited",
    /// 429: more streams than one session may hold open.
    TooManyStreams = "too-many-streams",
    /// 431: more than 16 KiB of header fields.
    HeadersTooLarge = "headers-too-large",
    /// 500: a fault of the daemon; the log has it under the request id.
    Internal = "internal",
    /// 503: too much to do, or a lock that was not to be had in time.
    Busy = "busy",
    /// 503: the disk of the daemon is full; what was sold stays sold.
    StorageFull = "storage-full",
    /// 503: the daemon's disk takes no writes, or fails.
    StorageFailed = "storage-failed",
    /// 503: the payment provider does not answer; nothing was held.
    PaymentUnavailable = "payment-unavailable",
    /// 503: the daemon is shutting down.
    Draining = "draining",
}
