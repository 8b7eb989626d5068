//! What time it is for the store: the machine's clock, made steady.
//!
//! SQLite has no clock of its own, it asks the machine's. Sales that begin at a time of day begin by that one; every
//! length of time is measured by this one, which goes on from the last instant on record and is never set.

use std::sync::{Mutex, PoisonError};

use sqlx::SqlitePool;
use tmcore::Timestamp;
use tmcore::steady_clock::SteadyClock;

use crate::clock::{Clock, SystemClock};

/// The last instant on record. Every deadline in the database was reckoned from one that is not later.
const LAST_ON_RECORD: &str = "SELECT max(
    coalesce((SELECT max(at) FROM (SELECT at FROM order_events ORDER BY order_id DESC LIMIT 1000)), 0),
    coalesce((SELECT at FROM session_events ORDER BY session_event_id DESC LIMIT 1), 0),
    coalesce((SELECT max(credited_at) FROM gates), 0),
    coalesce((SELECT max(created_at) FROM idempotency_keys), 0))";

/// The clock.
#[derive(Debug)]
pub(super) struct StoreClock {
    machine: SystemClock,
    state: Mutex<(SteadyClock, bool)>,
}

impl Default for StoreClock {
    fn default() -> Self {
        let machine = SystemClock::new();
        let steady = SteadyClock::start(Timestamp::from_millis(0), machine.now(), machine.monotonic());
        Self { machine, state: Mutex::new((steady, false)) }
    }
}

impl StoreClock {
    /// Goes on from the last instant on record, if the machine's clock is behind it.
    pub(super) async fn start(&self, readers: &SqlitePool) -> Result<(), sqlx::Error> {
        let floor: i64 = sqlx::query_scalar(LAST_ON_RECORD).fetch_one(readers).await?;
        let floor = Timestamp::from_millis(floor);
        let steady = SteadyClock::start(floor, self.machine.now(), self.machine.monotonic());
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = steady;
        self.now();
        Ok(())
    }

    /// What it shows now.
    pub(super) fn now(&self) -> Timestamp {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (steady, was_apart) = &mut *state;
        let now = steady.read(self.machine.now(), self.machine.monotonic());
        let seconds = steady.difference_millis() / 1_000;
        let is_apart = seconds != 0;
        if is_apart && !*was_apart {
            tracing::warn!(
                seconds,
                "the machine's clock was set; the store's goes on and approaches it by and by"
            );
        } else if *was_apart && !is_apart {
            tracing::info!("the machine's clock and the store's agree again");
        }
        *was_apart = is_apart;
        now
    }
}
