//! The rows of a plan, made ready for picking seats: cut at aisles, the best first.

use super::{Point, Row, Seat, SeatingPlan, Section};

/// The rows of a plan. Built once, asked often; see [`best`](super::best()).
#[derive(Clone, Debug)]
pub struct Rows {
    pub(super) categories: Vec<String>,
    pub(super) sections: Vec<String>,
    /// By seat index.
    pub(super) seats: Vec<RowSeat>,
    /// By the best price level on them, then by distance from the front.
    pub(super) benches: Vec<Bench>,
}

/// A seat and where it stands in its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowSeat {
    pub(super) category: u16,
    /// The rank of its price level, from 0 for the best.
    pub(super) level: u16,
    pub(super) accessible: bool,
    pub(super) at: Point,
    /// Index in [`Rows::benches`].
    pub(super) bench: usize,
    /// Place on its bench.
    pub(super) place: usize,
}

/// A row as far as no aisle parts it.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    pub(super) section: usize,
    /// Seat indexes side by side.
    pub(super) seats: Vec<usize>,
    /// How many seats of its row stand before it.
    pub(super) offset: usize,
    /// How many seats its row has.
    pub(super) row_length: usize,
    /// The best price level on it.
    pub(super) level: u16,
    /// How far its row is from the front: plan units, or rows where the plan does not tell where the front is.
    pub(super) front: u64,
}

impl Rows {
    /// The rows of a plan whose categories come best first.
    #[must_use]
    pub fn of(plan: &SeatingPlan) -> Self {
        Self::ranked(plan, &(0..).take(plan.categories.len()).collect::<Vec<u16>>())
    }

    /// The rows of a plan with what a seat of each category costs, in minor units; the dearest is the best.
    #[must_use]
    pub fn priced(plan: &SeatingPlan, prices: &[i64]) -> Self {
        let rank = |price: &i64| {
            let dearer: std::collections::BTreeSet<_> =
                prices.iter().filter(|other| *other > price).collect();
            u16::try_from(dearer.len()).unwrap_or(u16::MAX)
        };
        Self::ranked(plan, &prices.iter().map(rank).collect::<Vec<_>>())
    }

    fn ranked(plan: &SeatingPlan, levels: &[u16]) -> Self {
        let level = |category: u16| levels.get(usize::from(category)).copied().unwrap_or(u16::MAX);
        let front = plan.front().map(|area| area.shape.middle());
        let seat = |seat: &Seat| RowSeat {
            category: seat.category,
            level: level(seat.category),
            accessible: seat.accessible,
            at: point(seat),
            bench: 0,
            place: 0,
        };
        let mut seats: Vec<_> = plan.seats().map(|at| seat(at.seat)).collect();
        let mut benches = Vec::new();
        let mut first = 0;
        for (index, section) in plan.sections.iter().enumerate() {
            let usual = usual_step(section.rows.iter().flat_map(steps));
            for (number, row) in section.rows.iter().enumerate() {
                let away = match front {
                    Some(front) => mean_distance(row, front),
                    None => u64::try_from(number).unwrap_or(u64::MAX),
                };
                let parts = cut(&along(row), row, usual);
                let mut offset = 0;
                for part in parts {
                    let part: Vec<_> = part.into_iter().map(|place| first + place).collect();
                    let best = part.iter().filter_map(|seat| seats.get(*seat)).map(|seat| seat.level).min();
                    let length = part.len();
                    benches.push(Bench {
                        section: index,
                        seats: part,
                        offset,
                        row_length: row.seats.len(),
                        level: best.unwrap_or(u16::MAX),
                        front: away,
                    });
                    offset += length;
                }
                first += row.seats.len();
            }
        }
        benches.sort_by_key(|bench| (bench.level, bench.front));
        for (index, bench) in benches.iter().enumerate() {
            for (place, seat) in bench.seats.iter().enumerate() {
                if let Some(seat) = seats.get_mut(*seat) {
                    (seat.bench, seat.place) = (index, place);
                }
            }
        }
        let categories = plan.categories.iter().map(|category| category.name.clone()).collect();
        let sections = plan.sections.iter().map(|section: &Section| section.name.clone()).collect();
        Self { categories, sections, seats, benches }
    }

