//! How long to wait before trying again.

use std::time::Duration;

/// Exponential back-off with full jitter: uniform between nothing and the smaller of `cap` and `base * 2^attempt`.
///
/// `attempt` counts from 0; `random_unit` is drawn uniformly from all of `u64` and stands for a number in [0, 1).
/// Full jitter spreads those who failed together over the whole interval, so that they do not come back together.
///
/// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#[must_use]
pub fn backoff(attempt: u32, base: Duration, cap: Duration, random_unit: u64) -> Duration {
    let ceiling = nanos(base.saturating_mul(2_u32.saturating_pow(attempt)).min(cap));
    let scaled = (u128::from(ceiling) * u128::from(random_unit)) >> u64::BITS;
    // A product of two 64-bit numbers, halved 64 times, fits 64 bits.
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(ceiling))
}

/// Nanoseconds, at most the 584 years that fit.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn duration() -> impl Strategy<Value = Duration> {
        (0..4_000_000_u64, 0..1000_u32)
            .prop_map(|(millis, micros)| Duration::new(millis, micros * 1000) / 1000)
    }

    proptest! {
        #[test]
        fn a_wait_is_below_cap_and_doubled_base(
            attempt: u32, base in duration(), cap in duration(), random: u64,
        ) {
            let wait = backoff(attempt, base, cap, random);
            prop_assert!(wait <= cap);
            prop_assert!(attempt >= 31 || wait <= base * 2_u32.pow(attempt));
        }

        #[test]
        fn a_wait_grows_with_chance_attempt_and_cap(
            attempt in 0..40_u32, base in duration(), cap in duration(), low: u64, high: u64,
        ) {
            let (low, high) = (low.min(high), low.max(high));
            prop_assert!(backoff(attempt, base, cap, low) <= backoff(attempt, base, cap, high));
            prop_assert!(backoff(attempt, base, cap, high) <= backoff(attempt + 1, base, cap, high));
            prop_assert!(backoff(attempt, base, cap, high) <= backoff(attempt, base, cap * 2, high));
        }

        #[test]
        fn the_jitter_covers_the_whole_interval(attempt in 0..20_u32, random: u64) {
            let (base, cap) = (Duration::from_millis(100), Duration::from_secs(10));
            let ceiling = (base * 2_u32.pow(attempt)).min(cap);
            prop_assert_eq!(backoff(attempt, base, cap, 0), Duration::ZERO);
            let longest = backoff(attempt, base, cap, u64::MAX);
            prop_assert!(longest <= ceiling && longest + Duration::from_nanos(1) >= ceiling);
            let share = backoff(attempt, base, cap, random).as_secs_f64() / ceiling.as_secs_f64();
            #[allow(clippy::cast_precision_loss, reason = "compared with a tolerance")]
            let asked = random as f64 / u64::MAX as f64;
            prop_assert!((share - asked).abs() < 1e-6);
        }
    }

    #[test]
    fn the_largest_arguments_do_not_overflow() {
        assert!(
            backoff(u32::MAX, Duration::MAX, Duration::MAX, u64::MAX) > Duration::from_secs(18_000_000_000)
        );
        assert_eq!(backoff(u32::MAX, Duration::ZERO, Duration::MAX, u64::MAX), Duration::ZERO);
    }
}
