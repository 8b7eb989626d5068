//! Standing in line.

use serde_json::json;

use crate::office::{Office, SESSION};
use crate::program::{Program, signal};

fn in_line(office: &Office) -> Program {
    ": nothing yet\n\n".clone_into(&mut office.desk().session_stream);
    let tmctl = Program::at(office);
    tmctl.out("join E1");
    tmctl
}

#[test]
fn the_place_is_told_on_stderr_and_the_outcome_on_stdout() {
    let office = Office::open("on");
    let tmctl = in_line(&office);
    let mut active = office.desk().session.clone();
    active["status"] = json!("ACTIVE");
    let waiting = office.desk().session.clone();
    office.desk().session_stream = format!(
        "event: waiting-room-position\nid: 1\ndata: {waiting}\n\nevent: waiting-room-active\nid: 2\ndata: {active}\n\n"
    );
    let ran = tmctl.run("wait -o jsonl");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("place 3 of 9, 2 ahead"), "{}", ran.err);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()["status"], "ACTIVE");
}

#[test]
fn patience_ends_with_8_and_the_place_is_kept() {
    let office = Office::open("on");
    let tmctl = in_line(&office);
    let ran = tmctl.run("wait --timeout 1s");
    assert_eq!(ran.code, Some(8), "{ran:?}");
    assert!(ran.err.contains(&format!("tmctl wait {SESSION}")), "{}", ran.err);
}

#[test]
fn ctrl_c_keeps_the_place_and_says_how_to_come_back() {
    let office = Office::open("on");
    let tmctl = in_line(&office);
    let child = tmctl.start("wait");
    while !office.desk().asked.iter().any(|asked| asked.line.contains("/sse/")) {
        std::thread::yield_now();
    }
    signal(&child, "INT");
    let ran = crate::program::ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130));
    assert!(ran.err.contains(&format!("tmctl wait {SESSION}")), "{}", ran.err);
    assert!(!office.desk().asked.iter().any(|asked| asked.line.starts_with("DELETE")));
}

#[test]
fn a_place_that_is_gone_is_told_from_one_that_is_good() {
    for status in ["EXPIRED", "ABANDONED", "LEFT", "DONE"] {
        let office = Office::open("on");
        let tmctl = in_line(&office);
        office.desk().session["status"] = json!(status);
        assert_eq!(tmctl.run("wait").code, Some(7), "{status}");
    }
}

#[test]
fn where_there_is_no_stream_it_asks_from_time_to_time() {
    let office = Office::open("on");
    let tmctl = in_line(&office);
    office.desk().session_stream = "event: waiting-room-active\nid: 1\ndata: what is this\n\n".to_owned();
    let child = tmctl.start("wait -o id");
    let polls = |office: &Office| office.asked(&format!("GET /api/waiting-room/sessions/{SESSION}")).len();
    while polls(&office) < 2 {
        std::thread::yield_now();
    }
    office.desk().session["status"] = json!("ACTIVE");
    let ran = crate::program::ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.out), (Some(0), format!("{SESSION}\n")));
    assert!(ran.err.contains("asking from time to time instead"), "{}", ran.err);
}
