//! What is drawn on a plan beside its seats.

use serde::{Deserialize, Serialize};

use super::document::{self, Position, ShapeName};
use super::read::{Origin, read_length, read_text, rounded};
use super::refusal::Place;
use super::{MAX_AREA_POINTS, MAX_NAME_CHARS, PlanError, PlanFault, Point, Size};

/// A stage, a pitch, a bar: drawn, never sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Its outline.
    #[serde(flatten)]
    pub shape: Shape,
    /// What is written on it, in its middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An outline in plan units from the plan's origin. What was turned in the document is a polygon here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Shape {
    /// Straight lines around at least three points.
    Polygon {
        /// Its corners, in order.
        points: Vec<Point>,
    },
    /// Upright.
    Rectangle {
        /// Top left.
        corner: Point,
        /// Width and height.
        size: Size,
    },
    /// A circle.
    Circle {
        /// Its centre.
        center: Point,
        /// In plan units.
        radius: i32,
    },
    /// Upright.
    Ellipse {
        /// Its centre.
        center: Point,
        /// Half its width, in plan units.
        radius_x: i32,
        /// Half its height, in plan units.
        radius_y: i32,
    },
    /// No outline, only the label.
    Text {
        /// The middle of the label.
        at: Point,
    },
}

/// Corners of the polygon that stands for an ellipse.
const ELLIPSE_CORNERS: u8 = 32;

/// Reads an area of a zone at `origin`; none when it draws nothing.
pub(super) fn read(area: &document::Area, origin: Origin, place: &Place) -> Result<Option<Area>, PlanError> {
    let label = match &area.text {
        Some(text) if !text.text.trim().is_empty() => {
            Some(read_text(&text.text, MAX_NAME_CHARS, &place.field("text").field("text"))?)
        }
        _ => None,
    };
    let at = origin.plus(area.position, &place.field("position"))?;
    let turn = Turn { at, degrees: area.rotation };
    let shape = match area.shape {
        ShapeName::Polygon => polygon(area.polygon.as_ref(), turn, &place.field("polygon"))?,
        ShapeName::Rectangle => Some(rectangle(area.rectangle.as_ref(), turn, &place.field("rectangle"))?),
        ShapeName::Ellipse => Some(ellipse(area.ellipse.as_ref(), turn, &place.field("ellipse"))?),
        ShapeName::Circle => {
            let place = place.field("circle");
            let circle = area.circle.as_ref().ok_or_else(|| place.refuse(PlanFault::Missing))?;
            let radius = read_length(circle.radius, &place.field("radius"))?;
            Some(Shape::Circle { center: point(at), radius })
        }
        ShapeName::Text => match (&area.text, &label) {
            (Some(text), Some(_)) => {
                let place = place.field("text");
                Some(Shape::Text { at: turn.point(text.position, &place.field("position"))? })
            }
            _ => None,
        },
    };
    Ok(shape.map(|shape| Area { shape, label }))
}

/// A turn by `degrees`, clockwise around `at`.
#[derive(Clone, Copy)]
struct Turn {
    at: Origin,
    degrees: f64,
}

impl Turn {
    fn is_none(self) -> bool {
        self.degrees % 360.0 == 0.0
    }

    /// Where the point at `offset` comes to lie.
    fn point(self, offset: Position, place: &Place) -> Result<Point, PlanError> {
        if self.is_none() {
            return Ok(point(self.at.plus(offset, place)?));
        }
        // Clockwise for the eye, since y grows downwards.
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let turned = Position { x: offset.x * cos - offset.y * sin, y: offset.x * sin + offset.y * cos };
        Ok(point(self.at.plus(turned, place)?))
    }

    fn polygon(self, corners: impl Iterator<Item = (f64, f64)>, place: &Place) -> Result<Shape, PlanError> {
        let points = corners.map(|(x, y)| self.point(Position { x, y }, place));
        Ok(Shape::Polygon { points: points.collect::<Result<_, _>>()? })
    }
}

