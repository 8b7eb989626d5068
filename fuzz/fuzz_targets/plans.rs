//! Every seating plan that is read keeps the limits, and reads the same after it was written.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tmcore::seating::{
    Geometry, MAX_AREA_POINTS, MAX_AREAS, MAX_CATEGORIES, MAX_COORDINATE, MAX_LABEL_CHARS, MAX_NAME_CHARS,
    MAX_SEATS, MAX_SECTIONS, Rows, SeatingPlan, Shape, Wish, parse, parse_value, to_pretix_json,
};
use tmcore::text::is_control;

fuzz_target!(|json: &[u8]| {
    let plan = match parse(json) {
        Ok(plan) => plan,
        Err(refusal) => return assert!(is_shown(&refusal.to_string(), 2_000), "{refusal}"),
    };
    within_limits(&plan);
    let written = to_pretix_json(&plan);
    assert_eq!(parse_value(&written).as_ref(), Ok(&plan), "written and read again it is another");
    assert_eq!(parse(written.to_string().as_bytes()).as_ref(), Ok(&plan));
    drawn(&plan);
    picked(&plan);
});

/// A text that a terminal shows and does not obey.
fn is_shown(text: &str, max_chars: usize) -> bool {
    text.chars().count() <= max_chars && !text.chars().any(is_control)
}

fn is_near(at: i32) -> bool {
    at.abs() <= MAX_COORDINATE
}

fn within_limits(plan: &SeatingPlan) {
    let count = plan.seat_count();
    assert!((1..=MAX_SEATS).contains(&count) && plan.sections.len() <= MAX_SECTIONS);
    assert!(plan.categories.len() <= MAX_CATEGORIES && plan.areas.len() <= MAX_AREAS);
    assert!(is_shown(&plan.name, MAX_NAME_CHARS));
    assert!(
        plan.categories
            .iter()
            .all(|one| is_shown(&one.name, MAX_NAME_CHARS) && is_shown(&one.color, MAX_LABEL_CHARS))
    );
    let names: HashSet<_> = plan.sections.iter().map(|section| &section.name).collect();
    assert!(names.len() == plan.sections.len(), "two sections of one name");
    assert!(names.iter().all(|name| !name.trim().is_empty() && name.chars().count() <= MAX_NAME_CHARS + 16));
    let ids: HashSet<_> = plan.seats().map(|one| &one.seat.id).collect();
    assert_eq!(ids.len(), count, "two seats of one id");
    for one in plan.seats() {
        assert!(
            is_near(one.seat.x)
                && is_near(one.seat.y)
                && usize::from(one.seat.category) < plan.categories.len()
        );
        assert!(is_shown(&one.row.label, MAX_LABEL_CHARS) && is_shown(&one.seat.number, MAX_LABEL_CHARS));
    }
    for area in &plan.areas {
        assert!(area.label.as_ref().is_none_or(|label| is_shown(label, MAX_NAME_CHARS)));
        if let Shape::Polygon { points } = &area.shape {
            assert!((3..=MAX_AREA_POINTS).contains(&points.len()));
            assert!(points.iter().all(|point| is_near(point.x) && is_near(point.y)));
        }
    }
}

fn drawn(plan: &SeatingPlan) {
    let geometry = Geometry::of(plan);
    assert_eq!(geometry.seats.len(), plan.seat_count());
    assert!(geometry.seats.iter().all(|seat| geometry.bounds.contains(*seat)));
    let mut next = 0;
    for section in &geometry.sections {
        assert_eq!(section.seats.start, next);
        assert!(section.seats.clone().all(|seat| section.bounds.contains(geometry.seats[seat])));
        next = section.seats.end;
    }
    assert_eq!(next, plan.seat_count());
}

/// The best seats are there, free, distinct, and of one row.
fn picked(plan: &SeatingPlan) {
    let rows = Rows::of(plan);
    let is_free = |seat: usize| seat % 5 != 2;
    for count in [0, 1, 2, 4] {
        let wish = Wish { count, ..Wish::default() };
        let best = rows.best(is_free, &wish);
        assert_eq!(best, rows.all(is_free, &wish).first().cloned(), "there is a better one");
        let Some(best) = best else { continue };
        assert_eq!(best.len(), usize::from(count));
        assert!(best.iter().all(|seat| *seat < plan.seat_count() && is_free(*seat)));
        assert_eq!(best.iter().collect::<HashSet<_>>().len(), best.len());
        if let Some(other) = rows.alternative(is_free, best[0], &best) {
            assert!(other < plan.seat_count() && is_free(other) && !best.contains(&other));
        }
    }
}
