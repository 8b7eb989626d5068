//! Seating plans: where the seats of a venue stand and what they are called.
//!
//! A plan is read once, from the seating-plan JSON of pretix ([`parse`]), and is immutable from then on. The order
//! of its seats is part of it: the index of a seat in [`SeatingPlan::seats`] is its seat index everywhere.

mod area;
pub mod best;
pub mod demo;
mod document;
mod export;
mod geometry;
mod read;
mod refusal;
mod rows;
#[cfg(test)]
mod tests;

pub use area::{Area, Shape};
pub use best::{Wish, alternative, best};
pub use export::to_pretix_json;
pub use geometry::{Bounds, Geometry, SectionGeometry};
pub use read::{parse, parse_value};
pub use refusal::{PlanError, PlanFault};
pub use rows::Rows;

use serde::{Deserialize, Serialize};

use crate::SeatId;

/// The largest seating-plan document that is read, in bytes.
pub const MAX_PLAN_BYTES: usize = 64 * 1024 * 1024;
/// The most seats a plan may have.
pub const MAX_SEATS: usize = 200_000;
/// The most sections (zones of the document) a plan may have.
pub const MAX_SECTIONS: usize = 2_000;
/// The most categories a plan may have.
pub const MAX_CATEGORIES: usize = 256;
/// The most areas a plan may have.
pub const MAX_AREAS: usize = 2_000;
/// The most points the outline of one area may have.
pub const MAX_AREA_POINTS: usize = 1_000;
/// The longest name of a plan, section, category or area, in characters.
pub const MAX_NAME_CHARS: usize = 120;
/// The longest row label, seat number or colour, in characters.
pub const MAX_LABEL_CHARS: usize = 32;
/// How far from the origin anything may stand, in plan units.
pub const MAX_COORDINATE: i32 = 1_000_000;

/// The seats of a venue, and what is drawn around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatingPlan {
    /// What the organiser calls the plan.
    pub name: String,
    /// The sheet the plan is drawn on. Seats may stand outside of it.
    pub size: Size,
    /// Price categories; a seat refers to one by its index.
    pub categories: Vec<Category>,
    /// Sections in document order, none without a seat, no two of one name.
    pub sections: Vec<Section>,
    /// Stage, pitch, bars: drawn, never sold.
    pub areas: Vec<Area>,
}

/// A width and a height, in plan units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Plan units.
    pub width: i32,
    /// Plan units.
    pub height: i32,
}

/// A place on the plan, in plan units; x grows to the right, y downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Point {
    /// Plan units.
    pub x: i32,
    /// Plan units.
    pub y: i32,
}

/// A group of seats that are priced alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Unique in the plan.
    pub name: String,
    /// A CSS colour.
    pub color: String,
}

/// A part of the house with its own name: a block, a tier, a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Unique in the plan.
    pub name: String,
    /// Rows in document order, none without a seat.
    pub rows: Vec<Row>,
}

/// A row of seats. Two rows of a section may share a label: one row on both sides of an aisle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What stands on the ticket. Empty only in a section of a single row.
    pub label: String,
    /// Seats in document order.
    pub seats: Vec<Seat>,
}

/// One seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Unique in the plan.
    pub id: SeatId,
    /// What stands on the ticket.
    pub number: String,
    /// Plan units from the plan's origin, rounded.
    pub x: i32,
    /// Plan units from the plan's origin, rounded.
    pub y: i32,
    /// Index in [`SeatingPlan::categories`].
    pub category: u16,
    /// Whether it is a place for a wheelchair.
    pub accessible: bool,
}

/// A seat together with where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct SeatRef<'p> {
    /// Index in [`SeatingPlan::sections`].
    pub section_index: usize,
    /// Its section.
    pub section: &'p Section,
    /// Its row.
    pub row: &'p Row,
    /// The seat.
    pub seat: &'p Seat,
}

impl SeatingPlan {
    /// How many seats the plan has.
    #[must_use]
    pub fn seat_count(&self) -> usize {
        self.sections.iter().map(Section::seat_count).sum()
    }

    /// All seats in geometry order: section by section, row by row. The index of a seat here is its seat index.
    pub fn seats(&self) -> impl Iterator<Item = SeatRef<'_>> {
        self.sections.iter().enumerate().flat_map(|(section_index, section)| {
            section.rows.iter().flat_map(move |row| {
                row.seats.iter().map(move |seat| SeatRef { section_index, section, row, seat })
            })
        })
    }
}

impl Section {
    /// How many seats the section has. Its seats stand side by side in geometry order.
    #[must_use]
    pub fn seat_count(&self) -> usize {
        self.rows.iter().map(|row| row.seats.len()).sum()
    }
}
