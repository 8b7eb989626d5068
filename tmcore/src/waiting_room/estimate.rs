//! How long the wait may take: an interval from the rate that was measured, never a single number (W7).

/// An interval of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Hardly sooner.
    pub low_seconds: u32,
    /// Hardly later; `None` while too few were let in to say.
    pub high_seconds: Option<u32>,
}

/// How many were let in during the last minute, and during how much of it anybody waited.
///
/// Only the time in which somebody waited says how fast a line moves: a minute in which nobody came says nothing. It is
/// counted in whole seconds, one slot each, so that it takes the same room however busy the gate is.
#[derive(Clone, Debug)]
pub struct Pace {
    slots: [Slot; WINDOW_SECONDS as usize],
    /// The second that was looked at last.
    latest: u64,
    /// Whether somebody was in line then.
    is_waited: bool,
}

/// The window over which admissions are measured.
pub const WINDOW_SECONDS: u32 = 60;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    admitted: u64,
    is_waited: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { slots: [Slot::default(); WINDOW_SECONDS as usize], latest: 0, is_waited: false }
    }
}

impl Pace {
    /// Takes in that at `second`, of a clock that never goes back, `admitted` were let in and that from then on there
    /// is, or is not, somebody in line.
    pub fn note(&mut self, second: u64, admitted: u64, is_waited: bool) {
        self.go_on(second);
        self.is_waited = is_waited;
        let slot = &mut self.slots[place(self.latest)];
        slot.admitted += admitted;
        slot.is_waited |= is_waited || admitted > 0;
    }

    /// Lets the clock go on to `second`.
    pub fn go_on(&mut self, second: u64) {
        let passed = second.saturating_sub(self.latest).min(u64::from(WINDOW_SECONDS));
        for step in 0..passed {
            self.slots[place(second - step)] = Slot { admitted: 0, is_waited: self.is_waited };
        }
        self.latest = self.latest.max(second);
    }

    /// How many were let in.
    #[must_use]
    pub fn admitted(&self) -> u64 {
        self.slots.iter().map(|slot| slot.admitted).sum()
    }

    /// The seconds in which somebody waited, at least one.
    #[must_use]
    pub fn waited_seconds(&self) -> u32 {
        self.slots.iter().map(|slot| u32::from(slot.is_waited)).sum::<u32>().max(1)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "less than a minute's seconds")]
const fn place(second: u64) -> usize {
    (second % WINDOW_SECONDS as u64) as usize
}

/// Estimates the wait of somebody with `ahead` before them when `admitted` were let in during the `window_seconds` in
/// which somebody waited ([`Pace`]), and the event allows `admissions_per_minute`.
///
/// The low end is the allowed rate or the measured one plus two standard deviations (admissions taken as Poisson,
/// whose deviation is the root of the count), whichever is slower; the high end is the measured rate less two.
#[must_use]
pub fn estimate(ahead: u64, admitted: u64, window_seconds: u32, admissions_per_minute: u32) -> Estimate {
    let turn = ahead + 1;
    let window = u64::from(window_seconds.max(1));
    let at_best = (turn * 60).div_ceil(u64::from(admissions_per_minute.max(1))).saturating_sub(1);
    let spread = 2 * admitted.isqrt();
    let measured_low = if admitted == 0 { 0 } else { turn * window / (admitted + spread) };
    let high =
        admitted.checked_sub(spread).filter(|rate| *rate > 0).map(|rate| (turn * window).div_ceil(rate));
    let low = at_best.max(measured_low);
    Estimate { low_seconds: seconds(low), high_seconds: high.map(|high| seconds(high.max(low + 1))) }
}

fn seconds(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn w7_the_interval_holds_the_measured_rate_and_shrinks_with_the_line(
            ahead in 0..1_000_000_u64, admitted in 0..100_000_u64, allowed in 1..1_000_000_u32
        ) {
            let now = estimate(ahead, admitted, 60, allowed);
            if let Some(high) = now.high_seconds {
                prop_assert!(now.low_seconds < high);
                prop_assert!(u64::from(high) >= ahead * 60 / admitted.max(1));
            }
            let nearer = estimate(ahead / 2, admitted, 60, allowed);
            prop_assert!(nearer.low_seconds <= now.low_seconds);
        }
    }

    proptest! {
        #[test]
        fn w7_who_comes_after_a_quiet_time_is_not_told_to_wait_for_it(
            admitted in 0..50_u64, quiet in 1..1_000_u64, began in 0..1_000_u64
        ) {
            let mut pace = Pace::default();
            pace.note(began, admitted, false);
            pace.note(began + quiet, 0, true);
            let low = estimate(0, pace.admitted(), pace.waited_seconds(), 600).low_seconds;
            prop_assert!(low <= 1, "{low} s with nobody ahead");
        }

        #[test]
        fn w7_what_is_measured_is_what_happened_in_the_last_minute(
            steps in prop::collection::vec((0..40_u64, 0..5_u64, any::<bool>()), 1..60)
        ) {
            let mut pace = Pace::default();
            let (mut now, mut was_waited, mut seconds) = (0, false, std::collections::BTreeMap::new());
            for (pause, admitted, is_waited) in steps {
                for second in now + 1..=now + pause {
                    seconds.insert(second, (0, was_waited));
                }
                now += pause;
                pace.note(now, admitted, is_waited);
                let here = seconds.entry(now).or_insert((0, false));
                *here = (here.0 + admitted, here.1 || is_waited || admitted > 0);
                was_waited = is_waited;
                let last: Vec<_> = seconds.range((now + 1).saturating_sub(60)..).map(|(_, here)| *here).collect();
                prop_assert_eq!(pace.admitted(), last.iter().map(|here| here.0).sum::<u64>());
                let waited = last.iter().filter(|here| here.1).count();
                prop_assert_eq!(pace.waited_seconds() as usize, waited.max(1));
            }
        }
    }

    #[test]
    fn nobody_let_in_yet_leaves_the_high_end_open() {
        assert_eq!(estimate(60, 0, 60, 60), Estimate { low_seconds: 60, high_seconds: None });
    }
}
