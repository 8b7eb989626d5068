//! The way of a buyer, step by step and in one.

use serde_json::json;

use crate::office::{ORDER, Office, SESSION, Trick};
use crate::program::Program;

#[test]
fn every_step_finds_what_the_one_before_produced() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    assert_eq!(tmctl.out("events -o id"), "E1\n");
    assert_eq!(tmctl.out("join E1 -o id"), format!("{SESSION}\n"));
    assert_eq!(tmctl.out("wait -o id"), format!("{SESSION}\n"));
    assert_eq!(tmctl.out("order -o id"), format!("{ORDER}\n"));
    assert_eq!(tmctl.out("seats --best 2 -o id"), "A-1-4\nA-1-5\n");
    assert_eq!(tmctl.json("confirm --seats @last --payment-token tok_ok")["status"], "AUTHORIZED");
    assert_eq!(tmctl.json("finalize @last")["status"], "FINALIZED");
    assert_eq!(tmctl.json("status")["tickets"].as_array().unwrap().len(), 2);
    assert_eq!(tmctl.json("tickets")[1]["seatId"], "A-1-5");
    let paid = office.asked(&format!("POST /api/orders/{ORDER}:confirm"));
    assert_eq!(paid[0].token.as_deref(), Some("guest-1"));
    assert!(paid[0].body.contains(r#"["A-1-4","A-1-5"]"#));
    let keys: Vec<_> = office.desk().asked.iter().filter_map(|asked| asked.key.clone()).collect();
    assert_eq!(
        keys.iter().collect::<std::collections::HashSet<_>>().len(),
        3,
        "a key for each mutation: {keys:?}"
    );
    assert!(!tmctl.kept().contains("tok_ok"));
}

#[test]
fn ids_go_from_one_command_to_the_next_by_pipe_and_by_variable() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    let session = tmctl.out("join E1 -o id");
    assert_eq!(tmctl.run_with_stdin("wait - -o id", &session).out, session);
    let order = tmctl.out("order -o id");
    let confirmed = tmctl.run_with_stdin("confirm --seats - --payment-token tok_ok -o id", "A-1-1\nA-1-2\n");
    assert_eq!((confirmed.code, confirmed.out), (Some(0), order.clone()));
    assert_eq!(tmctl.run_with_stdin("finalize - -o id", &order).out, order);

    assert_eq!(tmctl.out("join E1 -o env"), format!("export TM_SESSION={SESSION}\n"));
    assert_eq!(tmctl.out("status -o env"), format!("export TM_ORDER={ORDER}\n"));
    let elsewhere = Program::at(&office);
    let by_variable = |line: &str| {
        let mut command = elsewhere.command(line);
        command.env("TM_SESSION", SESSION).env("TM_ORDER", ORDER).env("TM_TOKEN", "guest-9");
        crate::program::ran(command.output().unwrap())
    };
    assert_eq!(by_variable("wait -o id").out, format!("{SESSION}\n"));
    assert_eq!(by_variable("finalize -o id").out, format!("{ORDER}\n"));
    assert_eq!(elsewhere.run("finalize --token guest-9").code, Some(0), "what was spoken of is remembered");
}

#[test]
fn the_best_of_a_price_level_go_to_the_order_by_pipe() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    tmctl.out("join E1");
    tmctl.out("order");
    let ids = tmctl.out("seats E1 --best 3 --price A --section Parkett -o id");
    assert_eq!(ids, "A-1-3\nA-1-4\nA-1-5\n");
    let confirmed = tmctl.run_with_stdin("confirm --seats - --payment-token tok_ok", &ids);
    assert_eq!(confirmed.code, Some(0), "{confirmed:?}");
    let sent = office.asked(&format!("POST /api/orders/{ORDER}:confirm"));
    assert!(sent[0].body.contains(r#"["A-1-3","A-1-4","A-1-5"]"#));
    assert_eq!(tmctl.run("seats E1 --best 2 --price Z").code, Some(3));
    assert_eq!(tmctl.run("seats E1 --best 9").code, Some(6));
}

#[test]
fn book_takes_every_step_by_itself() {
    for waiting_room in ["on", "off"] {
        let office = Office::open(waiting_room);
        let tmctl = Program::at(&office);
        let order = tmctl.json("book E1 --best 2 --payment-token tok_ok");
        assert_eq!(order["status"], "FINALIZED");
        assert_eq!(order["tickets"].as_array().unwrap().len(), 2);
        assert_eq!(tmctl.json("tickets")[0]["seatId"], "A-1-4");
        let booked = office.asked("POST /api/bookings/E1").len();
        assert_eq!(booked, usize::from(waiting_room == "off"));
    }
}

#[test]
fn somebody_faster_is_no_reason_to_give_up_when_any_seats_will_do() {
    let office = Office::open("off");
    office.trick("/api/bookings/E1", Trick::Refuse("seats-unavailable", 409));
    let tmctl = Program::at(&office);
    let ran = tmctl.run("book E1 --best 2 --payment-token tok_ok -o id");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("somebody was faster"));
    let booked = office.asked("POST /api/bookings/E1");
    assert_ne!(booked[0].key, booked[1].key, "other seats are another request");

    office.trick("/api/bookings/E1", Trick::Refuse("seats-unavailable", 409));
    assert_eq!(tmctl.run("book E1 --seats A-1-1 --payment-token tok_ok").code, Some(5));
}

