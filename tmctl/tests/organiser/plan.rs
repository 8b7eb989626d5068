//! Seating plans: a small one, and what is refused.

use std::fs::File;

use serde_json::{Value, json};

use super::office::Office;

fn row(section: &str, row: u32, seats: u32, category: &str) -> Value {
    let seat = |number: u32| {
        json!({"seat_number": number.to_string(), "seat_guid": format!("{section}-{row}-{number}"),
            "category": category, "position": {"x": number * 30, "y": 0}})
    };
    json!({"row_number": row.to_string(), "position": {"x": 0, "y": row * 30},
        "seats": (1..=seats).map(seat).collect::<Vec<_>>()})
}

/// Two sections, sixteen seats.
pub fn small() -> Value {
    json!({
        "name": "Little house", "size": {"width": 400, "height": 400},
        "categories": [{"name": "Front", "color": "#ff0000"}, {"name": "Rear tier", "color": "#00ff00"}],
        "zones": [
            {"name": "Stalls", "position": {"x": 0, "y": 0},
                "rows": [row("A", 1, 6, "Front"), row("A", 2, 6, "Front")]},
            {"name": "Balcony", "position": {"x": 0, "y": 200}, "rows": [row("B", 1, 4, "Rear tier")]},
        ]
    })
}

pub const PRICES: [&str; 4] = ["--price", "Front=90.00", "--price", "Rear tier=45.5"];
pub const ABOUT: [&str; 4] = ["--name", "Gala", "--starts-at", "2030-05-01T19:30:00Z"];

/// What is broken in a plan, and the place that has to be named.
fn faults() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut plan = small();
        change(&mut plan);
        serde_json::to_string_pretty(&plan).unwrap()
    };
    vec![
        (
            "duplicate seat",
            broken(&|plan| plan["zones"][0]["rows"][1]["seats"][2]["seat_guid"] = json!("A-1-1")),
            "zones[0].rows[1].seats[2].seat_guid",
            "duplicate seat `A-1-1`; the first is at zones[0].rows[0].seats[0]",
        ),
        (
            "unknown category",
            broken(&|plan| plan["zones"][1]["rows"][0]["seats"][3]["category"] = json!("Rear")),
            "zones[1].rows[0].seats[3].category",
            "unknown category \"Rear\"; the plan has Front, Rear tier",
        ),
        ("no seats", broken(&|plan| plan["zones"] = json!([])), "zones", "the plan has no seats"),
        (
            "wrong type",
            broken(&|plan| plan["zones"][0]["rows"][0]["seats"][0]["position"]["x"] = json!("far")),
            "zones[0].rows[0].seats[0].position.x",
            "expected f64",
        ),
    ]
}

#[test]
fn a_plan_with_a_fault_is_refused_with_its_place_and_writes_nothing() {
    let office = Office::start(&[]);
    for (fault, plan, place, reason) in faults() {
        let file = office.file("plan.json", &plan);
        let import = [&["event", "import", "E9", file.as_str()], &PRICES[..], &ABOUT[..]].concat();
        for dry_run in [&["--dry-run"][..], &[]] {
            let run = office.run(&[&import, dry_run].concat());
            assert_eq!(run.code, 2, "{fault}: {run:?}");
            assert_eq!(run.out, "", "{fault}");
            let error = run.err.lines().next().unwrap();
            assert!(error.contains(place) && error.contains(reason), "{fault}: {}", run.err);
            assert_eq!(run.err.contains("request-id: "), dry_run.is_empty(), "{fault}: {}", run.err);
        }
        // The daemon sees values; the file has lines.
        let run = office.run(&import);
        let hint = format!("hint: nothing was changed; in {file} it is {place}");
        assert!(run.err.contains(&hint), "{}", run.err);
        assert_eq!(office.run(&["show", "E9"]).code, 3, "{fault}");
    }
}

#[test]
fn what_is_no_json_is_refused_before_it_is_sent() {
    let office = Office::start(&[]);
    let text = serde_json::to_string_pretty(&small()).unwrap();
    let cut = office.file("cut.json", &text[..text.len() / 2]);
    let run = office.run(&[&["event", "import", "E9", cut.as_str()], &PRICES[..], &ABOUT[..]].concat());
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("not JSON at line ") && !run.err.contains("request-id"), "{}", run.err);
    assert_eq!(office.run(&["event", "import", "E9", "/does/not/exist"]).code, 2);
    assert_eq!(office.run(&["event", "import", "E9", "/"]).code, 2);
    assert_eq!(office.run(&["show", "E9"]).code, 3);
}

#[test]
fn a_file_past_the_limit_is_refused_by_its_size_alone() {
    let office = Office::start(&[]);
    let path = office.home().join("huge.json");
    File::create(&path).unwrap().set_len(1 << 30).unwrap();
    for dry_run in [&["--dry-run"][..], &[]] {
        let run = office.run(&[&["event", "import", "E9", path.to_str().unwrap()], dry_run].concat());
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains("may have 64.0 MiB") && run.err.contains("has 1024.0 MiB"), "{}", run.err);
    }
    assert_eq!(office.run(&["show", "E9"]).code, 3);
}

#[test]
fn prices_have_to_fit_the_plan() {
    let office = Office::start(&[]);
    let file = office.file("plan.json", &small().to_string());
    for (prices, reason) in [
        (&["--price", "Front=90", "--price", "Rear teir=1"][..], "did you mean `Rear tier`?"),
        (&["--price", "Front=90"], "the 4 seats of price level `Rear tier` have no price"),
        (&["--price", "Front=90.005", "--price", "Rear tier=1"], "`90.005` is no amount in EUR"),
        (&["--price", "Front=0.5", "--price", "Rear tier=1", "--currency", "JPY"], "is no amount in JPY"),
        (&["--price", "Front=1", "--price", "Rear tier=1", "--currency", "EURO"], "`EURO` is no currency"),
    ] {
        let run = office.run(&[&["event", "import", "E9", file.as_str()], prices, &ABOUT[..]].concat());
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(reason), "{}", run.err);
    }
    assert_eq!(office.run(&["show", "E9"]).code, 3);
    let imported = [&["event", "import", "E9", file.as_str()], &PRICES[..], &ABOUT[..]].concat();
    let imported = office.json(&[&imported, &["--currency", "KWD"][..]].concat());
    assert_eq!(imported["priceLevels"][1]["price"], json!({"amount": 45_500, "currency": "KWD"}));
}

#[test]
fn a_plan_is_checked_without_a_daemon() {
    let office = Office::start(&[]);
    let file = office.file("plan.json", &small().to_string());
    let checked = office.json(&["event", "import", "E9", &file, "--dry-run", "--url", "http://127.0.0.1:1"]);
    assert_eq!(checked["dryRun"], true);
    assert_eq!(checked["seats"], 16);
    assert_eq!(checked["sections"][1], json!({"name": "Balcony", "rows": 1, "seats": 4}));
}
