use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::*;

/// A field of a document: how to get there, and what a refusal calls it.
#[derive(Clone, Debug)]
struct Spot {
    pointer: String,
    place: String,
}

/// Every value of a document that a plan depends on.
fn spots(value: &Value, at: &Spot, found: &mut Vec<Spot>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if at.place.is_empty() { "" } else { "." };
                let spot = Spot {
                    pointer: format!("{}/{name}", at.pointer),
                    place: format!("{}{dot}{name}", at.place),
                };
                found.push(spot.clone());
                spots(value, &spot, found);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                let spot =
                    Spot { pointer: format!("{}/{i}", at.pointer), place: format!("{}[{i}]", at.place) };
                spots(value, &spot, found);
            }
        }
        _ => {}
    }
}

fn all_spots(document: &Value) -> Vec<Spot> {
    let mut found = Vec::new();
    spots(document, &Spot { pointer: String::new(), place: String::new() }, &mut found);
    found
}

/// The last field's name of a pointer.
fn field(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap()
}

const IGNORED: [&str; 6] = ["row_number_position", "radius", "border_color", "size", "rotation", "color"];

fn coordinate() -> impl Strategy<Value = i32> {
    prop_oneof![-2_000..2_000, Just(MAX_COORDINATE), Just(-MAX_COORDINATE)]
}

fn point() -> impl Strategy<Value = Point> {
    (coordinate(), coordinate()).prop_map(|(x, y)| Point { x, y })
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-zäé(){}\"\\\\/ ]{0,8}[a-zß0-9]"
}

fn area() -> impl Strategy<Value = Area> {
    let length = || 1..=MAX_COORDINATE;
    let shape = prop_oneof![
        prop::collection::vec(point(), 3..6).prop_map(|points| Shape::Polygon { points }),
        (point(), length(), length())
            .prop_map(|(corner, width, height)| Shape::Rectangle { corner, size: Size { width, height } }),
        (point(), length()).prop_map(|(center, radius)| Shape::Circle { center, radius }),
        (point(), length(), length()).prop_map(|(center, radius_x, radius_y)| Shape::Ellipse {
            center,
            radius_x,
            radius_y
        }),
        point().prop_map(|at| Shape::Text { at }),
    ];
    (shape, name(), any::<bool>()).prop_map(|(shape, label, labelled)| {
        let labelled = labelled || matches!(shape, Shape::Text { .. });
        Area { shape, label: labelled.then_some(label) }
    })
}

/// Rows as labels and seats as (number, place, category, accessible); ids are given afterwards.
fn section(categories: u16) -> impl Strategy<Value = Section> {
    let seat = ("[0-9]{1,3}[a-z]?", point(), 0..categories, any::<bool>());
    let row = (name(), prop::collection::vec(seat, 1..5));
    (name(), prop::collection::vec(row, 1..4)).prop_map(|(name, rows)| {
        let rows = rows.into_iter().map(|(label, seats)| {
            let seats = seats.into_iter().map(|(number, Point { x, y }, category, accessible)| {
                let id = "unset".parse().unwrap();
                Seat { id, number, x, y, category, accessible }
            });
            Row { label, seats: seats.collect() }
        });
        Section { name, rows: rows.collect() }
    })
}

fn plan() -> impl Strategy<Value = SeatingPlan> {
    let categories = prop::collection::btree_map(name(), "#[0-9a-f]{6}", 1..4);
    let categories =
        categories.prop_map(|named| named.into_iter().map(|(name, color)| Category { name, color }));
    let categories = categories.prop_map(Iterator::collect::<Vec<_>>);
    let parts = categories.prop_flat_map(|categories| {
        let sections = prop::collection::vec(section(u16::try_from(categories.len()).unwrap()), 1..4);
        (name(), (1..5_000, 1..5_000), Just(categories), sections, prop::collection::vec(area(), 0..4))
    });
    parts.prop_map(|(name, (width, height), categories, mut sections, areas)| {
        let mut names = HashSet::new();
        sections.retain(|section| names.insert(section.name.clone()));
        let seats = sections.iter_mut().flat_map(|section| &mut section.rows).flat_map(|row| &mut row.seats);
        for (i, seat) in seats.enumerate() {
            seat.id = format!("é-{i}").parse().unwrap();
        }
        SeatingPlan { name, size: Size { width, height }, categories, sections, areas }
    })
}

fn read(document: &Value) -> Result<SeatingPlan, PlanError> {
    parse(document.to_string().as_bytes())
}

/// The refusal of the demo document with one value replaced.
fn refused(pointer: &str, value: Value) -> PlanError {
    let mut document = sample();
    *document.pointer_mut(pointer).unwrap() = value;
    read(&document).unwrap_err()
}

