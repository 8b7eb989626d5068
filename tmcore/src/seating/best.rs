//! Which seats are the best that are left, and which takes the place of one that was lost.
//!
//! Seats are neighbours when they stand next to each other in one row, with no aisle between them: a gap of more than
//! one and a half times the row's usual step is an aisle. Of all groups of neighbours the best is, in this order,
//! the one with the fewest wheelchair places, which others need more; of the best price level; that strands the fewest
//! single seats; of the foremost row; nearest to the middle of its row.

use std::collections::HashSet;

use super::SeatingPlan;
use super::rows::{Bench, Rows};

/// What somebody wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How many seats side by side; none are found for 0.
    pub count: u8,
    /// Only of this price level, by its category's name.
    pub category: Option<String>,
    /// Only in this section.
    pub section: Option<String>,
}

/// The best seats that are to be had together, as seat indexes from one end of the row to the other. `None` when that
/// many neighbours are not free, or when the plan has no such category or section. To ask more than once, keep
/// [`Rows`].
#[must_use]
pub fn best(plan: &SeatingPlan, is_free: impl Fn(usize) -> bool, wish: &Wish) -> Option<Vec<usize>> {
    Rows::of(plan).best(is_free, wish)
}

/// The free seat that is most like the seat `lost`, as [`Rows::alternative`].
#[must_use]
pub fn alternative(
    plan: &SeatingPlan,
    is_free: impl Fn(usize) -> bool,
    lost: usize,
    basket: &[usize],
) -> Option<usize> {
    Rows::of(plan).alternative(is_free, lost, basket)
}

/// How good a group is; the least is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Wheelchair places in it.
    accessible: u8,
    /// The rank of its worst price level.
    level: u16,
    /// Free seats that it leaves without a free neighbour.
    stranded: u8,
    /// How far its row is from the front.
    front: u64,
    /// How far its middle is from the row's, in half seats.
    off_middle: usize,
    /// So that equals have an order.
    first: usize,
}

/// Neighbours that are free: a stretch of a bench.
struct Group<'r> {
    bench: &'r Bench,
    start: usize,
    end: usize,
}

impl Group<'_> {
    fn seats(&self) -> Vec<usize> {
        self.bench.seats.get(self.start..self.end).unwrap_or_default().to_vec()
    }
}

/// A [`Wish`] in the indexes of one plan.
#[derive(Clone, Copy)]
struct Wanted {
    count: usize,
    category: Option<u16>,
    section: Option<usize>,
}

