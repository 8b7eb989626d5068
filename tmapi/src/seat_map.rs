//! The geometry of an event's seats. It never changes once seats are imported, so it may be cached for ever.

use serde::{Deserialize, Serialize};
use tmcore::seating::{Area, Category, MAX_COORDINATE, Row, Rows, Seat, SeatingPlan, Section, Size};
use tmcore::{EventId, SeatId};
use utoipa::ToSchema;

use crate::event::PriceLevelView;

/// All seats in geometry order: the place of a seat in this order is its index in availability and deltas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeatMapView {
    /// The event.
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// Width of the plan, plan units.
    pub width: i32,
    /// Height of the plan, plan units.
    pub height: i32,
    /// How many seats there are.
    pub seat_count: u32,
    /// What `level` of a seat points into.
    pub price_levels: Vec<PriceLevelView>,
    /// The sections, in order.
    pub sections: Vec<SectionView>,
    /// Shapes that are no seats: the stage, a pitch.
    #[schema(value_type = Vec<Object>)]
    pub areas: Vec<serde_json::Value>,
}

/// A section and its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SectionView {
    /// Its name.
    pub name: String,
    /// The index of its first seat.
    pub offset: u32,
    /// How many seats it has.
    pub seat_count: u32,
    /// Its rows, in order.
    pub rows: Vec<RowView>,
}

/// A row, its seats as columns of equal length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowView {
    /// The row's label.
    pub row: String,
    /// Seat ids.
    #[schema(value_type = Vec<String>)]
    pub ids: Vec<SeatId>,
    /// Seat numbers as printed on a ticket.
    pub numbers: Vec<String>,
    /// Positions, plan units.
    pub x: Vec<i32>,
    /// Positions, plan units.
    pub y: Vec<i32>,
    /// Price levels, as places in `priceLevels`.
    pub levels: Vec<u16>,
    /// Places in this row that are for wheelchairs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessible: Vec<u16>,
}

/// A seat map that contradicts itself: no daemon of ours sends one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seat map contradicts itself in section `{section}`, row `{row}`")]
pub struct BadSeatMap {
    /// The section's name.
    pub section: String,
    /// The row's label; empty when the section itself is at odds.
    pub row: String,
}

impl SeatMapView {
    /// The plan behind the map, to draw it and to pick seats by the core's rules. Its categories are the price
    /// levels, in order; areas of a shape that this version does not know are left out.
    ///
    /// # Errors
    /// [`BadSeatMap`] when columns of a row differ in length, a level does not exist, a seat stands beyond
    /// [`MAX_COORDINATE`], or counts do not add up.
    pub fn plan(&self) -> Result<SeatingPlan, BadSeatMap> {
        let mut next = 0;
        let mut sections = Vec::with_capacity(self.sections.len());
        for section in &self.sections {
            let rows = section.rows.iter().map(|row| {
                let refuse = || BadSeatMap { section: section.name.clone(), row: row.row.clone() };
                row.plan(self.price_levels.len()).ok_or_else(refuse)
            });
            let read = Section { name: section.name.clone(), rows: rows.collect::<Result<_, _>>()? };
            let count = u32::try_from(read.seat_count()).unwrap_or(u32::MAX);
            if (section.offset, section.seat_count) != (next, count) {
                return Err(BadSeatMap { section: section.name.clone(), row: String::new() });
            }
            next = next.saturating_add(count);
            sections.push(read);
        }
        let category =
            |level: &PriceLevelView| Category { name: level.name.clone(), color: level.color.clone() };
        let area = |area: &serde_json::Value| Area::deserialize(area).ok();
        Ok(SeatingPlan {
            name: self.event_id.to_string(),
            size: Size { width: self.width, height: self.height },
            categories: self.price_levels.iter().map(category).collect(),
            sections,
            areas: self.areas.iter().filter_map(area).collect(),
        })
    }

    /// The rows of [`Self::plan`], of which the dearest are the best.
    #[must_use]
    pub fn rows(&self, plan: &SeatingPlan) -> Rows {
        Rows::priced(plan, &self.price_levels.iter().map(|level| level.price.amount).collect::<Vec<_>>())
    }
}

impl RowView {
    fn plan(&self, levels: usize) -> Option<Row> {
        let count = self.ids.len();
        let columns = [self.numbers.len(), self.x.len(), self.y.len(), self.levels.len()];
        if columns.iter().any(|column| *column != count)
            || self.levels.iter().any(|level| usize::from(*level) >= levels)
            || self.x.iter().chain(&self.y).any(|at| at.unsigned_abs() > MAX_COORDINATE.unsigned_abs())
        {
            return None;
        }
        let seat = |place: usize| {
            Some(Seat {
                id: self.ids.get(place)?.clone(),
                number: self.numbers.get(place)?.clone(),
                x: *self.x.get(place)?,
                y: *self.y.get(place)?,
                category: *self.levels.get(place)?,
                accessible: false,
            })
        };
        let mut seats = (0..count).map(seat).collect::<Option<Vec<_>>>()?;
        for place in &self.accessible {
            seats.get_mut(usize::from(*place))?.accessible = true;
        }
        Some(Row { label: self.row.clone(), seats })
    }
}
