//! Every key that a cache may hold, with its text and how long it may be kept, on one page.

use std::fmt;
use std::time::Duration;

use crate::EventId;

/// Changes whenever the shape of a cached value does, so that an old value is never read as a new one.
pub const SCHEMA_VERSION: u32 = 1;

/// What is cached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CacheKey {
    /// A page of the list of events.
    EventPage {
        /// The event after which the page begins; `None` for the first.
        after: Option<EventId>,
        /// The most events on it.
        limit: u32,
    },
    /// An event in full.
    Event(EventId),
    /// The geometry of an event's seats; never changes.
    SeatMap(EventId),
    /// The state of an event's seats.
    Availability(EventId),
}

impl CacheKey {
    /// How long a process may serve a value.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        match self {
            Self::EventPage { .. } | Self::Event(_) => Duration::from_secs(1),
            Self::SeatMap(_) => Duration::from_secs(3_600),
            Self::Availability(_) => Duration::from_millis(250),
        }
    }

    /// How long the processes of an office may hand a value to each other: what is served is at most this and
    /// [`CacheKey::ttl`] old (C2). Of what hardly changes it bounds how long a change goes unseen whose news were lost.
    #[must_use]
    pub const fn shared_ttl(&self) -> Duration {
        match self {
            Self::EventPage { .. } | Self::Event(_) => Duration::from_secs(1),
            Self::SeatMap(_) => Duration::from_secs(300),
            Self::Availability(_) => Duration::from_millis(500),
        }
    }

    /// Whether an older value is better than none while the source does not answer. How seats stand is not: it says
    /// when it was read, and that is recent (C2).
    #[must_use]
    pub const fn may_be_stale(&self) -> bool {
        match self {
            Self::EventPage { .. } | Self::Event(_) | Self::SeatMap(_) => true,
            Self::Availability(_) => false,
        }
    }

    /// The text of the key that tells the value's current version.
    #[must_use]
    pub fn version_name(&self) -> String {
        format!("{self}:version")
    }

    /// The text of the key of one version of the value: `availability:{eventId}:{version}:{shard}` behind the schema's
    /// version. A change makes a new version, so whoever writes late writes where nobody looks any more (C3). What is
    /// hot has copies, so that they lie on different nodes of a cluster.
    #[must_use]
    pub fn name(&self, version: u64, shard: u32) -> String {
        let (before, after) = self.name_around_version(shard);
        format!("{before}{version}{after}")
    }

    /// What is before and after the version in [`CacheKey::name`], for who learns it only when looking.
    #[must_use]
    pub fn name_around_version(&self, shard: u32) -> (String, String) {
        let after = match self {
            Self::Availability(_) => format!(":{shard}"),
            Self::EventPage { .. } | Self::Event(_) | Self::SeatMap(_) => String::new(),
        };
        (format!("{self}:"), after)
    }
}

/// How eagerly a value is refreshed before its time; 1 is optimal for costs that are distributed exponentially.
const BETA: f64 = 1.0;

/// Whether a value is built anew before its time by this reader: the costlier it is to build and the less time it has
/// `left`, the likelier, so that of many readers hardly ever two do and hardly ever all wait for the expired value.
/// `random` is drawn uniformly from all of `u32`.
///
/// Source: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015
/// (algorithm `XFetch`).
#[must_use]
pub fn is_early(cost: Duration, left: Duration, random: u32) -> bool {
    // From (0, 1], so that the logarithm is finite.
    let unit = (f64::from(random) + 1.0) / (f64::from(u32::MAX) + 1.0);
    cost.as_secs_f64() * BETA * -unit.ln() >= left.as_secs_f64()
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{SCHEMA_VERSION}:")?;
        match self {
            Self::EventPage { after: None, limit } => write!(f, "events::{limit}"),
            Self::EventPage { after: Some(after), limit } => write!(f, "events:{after}:{limit}"),
            Self::Event(event) => write!(f, "event:{event}"),
            Self::SeatMap(event) => write!(f, "seat-map:{event}"),
            Self::Availability(event) => write!(f, "availability:{event}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Dearer, later and unluckier readers refresh whenever others do; a value that costs nothing is left alone.
        #[test]
        fn the_dearer_and_the_nearer_the_end_the_earlier(
            cost in 0..5_000_u64, more in 0..5_000_u64, left in 1..5_000_u64, less in 0..5_000_u64, random: u32,
        ) {
            let millis = Duration::from_millis;
            let early = is_early(millis(cost), millis(left), random);
            prop_assert!(!early || is_early(millis(cost + more), millis(left), random));
            prop_assert!(!early || is_early(millis(cost), millis(left.saturating_sub(less)), random));
            prop_assert!(!early || is_early(millis(cost), millis(left), random / 2));
            prop_assert!(!is_early(Duration::ZERO, millis(left), random));
        }
    }

    /// With as much time left as it costs, one of e readers refreshes.
    #[test]
    fn early_refreshes_are_as_frequent_as_the_source_says() {
        let step = usize::try_from(u32::MAX / 10_000).expect("fits");
        let early = (0..u32::MAX)
            .step_by(step)
            .filter(|random| is_early(Duration::from_millis(20), Duration::from_millis(20), *random));
        let share = f64::from(u32::try_from(early.count()).expect("fits")) / 10_000.0;
        assert!((share - (-1.0_f64).exp()).abs() < 0.01, "{share}");
    }

    #[test]
    fn c3_every_version_has_a_name_of_its_own() {
        let key = CacheKey::Availability("E1".parse().expect("an id"));
        assert_eq!(key.version_name(), "v1:availability:E1:version");
        assert_eq!(key.name(17, 3), "v1:availability:E1:17:3");
        assert_ne!(key.name(17, 0), key.name(18, 0));
        assert_eq!(CacheKey::Event("E1".parse().expect("an id")).name(17, 3), "v1:event:E1:17");
    }

    #[test]
    fn c2_nothing_that_changes_is_kept_for_longer_than_two_seconds() {
        let event: EventId = "E1".parse().expect("an id");
        let page = CacheKey::EventPage { after: None, limit: 20 };
        for key in [page, CacheKey::Event(event.clone()), CacheKey::Availability(event)] {
            assert!(key.ttl() + key.shared_ttl() <= Duration::from_secs(2), "{key}");
        }
    }
}
