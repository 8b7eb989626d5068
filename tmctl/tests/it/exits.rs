//! Exit codes, and errors that say what to do.

use crate::office::{Office, Trick};
use crate::program::Program;

fn exit_of(
    office: &Office,
    tmctl: &Program,
    path: &'static str,
    trick: (&'static str, u16),
    line: &str,
) -> i32 {
    office.trick(path, Trick::Refuse(trick.0, trick.1));
    tmctl.run(line).code.unwrap()
}

#[test]
fn refusals_have_their_exit_codes() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    tmctl.out("join E1");
    assert_eq!(exit_of(&office, &tmctl, "/api/orders", ("not-admitted", 403), "order E1"), 9);
    assert_eq!(
        exit_of(&office, &tmctl, "/api/orders", ("unauthenticated", 401), "order E1 --token guest-3"),
        4
    );
    tmctl.out("order E1");
    let confirm = "confirm --seats A-1-1 --payment-token tok_ok";
    assert_eq!(exit_of(&office, &tmctl, ":confirm", ("seats-unavailable", 409), confirm), 5);
    assert_eq!(exit_of(&office, &tmctl, ":confirm", ("order-expired", 410), confirm), 7);
    assert_eq!(exit_of(&office, &tmctl, "/api/events", ("rate-limited", 429), "events --max-retries 0"), 9);
    assert_eq!(exit_of(&office, &tmctl, "/api/events", ("busy", 503), "events --max-retries 0"), 11);
    assert_eq!(exit_of(&office, &tmctl, "/api/events", ("brand-new", 410), "events"), 7, "by the status");
    assert_eq!(tmctl.run("confirm --best 1 --payment-token tok_declined").code, Some(10));
    office.desk().seat_status = vec![2; 8];
    assert_eq!(tmctl.run("confirm --best 1 --payment-token tok_ok").code, Some(6));
    assert_eq!(Program::with_url("http://127.0.0.1:1").run("events --max-retries 0").code, Some(11));
    assert_eq!(Program::with_url("127.0.0.1").run("events").code, Some(2));
}

#[test]
fn errors_say_what_failed_and_what_to_do() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    tmctl.out("join E1");
    office.trick("/api/orders", Trick::Refuse("not-admitted", 403));
    let ran = tmctl.run("order");
    assert_eq!(ran.out, "");
    assert_eq!(
        ran.err,
        "error: failed to begin an order for E1: refused: not-admitted\n\
         hint: wait until you are let in: `tmctl join`, then `tmctl wait`\n\
         code: not-admitted\n\
         request-id: req-7\n"
    );
}

#[test]
fn did_you_mean() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    let hint = |line: &str, code: i32, hint: &str| {
        let ran = tmctl.run(line);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.err.contains(hint), "{}", ran.err);
    };
    hint("show e1", 3, "did you mean `E1`?");
    hint("show gala", 3, "did you mean `E1`?");
    hint("join EE1", 3, "did you mean `E1`?");
    hint("seats E1 --section parket", 3, "did you mean `Parkett`?");
    hint("seats E1 --best 2 --section Perkett", 3, "did you mean `Parkett`?");
    hint("evnts", 2, "'events'");
    tmctl.out("order E1");
    hint("confirm --seats A-1-1,A-1-9 --payment-token tok_ok", 2, "instead of `A-1-9`");
}

#[test]
fn what_is_missing_is_asked_for() {
    let tmctl = Program::with_url("http://127.0.0.1:1");
    for (line, text) in [
        ("show", "which event?"),
        ("wait", "which place in line?"),
        ("order", "which event?"),
        ("finalize", "which order?"),
        ("status", "nothing was begun yet"),
        ("book E1 --best 2", "no card token is named"),
        ("order E,1", "is no event"),
        ("finalize wrs_1", "`ord_`"),
        ("confirm --best 2 --seats A", "cannot be used with"),
        ("wait --timeout soon", "such as 30s"),
    ] {
        let ran = tmctl.run(line);
        assert_eq!(ran.code, Some(2), "{line}: {ran:?}");
        assert!(ran.err.contains(text), "{line}: {}", ran.err);
    }
}
