//! Who is before whom, in O(log n): an order-statistics structure over the places of one event.

/// The places in line of one event. A place is a number that only grows; joining takes the next one.
///
/// A Fenwick tree of counts over `place - base`; source: P. Fenwick, *A New Data Structure for Cumulative Frequency
/// Tables*, Software: Practice and Experience 24(3), 1994.
#[derive(Clone, Debug, Default)]
pub struct Line {
    base: u64,
    tree: Vec<u32>,
    taken: Vec<bool>,
    len: u64,
}

impl Line {
    /// A line nobody is in.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many are in line.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nobody is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts somebody at `place`; a place that is taken stays taken once.
    pub fn insert(&mut self, place: u64) {
        if self.tree.is_empty() {
            self.base = place;
        }
        if place < self.base {
            self.rebase(place);
        }
        let Ok(slot) = usize::try_from(place - self.base) else {
            return;
        };
        if slot >= self.tree.len() {
            self.grow(slot + 1);
        }
        if !self.taken[slot] {
            self.taken[slot] = true;
            self.len += 1;
            self.add(slot, true);
        }
    }

    /// Takes whoever is at `place` out of the line; nobody there changes nothing.
    pub fn remove(&mut self, place: u64) {
        let Some(slot) = self.slot(place) else { return };
        if self.taken[slot] {
            self.taken[slot] = false;
            self.len -= 1;
            self.add(slot, false);
        }
        if self.len == 0 {
            *self = Self::default();
        }
    }

    /// How many are in line before `place`.
    #[must_use]
    pub fn ahead_of(&self, place: u64) -> u64 {
        let Some(offset) = place.checked_sub(self.base) else {
            return 0;
        };
        let mut end = usize::try_from(offset).unwrap_or(usize::MAX).min(self.tree.len());
        let mut count = 0;
        while end > 0 {
            count += u64::from(self.tree[end - 1]);
            end &= end - 1;
        }
        count
    }

    fn slot(&self, place: u64) -> Option<usize> {
        let slot = usize::try_from(place.checked_sub(self.base)?).ok()?;
        (slot < self.tree.len()).then_some(slot)
    }

    fn add(&mut self, slot: usize, joined: bool) {
        let mut node = slot + 1;
        while node <= self.tree.len() {
            let count = &mut self.tree[node - 1];
            *count = if joined { *count + 1 } else { *count - 1 };
            node += node & node.wrapping_neg();
        }
    }

    /// Rooms for at least `slots` places, doubled so that growing stays cheap; a new tree is counted in one pass.
    fn grow(&mut self, slots: usize) {
        let slots = slots.next_power_of_two().max(64);
        self.taken.resize(slots, false);
        self.recount();
    }

    fn rebase(&mut self, base: u64) {
        let Ok(shift) = usize::try_from(self.base - base) else {
            return;
        };
        self.taken.splice(0..0, std::iter::repeat_n(false, shift));
        self.base = base;
        self.recount();
    }

    fn recount(&mut self) {
        self.tree = self.taken.iter().map(|&taken| u32::from(taken)).collect();
        for node in 1..=self.tree.len() {
            let parent = node + (node & node.wrapping_neg());
            if parent <= self.tree.len() {
                self.tree[parent - 1] += self.tree[node - 1];
            }
        }
    }
}

impl FromIterator<u64> for Line {
    fn from_iter<I: IntoIterator<Item = u64>>(places: I) -> Self {
        let mut line = Self::new();
        for place in places {
            line.insert(place);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the obvious model, for every mixture of joins and leaves.
        #[test]
        fn counts_as_a_sorted_set_does(steps in proptest::collection::vec((any::<bool>(), 0..300_u64), 1..400)) {
            let (mut line, mut model) = (Line::new(), BTreeSet::new());
            for (join, place) in steps {
                if join { line.insert(place); model.insert(place); } else { line.remove(place); model.remove(&place); }
                prop_assert_eq!(line.len(), model.len() as u64);
                prop_assert_eq!(line.ahead_of(place), model.range(..place).count() as u64);
            }
        }

        /// W7: whoever stays never sees the place grow.
        #[test]
        fn w7_a_place_never_grows_while_others_join_behind_and_leave(
            leavers in proptest::collection::vec(0..100_u64, 0..200)
        ) {
            let mut line: Line = (0..100).collect();
            let (mine, mut before) = (57, line.ahead_of(57));
            for (n, leaver) in leavers.into_iter().enumerate() {
                line.insert(100 + n as u64);
                if leaver != mine { line.remove(leaver); }
                let now = line.ahead_of(mine);
                prop_assert!(now <= before);
                before = now;
            }
        }
    }
}
