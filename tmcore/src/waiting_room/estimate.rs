//! How long the wait may take: an interval from the rate that was measured, never a single number (W7).

/// An interval of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Hardly sooner.
    pub low_seconds: u32,
    /// Hardly later; `None` while too few were let in to say.
    pub high_seconds: Option<u32>,
}

/// Estimates the wait of somebody with `ahead` before them when `admitted` were let in during the last
/// `window_seconds` and the event allows `admissions_per_minute`.
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

    #[test]
    fn nobody_let_in_yet_leaves_the_high_end_open() {
        assert_eq!(estimate(60, 0, 60, 60), Estimate { low_seconds: 60, high_seconds: None });
    }
}
