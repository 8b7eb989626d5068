//! When a request is sent again, and after how long.
//!
//! `Retry-After` is obeyed (RFC 9110, 10.2.3). Without it: exponential back-off with full jitter
//! (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use rand::RngExt as _;

use super::ClientError;
use crate::ProblemCode;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// A server that asks for more than this is asking for another day: the caller decides.
const LONGEST_OBEYED: Duration = Duration::from_mins(1);

/// Whether sending a request twice has the effect of sending it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It has: a read, a request with its key, or one that is idempotent by nature.
    Safe,
    /// It may not have: repeated only when the answer says that nothing happened.
    OnlyRefused,
}

/// One repetition about to happen.
#[derive(Clone, Debug)]
pub struct RetryNotice {
    /// How long the client waits before it.
    pub after: Duration,
    /// Its number, from 1.
    pub attempt: u32,
    /// What the last attempt came to, for people.
    pub cause: String,
}

/// Who is told before a request is repeated; nobody by default.
#[derive(Clone, Default)]
pub struct RetryObserver(Option<Arc<Observe>>);

type Observe = dyn Fn(&RetryNotice) + Send + Sync;

impl RetryObserver {
    /// Tells `observer`.
    pub fn new(observer: impl Fn(&RetryNotice) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(super) fn tell(&self, notice: &RetryNotice) {
        if let Some(observer) = &self.0 {
            observer(notice);
        }
    }
}

impl fmt::Debug for RetryObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "RetryObserver(..)" } else { "RetryObserver(none)" })
    }
}

/// How long to wait before the request is sent again; nothing when it must not be.
pub(super) fn delay_before_retry(error: &ClientError, repeat: Repeat, attempt: u32) -> Option<Duration> {
    let may = match error {
        ClientError::Transport(_) | ClientError::TimedOut => repeat == Repeat::Safe,
        ClientError::Problem(problem, _) if problem.code == ProblemCode::IdempotencyInFlight => true,
        ClientError::Problem(..) | ClientError::Unexpected { .. } => match error.status() {
            Some(429 | 503) => true,
            Some(502 | 504) => repeat == Repeat::Safe,
            _ => false,
        },
        _ => false,
    };
    match error.retry_after() {
        _ if !may => None,
        Some(asked) if asked > LONGEST_OBEYED => None,
        Some(asked) => Some(asked),
        None => Some(back_off(FIRST_DELAY, LONGEST_DELAY, attempt)),
    }
}

/// A random time up to `first * 2^attempt`, at most `longest`.
#[expect(clippy::disallowed_methods, reason = "the one place that draws the client's delays")]
pub(super) fn back_off(first: Duration, longest: Duration, attempt: u32) -> Duration {
    let ceiling = first.saturating_mul(2_u32.saturating_pow(attempt)).min(longest);
    ceiling.mul_f64(rand::rng().random_range(0.0..=1.0))
}

/// What `Retry-After` asks for. A date is measured against the answer's own `Date`, so no clock has to agree.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let read = |text: &str| jiff::fmt::rfc2822::parse(text).ok();
    let (at, now) = (read(text)?, read(headers.get(DATE)?.to_str().ok()?)?);
    Some(Duration::from_secs(
        u64::try_from(at.timestamp().as_second() - now.timestamp().as_second()).unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_against_the_answers_own() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
        headers.insert(DATE, "Sun, 06 Nov 1994 08:49:07 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
        headers.insert(DATE, "Sun, 06 Nov 1994 09:49:07 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::ZERO));
    }

    #[test]
    fn back_off_grows_and_stays_under_its_ceiling() {
        for attempt in [0, 1, 5, 40, u32::MAX] {
            assert!(back_off(FIRST_DELAY, LONGEST_DELAY, attempt) <= LONGEST_DELAY);
        }
        assert!(back_off(FIRST_DELAY, LONGEST_DELAY, 0) <= FIRST_DELAY);
    }
}
