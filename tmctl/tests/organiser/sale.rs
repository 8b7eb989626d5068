//! A sale from its seating plan to its end.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use super::office::{Office, tmctl};
use super::plan::{ABOUT, PRICES, small};

#[test]
fn a_sale_is_run_from_its_seating_plan_to_its_end() {
    let office = Office::start(&[]);
    let created = office.json(&[&["event", "create", "E9", "--hold-ttl", "10m"], &ABOUT[..]].concat());
    assert_eq!(
        (&created["saleStatus"], &created["settings"]["holdTtlSeconds"]),
        (&json!("SCHEDULED"), &json!(600))
    );
    assert_eq!(office.run(&[&["event", "create", "E9"], &ABOUT[..]].concat()).code, 5);

    let imported = import(&office);
    assert_eq!(imported["seats"], 16);
    assert_eq!(imported["sections"][0], json!({"name": "Stalls", "rows": 2, "seats": 12}));
    assert_eq!(imported["priceLevels"][1]["price"], json!({"amount": 4550, "currency": "EUR"}));
    assert_eq!(imported["event"]["settings"]["capacity"], 50);
    assert_eq!(imported["event"]["settings"]["seatsPerOrder"], 4);

    // Nobody can stand in line yet; then everything is bought once.
    assert_eq!(office.run(&["join", "E9"]).code, 5);
    assert_eq!(office.json(&["event", "open", "E9"])["saleStatus"], "OPEN");
    let tickets = buy(&office);
    verify(&office, &tickets);

    block(&office);
    let patched = office.json(&["event", "capacity", "E9", "7", "--rate", "120"]);
    assert_eq!(patched["settings"]["capacity"], 7);
    assert_eq!(patched["settings"]["admissionsPerMinute"], 120);

    assert_eq!(office.json(&["event", "pause", "E9"])["saleStatus"], "PAUSED");
    assert_eq!(office.json(&["event", "resume", "E9"])["saleStatus"], "OPEN");
    let sale = office.json(&["sale", "status", "E9"]);
    assert_eq!((&sale["seats"]["sold"], &sale["capacity"]), (&json!(2), &json!(7)));
    assert_eq!(sale["revenue"], json!({"amount": 18_000, "currency": "EUR"}));

    assert_eq!(office.json(&["event", "close", "E9"])["saleStatus"], "CLOSED");
    assert_eq!(office.run(&["event", "resume", "E9"]).code, 5);
    assert_eq!(office.run(&["join", "E9"]).code, 7);
}

fn import(office: &Office) -> serde_json::Value {
    let file = office.file("plan.json", &small().to_string());
    let limits = ["--capacity", "50", "--seats-per-order", "4", "--waiting-room", "on"];
    office.json(&[&["event", "import", "E9", file.as_str()], &PRICES[..], &limits[..]].concat())
}

/// The buyer's side, step by step; answers the codes of two tickets.
fn buy(office: &Office) -> Vec<String> {
    office.ok(&["join", "E9"]);
    office.ok(&["wait", "--timeout", "60s"]);
    office.ok(&["order"]);
    office.ok(&["confirm", "--seats", "A-1-3,A-1-4", "--payment-token", "tok_ok"]);
    office.ok(&["finalize"]);
    let tickets = office.json(&["tickets"]);
    let codes = tickets.as_array().unwrap().iter().map(|ticket| ticket["code"].as_str().unwrap().to_owned());
    codes.collect()
}

fn verify(office: &Office, codes: &[String]) {
    let check = office.json(&["ticket", "verify", &codes[0]]);
    assert_eq!((&check["verdict"], &check["ticket"]["seatId"]), (&json!("VALID"), &json!("A-1-3")));
    let forged = office.run(&["ticket", "verify", "NOTACODE", "-o", "json"]);
    assert_eq!(forged.code, 3, "{forged:?}");
    assert!(forged.out.contains("FORGED"), "{forged:?}");
    // A forged one among good ones is noticed; each is answered.
    let mut child = office.command(&["ticket", "verify", "-", "-o", "jsonl"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = format!("{}\nNOTACODE\n{}\n", codes[0], codes[1]);
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
}

fn block(office: &Office) {
    let seats = |wish: &str, seats: &str| office.json(&["event", wish, "E9", seats])["changed"].clone();
    assert_eq!(seats("block", "B-1-1,B-1-2"), 2);
    assert_eq!(seats("block", "B-1-2,B-1-3"), 1);
    assert_eq!(office.json(&["sale", "status", "E9"])["seats"]["blocked"], 3);
    assert_eq!(seats("unblock", "B-1-1,B-1-2,B-1-3"), 3);
    let unknown = office.run(&["event", "block", "E9", "A-1-33"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("did you mean `A-1-3` instead of `A-1-33`?"), "{unknown:?}");
}

#[test]
fn a_watched_sale_ends_when_it_is_closed() {
    let office = Office::start(&[]);
    office.ok(&[&["event", "create", "E9"], &ABOUT[..]].concat());
    import(&office);
    office.ok(&["event", "open", "E9"]);
    let mut watch = office.command(&["sale", "status", "E9", "--watch", "--every", "200ms", "-o", "jsonl"]);
    let watch = watch.stdout(Stdio::piped()).spawn().unwrap();
    office.ok(&["event", "close", "E9"]);
    let output = watch.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let lines = String::from_utf8(output.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["saleStatus"], "CLOSED");
}

#[test]
fn whoever_has_no_token_is_told_where_it_is() {
    let office = Office::start(&["--demo"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = |arguments: &[&str]| {
        let mut command = tmctl();
        command.env("HOME", elsewhere.path()).env("TM_URL", &office.url);
        super::office::run(command.args(arguments))
    };
    let missing = stranger(&["event", "pause", "E1"]);
    assert_eq!(missing.code, 4, "{missing:?}");
    assert!(missing.err.contains(".local/share/tmd/organiser.token"), "{missing:?}");
    assert!(missing.err.contains("hint: ") && missing.err.contains("--data-dir"), "{missing:?}");
    let wrong = stranger(&["event", "pause", "E1", "--organiser-token", "org_wrong"]);
    assert_eq!(wrong.code, 4, "{wrong:?}");
    let folder = office.home().join(".local/share/tmd");
    let named = stranger(&["event", "pause", "E1", "--data-dir", folder.to_str().unwrap()]);
    assert_eq!(named.code, 0, "{named:?}");

    let likely = office.run(&["event", "open", "E11"]);
    assert_eq!(likely.code, 3, "{likely:?}");
    assert!(likely.err.contains("did you mean `E1`?"), "{likely:?}");
}
