//! One section as a sheet of seats: two columns a seat, a line a row, bent and shifted as the plan has it.
//!
//! A section whose rows run askew is turned until they lie flat; where the stage is then says [`Sheet::ahead`]. No two
//! seats share a place, whatever the plan says: who comes second moves on.

use std::collections::{HashMap, HashSet};

use super::{Block, House, Spot};
use crate::measure::{cells, place, rounded, signed};

/// Columns a seat takes.
pub const SEAT_COLUMNS: i32 = 2;
/// Rows that run askew by less than this are drawn as they are.
const UPRIGHT_DEGREES: f64 = 30.0;
/// How far a seat whose place is taken may move.
const MOST_MOVED: i32 = 8;

/// A section's seats on a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Columns.
    pub width: u16,
    /// Lines.
    pub height: u16,
    /// Column and line of each seat of the section, in geometry order.
    slots: Vec<(u16, u16)>,
    /// The seat, counted in the section, at a line and a column; both columns of a seat are here.
    grid: HashMap<(u16, u16), u32>,
    /// Where the label of a row is written: line, the column behind its last character, row.
    pub labels: Vec<(u16, u16, usize)>,
    /// In which direction the stage is.
    pub ahead: Direction,
    first: usize,
}

/// A direction on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Up.
    Up,
    /// Down.
    Down,
    /// To the left.
    Left,
    /// To the right.
    Right,
}

impl Sheet {
    /// Lays a section out.
    pub fn new(house: &House, block: usize) -> Self {
        let empty = Self {
            width: 0,
            height: 0,
            slots: Vec::new(),
            grid: HashMap::new(),
            labels: Vec::new(),
            ahead: Direction::Up,
            first: 0,
        };
        let Some(Block { shape, step, .. }) = house.blocks.get(block) else { return empty };
        let spots = house.spots.get(shape.seats.clone()).unwrap_or_default();
        let middle = shape.bounds.middle();
        let (focus, _) = house.focus();
        let to_focus = (f64::from(focus.x) - f64::from(middle.x), f64::from(focus.y) - f64::from(middle.y));
        let turn = Turn::upright(spots, to_focus);
        let wished = wishes(spots, turn, *step);
        let slots = settled(spots, &wished);
        let gutter = signed(gutter(house, block));
        let left = slots.iter().map(|slot| slot.0).min().unwrap_or(0) - gutter;
        let top = slots.iter().map(|slot| slot.1).min().unwrap_or(0);
        let slots: Vec<_> =
            slots.iter().map(|(c, l)| (cells(place(c - left)), cells(place(l - top)))).collect();
        let mut grid = HashMap::with_capacity(slots.len() * 2);
        for (seat, (column, line)) in (0_u32..).zip(&slots) {
            grid.insert((*line, *column), seat);
            grid.insert((*line, column + 1), seat);
        }
        let width = slots.iter().map(|slot| slot.0 + 2).max().unwrap_or(0);
        let height = slots.iter().map(|slot| slot.1 + 1).max().unwrap_or(0);
        let labels = labels(spots, &slots, &grid);
        let ahead = direction(turn.apply(to_focus.0, to_focus.1));
        Self { width, height, slots, grid, labels, ahead, first: shape.seats.start }
    }

    /// Column and line of a seat of the house, if it is on this sheet.
    pub fn slot(&self, seat: usize) -> Option<(u16, u16)> {
        self.slots.get(seat.checked_sub(self.first)?).copied()
    }

    /// The seat of the house at a column and a line.
    pub fn seat_at(&self, column: u16, line: u16) -> Option<usize> {
        self.grid.get(&(line, column)).map(|seat| self.first + crate::measure::index(*seat))
    }

    /// All seats of the house on it, with column and line.
    pub fn seats(&self) -> impl Iterator<Item = (usize, u16, u16)> {
        self.slots.iter().enumerate().map(|(seat, (column, line))| (self.first + seat, *column, *line))
    }

