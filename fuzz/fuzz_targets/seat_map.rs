//! A seat map as any server may send it: what it makes is a plan that can be drawn and picked from, or it is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tmapi::seat_map::SeatMapView;
use tmcore::seating::{Geometry, MAX_COORDINATE, Wish, to_pretix_json};

fuzz_target!(|json: &[u8]| {
    let Ok(map) = serde_json::from_slice::<SeatMapView>(json) else { return };
    let mut read: SeatMapView = serde_json::from_slice(&serde_json::to_vec(&map).unwrap()).unwrap();
    // Shapes that are not known are kept as they came: a float may read as its neighbour after it was written anew.
    assert_eq!(read.areas.len(), map.areas.len());
    read.areas.clone_from(&map.areas);
    assert_eq!(read, map);
    let Ok(plan) = map.plan() else { return };
    let counted: usize = map.sections.iter().map(|section| section.seat_count as usize).sum();
    assert_eq!(plan.seat_count(), counted);
    for one in plan.seats() {
        assert!(usize::from(one.seat.category) < plan.categories.len());
        assert!(one.seat.x.abs() <= MAX_COORDINATE && one.seat.y.abs() <= MAX_COORDINATE);
    }
    let geometry = Geometry::of(&plan);
    assert!(geometry.seats.iter().all(|seat| geometry.bounds.contains(*seat)));
    let (_, _) = (geometry.bounds.middle(), plan.entrance(geometry.bounds.min));
    let _ = to_pretix_json(&plan);
    for area in &plan.areas {
        let _ = area.shape.middle();
    }
    let rows = map.rows(&plan);
    for count in [1, 3] {
        let wish = Wish { count, ..Wish::default() };
        let best = rows.best(|_| true, &wish);
        assert_eq!(best, rows.all(|_| true, &wish).first().cloned(), "there is a better one");
        assert!(best.iter().flatten().all(|seat| *seat < plan.seat_count()));
    }
});
