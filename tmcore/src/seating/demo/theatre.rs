//! A playhouse: stalls and circle on curved rows around the stage, boxes along the walls.

use super::stretch::{Spot, Stretch, on_circle};
use super::{Fit, Priced, labelled, listed, rectangle, row};
use crate::seating::{Area, Point, Row, SeatingPlan, Section, Shape, Size};

const PREMIUM: u16 = 0;
const STALLS: u16 = 1;
const CIRCLE: u16 = 2;
const BOX: u16 = 3;
const RESTRICTED: u16 = 4;

pub(super) const CATEGORIES: [Priced; 5] = [
    Priced { name: "Premium", color: "#D55E00", price: 11_900 },
    Priced { name: "Stalls", color: "#0072B2", price: 8_900 },
    Priced { name: "Circle", color: "#009E73", price: 6_400 },
    Priced { name: "Box", color: "#CC79A7", price: 9_900 },
    Priced { name: "Restricted View", color: "#E69F00", price: 3_900 },
];

/// All rows are pieces of circles around this point behind the stage.
const CENTER: Spot = (840.0, -400.0);
const SEAT_PITCH: f64 = 24.0;
const WHEELCHAIR_PITCH: f64 = 40.0;
const ROW_PITCH: f64 = 31.0;
const AISLE: f64 = 52.0;
const STALLS_ROWS: u32 = 20;
/// The sound desk stands in the place of some seats of the three rows before the last: corner, width, height.
const DESK: (Point, i32, i32) = (Point { x: 765, y: 785 }, 150, 85);
const DESK_FROM_ROW: u32 = 17;
const CIRCLE_ROWS: u32 = 7;
const BOXES_A_SIDE: u32 = 6;

/// A part of the house between two aisles that run away from the stage, from left to right for who faces it.
struct Fan {
    code: &'static str,
    name: &'static str,
    from_degrees: f64,
    to_degrees: f64,
}

const STALLS_FANS: [Fan; 3] = [
    Fan { code: "B", name: "Stalls Left", from_degrees: 122.0, to_degrees: 102.0 },
    Fan { code: "A", name: "Stalls Centre", from_degrees: 102.0, to_degrees: 78.0 },
    Fan { code: "C", name: "Stalls Right", from_degrees: 78.0, to_degrees: 58.0 },
];

const CIRCLE_FANS: [Fan; 3] = [
    Fan { code: "E", name: "Circle Left", from_degrees: 121.0, to_degrees: 101.0 },
    Fan { code: "D", name: "Circle Centre", from_degrees: 101.0, to_degrees: 79.0 },
    Fan { code: "F", name: "Circle Right", from_degrees: 79.0, to_degrees: 59.0 },
];

/// The theatre: about 1,200 seats.
#[must_use]
pub fn plan() -> SeatingPlan {
    let stalls = STALLS_FANS.iter().map(|fan| section(fan, (1..=STALLS_ROWS).map(|n| stalls_row(fan, n))));
    let circle = CIRCLE_FANS.iter().map(|fan| section(fan, (1..=CIRCLE_ROWS).map(|n| circle_row(fan, n))));
    let boxes = [boxes("G", "Boxes Left", 1.0), boxes("H", "Boxes Right", -1.0)];
    SeatingPlan {
        name: "Kingfisher Theatre".to_owned(),
        size: Size { width: 1680, height: 1260 },
        categories: listed(&CATEGORIES),
        sections: stalls.chain(circle).chain(boxes).collect(),
        areas: areas(),
    }
}

fn section(fan: &Fan, rows: impl Iterator<Item = Row>) -> Section {
    Section { name: fan.name.to_owned(), rows: rows.collect() }
}

fn arc(fan: &Fan, radius: f64) -> Stretch {
    Stretch::Arc { center: CENTER, radius, from: fan.from_degrees, to: fan.to_degrees }
}

fn stalls_row(fan: &Fan, number: u32) -> Row {
    let stretch = arc(fan, 700.0 + ROW_PITCH * f64::from(number - 1));
    let centre = fan.code == "A";
    // The last row on both sides is level with the doors: it takes the wheelchairs.
    let accessible = number == STALLS_ROWS && !centre;
    let pitch = if accessible { WHEELCHAIR_PITCH } else { SEAT_PITCH };
    let category = match number {
        1..=2 if !centre => RESTRICTED,
        3..=12 if centre => PREMIUM,
        _ => STALLS,
    };
    let beside_desk = |place: &Point| {
        number == STALLS_ROWS
            || number < DESK_FROM_ROW
            || (place.x - DESK.0.x - DESK.1 / 2).abs() > DESK.1 / 2 + 10
    };
    let places = stretch.places(pitch, AISLE).filter(|(_, place)| beside_desk(place));
    row(fan.code, number, Fit { category, accessible }, places)
}

fn circle_row(fan: &Fan, number: u32) -> Row {
    let stretch = arc(fan, 1400.0 + ROW_PITCH * f64::from(number - 1));
    let last = number == CIRCLE_ROWS && fan.code != "D";
    let fit = Fit { category: if last { RESTRICTED } else { CIRCLE }, accessible: false };
    row(fan.code, number, fit, stretch.places(SEAT_PITCH, AISLE))
}

/// Boxes of two by two seats, the first one nearest to the stage; `side` is 1 on the left, -1 on the right.
fn boxes(code: &str, name: &str, side: f64) -> Section {
    let row_of = |number: u32| {
        let radius = 730.0 + 92.0 * f64::from(number - 1);
        let seat = |(depth, back): (f64, f64)| {
            let degrees = 35.0 + (30.0 * back / radius).to_degrees();
            on_circle(CENTER, radius + 28.0 * depth, 90.0 + side * degrees)
        };
        let seats = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(seat);
        row(code, number, Fit { category: BOX, accessible: false }, (1..).zip(seats))
    };
    Section { name: name.to_owned(), rows: (1..=BOXES_A_SIDE).map(row_of).collect() }
}

fn areas() -> Vec<Area> {
    let corners = [(580, 50), (1100, 50), (1170, 190), (510, 190)];
    let stage = Shape::Polygon { points: corners.map(|(x, y)| Point { x, y }).to_vec() };
    let desk = rectangle(DESK.0, DESK.1, DESK.2);
    vec![labelled(stage, "Stage"), labelled(desk, "Sound")]
}
