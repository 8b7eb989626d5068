//! An arena set up for a concert: seats on the floor, two tiers around an oval, none behind the stage.

use super::stretch::{Spot, Stretch};
use super::{Fit, Priced, labelled, listed, rectangle, row};
use crate::seating::{Area, Point, Row, SeatingPlan, Section, Size};

const FLOOR: u16 = 0;
const PREMIUM: u16 = 1;
const LOWER: u16 = 2;
const UPPER: u16 = 3;
const RESTRICTED: u16 = 4;

pub(super) const CATEGORIES: [Priced; 5] = [
    Priced { name: "Floor", color: "#D55E00", price: 12_900 },
    Priced { name: "Premium", color: "#CC79A7", price: 14_900 },
    Priced { name: "Lower Tier", color: "#0072B2", price: 8_900 },
    Priced { name: "Upper Tier", color: "#009E73", price: 5_900 },
    Priced { name: "Restricted View", color: "#E69F00", price: 3_900 },
];

/// The middle of the hall.
const CENTER: Spot = (2400.0, 1860.0);
/// The rows of a tier run at the same distance around the rectangle of this half width and half height: straight
/// along its sides, in quarter circles around its corners. The stage is at its left side.
const HALF_WIDTH: f64 = 900.0;
const HALF_HEIGHT: f64 = 350.0;

const SEAT_PITCH: f64 = 20.0;
const WHEELCHAIR_PITCH: f64 = 32.0;
const ROW_PITCH: f64 = 28.0;
const AISLE: f64 = 36.0;

/// Blocks along each long side, and at the end that faces the stage.
const SIDE_BLOCKS: u32 = 6;
const END_BLOCKS: u32 = 2;

/// One of the two rings of blocks.
struct Tier {
    name: &'static str,
    /// The number before the first block's.
    blocks_after: u32,
    rows: u32,
    /// Distance of the first row from the rectangle in the middle, in plan units.
    inner: f64,
    /// Blocks around each corner.
    wedges: u32,
    category: u16,
    /// What the middle blocks of the long sides are sold as.
    best: u16,
}

const TIERS: [Tier; 2] = [
    Tier {
        name: "Lower",
        blocks_after: 100,
        rows: 22,
        inner: 250.0,
        wedges: 3,
        category: LOWER,
        best: PREMIUM,
    },
    Tier {
        name: "Upper",
        blocks_after: 200,
        rows: 18,
        inner: 940.0,
        wedges: 5,
        category: UPPER,
        best: UPPER,
    },
];

/// Where a block of a tier stands.
#[derive(Clone, Copy)]
enum Site {
    /// Along a side: the inner line, and the direction in which its rows climb.
    Side { from: Spot, to: Spot, outward: Spot },
    /// Around a corner, between two angles in degrees.
    Corner { center: Spot, from: f64, to: f64 },
}

/// The arena: about 18,000 seats.
#[must_use]
pub fn plan() -> SeatingPlan {
    let floor = (1..=9).map(floor_block);
    SeatingPlan {
        name: "Meridian Arena".to_owned(),
        size: Size { width: 4800, height: 3720 },
        categories: listed(&CATEGORIES),
        sections: floor.chain(TIERS.iter().flat_map(tier_blocks)).collect(),
        areas: areas(),
    }
}

/// Floor block 1 to 9: three beside each other in front of the stage, three deep.
fn floor_block(block: u32) -> Section {
    const ROWS: u32 = 15;
    let (deep, beside) = ((block - 1) / 3, (block - 1) % 3);
    let left = CENTER.0 - 700.0 + 580.0 * f64::from(deep);
    let top = CENTER.1 - 500.0 + 335.0 * f64::from(beside);
    let code = format!("F{block}");
    let rows = (1..=ROWS).map(|number| {
        let x = left + 34.0 * f64::from(number - 1);
        let stretch = Stretch::Straight { from: (x, top), to: (x, top + 330.0) };
        // The last row of the last blocks has no row behind it and level access.
        let accessible = deep == 2 && number == ROWS;
        let pitch = if accessible { WHEELCHAIR_PITCH } else { SEAT_PITCH };
        row(&code, number, Fit { category: FLOOR, accessible }, stretch.places(pitch, AISLE))
    });
    Section { name: format!("Floor {code}"), rows: rows.collect() }
}

