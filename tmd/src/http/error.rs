//! Every refusal of the use cases as an answer: the one table of codes and statuses.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use tmapi::{Problem, ProblemCode};
use tmcore::SeatId;
use tmcore::event::EntryRefusal;

use super::hardening::Cause;
use super::limit::Spent;
use crate::app::catalog::EventError;
use crate::app::checkout::CheckoutError;
use crate::app::refusal::{BlockRefusal, CatalogRefusal, CommandRefusal, Fault, JoinRefusal, StoreError};

/// The status of every code.
#[must_use]
pub const fn status(code: ProblemCode) -> StatusCode {
    use ProblemCode as P;
    match code {
        P::MalformedBody | P::InvalidParameter | P::IdempotencyKeyMissing | P::IdempotencyKeyInvalid => {
            StatusCode::BAD_REQUEST
        }
        P::Unauthenticated => StatusCode::UNAUTHORIZED,
        P::Declined => StatusCode::PAYMENT_REQUIRED,
        P::Forbidden | P::NotAdmitted => StatusCode::FORBIDDEN,
        P::NotFound => StatusCode::NOT_FOUND,
        P::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        P::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        P::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        P::NotOnSale
        | P::PurchaseLimit
        | P::OpenOrderExists
        | P::SeatsUnavailable
        | P::OrderState
        | P::FenceLost
        | P::EventState
        | P::EventExists
        | P::IdempotencyInFlight => StatusCode::CONFLICT,
        P::SaleOver | P::OrderExpired => StatusCode::GONE,
        P::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        P::UriTooLong => StatusCode::URI_TOO_LONG,
        P::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        P::IdempotencyKeyReused | P::InvalidSeats | P::InvalidPlan | P::InvalidEvent => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        P::RateLimited | P::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
        P::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        P::Busy | P::StorageFull | P::StorageFailed | P::PaymentUnavailable | P::Draining => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        P::Internal | P::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whether the answer belongs to its idempotency key for good (I8). What may come out otherwise in a moment does not.
#[must_use]
pub const fn is_final(code: ProblemCode) -> bool {
    use ProblemCode as P;
    matches!(
        code,
        P::Declined
            | P::PurchaseLimit
            | P::OpenOrderExists
            | P::SeatsUnavailable
            | P::OrderState
            | P::OrderExpired
            | P::SaleOver
            | P::InvalidSeats
    )
}

/// A refusal on its way out.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What goes out, but for the request's id, which the shell adds.
    pub problem: Box<Problem>,
    retry_after_seconds: Option<u32>,
    cause: Option<Cause>,
    spent: Option<Box<Spent>>,
}

/// Somebody has to look after a disk: asking again at once is of no use, seconds.
const STORAGE_RETRY_SECONDS: u32 = 5;

/// What handlers answer.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A refusal of a kind, explained.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let status = status(code);
        let temporary = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            || matches!(code, ProblemCode::IdempotencyInFlight | ProblemCode::FenceLost);
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            request_id: String::new(),
            retryable: temporary || status.is_server_error(),
            hint: None,
            seats: Vec::new(),
        };
        Self {
            problem: Box::new(problem),
            retry_after_seconds: temporary.then_some(1),
            cause: None,
            spent: None,
        }
    }

    /// Nothing there, or not the caller's: both look the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ProblemCode::NotFound, "there is no such thing, or it is not yours")
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        self.problem.code
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// With the seats that stood in the way.
    #[must_use]
    pub fn seats(mut self, seats: Vec<SeatId>) -> Self {
        self.problem.seats = seats;
        self
    }

    /// With when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// With what is left of a budget.
    #[must_use]
    pub fn spent(mut self, spent: Spent) -> Self {
        self.spent = Some(Box::new(spent));
        self
    }

    /// A fault of the daemon: its cause goes into the log, not out.
    #[must_use]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let error =
            Self::new(ProblemCode::Internal, "a fault of the daemon; its log has more under the request id");
        Self { cause: Some(Cause(cause.to_string().into())), ..error }
    }

    /// The fields that go with the answer.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_seconds
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = status(self.problem.code).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        if let Some(spent) = self.spent {
            response.extensions_mut().insert(*spent);
        }
        response.extensions_mut().insert(*self.problem);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::new(ProblemCode::Busy, "too much to do; nothing was changed"),
            StoreError::Fault(Fault::Full) => Self::new(
                ProblemCode::StorageFull,
                "the office has no room left to write; what was sold before stays sold",
            )
            .hint("try again with the same Idempotency-Key once its operator has made room")
            .retry_after(STORAGE_RETRY_SECONDS),
            StoreError::Fault(fault) => {
                let code = ProblemCode::StorageFailed;
                let error = Self::new(code, "the office cannot write; what was sold before stays sold")
                    .hint("try again with the same Idempotency-Key once its operator has mended the disk")
                    .retry_after(STORAGE_RETRY_SECONDS);
                Self { cause: Some(Cause(fault.to_string().into())), ..error }
            }
            StoreError::Unreachable(cause) => {
                let code = ProblemCode::StorageFailed;
                let error =
                    Self::new(code, "the office cannot reach its books; what was sold before stays sold")
                        .hint("try again with the same Idempotency-Key: what was asked for happens once");
                Self { cause: Some(Cause(cause)), ..error }
            }
            StoreError::Failed(cause) => Self::internal(cause),
        }
    }
}

impl From<EntryRefusal> for ApiError {
    fn from(refusal: EntryRefusal) -> Self {
        match refusal {
            EntryRefusal::NotOnSale => Self::new(ProblemCode::NotOnSale, "the sale has not begun")
                .hint("the event says when its sale begins (saleStartsAt)"),
            EntryRefusal::Over => Self::new(ProblemCode::SaleOver, "the sale is over"),
        }
    }
}