#[test]
fn a_guest_whose_token_grew_old_joins_as_a_new_one() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    tmctl.out("join E1");
    office.trick("/api/waiting-room/sessions", Trick::Refuse("unauthenticated", 401));
    tmctl.out("join E1");
    tmctl.out("status");
    assert_eq!(office.desk().asked.last().unwrap().token.as_deref(), Some("guest-2"));
    // A token that somebody chose is not replaced.
    office.trick("/api/waiting-room/sessions", Trick::Refuse("unauthenticated", 401));
    assert_eq!(tmctl.run("join E1 --token guest-7").code, Some(4));
}

#[test]
fn a_guests_token_goes_to_no_other_daemon() {
    let (office, other) = (Office::open("on"), Office::open("on"));
    let tmctl = Program::at(&office);
    tmctl.out("join E1");
    assert_eq!(tmctl.run(&format!("status {SESSION} --url {}", other.url)).code, Some(3));
    assert!(other.desk().asked.iter().all(|asked| asked.token.is_none()));
}

#[test]
fn data_goes_to_stdout_and_everything_else_to_stderr() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    let ran = tmctl.run("book E1 --best 1 --payment-token tok_ok");
    assert!(ran.out.starts_with(&format!("order\t{ORDER}\n")), "{}", ran.out);
    assert!(ran.err.starts_with("1/4 "), "{}", ran.err);
    assert!(!ran.err.contains("Next:"), "no proposals where nobody looks");
    let quiet = tmctl.run("leave --quiet");
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let table = tmctl.out("events -o table");
    assert!(table.starts_with("EVENT  NAME"), "{table}");
    assert_eq!(tmctl.out("events"), "E1\tGala\t2026-11-21T10:00:00Z\tHalle, Berlin\topen\t49.50 EUR\t8\n");
}

#[test]
fn codes_are_drawn_when_asked_for() {
    let office = Office::open("off");
    let tmctl = Program::at(&office);
    tmctl.out("book E1 --best 1 --payment-token tok_ok");
    assert!(!tmctl.out("tickets").contains('█'));
    assert!(!tmctl.out("tickets --qr").contains('█'), "lines are for programs");
    let drawn = tmctl.out("tickets --qr -o table");
    assert!(drawn.contains('█') && drawn.contains("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), "{drawn}");
}

#[test]
fn searches_are_passed_on() {
    let office = Office::open("on");
    let tmctl = Program::at(&office);
    let ran = tmctl.run("search gala night --start 2027-05-01 --page-size 1");
    assert!(ran.err.contains("7 found; --page 2 shows more"), "{}", ran.err);
    let asked = office.desk().asked[0].line.clone();
    assert_eq!(
        asked,
        "GET /api/events/search?keyword=gala%20night&start=2027-05-01T00%3A00%3A00Z&pageSize=1&page=1"
    );
}

#[test]
fn contexts_keep_daemons_apart() {
    let office = Office::open("on");
    let tmctl = Program::with_url("");
    tmctl.out(&format!("context add stage {} --with-token guest-5", office.url));
    tmctl.out("context use stage");
    tmctl.out(&format!("status {SESSION}"));
    assert_eq!(office.desk().asked[0].token.as_deref(), Some("guest-5"));
    let list = tmctl.json("context list");
    assert_eq!(list[1], json!({"name": "stage", "url": office.url, "current": true, "hasToken": true}));
    assert_eq!(tmctl.json("config")["urlSource"], "context");
    let ran = tmctl.run("--context stagge events");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("did you mean `stage`?"), "{}", ran.err);
    tmctl.out("context remove stage");
    assert_eq!(tmctl.json("config")["urlSource"], "default");
}