/// Two zones, 2 + 1 rows, 2 seats each.
fn sample() -> Value {
    let row = |zone: &str, row: &str| {
        let seat = |n: u8| {
            serde_json::json!({
                "seat_guid": format!("{zone}-{row}-{n}"), "seat_number": n.to_string(),
                "position": {"x": 20 * n, "y": 0}, "category": "Front", "uuid": "unused",
            })
        };
        serde_json::json!({"row_number": row, "position": {"x": 0.4, "y": 30}, "seats": [seat(1), seat(2)]})
    };
    serde_json::json!({
        "name": "Sample", "size": {"width": 600, "height": 400},
        "categories": [{"name": "Front", "color": "#000"}, {"name": "Upper"}],
        "zones": [
            {"name": "A", "position": {"x": 10, "y": 10}, "rows": [row("A", "1"), row("A", "2")]},
            {"name": "B", "position": {"x": -300.2, "y": 10}, "rows": [row("B", "1")], "areas": []},
        ],
    })
}

proptest! {
    #[test]
    fn a_plan_reads_back_as_it_was_written(plan in plan()) {
        prop_assert_eq!(read(&to_pretix_json(&plan)), Ok(plan));
    }

    #[test]
    fn a_document_without_a_needed_field_is_refused_at_that_field(plan in plan(), pick: Index) {
        let mut document = to_pretix_json(&plan);
        let optional = ["areas", "text", "row_number", "accessible", "position"];
        let needed: Vec<_> = all_spots(&document)
            .into_iter()
            .filter(|spot| {
                let name = field(&spot.pointer);
                let is_zone_name = name == "name" && spot.pointer.starts_with("/zones");
                let is_place_of_seat = name == "position" && spot.pointer.contains("/seats/");
                let dispensable = optional.contains(&name) && !is_place_of_seat || is_zone_name;
                !dispensable && (spot.pointer == "/size" || !IGNORED.contains(&name) || spot.pointer.contains("/circle/"))
                    && !spot.pointer.contains("/text/position")
            })
            .collect();
        let spot = pick.get(&needed);
        let (owner, name) = spot.pointer.rsplit_once('/').unwrap();
        document.pointer_mut(owner).unwrap().as_object_mut().unwrap().remove(name);
        let place = spot.place.clone();
        prop_assert_eq!(read(&document), Err(PlanError { place, fault: PlanFault::Missing }));
    }

    #[test]
    fn a_value_of_another_type_is_refused_where_it_stands(plan in plan(), pick: Index) {
        let mut document = to_pretix_json(&plan);
        let read_fields: Vec<_> = all_spots(&document)
            .into_iter()
            .filter(|spot| {
                let name = field(&spot.pointer);
                !IGNORED.contains(&name) && !spot.pointer.contains("/text/size")
            })
            .collect();
        let spot = pick.get(&read_fields);
        let value = document.pointer_mut(&spot.pointer).unwrap();
        *value = match value {
            Value::String(_) => Value::from(7),
            Value::Number(_) => Value::from("7"),
            _ => Value::from("true"),
        };
        let error = read(&document).unwrap_err();
        prop_assert_eq!(&error.place, &spot.place);
        prop_assert!(matches!(error.fault, PlanFault::WrongType { .. }), "{}", error);
    }

    #[test]
    fn a_seat_id_given_twice_is_refused_at_the_second(plan in plan(), pick: (Index, Index)) {
        let mut document = to_pretix_json(&plan);
        let mut guids = all_spots(&document);
        guids.retain(|spot| field(&spot.pointer) == "seat_guid");
        let (a, b) = (pick.0.index(guids.len()), pick.1.index(guids.len()));
        prop_assume!(a != b);
        let (first, second) = (&guids[a.min(b)], &guids[a.max(b)]);
        let id = document.pointer(&first.pointer).unwrap().clone();
        *document.pointer_mut(&second.pointer).unwrap() = id.clone();
        let id = id.as_str().unwrap().parse().unwrap();
        let fault = PlanFault::DuplicateSeat { id, first: first.place.clone() };
        prop_assert_eq!(read(&document), Err(PlanError { place: second.place.clone(), fault }));
    }

    #[test]
    fn a_seat_of_an_unknown_category_is_refused_there(plan in plan(), pick: Index, name in "[A-Z]{3}") {
        let mut document = to_pretix_json(&plan);
        let mut categories = all_spots(&document);
        categories.retain(|spot| field(&spot.pointer) == "category");
        let spot = pick.get(&categories);
        *document.pointer_mut(&spot.pointer).unwrap() = Value::from(name.as_str());
        let known = plan.categories.iter().map(|category| category.name.clone()).collect();
        let fault = PlanFault::UnknownCategory { name, known };
        prop_assert_eq!(read(&document), Err(PlanError { place: spot.place.clone(), fault }));
    }

    #[test]
    fn a_document_cut_off_anywhere_is_refused(plan in plan(), cut: Index) {
        let text = to_pretix_json(&plan).to_string();
        let text = &text.as_bytes()[..cut.index(text.len())];
        let error = parse(text).unwrap_err();
        prop_assert!(matches!(error.fault, PlanFault::NotJson { .. }), "{}", error);
    }

    #[test]
    fn no_damage_to_a_document_makes_the_reader_panic(plan in plan(), damage: Vec<(Index, u8)>) {
        let mut text = to_pretix_json(&plan).to_string().into_bytes();
        for (at, byte) in damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().chars().any(char::is_control), "{}", error);
        }
    }
}