impl From<JoinRefusal> for ApiError {
    fn from(refusal: JoinRefusal) -> Self {
        match refusal {
            JoinRefusal::NotFound => Self::not_found(),
            JoinRefusal::NoWaitingRoom => {
                Self::new(ProblemCode::EventState, "the event is sold without a waiting room")
                    .hint("there is no line to wait in: begin an order, or book, at once")
            }
            JoinRefusal::Entry(refusal) => refusal.into(),
            JoinRefusal::Store(error) => error.into(),
        }
    }
}

impl From<CommandRefusal> for ApiError {
    fn from(refusal: CommandRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            CommandRefusal::NotFound => Self::not_found(),
            CommandRefusal::Entry(refusal) => refusal.into(),
            CommandRefusal::NotAdmitted => Self::new(ProblemCode::NotAdmitted, detail)
                .hint("join with POST /api/waiting-room/sessions and wait until the session is ACTIVE"),
            CommandRefusal::OpenOrder(order) => Self::new(ProblemCode::OpenOrderExists, detail)
                .hint(format!("finish or cancel {order} first")),
            CommandRefusal::PurchaseLimit { .. } => Self::new(ProblemCode::PurchaseLimit, detail),
            CommandRefusal::TooManySeats { .. } => Self::new(ProblemCode::InvalidSeats, detail),
            CommandRefusal::UnknownSeats(seats) => Self::new(ProblemCode::InvalidSeats, detail).seats(seats),
            CommandRefusal::SeatsTaken(seats) => Self::new(ProblemCode::SeatsUnavailable, detail)
                .seats(seats)
                .hint("none of the seats was held; choose others and confirm again"),
            CommandRefusal::State(_) => Self::new(ProblemCode::OrderState, detail),
            CommandRefusal::FenceLost => Self::new(ProblemCode::FenceLost, detail)
                .hint("nothing was changed; look at the order, or send the step again under the same key"),
            CommandRefusal::Expired => Self::new(ProblemCode::OrderExpired, detail)
                .hint("its seats are free again and nothing was charged"),
            CommandRefusal::ClaimLost => Self::new(ProblemCode::IdempotencyInFlight, detail)
                .hint("nothing was changed; ask again with the same key for what the other came to"),
            CommandRefusal::Store(error) => error.into(),
        }
    }
}

impl From<CheckoutError> for ApiError {
    fn from(error: CheckoutError) -> Self {
        let detail = error.to_string();
        match error {
            CheckoutError::Seats(_, seats) => Self::new(ProblemCode::InvalidSeats, detail).seats(seats),
            CheckoutError::Refused(refusal) => refusal.into(),
            CheckoutError::PaymentUnavailable { retry_after_seconds } => {
                Self::new(ProblemCode::PaymentUnavailable, detail)
                    .retry_after(retry_after_seconds)
                    .hint("try again with the same key; what was authorized before can still be finalized")
            }
            CheckoutError::Declined(_) => Self::new(ProblemCode::Declined, detail)
                .hint("the seats stay held until the order expires: confirm again with another card"),
            CheckoutError::DeclinedForGood(_) => Self::new(ProblemCode::Declined, detail)
                .hint("the seats are free again and nothing was charged: begin again with another card"),
        }
    }
}

impl From<CatalogRefusal> for ApiError {
    fn from(refusal: CatalogRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            CatalogRefusal::Exists => Self::new(ProblemCode::EventExists, detail),
            CatalogRefusal::NotFound => Self::not_found(),
            CatalogRefusal::State(_) => Self::new(ProblemCode::EventState, detail),
            CatalogRefusal::NoSeats => {
                Self::new(ProblemCode::EventState, detail).hint("import a seating plan first")
            }
            CatalogRefusal::Store(error) => error.into(),
        }
    }
}

impl From<EventError> for ApiError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Refused(refusal) => refusal.into(),
            other => Self::new(ProblemCode::InvalidEvent, other.to_string()),
        }
    }
}

impl From<BlockRefusal> for ApiError {
    fn from(refusal: BlockRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            BlockRefusal::NotFound => Self::not_found(),
            BlockRefusal::Unknown(seats) => Self::new(ProblemCode::InvalidSeats, detail).seats(seats),
            BlockRefusal::Taken(seats) => Self::new(ProblemCode::SeatsUnavailable, detail).seats(seats),
            BlockRefusal::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s7_a_lost_fence_is_told_as_such_and_may_be_tried_again() {
        let error = ApiError::from(CommandRefusal::FenceLost);
        assert_eq!((error.code(), error.problem.status), (ProblemCode::FenceLost, 409));
        assert!(error.problem.retryable && error.retry_after_seconds() == Some(1) && !is_final(error.code()));
    }

    #[test]
    fn i9_a_store_that_is_lost_is_no_fault_of_the_daemon() {
        let error = ApiError::from(StoreError::Unreachable("connection reset".into()));
        assert_eq!((error.problem.status, error.retry_after_seconds()), (503, Some(1)));
        assert!(!error.problem.detail.contains("reset") && !is_final(error.code()));
    }

    #[test]
    fn i8_what_is_kept_under_a_key_is_a_definite_refusal() {
        for &code in ProblemCode::ALL {
            let status = status(code).as_u16();
            let may = matches!(status, 402 | 409 | 410 | 422);
            assert!(!is_final(code) || may, "{code:?}");
            if matches!(status, 400 | 401 | 403 | 413 | 415 | 429 | 500..) {
                assert!(!is_final(code), "{code:?}");
            }
        }
        assert!(!is_final(ProblemCode::IdempotencyInFlight));
    }
}
