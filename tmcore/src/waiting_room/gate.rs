//! How many may be let in now: the event's free slots, and its rate as a token bucket.

use crate::Timestamp;

/// What the organiser allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateLimits {
    /// Buyers inside at once.
    pub capacity: u32,
    /// Buyers let in a minute at the most.
    pub admissions_per_minute: u32,
}

/// The gate of one event, a row of the store. Every admission is decided under it (W1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Admissions that may be made at once, in thousandths.
    pub credit_milli: u64,
    /// Until when credit has been given.
    pub credited_at: Timestamp,
}

/// An admission's price in credit.
const ADMISSION_MILLI: u64 = 1_000;
const SECONDS_A_MINUTE: u64 = 60;
const MILLIS_A_MINUTE: u64 = 60_000;

impl Gate {
    /// A gate whose credit starts at `now` with one admission, so that the first buyer need not wait.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { credit_milli: ADMISSION_MILLI, credited_at: now }
    }

    /// The gate at `now`, and how many of `waiting` it lets in with `inside` already there. Credit for at most one
    /// second (and one admission) is kept, so a pause or an empty line is not followed by a rush.
    #[must_use]
    pub fn admit(self, now: Timestamp, limits: GateLimits, inside: u64, waiting: u64) -> (Self, u64) {
        let gate = self.credit_until(now, u64::from(limits.admissions_per_minute.max(1)));
        let free = u64::from(limits.capacity).saturating_sub(inside);
        let admitted = free.min(waiting).min(gate.credit_milli / ADMISSION_MILLI);
        (Self { credit_milli: gate.credit_milli - admitted * ADMISSION_MILLI, ..gate }, admitted)
    }

    fn credit_until(self, now: Timestamp, per_minute: u64) -> Self {
        let most = per_minute * ADMISSION_MILLI / SECONDS_A_MINUTE + ADMISSION_MILLI;
        let elapsed = now.millis_since(self.credited_at);
        if elapsed >= MILLIS_A_MINUTE {
            return Self { credit_milli: most, credited_at: now };
        }
        let earned = elapsed * per_minute / SECONDS_A_MINUTE;
        // The clock moves by what was turned into credit, or every tick would round a fraction away.
        let spent = (earned * SECONDS_A_MINUTE).div_ceil(per_minute);
        let credited_at =
            Timestamp::from_millis(self.credited_at.as_millis() + i64::try_from(spent).unwrap_or(0));
        match self.credit_milli + earned {
            credit if credit >= most => Self { credit_milli: most, credited_at: now },
            credit_milli => Self { credit_milli, credited_at },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// W1 and the rate, for every pattern of ticks, leavers and capacity changes.
        #[test]
        fn w1_never_past_capacity_nor_faster_than_the_rate(
            per_minute in 1..10_000_u32,
            ticks in proptest::collection::vec((1..2_000_i64, 0..50_u32, 0..50_u64), 1..200),
        ) {
            let mut gate = Gate::new(Timestamp::from_millis(0));
            let (mut now, mut inside, mut total) = (0_i64, 0_u64, 0_u64);
            for (pause, capacity, leavers) in ticks {
                now += pause;
                inside = inside.saturating_sub(leavers);
                let limits = GateLimits { capacity, admissions_per_minute: per_minute };
                let (next, admitted) = gate.admit(Timestamp::from_millis(now), limits, inside, u64::MAX);
                prop_assert!(admitted == 0 || inside + admitted <= u64::from(capacity));
                inside += admitted;
                total += admitted;
                gate = next;
            }
            let burst = u64::from(per_minute / 60) + 2;
            let allowed = now.unsigned_abs() * u64::from(per_minute) / 60_000 + burst;
            prop_assert!(total <= allowed, "{total} admitted, {allowed} allowed");
        }

        /// Ticks of any length give the same long-run rate: fractions are not lost.
        #[test]
        fn a_fast_tick_loses_no_admission(per_minute in 1..5_000_u32, pause in 1..300_i64) {
            let mut gate = Gate { credit_milli: 0, credited_at: Timestamp::from_millis(0) };
            let (mut now, mut total) = (0, 0);
            while now < 120_000 {
                now += pause;
                let limits = GateLimits { capacity: u32::MAX, admissions_per_minute: per_minute };
                let (next, admitted) = gate.admit(Timestamp::from_millis(now), limits, 0, u64::MAX);
                gate = next;
                total += admitted;
            }
            let due = u64::from(per_minute) * 2;
            // A tick loses less than a millisecond; ticks longer than a second's credit are not asked for here.
            let ticks = 120_000 / pause.unsigned_abs();
            let lost = ticks * u64::from(per_minute) / 60_000 + ticks / 1_000 + 3;
            prop_assert!(total + lost >= due, "{total} of {due}, {lost} may be lost");
        }
    }

    #[test]
    fn the_first_buyer_of_an_idle_event_is_let_in_at_once() {
        let gate = Gate::new(Timestamp::from_millis(0));
        let limits = GateLimits { capacity: 1, admissions_per_minute: 1 };
        assert_eq!(gate.admit(Timestamp::from_millis(0), limits, 0, 1).1, 1);
    }
}
