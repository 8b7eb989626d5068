//! I13: what is cut off is finished with the same key.

use crate::office::{ORDER, Office, Trick};
use crate::program::{Program, signal};

fn ordered(office: &Office) -> Program {
    let tmctl = Program::at(office);
    tmctl.out("join E1");
    tmctl.out("order");
    tmctl
}

#[test]
fn i13_after_kill_9_resume_sends_the_same_request_with_the_same_key() {
    let office = Office::open("on");
    let tmctl = ordered(&office);
    office.trick(":confirm", Trick::Swallow);
    let mut child = tmctl.start("confirm --best 2 --payment-token tok_ok");
    office.wait_for_swallowed();
    assert!(tmctl.run("resume").err.contains("under way in other processes: 1"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(tmctl.kept().contains("tok_ok"), "written down before it was sent");

    let list = tmctl.out("resume --list -o json");
    assert!(list.contains(&format!("confirm {ORDER}")) && !list.contains("tok_ok"), "{list}");
    assert_eq!(tmctl.json("resume")["status"], "AUTHORIZED");
    let sent = office.asked(&format!("POST /api/orders/{ORDER}:confirm"));
    assert_eq!(sent.len(), 2);
    assert!(sent[0].key.is_some());
    assert_eq!(sent[0], sent[1]);
    assert!(!tmctl.kept().contains("tok_ok"));
    assert!(tmctl.run("resume").err.contains("nothing was cut off"));
}

#[test]
fn i13_typing_it_again_goes_on_with_the_same_key() {
    let office = Office::open("on");
    let tmctl = ordered(&office);
    office.trick(":finalize", Trick::Swallow);
    let mut child = tmctl.start("finalize");
    office.wait_for_swallowed();
    child.kill().unwrap();
    child.wait().unwrap();
    tmctl.out(&format!("confirm {ORDER} --seats A-1-1 --payment-token tok_ok"));
    tmctl.out("finalize");
    let sent = office.asked(&format!("POST /api/orders/{ORDER}:finalize"));
    assert_eq!(sent[0].key, sent[1].key);
}

#[test]
fn ctrl_c_says_how_to_go_on() {
    let office = Office::open("on");
    let tmctl = ordered(&office);
    office.trick(":confirm", Trick::Swallow);
    let child = tmctl.start("confirm --best 2 --payment-token tok_ok");
    office.wait_for_swallowed();
    signal(&child, "INT");
    let ran = crate::program::ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130));
    assert!(ran.err.contains("tmctl resume"), "{}", ran.err);
    assert_eq!(tmctl.run("resume").code, Some(0));
}

#[test]
fn a_5xx_leaves_the_request_to_be_resumed_and_a_refusal_does_not() {
    let office = Office::open("on");
    let tmctl = ordered(&office);
    office.trick(":confirm", Trick::Refuse("internal", 500));
    let ran = tmctl.run("confirm --best 2 --payment-token tok_ok");
    assert_eq!(ran.code, Some(11));
    assert!(ran.err.contains("tmctl resume") && ran.err.contains("request-id: req-7"), "{}", ran.err);
    assert_eq!(tmctl.run("resume").code, Some(0));

    office.trick(":finalize", Trick::Refuse("order-state", 409));
    assert_eq!(tmctl.run("finalize").code, Some(5));
    assert!(tmctl.run("resume").err.contains("nothing was cut off"));
}

#[test]
fn i10_what_is_not_final_is_asked_about_until_it_is() {
    let office = Office::open("on");
    let tmctl = ordered(&office);
    office.desk().after_confirm = "AUTHORIZING";
    let ran = tmctl.run("confirm --best 2 --payment-token tok_slow --payment-timeout 0");
    assert_eq!(ran.code, Some(8), "{ran:?}");
    assert!(!tmctl.kept().contains("tok_slow"), "the daemon has it: it is not needed any more");
    assert_eq!(tmctl.run("resume --payment-timeout 0").code, Some(8));
    office.desk().order["status"] = "AUTHORIZED".into();
    assert_eq!(tmctl.json("resume")["status"], "AUTHORIZED");
    assert_eq!(office.asked(&format!("POST /api/orders/{ORDER}:confirm")).len(), 1);

    office.desk().after_finalize = "CAPTURING";
    let child = tmctl.start("finalize -o id");
    while office.asked(&format!("GET /api/orders/{ORDER}")).len() < 4 {
        std::thread::yield_now();
    }
    office.desk().order["status"] = "FINALIZED".into();
    assert_eq!(crate::program::ran(child.wait_with_output().unwrap()).out, format!("{ORDER}\n"));
    assert!(tmctl.run("resume").err.contains("nothing was cut off"));
}

#[test]
fn i7_a_key_that_is_in_flight_is_waited_for() {
    let office = Office::open("on");
    let tmctl = ordered(&office);
    for _ in 0..3 {
        office.trick(":finalize", Trick::Refuse("idempotency-in-flight", 409));
    }
    tmctl.out("confirm --best 2 --payment-token tok_ok");
    assert_eq!(tmctl.out("finalize --max-retries 0 -o id"), format!("{ORDER}\n"));
    let sent = office.asked(&format!("POST /api/orders/{ORDER}:finalize"));
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|asked| asked.key == sent[0].key));
}

#[test]
fn a_booking_whose_authorization_took_its_time_is_paid_when_it_is_there() {
    let office = Office::open("off");
    let tmctl = Program::at(&office);
    office.desk().after_confirm = "AUTHORIZING";
    assert_eq!(tmctl.run("book E1 --best 2 --payment-token tok_slow --payment-timeout 0").code, Some(8));
    office.desk().order["status"] = "AUTHORIZED".into();
    assert_eq!(tmctl.json("resume")["status"], "FINALIZED");
    assert_eq!(office.asked("POST /api/bookings/E1").len(), 1);
    let paid = office.asked(&format!("POST /api/orders/{ORDER}:finalize"));
    assert_eq!((paid.len(), paid[0].token.as_deref()), (1, Some("guest-1")));
    assert!(tmctl.run("resume").err.contains("nothing was cut off"));
}

#[test]
fn a_decline_that_comes_late_is_a_decline() {
    let office = Office::open("on");
    let tmctl = ordered(&office);
    office.desk().after_confirm = "AUTHORIZING";
    tmctl.run("confirm --best 2 --payment-token tok_slow --payment-timeout 0");
    office.desk().order["status"] = "PENDING".into();
    assert_eq!(tmctl.run("resume").code, Some(10));
    assert!(tmctl.run("resume").err.contains("nothing was cut off"));
}