    /// The seat nearest to one, in a direction; none when the sheet ends there.
    pub fn beside(&self, seat: usize, direction: Direction) -> Option<usize> {
        let (column, line) = self.slot(seat)?;
        let (column, line) = (i32::from(column), i32::from(line));
        let cost = |(_, c, l): &(usize, u16, u16)| {
            let (dx, dy) = (i32::from(*c) - column, i32::from(*l) - line);
            let (along, across) = match direction {
                Direction::Up => (-dy, dx.abs()),
                Direction::Down => (dy, dx.abs()),
                Direction::Left => (-dx, dy.abs()),
                Direction::Right => (dx, dy.abs()),
            };
            let vertical = matches!(direction, Direction::Up | Direction::Down);
            // To the sides a seat of the same line comes first, up and down one of the next line.
            let cost = if vertical { along * 6 + across } else { along + across * 8 };
            (along > 0 && (vertical || across <= 2)).then_some(cost)
        };
        self.seats().filter_map(|at| Some((cost(&at)?, at.0))).min().map(|(_, seat)| seat)
    }
}

/// A turn of the plan around its origin.
#[derive(Clone, Copy)]
struct Turn {
    sin: f64,
    cos: f64,
}

impl Turn {
    fn by(radians: f64) -> Self {
        let (sin, cos) = radians.sin_cos();
        Self { sin, cos }
    }

    fn apply(self, x: f64, y: f64) -> (f64, f64) {
        (x * self.cos - y * self.sin, x * self.sin + y * self.cos)
    }

    /// The turn that lays rows flat: none when they nearly are, else the smaller one; for rows that stand upright the
    /// one that brings the stage to the top.
    fn upright(spots: &[Spot], to_focus: (f64, f64)) -> Self {
        let mut sum = (0.0, 0.0);
        for pair in spots.windows(2) {
            if let [a, b] = pair
                && a.row == b.row
            {
                let (dx, dy) = (f64::from(b.at.x) - f64::from(a.at.x), f64::from(b.at.y) - f64::from(a.at.y));
                // A direction and its opposite are one: so angles are doubled.
                let (length, angle) = (dx.hypot(dy), 2.0 * dy.atan2(dx));
                sum = (sum.0 + length * angle.cos(), sum.1 + length * angle.sin());
            }
        }
        let askew = f64::atan2(sum.1, sum.0) / 2.0;
        if askew.abs() < UPRIGHT_DEGREES.to_radians() {
            return Self::by(0.0);
        }
        let (one, other) = (Self::by(-askew), Self::by(std::f64::consts::PI - askew));
        let is_steep = askew.abs() > 60_f64.to_radians();
        if is_steep && one.apply(to_focus.0, to_focus.1).1 > 0.0 { other } else { one }
    }
}

fn direction((x, y): (f64, f64)) -> Direction {
    match (x.abs() > y.abs(), x > 0.0, y > 0.0) {
        (true, true, _) => Direction::Right,
        (true, false, _) => Direction::Left,
        (false, _, true) => Direction::Down,
        (false, _, false) => Direction::Up,
    }
}

/// Where each seat would stand if it were alone: column and line, not yet whole.
fn wishes(spots: &[Spot], turn: Turn, step: i32) -> Vec<(f64, f64)> {
    let turned: Vec<_> =
        spots.iter().map(|spot| turn.apply(f64::from(spot.at.x), f64::from(spot.at.y))).collect();
    let lane = lane(spots, &turned, f64::from(step));
    let left = turned.iter().map(|at| at.0).fold(f64::INFINITY, f64::min);
    let top = turned.iter().map(|at| at.1).fold(f64::INFINITY, f64::min);
    let height = |y: f64| (y - top) / lane;
    let middles = middles(spots, &turned);
    let scaled = |(spot, (x, y)): (&Spot, &(f64, f64))| {
        let row = height(middles.get(&spot.row).copied().unwrap_or(*y)).round();
        ((x - left) / f64::from(step) * f64::from(SEAT_COLUMNS), row + bent(height(*y) - row))
    };
    spots.iter().zip(&turned).map(scaled).collect()
}

/// How high each row's middle seat is.
fn middles(spots: &[Spot], turned: &[(f64, f64)]) -> HashMap<u16, f64> {
    let mut rows: HashMap<u16, Vec<f64>> = HashMap::new();
    for (spot, at) in spots.iter().zip(turned) {
        rows.entry(spot.row).or_default().push(at.1);
    }
    rows.into_iter().filter_map(|(row, heights)| Some((row, *heights.get(heights.len() / 2)?))).collect()
}

/// By how many lines a seat is drawn off its row's middle: a row that bends by less than one stays on its line, or two
/// rows would share one.
fn bent(lines: f64) -> f64 {
    (lines.abs() + 0.2).floor().copysign(lines)
}

