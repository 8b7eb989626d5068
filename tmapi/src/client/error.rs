//! Why a request came to nothing.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::retry::retry_after;
use crate::{Problem, ProblemCode};

/// How much of an answer that is no problem document is kept, bytes.
const EXCERPT_BYTES: usize = 200;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The daemon refused, and said why. Beside it stands what `Retry-After` asked for.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>, Option<Duration>),
    /// An answer that is no problem document: some proxy's, or of no ticket office at all.
    #[error("the server answered {status}: {excerpt}")]
    Unexpected {
        /// The HTTP status.
        status: StatusCode,
        /// The beginning of the body.
        excerpt: String,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// No answer: the daemon was not reached, or the connection broke.
    #[error("{}", deepest(.0))]
    Transport(#[source] reqwest::Error),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// An answer that this version cannot read.
    #[error("the answer to {what} cannot be read: {source}")]
    Decode {
        /// Method and path, or the stream's event.
        what: String,
        /// What the JSON reader says.
        source: serde_json::Error,
    },
    /// A stream of another media type.
    #[error("expected an event stream, the server answered {0}")]
    NoEventStream(String),
    /// A request that cannot be written as JSON.
    #[error("the request cannot be written: {0}")]
    Encode(#[source] serde_json::Error),
    /// Not the address of a daemon.
    #[error("`{url}` is no address of a ticket office: {reason}")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A token with characters that a header cannot carry.
    #[error("the token holds characters that a header cannot carry")]
    BadToken,
    /// An idempotency key with characters that a header cannot carry.
    #[error("the idempotency key holds characters that a header cannot carry")]
    BadKey,
    /// The HTTP client cannot be set up on this host.
    #[error("cannot set up the HTTP client: {}", deepest(.0))]
    Setup(#[source] reqwest::Error),
}

impl ClientError {
    pub(super) fn bad_url(url: &str, reason: &dyn fmt::Display) -> Self {
        Self::BadUrl { url: url.to_owned(), reason: reason.to_string() }
    }

    /// Reads an answer with a status outside of 200 to 299, as [`raw`](super::Client::raw) hands it back.
    #[must_use]
    pub fn from_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let retry_after = retry_after(headers);
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => Self::Problem(Box::new(problem), retry_after),
            Err(_) => Self::Unexpected { status, excerpt: excerpt(status, body), retry_after },
        }
    }

    /// What the daemon said, if it was the daemon.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem, _) => Some(problem),
            _ => None,
        }
    }

    /// The problem's code.
    #[must_use]
    pub fn code(&self) -> Option<ProblemCode> {
        self.problem().map(|problem| problem.code)
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem, _) => Some(problem.status),
            Self::Unexpected { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// What `Retry-After` asked for.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem(_, after) | Self::Unexpected { retry_after: after, .. } => *after,
            _ => None,
        }
    }

    /// Whether nobody knows if the request had its effect: no answer, or a 5xx.
    #[must_use]
    pub fn is_inconclusive(&self) -> bool {
        match self {
            Self::Transport(_) | Self::TimedOut | Self::Decode { .. } => true,
            _ => self.status().is_some_and(|status| status >= 500),
        }
    }
}

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        // A URL may hold ids that are somebody's secret; the caller knows it anyway.
        let error = error.without_url();
        if error.is_timeout() { Self::TimedOut } else { Self::Transport(error) }
    }
}

/// The text of the last cause: "connection refused" says more than "error sending request".
fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn excerpt(status: StatusCode, body: &[u8]) -> String {
    let head = body.get(..EXCERPT_BYTES).unwrap_or(body);
    let text = String::from_utf8_lossy(head);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map_or_else(|| status.canonical_reason().unwrap_or("an empty body").to_owned(), str::to_owned)
}
