//! Text of others reaches the terminal as text.

use serde_json::json;

use crate::office::{Office, Trick};
use crate::program::Program;

const HOSTILE: &str = "Gala\u{1b}]0;owned\u{7}\u{9b}2J\r\n\u{202e}";

fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{202e}')
}

#[test]
fn hostile_names_are_shown_in_every_format() {
    let office = Office::open("on");
    {
        let mut desk = office.desk();
        desk.event["name"] = json!(HOSTILE);
        desk.event["venue"]["name"] = json!(HOSTILE);
        desk.event["priceLevels"][0]["name"] = json!(HOSTILE);
    }
    let tmctl = Program::at(&office);
    for format in ["table", "json", "jsonl", "yaml", "id", "env"] {
        for command in ["events", "show E1", "search x"] {
            let ran = tmctl.run(&format!("{command} -o {format} --color always"));
            assert_eq!(ran.code, Some(0), "{ran:?}");
            let unpainted = ran.out.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
            assert!(is_harmless(&unpainted), "{command} {format}: {unpainted:?}");
        }
    }
    assert!(tmctl.out("events").contains(r"Gala\u{1b}]0;owned\u{7}\u{9b}2J"));
    assert_eq!(tmctl.json("events")[0]["name"], HOSTILE);
}

#[test]
fn hostile_refusals_are_shown() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    office.trick("/api/events", Trick::Refuse("busy\u{1b}[2J", 400));
    let ran = tmctl.run("events");
    assert!(ran.err.contains(r"\u{1b}[2J") && is_harmless(&ran.err), "{:?}", ran.err);
}

#[test]
fn a_hostile_event_id_does_not_run_in_the_shell() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    office.desk().event["eventId"] = json!("E1|touch${IFS}owned&'`id`$(id)");
    let line = tmctl.out("events -o env");
    let script = format!("{line}printf %s \"$TM_EVENT\"");
    let ran = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(tmctl.home.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "E1|touch${IFS}owned&'`id`$(id)");
    assert!(!tmctl.home.path().join("owned").exists());
}
