//! What a command that failed has to say.

use std::time::Duration;

use tmapi::client::ClientError;
use tmapi::{Problem, ProblemCode};

use crate::exit::Exit;

/// A failure, ready to be shown: what failed, what to do, and what finds it in the daemon's log.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
    pub code: Option<ProblemCode>,
    pub request_id: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, code: None, request_id: None }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Says what was being done.
    pub fn doing(self, what: &str) -> Self {
        Self { message: format!("failed to {what}: {}", self.message), ..self }
    }

    /// Sets what to do; the last one said wins.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = Exit::from(&error);
        let after = error.retry_after();
        match error {
            ClientError::Problem(problem, _) => Self {
                exit,
                message: told(&problem),
                // Ours names commands; the daemon's speaks of headers and fields.
                hint: hint_for(problem.code, after).or(problem.hint.clone()),
                code: Some(problem.code),
                request_id: Some(problem.request_id),
            },
            error @ (ClientError::Transport(_) | ClientError::TimedOut) => Self::new(exit, error.to_string())
                .hint("is the daemon running? `tmd --demo` starts one; TM_URL or --url says where it is"),
            error => Self::new(exit, error.to_string()),
        }
    }
}

/// The problem's text, and the seats that are meant where it does not name them.
fn told(problem: &Problem) -> String {
    let text = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    let unnamed: Vec<_> =
        problem.seats.iter().map(ToString::to_string).filter(|seat| !text.contains(seat.as_str())).collect();
    if unnamed.is_empty() { text.clone() } else { format!("{text}: {}", unnamed.join(", ")) }
}

fn hint_for(code: ProblemCode, after: Option<Duration>) -> Option<String> {
    use ProblemCode as C;
    let text = match code {
        C::Unauthenticated => {
            "the token is missing, wrong or too old: set TM_TOKEN, or join again with `tmctl join`"
        }
        C::Forbidden => "this needs another token: set TM_TOKEN or --token",
        C::NotAdmitted => "wait until you are let in: `tmctl join`, then `tmctl wait`",
        C::NotFound => {
            "an order or place of somebody else reads like one that does not exist: is the token the right one?"
        }
        C::SeatsUnavailable => "pick others: `tmctl seats --available`, or let `--best N` pick",
        C::PurchaseLimit => "`tmctl show` says how many seats a buyer may have",
        C::OpenOrderExists => "go on with it or give it up: `tmctl status`, `tmctl cancel`",
        C::OrderState | C::FenceLost => "`tmctl status` shows where the order stands",
        C::OrderExpired => "its seats went back: begin again with `tmctl order`",
        C::NotOnSale => "`tmctl show` says when the sale begins",
        C::IdempotencyInFlight => "the first request is still being worked on: `tmctl resume`",
        C::StorageFull | C::StorageFailed => {
            "whoever runs the office has to look after its disk; then `tmctl resume`"
        }
        C::Busy | C::PaymentUnavailable | C::Draining | C::RateLimited | C::TooManyStreams => {
            let when =
                after.map_or_else(|| "a moment".to_owned(), |after| format!("{} s", after.as_secs().max(1)));
            return Some(format!("try again in {when}"));
        }
        C::Internal => "the daemon's log has more under this request id",
        // The daemon knows whether the seats are still held.
        C::Declined
        | C::MalformedBody
        | C::InvalidParameter
        | C::IdempotencyKeyMissing
        | C::IdempotencyKeyInvalid
        | C::MethodNotAllowed
        | C::NotAcceptable
        | C::RequestTimeout
        | C::EventState
        | C::EventExists
        | C::SaleOver
        | C::PayloadTooLarge
        | C::UriTooLong
        | C::UnsupportedMediaType
        | C::IdempotencyKeyReused
        | C::InvalidSeats
        | C::InvalidPlan
        | C::InvalidEvent
        | C::HeadersTooLarge
        | C::Unknown => return None,
    };
    Some(text.to_owned())
}

/// Says what was being done when it failed: "failed to ...: why".
pub trait Doing<T> {
    fn doing(self, what: &str) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Failure> {
        self.map_err(|error| error.into().doing(what))
    }
}