#[test]
fn positions_of_zone_row_and_seat_add_up_and_are_rounded() {
    let plan = read(&sample()).unwrap();
    let seats: Vec<_> =
        plan.seats().map(|at| (at.section_index, at.seat.id.as_str(), at.seat.x, at.seat.y)).collect();
    assert_eq!(seats.len(), plan.seat_count());
    assert_eq!(seats[0], (0, "A-1-1", 30, 40));
    assert_eq!(seats[5], (1, "B-1-2", -260, 40));
    assert_eq!(plan.categories[1].color, "#808080");
}

#[test]
fn refusals_say_what_is_wrong_and_where() {
    let cases = [
        (
            refused("/zones/0/rows/1/seats/1/category", Value::from("Gold")),
            "zones[0].rows[1].seats[1].category: unknown category \"Gold\"; the plan has Front, Upper",
        ),
        (
            refused("/zones/1/rows/0/seats/0/seat_guid", Value::from("A-1-2")),
            "zones[1].rows[0].seats[0].seat_guid: duplicate seat `A-1-2`; the first is at zones[0].rows[0].seats[1].seat_guid",
        ),
        (
            refused("/categories/1/name", Value::from("Front")),
            "categories[1].name: duplicate category \"Front\"; the first is at categories[0]",
        ),
        (refused("/zones", Value::Array(Vec::new())), "zones: the plan has no seats"),
        (
            refused("/zones/0/rows/0/seats/0/seat_guid", Value::from("A 1")),
            "zones[0].rows[0].seats[0].seat_guid: an id has 1 to 64 characters, no blanks or control characters, none of ,/\\@;?#%, and is not `-`, `.`, `..` or `…:verb`",
        ),
        (refused("/zones/0/name", Value::from("x".repeat(121))), "zones[0].name: longer than 120 characters"),
        (refused("/name", Value::from("\u{1b}]0;owned")), "name: contains the control character U+001B"),
        (
            refused("/zones/1/name", Value::from("A\u{202e}1")),
            "zones[1].name: contains the control character U+202E",
        ),
        (refused("/categories/0/name", Value::from(" ")), "categories[0].name: blank"),
        (
            refused("/zones/0/rows/0/row_number", Value::Null),
            "zones[0].rows[0].row_number: missing; only the single row of a zone may go without",
        ),
        (
            refused("/zones/0/rows/0/seats/0/position/x", Value::from(1_000_000)),
            "zones[0].rows[0].seats[0].position.x: outside of -1000000 to 1000000",
        ),
        (refused("/size/width", Value::from(0)), "size.width: outside of 1 to 1000000"),
    ];
    for (error, text) in cases {
        assert_eq!(error.to_string(), text);
    }
    let error = parse("\u{feff}{}".as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "not JSON at line 1, column 1: the document starts with a byte order mark");
    let error = parse(b"{\"a\x1b]0;\": [").unwrap_err();
    assert!(matches!(error.fault, PlanFault::NotJson { .. }), "{error}");
    let error = parse(br#"{"\u001b]0;": [x"#).unwrap_err();
    assert_eq!(error.to_string(), "\u{fffd}]0;: not JSON at line 1, column 16: expected value");
    let error = parse(b"{\"name\": \"x\", \"size\": 3}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "size: invalid type: integer `3`, expected struct Extent (line 1, column 23)"
    );
    // Read already, it has no lines any more.
    let error = parse_value(&serde_json::json!({"name": "x", "size": 3})).unwrap_err();
    assert_eq!(error.to_string(), "size: invalid type: integer `3`, expected struct Extent");
}

#[test]
fn what_is_not_exactly_one_json_document_is_refused() {
    let text = sample().to_string();
    assert!(parse(format!(" {text}\n").as_bytes()).is_ok());
    let bad = [
        format!("\u{feff}{text}"),
        format!("{text}x"),
        format!("{text}\0"),
        format!("{text}{text}"),
        String::new(),
        "[".repeat(100_000),
        text.replacen("\"name\":\"Sample\"", "\"name\":\"Sample\",\"name\":\"Sample\"", 1),
    ];
    for text in &bad {
        let error = parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error.fault, PlanFault::NotJson { .. } | PlanFault::WrongType { .. }), "{error}");
    }
    let error = parse(&vec![b' '; MAX_PLAN_BYTES + 1]).unwrap_err();
    assert_eq!(error.fault, PlanFault::TooLarge { max_bytes: MAX_PLAN_BYTES });
}