    /// How many seats there are.
    #[must_use]
    pub fn seat_count(&self) -> usize {
        self.seats.len()
    }
}

fn point(seat: &Seat) -> Point {
    Point { x: seat.x, y: seat.y }
}

/// The mean distance of a row's seats from a point, in plan units.
fn mean_distance(row: &Row, from: Point) -> u64 {
    let sum: u64 = row.seats.iter().map(|seat| point(seat).distance_squared(from).isqrt()).sum();
    sum / u64::try_from(row.seats.len().max(1)).unwrap_or(u64::MAX)
}

/// The squares of the distances between seats that follow each other along a row.
fn steps(row: &Row) -> Vec<u64> {
    let order = along(row);
    order.windows(2).filter_map(|pair| step(row, pair)).collect()
}

fn step(row: &Row, pair: &[usize]) -> Option<u64> {
    let [a, b] = pair else { return None };
    Some(point(row.seats.get(*a)?).distance_squared(point(row.seats.get(*b)?)))
}

/// The median, so that aisles do not count.
fn usual_step(steps: impl IntoIterator<Item = u64>) -> Option<u64> {
    let mut steps: Vec<_> = steps.into_iter().collect();
    let middle = steps.len().checked_sub(1)? / 2;
    Some(*steps.select_nth_unstable(middle).1)
}

/// The places of a row's seats from one end to the other. A document need not list them so: the even numbers may come
/// after the odd ones. Whichever is the shorter way, as listed or along the line between the row's ends, is right.
fn along(row: &Row) -> Vec<usize> {
    let listed: Vec<_> = (0..row.seats.len()).collect();
    let farthest = |from: Point| row.seats.iter().map(point).max_by_key(|at| at.distance_squared(from));
    let ends = row.seats.first().and_then(|first| farthest(point(first)));
    let Some((end, other)) = ends.and_then(|end| Some((end, farthest(end)?))) else { return listed };
    let along = |place: &usize| {
        let at = row.seats.get(*place).map_or(end, point);
        let part = |at: i32, end: i32, other: i32| {
            (i128::from(at) - i128::from(end)) * (i128::from(other) - i128::from(end))
        };
        part(at.x, end.x, other.x) + part(at.y, end.y, other.y)
    };
    let mut sorted = listed.clone();
    sorted.sort_by_key(along);
    if sorted.first() > sorted.last() {
        sorted.reverse();
    }
    let length = |order: &[usize]| {
        order.windows(2).filter_map(|pair| step(row, pair)).map(u64::isqrt).fold(0_u64, u64::saturating_add)
    };
    if length(&sorted) < length(&listed) { sorted } else { listed }
}

/// The order cut where an aisle is. A row of two or three seats tells too little about its own step: the section's
/// usual one is taken.
fn cut(order: &[usize], row: &Row, section_step: Option<u64>) -> Vec<Vec<usize>> {
    let own: Vec<_> = order.windows(2).filter_map(|pair| step(row, pair)).collect();
    let usual = if own.len() < 3 { section_step } else { usual_step(own) };
    // Squares: more than 3/2 is more than 9/4.
    let is_aisle = |step: u64| usual.is_some_and(|usual| step.saturating_mul(4) > usual.saturating_mul(9));
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut last = None;
    for place in order {
        let parted = last.and_then(|last| step(row, &[last, *place])).is_none_or(is_aisle);
        match parts.last_mut() {
            Some(part) if !parted => part.push(*place),
            _ => parts.push(vec![*place]),
        }
        last = Some(*place);
    }
    parts
}