impl Rows {
    /// As [`best`]: linear in the seats of the price levels it looks at.
    #[must_use]
    pub fn best(&self, is_free: impl Fn(usize) -> bool, wish: &Wish) -> Option<Vec<usize>> {
        let wanted = self.read(wish)?;
        let mut found: Option<(Rank, Group<'_>)> = None;
        for bench in self.benches_for(wanted) {
            // Benches come best first: no group of this one or of any later one can be better than this.
            let bound = Rank {
                accessible: 0,
                level: bench.level,
                stranded: 0,
                front: bench.front,
                off_middle: 0,
                first: 0,
            };
            if found.as_ref().is_some_and(|(rank, _)| *rank <= bound) {
                break;
            }
            self.look(bench, &is_free, wanted, |rank, group| {
                if found.as_ref().is_none_or(|(best, _)| rank < *best) {
                    found = Some((rank, group));
                }
            });
        }
        found.map(|(_, group)| group.seats())
    }

    /// All groups that would do, the best first. A group costs memory: for choices that are made seldom.
    #[must_use]
    pub fn all(&self, is_free: impl Fn(usize) -> bool, wish: &Wish) -> Vec<Vec<usize>> {
        let Some(wanted) = self.read(wish) else { return Vec::new() };
        let mut all = Vec::new();
        for bench in self.benches_for(wanted) {
            self.look(bench, &is_free, wanted, |rank, group| all.push((rank, group)));
        }
        all.sort_by_key(|(rank, _)| *rank);
        all.iter().map(|(_, group)| group.seats()).collect()
    }

    /// The free seat that is most like the seat `lost`: of the same category, a wheelchair place for a wheelchair
    /// place; then one beside another seat of the basket; then the nearest. Never one of the basket.
    #[must_use]
    pub fn alternative(
        &self,
        is_free: impl Fn(usize) -> bool,
        lost: usize,
        basket: &[usize],
    ) -> Option<usize> {
        let gone = self.seats.get(lost)?;
        let kept: HashSet<_> = basket.iter().copied().filter(|seat| *seat != lost).collect();
        let beside: HashSet<_> = kept.iter().flat_map(|seat| self.neighbours(*seat)).collect();
        let may = |index: &usize| *index != lost && !kept.contains(index) && is_free(*index);
        let alike = self.seats.iter().enumerate().filter(|(_, seat)| seat.category == gone.category);
        alike
            .filter(|(index, _)| may(index))
            .min_by_key(|(index, seat)| {
                let otherwise = seat.accessible != gone.accessible;
                (otherwise, !beside.contains(index), seat.at.distance_squared(gone.at), *index)
            })
            .map(|(index, _)| index)
    }

    /// The seats right beside a seat, with no aisle between.
    #[must_use]
    pub fn neighbours(&self, seat: usize) -> Vec<usize> {
        let Some(seat) = self.seats.get(seat) else { return Vec::new() };
        let Some(bench) = self.benches.get(seat.bench) else { return Vec::new() };
        let places = [seat.place.checked_sub(1), seat.place.checked_add(1)];
        places.into_iter().flatten().filter_map(|place| bench.seats.get(place).copied()).collect()
    }

    fn read(&self, wish: &Wish) -> Option<Wanted> {
        let category = match &wish.category {
            Some(name) => Some(u16::try_from(self.categories.iter().position(|known| known == name)?).ok()?),
            None => None,
        };
        let section = match &wish.section {
            Some(name) => Some(self.sections.iter().position(|known| known == name)?),
            None => None,
        };
        (wish.count > 0).then_some(Wanted { count: wish.count.into(), category, section })
    }

    fn benches_for(&self, wanted: Wanted) -> impl Iterator<Item = &Bench> {
        let fits = move |bench: &&Bench| {
            bench.seats.len() >= wanted.count && wanted.section.is_none_or(|section| bench.section == section)
        };
        self.benches.iter().filter(fits)
    }

    /// Tells of every group on a bench.
    fn look<'r>(
        &self,
        bench: &'r Bench,
        is_free: &impl Fn(usize) -> bool,
        wanted: Wanted,
        mut tell: impl FnMut(Rank, Group<'r>),
    ) {
        let free: Vec<_> = bench.seats.iter().map(|seat| is_free(*seat)).collect();
        let will_do = |place: usize| {
            let category =
                || bench.seats.get(place).and_then(|seat| self.seats.get(*seat)).map(|s| s.category);
            free.get(place) == Some(&true) && wanted.category.is_none_or(|wanted| category() == Some(wanted))
        };
        let mut run = 0;
        for place in 0..bench.seats.len() {
            run = if will_do(place) { run + 1 } else { 0 };
            if run >= wanted.count {
                let group = Group { bench, start: place + 1 - wanted.count, end: place + 1 };
                tell(self.rank(&group, &free), group);
            }
        }
    }

    fn rank(&self, group: &Group<'_>, free: &[bool]) -> Rank {
        let Group { bench, start, end } = *group;
        let seats = bench.seats.get(start..end).unwrap_or_default();
        let seats = || seats.iter().filter_map(|seat| self.seats.get(*seat));
        let is_free = |place: Option<usize>| place.and_then(|place| free.get(place)) == Some(&true);
        let left = is_free(start.checked_sub(1)) && !is_free(start.checked_sub(2));
        let right = is_free(Some(end)) && !is_free(Some(end + 1));
        Rank {
            accessible: u8::try_from(seats().filter(|seat| seat.accessible).count()).unwrap_or(u8::MAX),
            level: seats().map(|seat| seat.level).max().unwrap_or_default(),
            stranded: u8::from(left) + u8::from(right),
            front: bench.front,
            off_middle: (2 * bench.offset + start + end).abs_diff(bench.row_length),
            first: bench.seats.get(start).copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
