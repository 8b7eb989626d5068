//! The doctor finds what is in order and what is not; raw calls; completion.

use serde_json::Value;

use super::office::{Office, run, tmctl};

fn grades(findings: &Value) -> Vec<String> {
    let line = |finding: &Value| {
        format!("{}={}", finding["check"].as_str().unwrap(), finding["grade"].as_str().unwrap())
    };
    findings.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn everything_in_order_is_0() {
    let office = Office::start(&["--demo"]);
    let findings = office.json(&["doctor"]);
    assert_eq!(
        grades(&findings),
        [
            "config=ok",
            "unfinished=ok",
            "connection=ok",
            "ready=ok",
            "clock=ok",
            "stream=ok",
            "organiser=ok",
            "terminal=ok",
            "size=ok",
            "text=ok"
        ],
        "{findings}"
    );
}

#[test]
fn a_wrong_token_is_1_and_a_missing_one_only_a_warning() {
    let office = Office::start(&["--demo"]);
    let wrong = office.run(&["doctor", "--organiser-token", "org_wrong", "-o", "json"]);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(grades(&serde_json::from_str(&wrong.out).unwrap()).contains(&"organiser=fail".to_owned()));
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = tmctl();
    command.env("HOME", elsewhere.path()).env("TM_URL", &office.url).args(["doctor", "-o", "json"]);
    let none = run(&mut command);
    assert_eq!(none.code, 0, "{none:?}");
    assert!(grades(&serde_json::from_str(&none.out).unwrap()).contains(&"organiser=warn".to_owned()));
}

#[test]
fn no_daemon_is_11_and_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let mut command = tmctl();
    command.env("HOME", home.path()).args(["doctor", "--url", "http://127.0.0.1:1"]);
    let nobody = run(&mut command);
    assert_eq!(nobody.code, 11, "{nobody:?}");
    let line = nobody.out.lines().find(|line| line.contains("connection")).unwrap();
    assert!(line.starts_with("FAIL") && line.contains("tmd --demo"), "{line}");
}

#[test]
fn raw_calls_show_what_came_and_end_with_its_exit_code() {
    let office = Office::start(&["--demo"]);
    let event = office.run(&["api", "get", "/api/events/E1"]);
    assert_eq!((event.code, event.err.as_str()), (0, "200 OK\n"));
    assert!(event.out.contains("\n  \"eventId\": \"E1\","), "{}", event.out);
    let with_head = office.ok(&["api", "GET", "/livez", "-i"]);
    assert!(with_head.starts_with("HTTP 200 OK\n") && with_head.ends_with("\n\nok\n"), "{with_head}");

    assert_eq!(office.run(&["api", "GET", "/api/events/E99"]).code, 3);
    assert_eq!(office.run(&["api", "GET", "api/events"]).code, 2);
    assert_eq!(office.run(&["api", "PATCH", "/api/events/E1", "--body", "{\"capacity\":3}"]).code, 4);
    let file = office.file("patch.json", "{\"capacity\":3}");
    let patched =
        office.ok(&["api", "PATCH", "/api/events/E1", "--organiser", "--body", &format!("@{file}")]);
    assert_eq!(serde_json::from_str::<Value>(&patched).unwrap()["settings"]["capacity"], 3);

    // The buyer's token goes with the buyer's ids, and a key with every POST.
    let order = office.ok(&["order", "E4", "-o", "id"]);
    let path = format!("/api/orders/{}", order.trim());
    assert_eq!(office.run(&["api", "GET", &path]).code, 0);
    assert_eq!(office.run(&["api", "POST", &format!("{path}:cancel")]).code, 0);
}

#[test]
fn a_shell_that_asks_gets_the_events_of_the_moment() {
    let office = Office::start(&["--demo"]);
    let asked = |words: &[&str]| {
        let mut command = office.command(&["--", "tmctl"]);
        command.args(words).env("TMCTL_COMPLETE", "fish");
        run(&mut command).out
    };
    let events = asked(&["show", ""]);
    assert!(events.contains("E1\tThe Winter's Tale"), "{events}");
    assert!(asked(&["event", "open", "E"]).contains("E3\t"));
    assert!(asked(&["help", "exit"]).contains("exit-codes\t"));
    let bash = office.ok(&["completion", "bash"]);
    assert!(bash.contains("TMCTL_COMPLETE="), "{bash}");
}
