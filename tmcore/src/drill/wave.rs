//! Levels of load: how many come at a time, and what of it comes to a sale.

use serde::Serialize;

use super::{Asked, Dice, Member, Outcome, Step};

/// How long the goodput is looked at to say that it is back, milliseconds.
pub const WINDOW_MILLIS: u64 = 5_000;

/// A time in which so many more come than can be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wave {
    /// When it begins, milliseconds after the doors open.
    pub begins_millis: u64,
    /// How long it lasts.
    pub lasts_millis: u64,
    /// How many times as many people come as are let in meanwhile; bots come besides.
    pub load: u32,
    /// Whether everybody asks again at once, whatever they are told.
    pub is_storm: bool,
}

impl Wave {
    /// When it is over.
    #[must_use]
    pub const fn ends_millis(&self) -> u64 {
        self.begins_millis.saturating_add(self.lasts_millis)
    }

    /// How many come: people who would wait, and of a hundred so many others who would not.
    #[must_use]
    pub fn comers(&self, admissions_per_minute: u32, bots_percent: u64) -> u64 {
        let people = u64::from(self.load) * u64::from(admissions_per_minute) * self.lasts_millis / 60_000;
        people * 100 / (100 - bots_percent.min(99))
    }

    /// Finalized orders a minute, as their buyers knew it.
    #[must_use]
    pub fn goodput_per_minute(&self, history: &[Asked]) -> u64 {
        let during = |at: &u64| (self.begins_millis..self.ends_millis()).contains(at);
        let count = finalized(history).filter(during).count() as u64;
        count * 60_000 / self.lasts_millis.max(1)
    }
}

/// Has everybody come in their wave, in the order of their numbers: each wave `(how many, which)`.
pub fn arrive(members: &mut [Member], waves: &[(u64, Wave)], seed: u64) {
    let mut dice = Dice::new(seed);
    let each = waves.iter().flat_map(|&(comers, wave)| (0..comers).map(move |_| wave));
    for (member, wave) in members.iter_mut().zip(each) {
        member.arrives_millis = wave.begins_millis + dice.below(wave.lasts_millis.max(1));
    }
}

/// How long it took from `since` until orders were finalized at `per_minute` again, milliseconds; `None` if they never were.
#[must_use]
pub fn recovery_millis(history: &[Asked], since: u64, per_minute: u64) -> Option<u64> {
    let mut ends: Vec<_> = finalized(history).filter(|&at| at >= since).collect();
    ends.sort_unstable();
    let needed = usize::try_from((per_minute * WINDOW_MILLIS).div_ceil(60_000).max(1)).ok()?;
    // A window that begins with a purchase is as full as any.
    let full = ends.windows(needed).find(|run| match run {
        [first, .., last] => last - first < WINDOW_MILLIS,
        _ => true,
    })?;
    full.first().map(|first| first - since)
}

fn finalized(history: &[Asked]) -> impl Iterator<Item = u64> {
    let done = |asked: &&Asked| asked.step == Step::Finalize && matches!(asked.outcome, Outcome::Ok(_));
    history.iter().filter(done).map(|asked| asked.ended_millis)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Crowd, Known};
    use super::*;

    fn wave(begins_millis: u64, lasts_millis: u64, load: u32) -> Wave {
        Wave { begins_millis, lasts_millis, load, is_storm: false }
    }

    fn sold(at: impl IntoIterator<Item = u64>) -> Vec<Asked> {
        let asked = |ended_millis| Asked {
            buyer: 0,
            step: Step::Finalize,
            key: None,
            began_millis: 0,
            ended_millis,
            outcome: Outcome::Ok(Known::default()),
        };
        at.into_iter().map(asked).collect()
    }

    #[test]
    fn ten_times_over_are_ten_times_those_who_are_let_in() {
        // 10 a second for 20 seconds, ten times over; with them twice and a third as many who do not wait.
        assert_eq!(wave(0, 20_000, 10).comers(600, 0), 2_000);
        assert_eq!(wave(0, 20_000, 10).comers(600, 70), 6_666);
    }

    #[test]
    fn goodput_is_what_was_finalized_within_the_wave() {
        let history = sold([999, 1_000, 1_500, 10_999, 11_000]);
        assert_eq!(wave(1_000, 10_000, 1).goodput_per_minute(&history), 18);
        let mut refused = sold([2_000]);
        refused[0].outcome = Outcome::Fail("declined".to_owned());
        assert_eq!(wave(0, 60_000, 1).goodput_per_minute(&refused), 0);
    }

    #[test]
    fn it_is_back_when_five_seconds_of_it_are_as_good_as_asked_for() {
        // One a second from the 20th second on: 60 a minute are 5 in five seconds.
        let history = sold((0..5).map(|n| n * 100).chain((20..40).map(|second| second * 1_000)));
        assert_eq!(recovery_millis(&history, 10_000, 60), Some(10_000));
        assert_eq!(recovery_millis(&history, 22_500, 60), Some(500));
        assert_eq!(recovery_millis(&history, 10_000, 61), None);
        assert_eq!(recovery_millis(&history, 38_000, 60), None);
    }

    proptest! {
        #[test]
        fn everybody_comes_within_their_wave(first in 0_u64..60, second in 0_u64..60, seed: u64) {
            let waves = [(first, wave(1_000, 2_000, 1)), (second, wave(9_000, 500, 5))];
            let buyers = u32::try_from(first + second).unwrap();
            let crowd = Crowd { buyers, seed, rush_millis: 1, bots_percent: 5, seats: 100, per_order: 8 };
            let mut members = crowd.members();
            arrive(&mut members, &waves, seed);
            let times = |range: std::ops::Range<u64>| {
                members.iter().filter(|member| range.contains(&member.arrives_millis)).count() as u64
            };
            prop_assert_eq!((times(1_000..3_000), times(9_000..9_500)), (first, second));
        }

        #[test]
        fn whatever_recovered_did_so_within_what_was_looked_at(
            at in proptest::collection::vec(0_u64..60_000, 0..80), since in 0_u64..60_000, per_minute in 1_u64..100,
        ) {
            let history = sold(at.iter().copied());
            if let Some(took) = recovery_millis(&history, since, per_minute) {
                let from = since + took;
                let count = at.iter().filter(|&&at| (from..from + WINDOW_MILLIS).contains(&at)).count() as u64;
                prop_assert!(count * 60_000 >= per_minute * WINDOW_MILLIS);
            }
        }
    }
}
