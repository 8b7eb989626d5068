//! Terminals, daemons and hands that are not as one would like them.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fake;
use crate::office::Office;
use crate::terminal::Terminal;

/// That the program still listens: help opens and closes.
fn is_alive(tui: &mut Terminal) {
    tui.press("?");
    tui.wait_for("keys, and commands");
    tui.press("x");
    tui.wait_until_gone("keys, and commands");
}

#[test]
fn a_megabyte_pasted_is_no_harm() {
    let office = Office::open();
    let mut tui = Terminal::start((80, 24), &office.url, &[]);
    tui.wait_for("The Winter's Tale");
    // Nobody asked for text: it goes nowhere.
    let megabyte = "qy\u{1b}[2J\n".repeat(128 * 1024);
    tui.pour(format!("\x1b[200~{megabyte}\x1b[201~").into_bytes());
    is_alive(&mut tui);
    // A line takes what fits, control characters left out.
    tui.press("/");
    tui.wait_until("prompt", |screen| !screen.hide_cursor());
    tui.pour(format!("\x1b[200~{}END\x1b[201~", "Winter\u{7}\n".repeat(128 * 1024)).into_bytes());
    tui.wait_for("WinterWinter");
    tui.press("\x1b");
    tui.wait_for("The Winter's Tale");
    // A terminal that does not mark what is pasted types it: more than it takes at once.
    tui.pour("j".repeat(64 * 1024).into_bytes());
    is_alive(&mut tui);
    tui.press("q");
    assert!(tui.wait_for_end());
}

#[test]
fn a_storm_of_sizes_ends_with_the_last() {
    let office = Office::open();
    let mut tui = Terminal::start((80, 24), &office.url, &["E2"]);
    tui.wait_for(" free");
    for number in 0..200_u16 {
        tui.resize((1 + number * 37 % 230, 1 + number * 13 % 70));
        if number % 20 == 0 {
            tui.press("\r");
        }
        tui.take_in(Duration::from_millis(1));
    }
    tui.resize((1, 1));
    tui.resize((101, 31));
    tui.wait_until("bar at the bottom", |screen| {
        let last = screen.rows(0, 101).nth(30).unwrap_or_default();
        last.contains(": command") && last.contains("? help")
    });
    is_alive(&mut tui);
    assert!(!tui.text().contains("60x18"), "{}", tui.text());
}

fn colours(tui: &Terminal) -> usize {
    let text = String::from_utf8_lossy(&tui.written);
    text.split("\x1b[").filter(|part| part.starts_with("38;5;") || part.starts_with("48;5;")).count()
}

#[test]
fn no_color_means_none_unless_a_palette_is_named() {
    let office = Office::open();
    let mut tui = Terminal::start_with(&office.url, &["E4"], &[("NO_COLOR", "1")]);
    tui.wait_for("LIVE");
    tui.wait_for(" free");
    assert_eq!(colours(&tui), 0);
    let mut tui = Terminal::start_with(&office.url, &["E4", "--palette", "okabe-ito"], &[("NO_COLOR", "1")]);
    tui.wait_for("LIVE");
    tui.wait_for(" free");
    assert!(colours(&tui) > 50, "{}", colours(&tui));
}

#[test]
fn a_terminal_that_cannot_place_its_cursor_is_told_what_works() {
    for term in ["dumb", ""] {
        let mut tui = Terminal::start_with("http://127.0.0.1:9", &[], &[("TERM", term)]);
        assert_eq!(tui.exit_code(), 1);
        assert!(tui.text().contains("--linear does without"), "{}", tui.text());
        assert!(!tui.written.contains(&0x1b), "nothing is tried on it");
    }
}

#[test]
fn output_into_a_pipe_is_refused_and_the_pipe_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    for output in [Stdio::piped(), Stdio::null()] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tmtui"));
        command.env_clear().env("TM_HOME", folder.path()).env("TERM", "xterm");
        let output = command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("--linear"), "{said}");
        assert!(output.stdout.is_empty());
    }
}

fn event(id: &str, name: &str) -> Value {
    json!({"eventId": id, "name": name, "startsAt": "2030-01-20T19:30:00Z",
        "venue": {"venueId": "V1", "name": "Hall", "city": ""}, "performers": [], "saleStatus": "OPEN",
        "waitingRoom": "on", "seats": {"available": 8, "reserved": 0, "sold": 0, "blocked": 0},
        "somethingNew": {"of": ["a", "later", "version"]}})
}

#[test]
fn a_daemon_of_another_kind_is_told_of_and_asked_again() {
    let strange = [
        (200, "<html>It works!</html>".to_owned()),
        (200, String::new()),
        (200, "{}".to_owned()),
        (200, "[]".to_owned()),
        (200, json!({"items": [{"eventId": "E1", "saleStatus": "HAUNTED"}]}).to_string()),
        (200, format!("{{\"items\": [{}", "[".repeat(100_000))),
        (418, "\u{1b}]0;owned\u{7} \u{9b}2J".to_owned()),
        (500, json!({"code": "no-such-code", "detail": "\u{1b}[31mred"}).to_string()),
    ];
    let asked = AtomicUsize::new(0);
    let url = fake::daemon(move |_| match strange.get(asked.fetch_add(1, Ordering::SeqCst)) {
        Some((status, body)) => (*status, body.clone()),
        // It comes to its senses.
        None => (200, json!({"items": [event("E1", "At last")]}).to_string()),
    });
    let mut tui = Terminal::start((80, 24), &url, &[]);
    tui.wait_for("no answer");
    let began = Instant::now();
    while !tui.text().contains("At last") {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", tui.text());
        tui.press("R");
        tui.take_in(Duration::from_millis(50));
    }
    assert!(!tui.written.windows(4).any(|part| part == b"\x1b]0;"), "a title was set");
    // What is behind the event is of another kind too.
    tui.press("\r");
    is_alive(&mut tui);
    tui.press("q");
    tui.wait_for_end();
    assert!(tui.is_given_back() && tui.has_its_modes());
}

#[test]
fn five_thousand_events_are_all_within_reach_and_none_is_a_sentence() {
    let page = |path: &str| {
        let from: usize =
            path.split("cursor=").nth(1).and_then(|rest| rest.split('&').next()?.parse().ok()).unwrap_or(0);
        let items: Vec<_> =
            (from..from + 100).map(|at| event(&format!("E{at}"), &format!("Show {at:04}"))).collect();
        let next = (from < 4900).then(|| (from + 100).to_string());
        (200, json!({"items": items, "nextCursor": next}).to_string())
    };
    let mut tui = Terminal::start((80, 24), &fake::daemon(page), &[]);
    tui.wait_for("Show 0000");
    // `G` goes to the end of what is known, and asks for what comes next.
    let began = Instant::now();
    while !tui.text().contains(">Show 4999") {
        assert!(began.elapsed() < Duration::from_secs(60), "{}", tui.text());
        tui.press("G");
        tui.take_in(Duration::from_millis(20));
    }
    tui.press("g");
    tui.wait_for(">Show 0000");
    tui.press("/4321");
    tui.wait_for(">Show 4321");

    let mut tui = Terminal::start((80, 24), &fake::daemon(|_| (200, r#"{"items": []}"#.to_owned())), &[]);
    tui.wait_for("nothing is on");
    for key in ["\r", "v", "o", "y", "Y", "G", "j", " "] {
        tui.press(key);
    }
    is_alive(&mut tui);
}