#[test]
fn sections_of_one_name_are_told_apart() {
    let mut document = sample();
    let zone = document["zones"][1].clone();
    let zones = ["A", "A", "A (2)", "", "A"].iter().enumerate().map(|(i, name)| {
        let text =
            zone.to_string().replace("B-1-", &format!("Z{i}-")).replace("\"B\"", &format!("\"{name}\""));
        serde_json::from_str::<Value>(&text).unwrap()
    });
    document["zones"] = zones.collect();
    let plan = read(&document).unwrap();
    let names: Vec<_> = plan.sections.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["A", "A (2)", "A (2) (2)", "Section 4", "A (3)"]);
}

#[test]
fn a_row_goes_without_a_number_where_no_other_row_could_be_meant() {
    let mut document = sample();
    document["zones"][1]["rows"][0].as_object_mut().unwrap().remove("row_number");
    document["zones"][0]["rows"][0]["row_number"] = Value::from("");
    document["zones"][0]["rows"][0]["row_label"] = Value::from("Bench");
    let plan = read(&document).unwrap();
    assert_eq!(
        (plan.sections[1].rows[0].label.as_str(), plan.sections[0].rows[0].label.as_str()),
        ("", "Bench")
    );
}

#[test]
fn limits_are_kept() {
    // As text: two hundred thousand JSON values take seconds to make.
    let text = sample().to_string();
    let seat = r#"{"seat_guid":"S-0","seat_number":"1","position":{"x":1,"y":2},"category":"Front"},"#;
    let seats: String = (0..MAX_SEATS).map(|i| seat.replacen("S-0", &format!("S-{i}"), 1)).collect();
    let text = text.replacen("\"seats\":[", &format!("\"seats\":[{seats}"), 1);
    let error = parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "zones[0].rows[0].seats[200000].seat_guid: more than 200000 seats");

    let mut document = sample();
    document["zones"] = vec![document["zones"][0].clone(); MAX_SECTIONS + 1].into();
    assert_eq!(read(&document).unwrap_err().to_string(), "zones: more than 2000 zones");
}

#[test]
fn turned_areas_become_polygons_and_empty_ones_go() {
    let mut document = sample();
    document["zones"][1]["areas"] = serde_json::json!([
        {"shape": "rectangle", "position": {"x": 100, "y": 0}, "rotation": 90, "rectangle": {"width": 40, "height": 20},
         "text": {"text": "Bar", "position": {"x": 0, "y": 0}}},
        {"shape": "circle", "position": {"x": 0, "y": 0}, "circle": {"radius": 5}, "text": {"text": ""}},
        {"shape": "text", "position": {"x": 0, "y": 0}, "text": {"text": "", "position": {"x": 0, "y": 0}}},
        {"shape": "polygon", "polygon": {"points": [{"x": 0, "y": 0}]}},
    ]);
    let plan = read(&document).unwrap();
    let corners = [(-200, 10), (-200, 50), (-220, 50), (-220, 10)].map(|(x, y)| Point { x, y });
    let wire = serde_json::to_value(&plan.areas).unwrap();
    assert_eq!(wire[1], serde_json::json!({"shape": "circle", "center": {"x": -300, "y": 10}, "radius": 5}));
    assert_eq!(serde_json::from_value::<Vec<Area>>(wire).unwrap(), plan.areas);
    assert_eq!(
        plan.areas,
        [
            Area { shape: Shape::Polygon { points: corners.to_vec() }, label: Some("Bar".to_owned()) },
            Area { shape: Shape::Circle { center: Point { x: -300, y: 10 }, radius: 5 }, label: None },
        ]
    );
}

#[test]
fn a_stadium_is_read_whole() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/metalist-stadium.seating-plan.json");
    let Ok(document) = std::fs::read(path) else {
        eprintln!("skipped: there is no {path}");
        return;
    };
    let plan = parse(&document).unwrap();
    assert_eq!((plan.sections.len(), plan.seat_count()), (51, 39_417));
    assert_eq!(read(&to_pretix_json(&plan)), Ok(plan));
}