/// The blocks of a tier, clockwise, from one side of the stage around the hall to its other side.
fn tier_blocks(tier: &'static Tier) -> impl Iterator<Item = Section> {
    (0..).zip(sites(tier.wedges)).map(|(index, site)| {
        let code = (tier.blocks_after + 1 + index).to_string();
        let category = tier.category_of(index);
        let rows = (1..=tier.rows).map(|row| tier_row(tier, site, &code, row, category));
        Section { name: format!("{} {code}", tier.name), rows: rows.collect() }
    })
}

impl Tier {
    /// The category of the block at a site.
    fn category_of(&self, site: u32) -> u16 {
        let last = 4 * self.wedges + 2 * SIDE_BLOCKS + END_BLOCKS - 1;
        let amid_side = |first: u32| (first + 1..first + SIDE_BLOCKS - 1).contains(&site);
        if site == 0 || site == last {
            RESTRICTED
        } else if amid_side(self.wedges) || amid_side(3 * self.wedges + SIDE_BLOCKS + END_BLOCKS) {
            self.best
        } else {
            self.category
        }
    }
}

fn tier_row(tier: &Tier, site: Site, code: &str, number: u32, category: u16) -> Row {
    let distance = tier.inner + ROW_PITCH * f64::from(number - 1);
    let straight = matches!(site, Site::Side { .. });
    // The concourse runs behind the last row of the lower tier.
    let accessible = straight && tier.category == LOWER && number == tier.rows;
    let pitch = if accessible { WHEELCHAIR_PITCH } else { SEAT_PITCH };
    row(code, number, Fit { category, accessible }, site.row(distance).places(pitch, AISLE))
}

impl Site {
    /// The row at `distance` from the rectangle in the middle.
    fn row(self, distance: f64) -> Stretch {
        match self {
            Self::Side { from, to, outward } => {
                let moved = |spot: Spot| (spot.0 + outward.0 * distance, spot.1 + outward.1 * distance);
                Stretch::Straight { from: moved(from), to: moved(to) }
            }
            Self::Corner { center, from, to } => Stretch::Arc { center, radius: distance, from, to },
        }
    }
}

/// All block sites of a tier: corner, long side, corner, far end, corner, long side, corner.
fn sites(wedges: u32) -> Vec<Site> {
    let (left, right) = (CENTER.0 - HALF_WIDTH, CENTER.0 + HALF_WIDTH);
    let (top, bottom) = (CENTER.1 - HALF_HEIGHT, CENTER.1 + HALF_HEIGHT);
    let mut sites = corner((left, top), 180.0, wedges);
    sites.extend(side((left, top), (right, top), (0.0, -1.0), SIDE_BLOCKS));
    sites.extend(corner((right, top), 270.0, wedges));
    sites.extend(side((right, top), (right, bottom), (1.0, 0.0), END_BLOCKS));
    sites.extend(corner((right, bottom), 0.0, wedges));
    sites.extend(side((right, bottom), (left, bottom), (0.0, 1.0), SIDE_BLOCKS));
    sites.extend(corner((left, bottom), 90.0, wedges));
    sites
}

fn corner(center: Spot, start: f64, wedges: u32) -> Vec<Site> {
    let step = 90.0 / f64::from(wedges);
    let angle = |wedge: u32| start + step * f64::from(wedge);
    (0..wedges).map(|i| Site::Corner { center, from: angle(i), to: angle(i + 1) }).collect()
}

fn side(from: Spot, to: Spot, outward: Spot, blocks: u32) -> Vec<Site> {
    let at = |block: u32| {
        let share = f64::from(block) / f64::from(blocks);
        (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
    };
    (0..blocks).map(|i| Site::Side { from: at(i), to: at(i + 1), outward }).collect()
}

fn areas() -> Vec<Area> {
    let stage = rectangle(Point { x: 1290, y: 1500 }, 340, 720);
    let desk = rectangle(Point { x: 3430, y: 1760 }, 90, 200);
    vec![labelled(stage, "Stage"), labelled(desk, "Sound")]
}
