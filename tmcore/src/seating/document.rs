//! The seating-plan JSON of pretix, as far as it is used here. What a plan carries beyond it is passed over.
//!
//! Source: `seating-plan.schema.json` in <https://github.com/pretix/pretix>.
#![expect(clippy::struct_field_names, reason = "fields are named as the schema names them")]

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) size: Extent,
    pub(super) categories: Vec<Category>,
    pub(super) zones: Vec<Zone>,
}

#[derive(Deserialize)]
pub(super) struct Extent {
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) color: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Position {
    pub(super) x: f64,
    pub(super) y: f64,
}

#[derive(Deserialize)]
pub(super) struct Zone {
    pub(super) name: Option<String>,
    pub(super) zone_id: Option<String>,
    pub(super) position: Position,
    pub(super) rows: Vec<Row>,
    #[serde(default)]
    pub(super) areas: Vec<Area>,
}

#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) row_number: Option<String>,
    pub(super) row_label: Option<String>,
    #[serde(default)]
    pub(super) position: Position,
    pub(super) seats: Vec<Seat>,
}

#[derive(Deserialize)]
pub(super) struct Seat {
    pub(super) seat_guid: String,
    pub(super) seat_number: String,
    pub(super) position: Position,
    pub(super) category: String,
    /// Not of pretix, which has no word for it.
    #[serde(default)]
    pub(super) accessible: bool,
}

#[derive(Deserialize)]
pub(super) struct Area {
    pub(super) shape: ShapeName,
    #[serde(default)]
    pub(super) position: Position,
    /// Degrees clockwise around `position`.
    #[serde(default)]
    pub(super) rotation: f64,
    pub(super) text: Option<Text>,
    pub(super) polygon: Option<Polygon>,
    pub(super) rectangle: Option<Extent>,
    pub(super) circle: Option<Circle>,
    pub(super) ellipse: Option<Ellipse>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum ShapeName {
    Polygon,
    Rectangle,
    Circle,
    Ellipse,
    Text,
}

// By hand, since the derived reader takes another type than a string for broken JSON.
impl TryFrom<String> for ShapeName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "polygon" => Ok(Self::Polygon),
            "rectangle" => Ok(Self::Rectangle),
            "circle" => Ok(Self::Circle),
            "ellipse" => Ok(Self::Ellipse),
            "text" => Ok(Self::Text),
            _ => Err("unknown shape; expected polygon, rectangle, circle, ellipse or text"),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Text {
    pub(super) text: String,
    #[serde(default)]
    pub(super) position: Position,
}

#[derive(Deserialize)]
pub(super) struct Polygon {
    pub(super) points: Vec<Position>,
}

#[derive(Deserialize)]
pub(super) struct Circle {
    pub(super) radius: f64,
}

#[derive(Deserialize)]
pub(super) struct Ellipse {
    /// The two half axes.
    pub(super) radius: Position,
}
