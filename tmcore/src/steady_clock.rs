//! Time for a machine whose clock may be set: it never goes back, never leaps, and never stands still for long.
//!
//! Holds, admissions, leases and rates are lengths of time. Were they measured by a clock that is set an hour forward,
//! everybody's hold would lapse at that moment; set an hour back, nobody would be let in for an hour. So a step of the
//! machine's clock is not followed at once but walked to: until both agree again, this clock runs at half or at one and
//! a half times the pace of true time, which a monotonic clock tells. Steps of less than a second, as daemons that keep
//! time make them, are followed at once, but never backwards.

use std::time::Duration;

use crate::Timestamp;

/// Differences below this are followed at once, milliseconds.
pub const STEP_MILLIS: u64 = 1_000;
/// A machine whose clock goes forward by more than this had no clock before: it is believed at once, seconds.
pub const BELIEVED_SECONDS: u32 = 86_400;

/// The state of the clock: what it showed last, and when by the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SteadyClock {
    /// Microseconds since the Unix epoch, so that readings in quick succession lose nothing to rounding.
    shown_micros: i64,
    read_at: Duration,
    behind_millis: i64,
}

impl SteadyClock {
    /// A clock that begins at the machine's time, or at `floor` if that is later: the last instant that is on record.
    #[must_use]
    pub fn start(floor: Timestamp, machine: Timestamp, monotonic: Duration) -> Self {
        let start = floor.max(machine);
        Self {
            shown_micros: start.as_millis().saturating_mul(1_000),
            read_at: monotonic,
            behind_millis: machine.as_millis() - start.as_millis(),
        }
    }

    /// What it shows now.
    pub fn read(&mut self, machine: Timestamp, monotonic: Duration) -> Timestamp {
        let elapsed = i64::try_from(monotonic.saturating_sub(self.read_at).as_micros()).unwrap_or(i64::MAX);
        let expected = self.shown_micros.saturating_add(elapsed);
        let machine_micros = machine.as_millis().saturating_mul(1_000);
        let gap = machine_micros.saturating_sub(expected);
        let is_step = gap.unsigned_abs() >= STEP_MILLIS * 1_000;
        let is_believed = gap > i64::from(BELIEVED_SECONDS) * 1_000_000;
        self.shown_micros = if is_step && !is_believed {
            expected.saturating_add(gap.clamp(-elapsed / 2, elapsed / 2))
        } else {
            machine_micros.max(self.shown_micros)
        };
        self.read_at = self.read_at.max(monotonic);
        self.behind_millis = (machine_micros - self.shown_micros) / 1_000;
        Timestamp::from_millis(self.shown_micros / 1_000)
    }

    /// By how much the machine's clock was ahead of this one when it was read last, milliseconds; negative when it was
    /// behind. 0 when both agree.
    #[must_use]
    pub const fn difference_millis(&self) -> i64 {
        if self.behind_millis.unsigned_abs() < STEP_MILLIS { 0 } else { self.behind_millis }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEGIN: i64 = 1_800_000_000_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    proptest! {
        /// Whatever the machine's clock does, time goes on: never back, at no less than half and, but for a second, no
        /// more than one and a half times the pace of true time.
        #[test]
        fn time_goes_on_whatever_is_done_to_the_clock(
            floor in -7_200_000..7_200_000_i64,
            readings in proptest::collection::vec((1..5_000_000_u64, -40_000_000..40_000_000_i64, any::<bool>()), 1..100),
        ) {
            let mut clock = SteadyClock::start(at(BEGIN + floor), at(BEGIN), Duration::ZERO);
            let (mut truth, mut offset, mut last) = (Duration::ZERO, 0, at((BEGIN + floor).max(BEGIN)));
            let first = last;
            for (micros, step, is_set) in readings {
                truth += Duration::from_micros(micros);
                // Days in all would be believed at once.
                if is_set && (offset + step).abs() < 80_000_000 { offset += step; }
                let elapsed = i64::try_from(truth.as_millis()).unwrap();
                let shown = clock.read(at(BEGIN + offset + elapsed), truth);
                prop_assert!(shown >= last);
                last = shown;
                let passed = shown.as_millis() - first.as_millis();
                prop_assert!(passed >= elapsed / 2 - 1_001, "{passed} ms in {elapsed}");
                prop_assert!(passed <= elapsed + elapsed / 2 + 1_001, "{passed} ms in {elapsed}");
            }
        }

        /// Twice the step later both clocks agree, however often this one was read.
        #[test]
        fn a_step_is_caught_up_with(step in -7_200_000..7_200_000_i64, pause in 100..50_000_u64) {
            let mut clock = SteadyClock::start(at(0), at(BEGIN), Duration::ZERO);
            let mut truth = Duration::ZERO;
            while truth.as_millis() < u128::from(step.unsigned_abs()) * 2 + u128::from(pause) {
                truth += Duration::from_millis(pause);
                clock.read(at(BEGIN + step + i64::try_from(truth.as_millis()).unwrap()), truth);
            }
            prop_assert_eq!(clock.difference_millis(), 0);
        }
    }

    #[test]
    fn a_machine_that_gets_the_date_after_its_start_is_believed() {
        let mut clock = SteadyClock::start(at(0), at(1_000), Duration::ZERO);
        assert_eq!(clock.read(at(BEGIN), Duration::from_secs(1)), at(BEGIN));
    }

    #[test]
    fn readings_in_quick_succession_do_not_stop_it() {
        let mut clock = SteadyClock::start(at(BEGIN), at(BEGIN - 3_600_000), Duration::ZERO);
        for micros in (0..=1_000_000).step_by(100) {
            clock.read(at(BEGIN - 3_600_000), Duration::from_micros(micros));
        }
        let shown = clock.read(at(BEGIN - 3_600_000), Duration::from_secs(1));
        assert_eq!((shown, clock.difference_millis()), (at(BEGIN + 500), -3_600_500));
    }
}
