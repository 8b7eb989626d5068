//! How often one principal may do a thing. Over it: 429, and `Retry-After`.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock, QuantaInstant};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use tmapi::ProblemCode;
use tmcore::{SessionId, UserId};

use super::error::{ApiError, ApiResult};
use crate::config::WaitingRoomConfig;

/// Limiters, one a thing.
pub struct Limits {
    polls: DefaultKeyedRateLimiter<SessionId>,
    leaves: DefaultKeyedRateLimiter<UserId>,
    clock: DefaultClock,
}

impl Limits {
    /// As configured.
    #[must_use]
    pub fn new(config: &WaitingRoomConfig) -> Self {
        let some = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            polls: RateLimiter::keyed(Quota::per_second(some(config.polls_per_second))),
            leaves: RateLimiter::keyed(Quota::per_minute(some(config.joins_per_minute))),
            clock: DefaultClock::default(),
        }
    }

    /// A look at a session.
    ///
    /// # Errors
    /// 429.
    pub fn poll(&self, session: SessionId) -> ApiResult<()> {
        self.polls.check_key(&session).map_err(|early| self.too_many(&early))
    }

    /// Giving a place up. A user who joins and leaves in a loop is stopped here; joining again costs nothing (W4).
    ///
    /// # Errors
    /// 429.
    pub fn leave(&self, user: UserId) -> ApiResult<()> {
        self.leaves.check_key(&user).map_err(|early| self.too_many(&early))
    }

    /// Forgets who has been quiet for long.
    pub fn tidy(&self) {
        self.polls.retain_recent();
        self.leaves.retain_recent();
    }

    fn too_many(&self, early: &NotUntil<QuantaInstant>) -> ApiError {
        let wait = early.wait_time_from(self.clock.now());
        let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
        ApiError::new(ProblemCode::RateLimited, "too many requests of this kind").retry_after(seconds)
    }
}
