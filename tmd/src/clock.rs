//! The one place that reads the process's clock.
//!
//! Decisions about seats and orders use the database's clock (S4); this one is for what the database does not know:
//! when to answer, to retry, to tell.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use tmcore::Timestamp;

/// What time it is.
pub trait Clock: Send + Sync {
    /// The present instant. May jump, when the machine's clock is set.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary beginning. Never goes back; for measuring.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// A clock whose [`Clock::monotonic`] begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 is 1970: `Timestamp` knows nothing earlier.
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A clock that stands still until it is moved; for tests.
#[derive(Debug)]
pub struct ManualClock {
    began: Timestamp,
    elapsed: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that stands at `began`.
    #[must_use]
    pub const fn new(began: Timestamp) -> Self {
        Self { began, elapsed: Mutex::new(Duration::ZERO) }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *elapsed = elapsed.saturating_add(by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.monotonic().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.began.as_millis().saturating_add(elapsed))
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Timestamp::from_millis(1_000));
        assert_eq!((clock.now().as_millis(), clock.monotonic()), (1_000, Duration::ZERO));
        clock.advance(Duration::from_millis(250));
        assert_eq!((clock.now().as_millis(), clock.monotonic()), (1_250, Duration::from_millis(250)));
    }

    #[test]
    fn the_system_clock_is_of_this_century_and_does_not_go_back() {
        let clock = SystemClock::new();
        assert!(clock.now() > Timestamp::from_millis(1_700_000_000_000));
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }
}
