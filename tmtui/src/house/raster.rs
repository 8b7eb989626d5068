//! The whole house on a grid of terminal cells: which section, or which area, each cell belongs to.
//!
//! Made once for a house and a size, not for a frame. A cell is twice as high as it is wide, so the plan keeps its shape.

use tmcore::seating::{Bounds, Point};

use super::House;
use crate::measure::{cells, place, rounded, signed};

/// What a cell shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// A stage, a pitch: the index of the area.
    Area(u16),
    /// A section: its index.
    Block(u16),
}

/// A house in cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster {
    /// Columns.
    pub width: u16,
    /// Lines.
    pub height: u16,
    grid: Vec<Cell>,
    /// Where each section's name stands: the middle of its widest run of cells. Line, first column, columns.
    pub labels: Vec<Option<Run>>,
}

/// Cells beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its line.
    pub line: u16,
    /// Its first column.
    pub from: u16,
    /// How many columns it has.
    pub columns: u16,
}

/// The plan's units on a grid.
struct Scale {
    left: f64,
    top: f64,
    /// Plan units a column; a line has twice as many.
    unit: f64,
}

impl Scale {
    fn new(bounds: Bounds, width: u16, height: u16, margin: f64) -> Self {
        let (w, h) = (f64::from(bounds.width()) + 2.0 * margin, f64::from(bounds.height()) + 2.0 * margin);
        let unit =
            (w / f64::from(width.max(1))).max(h / f64::from(height.max(1)) / 2.0).max(f64::MIN_POSITIVE);
        // What is left over goes to both sides.
        let spare_x = f64::from(width) * unit - w;
        let spare_y = f64::from(height) * unit * 2.0 - h;
        Self {
            left: f64::from(bounds.min.x) - margin - spare_x / 2.0,
            top: f64::from(bounds.min.y) - margin - spare_y / 2.0,
            unit,
        }
    }

    fn column(&self, x: f64) -> i32 {
        rounded(((x - self.left) / self.unit).floor())
    }

    fn line(&self, y: f64) -> i32 {
        rounded(((y - self.top) / self.unit / 2.0).floor())
    }
}

impl Raster {
    /// Draws a house into so many cells.
    pub fn new(house: &House, width: u16, height: u16) -> Self {
        let margin = house.blocks.iter().map(|block| block.step).max().unwrap_or(0);
        let scale = Scale::new(house.bounds, width, height, f64::from(margin) / 2.0);
        let grid = vec![Cell::Empty; usize::from(width) * usize::from(height)];
        let mut raster = Self { width, height, grid, labels: Vec::new() };
        raster.draw_areas(house, &scale);
        raster.draw_seats(house, &scale);
        raster.labels = raster.widest_runs(house.blocks.len());
        raster
    }

    /// What a cell shows.
    pub fn get(&self, column: u16, line: u16) -> Cell {
        if column >= self.width {
            return Cell::Empty;
        }
        let at = usize::from(line) * usize::from(self.width) + usize::from(column);
        self.grid.get(at).copied().unwrap_or_default()
    }

    /// Whether a cell is the last of a section before another one, where both are wide enough to be told apart by a line.
    pub fn is_seam(&self, column: u16, line: u16) -> bool {
        const WIDE: u16 = 5;
        let (here, next) = (self.get(column, line), self.get(column + 1, line));
        let is_wide = |from: u16, direction: i32| {
            (1..WIDE).all(|step| {
                let to = u16::try_from(i32::from(from) + direction * i32::from(step));
                to.is_ok_and(|to| self.get(to, line) == self.get(from, line))
            })
        };
        let is_both = matches!((here, next), (Cell::Block(a), Cell::Block(b)) if a != b);
        is_both && is_wide(column, -1) && is_wide(column + 1, 1)
    }

    fn set(&mut self, column: i32, line: i32, cell: Cell) {
        if (0..i32::from(self.width)).contains(&column) && (0..i32::from(self.height)).contains(&line) {
            let at = place(line) * usize::from(self.width) + place(column);
            if let Some(there) = self.grid.get_mut(at) {
                *there = cell;
            }
        }
    }

