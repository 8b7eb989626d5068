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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tmcore::seating::{Shape, Wish};

    use super::*;

    fn map() -> Value {
        let row = |name: &str, count: usize, level: u16, y: i32| {
            let ids: Vec<_> = (1..=count).map(|n| format!("{name}-{n}")).collect();
            let numbers: Vec<_> = (1..=count).map(|n| n.to_string()).collect();
            let x: Vec<_> = (0..count).map(|n| 20 * n).collect();
            json!({"row": name, "ids": ids, "numbers": numbers, "x": x, "y": vec![y; count], "levels": vec![level; count],
                "accessible": [0]})
        };
        let price = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        json!({"eventId": "E1", "width": 10, "height": 10, "seatCount": 9,
            "priceLevels": [{"name": "Cheap", "color": "#000000", "price": price(1_000), "seats": 5},
                {"name": "Dear", "color": "#ffffff", "price": price(5_000), "seats": 4}],
            "sections": [{"name": "Hall", "offset": 0, "seatCount": 9, "rows": [row("A", 5, 0, 40), row("B", 4, 1, 80)]}],
            "areas": [{"shape": "circle", "center": {"x": 1, "y": -2}, "radius": 3, "label": "Stage"},
                {"shape": "hypercube", "edge": 4}]})
    }

    fn read(map: Value) -> SeatMapView {
        serde_json::from_value(map).unwrap()
    }

    #[test]
    fn the_plan_has_what_the_map_has_and_the_dearest_are_the_best() {
        let map = read(map());
        let plan = map.plan().unwrap();
        let seat = plan.seats().nth(6).unwrap();
        assert_eq!(
            (seat.section.name.as_str(), seat.row.label.as_str(), seat.seat.id.as_str()),
            ("Hall", "B", "B-2")
        );
        assert_eq!((seat.seat.x, seat.seat.y, seat.seat.category, seat.seat.accessible), (20, 80, 1, false));
        assert!(plan.seats().nth(5).unwrap().seat.accessible);
        // A shape of a newer daemon is not drawn.
        assert_eq!(plan.areas.len(), 1);
        assert!(matches!(plan.areas[0].shape, Shape::Circle { radius: 3, .. }));
        let best = map.rows(&plan).best(|_| true, &Wish { count: 1, ..Wish::default() });
        assert_eq!(best, Some(vec![8]), "of the dear ones, no wheelchair place, nobody left alone");
    }

    #[test]
    fn a_map_that_contradicts_itself_is_refused() {
        let faults: [(&str, Value); 9] = [
            ("/sections/0/rows/1/x", json!([1, 2, 3])),
            ("/sections/0/rows/1/y", json!([1, 2, 3, 4, 5])),
            ("/sections/0/rows/1/levels/0", json!(2)),
            ("/sections/0/rows/1/numbers", json!([])),
            ("/sections/0/rows/1/x/3", json!(1_000_001)),
            ("/sections/0/rows/1/y/0", json!(i32::MIN)),
            ("/sections/0/rows/1/accessible", json!([4])),
            ("/sections/0/offset", json!(1)),
            ("/sections/0/seatCount", json!(8)),
        ];
        for (at, value) in faults {
            let mut map = map();
            *map.pointer_mut(at).unwrap() = value;
            let error = read(map).plan().unwrap_err();
            let row = if at.contains("rows") { "B" } else { "" };
            assert_eq!((error.section.as_str(), error.row.as_str()), ("Hall", row), "{at}");
        }
    }
}