/// From one row to the next, measured downwards where rows are nearest to each other.
fn lane(spots: &[Spot], turned: &[(f64, f64)], step: f64) -> f64 {
    let mut rows: HashMap<u16, (f64, f64)> = HashMap::new();
    for (spot, at) in spots.iter().zip(turned) {
        let sum = rows.entry(spot.row).or_default();
        *sum = (sum.0 + at.1, sum.1 + 1.0);
    }
    let mut heights: Vec<_> = rows.values().map(|(sum, count)| sum / count).collect();
    heights.sort_by(f64::total_cmp);
    // Rows on both sides of an aisle are one line.
    let gaps = heights.windows(2).filter_map(|pair| match pair {
        [a, b] if b - a > step * 0.3 => Some(b - a),
        _ => None,
    });
    let gaps: Vec<_> = gaps.collect();
    let usual = median(gaps.clone()).unwrap_or(step);
    gaps.into_iter().filter(|gap| *gap > usual * 0.6).fold(usual, f64::min)
}

/// The middle one.
pub fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

/// Gives every seat a place of its own, as near as possible to where it wants to be.
fn settled(spots: &[Spot], wished: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let mut taken = HashSet::with_capacity(wished.len() * 2);
    let mut slots = vec![(0, 0); wished.len()];
    let mut order: Vec<_> = (0..wished.len()).collect();
    let key = |seat: &usize| spots.get(*seat).zip(wished.get(*seat)).map(|(spot, at)| (spot.row, at.0));
    order.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
    for seat in order {
        let Some((x, y)) = wished.get(seat) else { continue };
        let slot = free_slot(&taken, (rounded(*x), rounded(*y)));
        for column in 0..SEAT_COLUMNS {
            taken.insert((slot.0 + column, slot.1));
        }
        if let Some(there) = slots.get_mut(seat) {
            *there = slot;
        }
    }
    slots
}

fn free_slot(taken: &HashSet<(i32, i32)>, (column, line): (i32, i32)) -> (i32, i32) {
    let is_free = |c: i32, l: i32| (0..SEAT_COLUMNS).all(|more| !taken.contains(&(c + more, l)));
    if is_free(column, line) {
        return (column, line);
    }
    for moved in 1..=MOST_MOVED {
        for (dc, dl) in
            [(moved, 0), (-moved, 0), (moved - 1, 1), (1 - moved, 1), (moved - 1, -1), (1 - moved, -1)]
        {
            if is_free(column + dc, line + dl) {
                return (column + dc, line + dl);
            }
        }
    }
    // More seats than places far around: a plan without positions. They stand in a row.
    let end = (column..i32::MAX).find(|c| is_free(*c, line));
    (end.unwrap_or(column), line)
}

fn gutter(house: &House, block: usize) -> usize {
    let rows = house.plan.sections.get(block).map(|section| section.rows.as_slice()).unwrap_or_default();
    rows.iter().map(|row| crate::text::width(&row.label).min(MOST_LABEL)).max().unwrap_or(0) + 1
}

/// The longest row label that is written beside its row, columns.
pub const MOST_LABEL: usize = 4;

/// Each row's label stands before its first seat, where nothing else does.
fn labels(spots: &[Spot], slots: &[(u16, u16)], grid: &HashMap<(u16, u16), u32>) -> Vec<(u16, u16, usize)> {
    let mut first: HashMap<u16, (u16, u16)> = HashMap::new();
    for (spot, slot) in spots.iter().zip(slots) {
        let held = first.entry(spot.row).or_insert(*slot);
        if slot.0 < held.0 {
            *held = *slot;
        }
    }
    let is_clear = |column: u16, line: u16| {
        (1..=2).all(|before| column < before || !grid.contains_key(&(line, column - before)))
    };
    let clear = first.into_iter().filter(|(_, (column, line))| is_clear(*column, *line));
    let mut labels: Vec<_> =
        clear.map(|(row, (column, line))| (line, column.saturating_sub(1), usize::from(row))).collect();
    labels.sort_unstable();
    // Of rows that share a line on both sides of an aisle each has its own place; one label a place is enough.
    labels.dedup_by_key(|(line, column, _)| (*line, *column));
    labels
}

#[cfg(test)]
mod tests;