    fn draw_areas(&mut self, house: &House, scale: &Scale) {
        for (at, area) in (0_u16..).zip(&house.plan.areas) {
            let outline = area.shape.outline();
            for line in 0..self.height {
                for column in 0..self.width {
                    let x = scale.left + (f64::from(column) + 0.5) * scale.unit;
                    let y = scale.top + (f64::from(line) + 0.5) * scale.unit * 2.0;
                    if is_inside(&outline, x, y) {
                        self.set(column.into(), line.into(), Cell::Area(at));
                    }
                }
            }
        }
    }

    /// A cell belongs to the section that has most seats in it; a seat covers half the way to its neighbours.
    fn draw_seats(&mut self, house: &House, scale: &Scale) {
        let mut votes = vec![0_u16; self.grid.len()];
        for spot in &house.spots {
            let Some(block) = house.blocks.get(usize::from(spot.block)) else { continue };
            let (half_x, half_y) = reach(block.step, block.lane);
            let (x, y) = (f64::from(spot.at.x), f64::from(spot.at.y));
            let (left, right) = (scale.column(x - half_x), scale.column(x + half_x));
            let (top, bottom) = (scale.line(y - half_y), scale.line(y + half_y));
            for line in top.max(0)..=bottom.min(i32::from(self.height) - 1) {
                for column in left.max(0)..=right.min(i32::from(self.width) - 1) {
                    let at = place(line) * usize::from(self.width) + place(column);
                    self.vote(&mut votes, at, spot.block);
                }
            }
        }
    }

    /// One more seat for a section in a cell (Boyer and Moore's majority vote).
    fn vote(&mut self, votes: &mut [u16], at: usize, block: u16) {
        let (Some(count), Some(cell)) = (votes.get_mut(at), self.grid.get_mut(at)) else { return };
        match *cell {
            Cell::Block(held) if held == block => *count = count.saturating_add(1),
            Cell::Block(_) if *count > 0 => *count -= 1,
            _ => (*cell, *count) = (Cell::Block(block), 1),
        }
    }

    fn widest_runs(&self, blocks: usize) -> Vec<Option<Run>> {
        let mut best: Vec<Option<Run>> = vec![None; blocks];
        let mut extents: Vec<Option<(u16, u16)>> = vec![None; blocks];
        for_runs(self, |block, run| {
            if let Some(extent) = extents.get_mut(block) {
                let (first, _) = extent.unwrap_or((run.line, run.line));
                *extent = Some((first, run.line));
            }
        });
        for_runs(self, |block, run| {
            let middle =
                extents.get(block).copied().flatten().map_or(0, |(first, last)| u16::midpoint(first, last));
            // Among runs of about the same width the one nearest the middle.
            let worth = |run: &Run| signed(run.columns.into()) * 2 - i32::from(run.line.abs_diff(middle)) * 3;
            if let Some(best) = best.get_mut(block)
                && best.is_none_or(|held| worth(&run) > worth(&held))
            {
                *best = Some(run);
            }
        });
        best
    }
}

/// Whether a point is inside of an outline: a ray to the right crosses it an odd number of times.
fn is_inside(outline: &[Point], x: f64, y: f64) -> bool {
    let next = outline.iter().cycle().skip(1);
    let crossings = outline.iter().zip(next).filter(|(a, b)| {
        let (ax, ay, bx, by) = (f64::from(a.x), f64::from(a.y), f64::from(b.x), f64::from(b.y));
        (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax
    });
    crossings.count() % 2 == 1
}

/// How far a seat reaches to each side, plan units: a little more than half way, so that rounding leaves no holes.
fn reach(step: i32, lane: i32) -> (f64, f64) {
    let (step, lane) = (f64::from(step), f64::from(lane));
    // Rows may run in any direction.
    let half = step.max(lane) * 0.52;
    (half, half)
}

fn for_runs(raster: &Raster, mut see: impl FnMut(usize, Run)) {
    for line in 0..raster.height {
        let mut column = 0;
        while column < raster.width {
            let cell = raster.get(column, line);
            let from = column;
            while column < raster.width && raster.get(column, line) == cell {
                column += 1;
            }
            if let Cell::Block(block) = cell {
                see(block.into(), Run { line, from, columns: cells(usize::from(column - from)) });
            }
        }
    }
}
