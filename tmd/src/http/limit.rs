//! How often somebody may do a thing: a token bucket for each principal or address. Over it: 429, and `Retry-After`.
//!
//! Answers tell what is left: `RateLimit-Policy` and `RateLimit`
//! (<https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10>).

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};
use tmapi::ProblemCode;
use tmcore::{SessionId, UserId};

use super::error::{ApiError, ApiResult};
use crate::config::Config;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// One budget, and how much of it everybody has spent.
pub struct Budget<K: Hash + Eq + Clone> {
    spent: RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>,
    name: &'static str,
    quota: Quota,
    policy: HeaderValue,
    clock: DefaultClock,
}

/// What is left of a budget, for the answer's head. In the extensions of answers whose handler spent some.
#[derive(Clone, Debug)]
pub struct Spent {
    policy: HeaderValue,
    left: HeaderValue,
}

/// Nothing is left.
#[derive(Clone, Debug)]
pub struct Exhausted {
    /// For the answer's head.
    pub spent: Spent,
    /// When there is some again.
    pub retry_after_seconds: u32,
}

impl Spent {
    /// Adds the fields of this budget to those of others.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        headers.append(RATE_LIMIT_POLICY, self.policy.clone());
        headers.append(RATE_LIMIT, self.left.clone());
    }
}

impl<K: Hash + Eq + Clone> Budget<K> {
    /// `quota` for each key; `name` is told to clients.
    #[must_use]
    pub fn new(name: &'static str, quota: Quota) -> Self {
        let (most, window) = (quota.burst_size(), seconds(quota.burst_size_replenished_in()));
        let policy = field(&format!("\"{name}\";q={most};w={window}"));
        let spent = RateLimiter::dashmap(quota).with_middleware();
        Self { spent, name, quota, policy, clock: DefaultClock::default() }
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`Exhausted`].
    pub fn spend(&self, key: &K) -> Result<Spent, Exhausted> {
        match self.spent.check_key(key) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let missing = self.quota.burst_size().get().saturating_sub(left);
                Ok(self.told(left, seconds(self.quota.replenish_interval() * missing)))
            }
            Err(early) => {
                let retry_after_seconds = seconds(early.wait_time_from(self.clock.now()));
                Err(Exhausted { spent: self.told(0, retry_after_seconds), retry_after_seconds })
            }
        }
    }

    /// Forgets who has been quiet for long.
    pub fn tidy(&self) {
        self.spent.retain_recent();
    }

    fn told(&self, left: u32, seconds: u32) -> Spent {
        let left = field(&format!("\"{}\";r={left};t={seconds}", self.name));
        Spent { policy: self.policy.clone(), left }
    }
}

fn field(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Whole seconds, at least one.
fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

/// So many; zero is one.
#[must_use]
pub fn some(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// The budgets of principals.
pub struct Limits {
    polls: Budget<SessionId>,
    leaves: Budget<UserId>,
    joins: Budget<UserId>,
    orders: Budget<UserId>,
}

impl Limits {
    /// As configured.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (room, overload) = (&config.waiting_room, &config.overload);
        Self {
            polls: Budget::new("session-polls", Quota::per_second(some(room.polls_per_second))),
            leaves: Budget::new("leaves", Quota::per_minute(some(room.joins_per_minute))),
            joins: Budget::new("joins", Quota::per_minute(some(overload.principal_joins_per_minute))),
            orders: Budget::new("orders", Quota::per_minute(some(overload.principal_orders_per_minute))),
        }
    }

    /// A look at a session.
    ///
    /// # Errors
    /// 429.
    pub fn poll(&self, session: SessionId) -> ApiResult<Spent> {
        self.polls.spend(&session).map_err(too_many)
    }

    /// Asking for a place, the same or a new one.
    ///
    /// # Errors
    /// 429.
    pub fn join(&self, user: UserId) -> ApiResult<Spent> {
        self.joins.spend(&user).map_err(too_many)
    }

    /// Giving a place up. A user who joins and leaves in a loop is stopped here.
    ///
    /// # Errors
    /// 429.
    pub fn leave(&self, user: UserId) -> ApiResult<Spent> {
        self.leaves.spend(&user).map_err(too_many)
    }

    /// A step of an order, or a booking.
    ///
    /// # Errors
    /// 429.
    pub fn order(&self, user: UserId) -> ApiResult<Spent> {
        self.orders.spend(&user).map_err(too_many)
    }

    /// Forgets who has been quiet for long.
    pub fn tidy(&self) {
        self.polls.tidy();
        self.leaves.tidy();
        self.joins.tidy();
        self.orders.tidy();
    }
}

fn too_many(exhausted: Exhausted) -> ApiError {
    ApiError::new(ProblemCode::RateLimited, "too many requests of this kind")
        .retry_after(exhausted.retry_after_seconds)
        .spent(exhausted.spent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_as_the_draft_writes_it_and_each_key_has_its_own() {
        let budget = Budget::new("reads", Quota::per_second(some(2)).allow_burst(some(4)));
        let told = |spent: Spent| {
            let mut headers = HeaderMap::new();
            spent.stamp(&mut headers);
            let text = |name| headers.get(name).unwrap().to_str().unwrap().to_owned();
            (text(RATE_LIMIT_POLICY), text(RATE_LIMIT))
        };
        let policy = "\"reads\";q=4;w=2".to_owned();
        for left in [3, 2, 1, 0] {
            let missing = (4_u32 - left).div_ceil(2);
            let wanted = (policy.clone(), format!("\"reads\";r={left};t={missing}"));
            assert_eq!(told(budget.spend(&1).unwrap()), wanted);
        }
        let exhausted = budget.spend(&1).unwrap_err();
        assert_eq!(exhausted.retry_after_seconds, 1);
        assert_eq!(told(exhausted.spent), (policy, "\"reads\";r=0;t=1".to_owned()));
        assert!(budget.spend(&2).is_ok());
    }
}
