//! Which places of a line were heard of.
//!
//! Places are given one after the other, but their news come in any order when several processes give them. Whoever is
//! told a place counts those before it that nobody has told of yet as taken: so a place may turn out to be better than it
//! was told, and never worse (W7).

use std::collections::BTreeSet;

/// News so far out of order are not to be expected any more: what is missing then was lost.
const MAX_BEYOND: usize = 1_024;

/// All places up to one, and some beyond it.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    until: Option<u64>,
    beyond: BTreeSet<u64>,
}

impl Heard {
    /// Somebody has, or had, this place. With the first place that is heard of, all before it are known.
    pub fn note(&mut self, place: u64) {
        let Some(until) = self.until else {
            self.until = Some(place);
            return;
        };
        if place > until {
            self.beyond.insert(place);
            self.close_up(until);
        }
        if self.beyond.len() > MAX_BEYOND {
            self.settle(place);
        }
    }

    /// Whoever has a place up to this one is known.
    pub fn settle(&mut self, place: u64) {
        let until = self.until.map_or(place, |until| until.max(place));
        self.beyond = self.beyond.split_off(&until.saturating_add(1));
        self.until = Some(until);
        self.close_up(until);
    }

    /// How many places before this one were not heard of.
    #[must_use]
    pub fn missing_before(&self, place: u64) -> u64 {
        let Some(until) = self.until.filter(|until| *until < place) else { return 0 };
        let heard = u64::try_from(self.beyond.range(..place).count()).unwrap_or(u64::MAX);
        (place - until - 1).saturating_sub(heard)
    }

    fn close_up(&mut self, mut until: u64) {
        while self.beyond.first().is_some_and(|first| *first == until + 1) {
            self.beyond.pop_first();
            until += 1;
        }
        self.until = Some(until);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::waiting_room::Line;

    proptest! {
        #[test]
        fn what_is_missing_is_what_was_not_noted(first in 0..50_u64, places in prop::collection::vec(0..120_u64, 0..150)) {
            let mut heard = Heard::default();
            heard.note(first);
            let mut noted = BTreeSet::from([first]);
            for place in places {
                heard.note(place);
                noted.insert(place);
                for before in 0..130 {
                    let missing = (first..before).filter(|place| !noted.contains(place)).count() as u64;
                    prop_assert_eq!(heard.missing_before(before), missing);
                }
            }
        }

        /// W7: in whatever order joins and departures are heard of, nobody's place grows.
        #[test]
        fn w7_a_place_never_grows_in_whatever_order_news_come(
            order in Just((1..40_u64).collect::<Vec<_>>()).prop_shuffle(), gone in prop::collection::btree_set(1..40_u64, 0..20),
        ) {
            let (mut heard, mut line) = (Heard::default(), Line::new());
            heard.settle(0);
            let mut told = vec![u64::MAX; 40];
            for place in order {
                heard.note(place);
                line.insert(place);
                if gone.contains(&place) {
                    line.remove(place);
                }
                for mine in (1..40).filter(|mine| !gone.contains(mine)) {
                    let ahead = line.ahead_of(mine) + heard.missing_before(mine);
                    let at = usize::try_from(mine).expect("fits");
                    prop_assert!(ahead <= told[at], "{mine}: {ahead} after {}", told[at]);
                    told[at] = ahead;
                }
            }
        }
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let mut heard = Heard::default();
        heard.note(1);
        for place in 3..3 + MAX_BEYOND as u64 {
            heard.note(place);
            assert_eq!(heard.missing_before(place), 1);
        }
        heard.note(10_000);
        assert_eq!(heard.missing_before(10_001), 0);
    }
}
