//! Writing a plan as the seating-plan JSON of pretix.

use serde_json::{Value, json};

use super::{Area, Point, Row, Seat, SeatingPlan, Section, Shape};

/// The plan as the seating-plan JSON of pretix, fit to be edited and read again by [`parse`](super::parse).
///
/// Seats are placed from their row, rows from their zone, areas from the first zone. The field `accessible`, written
/// where it is true, is ours: pretix refuses a plan that carries it.
#[must_use]
pub fn to_pretix_json(plan: &SeatingPlan) -> Value {
    let categories = plan.categories.iter().map(|c| json!({"name": c.name, "color": c.color}));
    let mut areas = plan.areas.as_slice();
    let zones = plan.sections.iter().map(|section| zone(plan, section, std::mem::take(&mut areas)));
    json!({
        "name": plan.name,
        "size": {"width": plan.size.width, "height": plan.size.height},
        "categories": categories.collect::<Vec<_>>(),
        "zones": zones.collect::<Vec<_>>(),
    })
}

fn zone(plan: &SeatingPlan, section: &Section, areas: &[Area]) -> Value {
    let seats = || section.rows.iter().flat_map(|row| &row.seats);
    let origin = Point {
        x: seats().map(|seat| seat.x).min().unwrap_or_default(),
        y: seats().map(|seat| seat.y).min().unwrap_or_default(),
    };
    json!({
        "name": section.name,
        "position": position(origin),
        "rows": section.rows.iter().map(|row| row_from(plan, row, origin)).collect::<Vec<_>>(),
        "areas": areas.iter().map(|drawn| area_from(drawn, origin)).collect::<Vec<_>>(),
    })
}

fn row_from(plan: &SeatingPlan, row: &Row, zone: Point) -> Value {
    let origin = row.seats.first().map_or(zone, seat_point);
    json!({
        "row_number": row.label,
        "row_number_position": "both",
        "position": from(origin, zone),
        "seats": row.seats.iter().map(|seat| seat_from(plan, seat, origin)).collect::<Vec<_>>(),
    })
}

fn seat_from(plan: &SeatingPlan, seat: &Seat, row: Point) -> Value {
    let category = plan.categories.get(usize::from(seat.category)).map(|category| &category.name);
    let mut written = json!({
        "seat_guid": seat.id,
        "seat_number": seat.number,
        "position": from(seat_point(seat), row),
        "category": category,
    });
    if seat.accessible {
        written["accessible"] = Value::Bool(true);
    }
    written
}

fn area_from(area: &Area, zone: Point) -> Value {
    let (at, name, outline) = match &area.shape {
        Shape::Polygon { points } => {
            let at = points.first().copied().unwrap_or(zone);
            (at, "polygon", json!({"points": points.iter().map(|p| from(*p, at)).collect::<Vec<_>>()}))
        }
        Shape::Rectangle { corner, size } => {
            (*corner, "rectangle", json!({"width": size.width, "height": size.height}))
        }
        Shape::Circle { center, radius } => (*center, "circle", json!({"radius": radius})),
        Shape::Ellipse { center, radius_x, radius_y } => {
            (*center, "ellipse", json!({"radius": {"x": radius_x, "y": radius_y}}))
        }
        Shape::Text { at } => (*at, "text", Value::Null),
    };
    let mut written = json!({
        "shape": name,
        "position": from(at, zone),
        "rotation": 0,
        "color": "#dddddd",
        "border_color": "#999999",
    });
    if !outline.is_null() {
        written[name] = outline;
    }
    if let Some(label) = &area.label {
        let middle = from(area.shape.middle(), at);
        written["text"] = json!({"text": label, "color": "#333333", "size": 16, "position": middle});
    }
    written
}

fn seat_point(seat: &Seat) -> Point {
    Point { x: seat.x, y: seat.y }
}

/// `point` as seen from `origin`. What is drawn may come from another program and stand anywhere.
fn from(point: Point, origin: Point) -> Value {
    position(Point { x: point.x.saturating_sub(origin.x), y: point.y.saturating_sub(origin.y) })
}

fn position(point: Point) -> Value {
    json!({"x": point.x, "y": point.y})
}
