//! Exit codes: what a script may rely on.

use tmapi::client::ClientError;
use tmapi::{Problem, ProblemCode};

/// How a command ended. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something else went wrong.
    Error = 1,
    /// The command line, or what was sent, makes no sense.
    Usage = 2,
    /// No such thing, or not yours.
    NotFound = 3,
    /// The credential is missing or not good for this.
    NotAllowed = 4,
    /// Something stands in the way: a seat is taken, an order is in another state.
    Conflict = 5,
    /// Not enough seats are left.
    SoldOut = 6,
    /// Time is up: the order, the place in line or the sale is over.
    Expired = 7,
    /// Not finished yet, and still good: ask again.
    Pending = 8,
    /// The waiting room has not let the buyer in, or requests come too fast.
    NotAdmitted = 9,
    /// The payment was declined.
    Declined = 10,
    /// The server cannot be reached, or cannot serve now.
    Unavailable = 11,
    /// Two lists that have to agree do not.
    Different = 12,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Every exit, in order of its number.
    pub const ALL: &[Self] = &[
        Self::Ok,
        Self::Error,
        Self::Usage,
        Self::NotFound,
        Self::NotAllowed,
        Self::Conflict,
        Self::SoldOut,
        Self::Expired,
        Self::Pending,
        Self::NotAdmitted,
        Self::Declined,
        Self::Unavailable,
        Self::Different,
        Self::Interrupted,
    ];

    /// The number the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Error => "something else went wrong; of verify: something does not hold",
            Self::Usage => "the command line, or what was sent, makes no sense",
            Self::NotFound => "no such thing, or not yours",
            Self::NotAllowed => "the credential is missing, or not good for this",
            Self::Conflict => "something stands in the way: a seat is taken, an order is in another state",
            Self::SoldOut => "not enough seats are left",
            Self::Expired => "time is up: the order, the place in line or the sale is over",
            Self::Pending => "not finished yet, and still good: ask again",
            Self::NotAdmitted => "the waiting room has not let you in, or requests come too fast",
            Self::Declined => "the payment was declined",
            Self::Unavailable => "the server cannot be reached, or cannot serve now",
            Self::Different => "two lists that have to agree do not: payments, or the books",
            Self::Interrupted => "interrupted by Ctrl-C",
        }
    }
}

impl From<ProblemCode> for Exit {
    fn from(code: ProblemCode) -> Self {
        use ProblemCode as C;
        match code {
            C::InvalidParameter | C::InvalidSeats | C::InvalidPlan | C::InvalidEvent => Self::Usage,
            C::NotFound => Self::NotFound,
            C::Unauthenticated | C::Forbidden => Self::NotAllowed,
            C::NotOnSale
            | C::PurchaseLimit
            | C::OpenOrderExists
            | C::SeatsUnavailable
            | C::OrderState
            | C::EventState
            | C::EventExists => Self::Conflict,
            C::SaleOver | C::OrderExpired => Self::Expired,
            C::IdempotencyInFlight | C::FenceLost => Self::Pending,
            C::NotAdmitted | C::RateLimited | C::TooManyStreams => Self::NotAdmitted,
            C::Declined => Self::Declined,
            C::RequestTimeout
            | C::Internal
            | C::Busy
            | C::StorageFull
            | C::StorageFailed
            | C::PaymentUnavailable
            | C::Draining => Self::Unavailable,
            C::MalformedBody
            | C::IdempotencyKeyMissing
            | C::IdempotencyKeyInvalid
            | C::MethodNotAllowed
            | C::NotAcceptable
            | C::PayloadTooLarge
            | C::UriTooLong
            | C::UnsupportedMediaType
            | C::IdempotencyKeyReused
            | C::HeadersTooLarge
            | C::Unknown => Self::Error,
        }
    }
}

/// By the code; one that this version does not know goes by the status.
impl From<&Problem> for Exit {
    fn from(problem: &Problem) -> Self {
        match problem.code {
            ProblemCode::Unknown => by_status(problem.status),
            code => code.into(),
        }
    }
}

impl From<&ClientError> for Exit {
    fn from(error: &ClientError) -> Self {
        match error {
            ClientError::Problem(problem, _) => problem.as_ref().into(),
            ClientError::Unexpected { status, .. } => by_status(status.as_u16()),
            ClientError::Transport(_) | ClientError::TimedOut => Self::Unavailable,
            ClientError::BadUrl { .. } | ClientError::BadToken | ClientError::BadKey => Self::Usage,
            _ => Self::Error,
        }
    }
}

const fn by_status(status: u16) -> Exit {
    match status {
        401 | 403 => Exit::NotAllowed,
        402 => Exit::Declined,
        404 => Exit::NotFound,
        409 => Exit::Conflict,
        410 => Exit::Expired,
        422 => Exit::Usage,
        429 => Exit::NotAdmitted,
        408 | 500..=599 => Exit::Unavailable,
        _ => Exit::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_exit_code() {
        let all: Vec<_> = ProblemCode::ALL
            .iter()
            .map(|code| format!("{:<24}{}", code.as_str(), Exit::from(*code).code()))
            .collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn numbers_are_stable_and_documented() {
        let all: Vec<_> =
            Exit::ALL.iter().map(|exit| format!("{:>3}  {}", exit.code(), exit.meaning())).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
