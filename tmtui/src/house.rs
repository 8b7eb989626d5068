//! The house of an event as it is drawn: seats, sections and areas in plan units. It never changes once it is fetched.

pub mod raster;
pub mod sheet;

use tmapi::event::PriceLevelView;
use tmapi::seat_map::{BadSeatMap, SeatMapView};
use tmcore::seating::{Bounds, Geometry, Point, Rows, Seat, SeatingPlan, SectionGeometry, Wish};
use tmcore::{Money, SeatId};

use crate::measure::rounded;
use sheet::median;

/// A house.
#[derive(Debug)]
pub struct House {
    /// Every name, in geometry order.
    pub plan: SeatingPlan,
    /// What seats cost.
    pub levels: Vec<PriceLevelView>,
    /// Where each seat is, in geometry order.
    pub spots: Vec<Spot>,
    /// The sections, in the plan's order.
    pub blocks: Vec<Block>,
    /// Around everything that is drawn.
    pub bounds: Bounds,
    rows: Rows,
}

/// What drawing needs to know of one seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Plan units.
    pub at: Point,
    /// Index of its section.
    pub block: u16,
    /// Index of its row in the section.
    pub row: u16,
    /// Index of its price level.
    pub level: u16,
    /// Whether it is a place for a wheelchair.
    pub accessible: bool,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it takes up, and which seats are in it.
    pub shape: SectionGeometry,
    /// From one seat of a row to the next, plan units, as most of them have it.
    pub step: i32,
    /// From one row to the next, plan units.
    pub lane: i32,
}

/// A seat with its names.
#[derive(Clone, Copy, Debug)]
pub struct Named<'h> {
    /// Its section's.
    pub section: &'h str,
    /// Its row's.
    pub row: &'h str,
    /// Its own.
    pub seat: &'h Seat,
}

impl House {
    /// Takes over what the daemon told.
    ///
    /// # Errors
    /// [`BadSeatMap`] when it contradicts itself.
    pub fn new(map: SeatMapView) -> Result<Self, BadSeatMap> {
        let plan = map.plan()?;
        let rows = map.rows(&plan);
        let geometry = Geometry::of(&plan);
        let spots = spots(&plan);
        let block = |shape: SectionGeometry| {
            let seats = spots.get(shape.seats.clone()).unwrap_or_default();
            let step = usual_step(seats);
            Block { lane: usual_lane(&shape, &spots, step), shape, step }
        };
        let blocks = geometry.sections.into_iter().map(block).collect();
        Ok(Self { plan, levels: map.price_levels, spots, blocks, bounds: geometry.bounds, rows })
    }

    /// How many seats there are.
    pub fn seat_count(&self) -> usize {
        self.spots.len()
    }

    /// The section a seat is in.
    pub fn block_of(&self, seat: usize) -> usize {
        self.spots.get(seat).map_or(0, |spot| usize::from(spot.block))
    }

    /// The name of a section.
    pub fn block_name(&self, block: usize) -> &str {
        self.plan.sections.get(block).map_or("", |section| section.name.as_str())
    }

    /// The section of a name.
    pub fn find_block(&self, name: &str) -> Option<usize> {
        self.plan.sections.iter().position(|section| section.name.eq_ignore_ascii_case(name))
    }

    /// A seat with what is written on its ticket.
    pub fn named(&self, seat: usize) -> Option<Named<'_>> {
        let spot = self.spots.get(seat)?;
        let section = self.plan.sections.get(usize::from(spot.block))?;
        let row = section.rows.get(usize::from(spot.row))?;
        let range = self.blocks.get(usize::from(spot.block))?.shape.rows.get(usize::from(spot.row))?;
        Some(Named { section: &section.name, row: &row.label, seat: row.seats.get(seat - range.start)? })
    }

    /// The id of a seat.
    pub fn seat_id(&self, seat: usize) -> Option<&SeatId> {
        Some(&self.named(seat)?.seat.id)
    }

    /// The seat of an id.
    pub fn find(&self, id: &SeatId) -> Option<usize> {
        self.plan.seats().position(|at| at.seat.id == *id)
    }

    /// What a seat costs.
    pub fn price(&self, seat: usize) -> Option<Money> {
        let spot = self.spots.get(seat)?;
        Some(self.levels.get(usize::from(spot.level))?.price)
    }

    /// The best seats that are to be had together.
    pub fn best(&self, is_free: impl Fn(usize) -> bool, wish: &Wish) -> Option<Vec<usize>> {
        self.rows.best(is_free, wish)
    }

    /// The free seat most like one that was lost.
    pub fn alternative(
        &self,
        is_free: impl Fn(usize) -> bool,
        lost: usize,
        basket: &[usize],
    ) -> Option<usize> {
        self.rows.alternative(is_free, lost, basket)
    }

    /// What the entrance nearest to a seat is called, where the plan draws entrances.
    pub fn gate(&self, seat: &SeatId) -> Option<&str> {
        let spot = self.spots.get(self.find(seat)?)?;
        self.plan.entrance(spot.at)?.label.as_deref()
    }

    /// What everybody looks at and what it is called: the stage or the pitch if the plan has one, else the middle.
    pub fn focus(&self) -> (Point, &str) {
        let middle = (self.bounds.middle(), "middle");
        self.plan
            .front()
            .map_or(middle, |area| (area.shape.middle(), area.label.as_deref().unwrap_or("front")))
    }
}

fn spots(plan: &SeatingPlan) -> Vec<Spot> {
    let mut spots = Vec::with_capacity(plan.seat_count());
    for (block, section) in (0..).zip(&plan.sections) {
        for (row, seats) in (0..).zip(&section.rows) {
            spots.extend(seats.seats.iter().map(|seat| Spot {
                at: Point { x: seat.x, y: seat.y },
                block,
                row,
                level: seat.category,
                accessible: seat.accessible,
            }));
        }
    }
    spots
}

fn distance(a: Point, b: Point) -> f64 {
    (f64::from(a.x) - f64::from(b.x)).hypot(f64::from(a.y) - f64::from(b.y))
}

fn usual_step(seats: &[Spot]) -> i32 {
    let pairs = seats.windows(2).filter_map(|pair| match pair {
        [a, b] if a.row == b.row => Some(distance(a.at, b.at)),
        _ => None,
    });
    rounded(median(pairs.collect()).unwrap_or(24.0)).max(1)
}

/// The distance of a row to the nearest other one, as most rows have it.
fn usual_lane(shape: &SectionGeometry, spots: &[Spot], step: i32) -> i32 {
    let seats = spots.get(shape.seats.clone()).unwrap_or_default();
    let nearest = |middle: &Spot| {
        let others =
            seats.iter().filter(|spot| spot.row != middle.row).map(|spot| distance(middle.at, spot.at));
        others.filter(|far| *far > f64::from(step) / 4.0).reduce(f64::min)
    };
    // A few rows tell; all of them would take the square of a large section.
    let every = (shape.rows.len() / 8).max(1);
    let middles =
        shape.rows.iter().step_by(every).filter_map(|row| spots.get(usize::midpoint(row.start, row.end)));
    median(middles.filter_map(nearest).collect()).map_or(step, |lane| rounded(lane).max(1))
}