fn polygon(
    polygon: Option<&document::Polygon>,
    turn: Turn,
    place: &Place,
) -> Result<Option<Shape>, PlanError> {
    let points = &polygon.ok_or_else(|| place.refuse(PlanFault::Missing))?.points;
    if points.len() > MAX_AREA_POINTS {
        let fault = PlanFault::TooMany { what: "points", max: MAX_AREA_POINTS };
        return Err(place.field("points").refuse(fault));
    }
    if points.len() < 3 {
        return Ok(None);
    }
    let points = points.iter().enumerate().map(|(i, offset)| turn.point(*offset, &place.item("points", i)));
    Ok(Some(Shape::Polygon { points: points.collect::<Result<_, _>>()? }))
}

fn rectangle(extent: Option<&document::Extent>, turn: Turn, place: &Place) -> Result<Shape, PlanError> {
    let extent = extent.ok_or_else(|| place.refuse(PlanFault::Missing))?;
    let width = read_length(extent.width, &place.field("width"))?;
    let height = read_length(extent.height, &place.field("height"))?;
    if turn.is_none() {
        return Ok(Shape::Rectangle { corner: point(turn.at), size: Size { width, height } });
    }
    let (w, h) = (extent.width, extent.height);
    turn.polygon([(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].into_iter(), place)
}

fn ellipse(ellipse: Option<&document::Ellipse>, turn: Turn, place: &Place) -> Result<Shape, PlanError> {
    let radius = ellipse.ok_or_else(|| place.refuse(PlanFault::Missing))?.radius;
    let place = place.field("radius");
    let radius_x = read_length(radius.x, &place.field("x"))?;
    let radius_y = read_length(radius.y, &place.field("y"))?;
    if turn.is_none() {
        return Ok(Shape::Ellipse { center: point(turn.at), radius_x, radius_y });
    }
    let corners = ellipse_angles().map(|angle| (radius.x * angle.cos(), radius.y * angle.sin()));
    turn.polygon(corners, &place)
}

/// The angles at which the corners of a polygon stand that is drawn for an ellipse.
fn ellipse_angles() -> impl Iterator<Item = f64> {
    (0..ELLIPSE_CORNERS).map(|corner| std::f64::consts::TAU * f64::from(corner) / f64::from(ELLIPSE_CORNERS))
}

/// The corners of the polygon that is drawn for an upright ellipse.
pub(super) fn corners_of_ellipse(center: Point, radius_x: i32, radius_y: i32) -> Vec<Point> {
    let on = |middle: i32, radius: i32, part: f64| rounded(f64::from(middle) + f64::from(radius) * part);
    let corner =
        |angle: f64| Point { x: on(center.x, radius_x, angle.cos()), y: on(center.y, radius_y, angle.sin()) };
    ellipse_angles().map(corner).collect()
}

fn point(origin: Origin) -> Point {
    let (x, y) = origin.rounded();
    Point { x, y }
}

impl Shape {
    /// The middle of the shape, where its label is written.
    #[must_use]
    pub fn middle(&self) -> Point {
        match self {
            Self::Polygon { points } => {
                let mean = |axis: fn(&Point) -> i32| {
                    let count = u32::try_from(points.len().max(1)).map_or(f64::MAX, f64::from);
                    rounded(points.iter().map(|p| f64::from(axis(p))).sum::<f64>() / count)
                };
                Point { x: mean(|p| p.x), y: mean(|p| p.y) }
            }
            Self::Rectangle { corner, size } => {
                // Of an area that was read here the sum is small; what another program sends may stand anywhere.
                Point {
                    x: corner.x.saturating_add(size.width / 2),
                    y: corner.y.saturating_add(size.height / 2),
                }
            }
            Self::Circle { center, .. } | Self::Ellipse { center, .. } => *center,
            Self::Text { at } => *at,
        }
    }
}
