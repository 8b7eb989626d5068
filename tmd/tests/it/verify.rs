//! What has to hold, looked at over the wire while the office sells, on either store.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{join, join_all};
use tmapi::event::EventPatch;
use tmapi::order::CreateOrder;
use tmcore::verify::life::Subject;
use tmcore::verify::{Report, Rule};

use crate::harness::{Daemon, Dice, confirm, event_id, eventually, key};
use crate::scene::at;

/// Everything, looked at once.
async fn verify(daemon: &Daemon) -> Report {
    let (mut report, mut cursor): (Report, Option<String>) = (Report::default(), None);
    loop {
        let page = daemon.organiser.verify(cursor.as_deref()).await.unwrap();
        report.merge(page.report);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return report;
        }
    }
}

fn broken(report: &Report) -> Vec<Rule> {
    report.findings.iter().filter(|(_, found)| found.breaches > 0).map(|(rule, _)| *rule).collect()
}

/// One buyer: by the line or without, with a card that may be declined, and a mind that may change.
async fn buy(daemon: &Daemon, dice: &mut Dice) {
    let by_line = dice.below(2) == 0;
    let event = event_id(if by_line { "E1" } else { "E2" });
    let (client, order) = if by_line {
        let (client, joined) = daemon.join(&event).await;
        let session = joined.session_id;
        crate::harness::until(&client, session, tmapi::session::SessionStatus::Active).await;
        let create = CreateOrder { event_id: event, session_id: Some(session) };
        let order = client.create_order(&create, &key()).await.unwrap();
        (client, order.order_id)
    } else {
        daemon.order(&event).await
    };
    let row = char::from(b'A' + u8::try_from(dice.below(4)).unwrap());
    let seats = [format!("{row}-{}", dice.below(30) + 1), format!("{row}-{}", dice.below(30) + 31)];
    let token = ["tok_ok", "tok_ok", "tok_declined", "tok_capture_lost"][dice.below(4)];
    let seats: Vec<_> = seats.iter().map(String::as_str).collect();
    if confirm(&client, order, &seats, token).await.is_err() || dice.below(4) == 0 {
        let _ = client.cancel(order, &key()).await;
        return;
    }
    let finalized = client.finalize(order, &key()).await;
    if finalized.is_ok() && dice.below(4) == 0 {
        let _ = daemon.organiser.refund(order, &key()).await;
    }
}

/// The rules hold at every moment of a sale: nothing that is under way is said to be broken.
#[tokio::test(flavor = "multi_thread")]
async fn no_rule_is_said_to_be_broken_while_sixteen_buyers_buy() {
    let daemon = Daemon::start().await;
    let room = EventPatch { capacity: Some(5), admissions_per_minute: Some(60_000), ..EventPatch::default() };
    daemon.event("E1", 4, 60, room).await;
    daemon.open_event("E2", 4, 60).await;
    let done = AtomicBool::new(false);
    let looking = async {
        let mut runs = 0;
        while !done.load(Ordering::Relaxed) || runs < 3 {
            let report = verify(&daemon).await;
            assert!(report.holds(), "{report:#?}");
            runs += 1;
        }
    };
    let buying = async {
        let buyers = (0..16).map(async |seed| {
            let mut dice = Dice::new(seed);
            for _ in 0..4 {
                buy(&daemon, &mut dice).await;
            }
        });
        join_all(buyers).await;
        done.store(true, Ordering::Relaxed);
    };
    join(looking, buying).await;
    daemon.check_invariants().await;
    eventually("the last refunds are through", async || verify(&daemon).await.holds()).await;
    let report = verify(&daemon).await;
    assert!(report.findings[&Rule::PaidIsTicketed].looked >= 64, "{report:#?}");
    assert_eq!(report.findings[&Rule::OneTicketASeat].looked, 480);
}

/// What is changed behind the office's back is found by name, on either store.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_behind_the_back_is_found_by_name() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let mut orders = Vec::new();
    for seat in ["A-1", "A-2"] {
        let (client, order) = daemon.order(&event).await;
        confirm(&client, order, &[seat], "tok_ok").await.unwrap();
        client.finalize(order, &key()).await.unwrap();
        orders.push(order);
    }
    assert_eq!(broken(&verify(&daemon).await), []);
    let spoils = [
        (
            "UPDATE tickets SET state = 'VOID' WHERE seat_index = 0",
            "UPDATE tickets SET state = 'VALID'",
            vec![Rule::OneTicketASeat, Rule::CapturedIsTicketedOrRefunded, Rule::PaidIsTicketed],
        ),
        (
            "UPDATE orders SET total = total + 1 WHERE state = 'FINALIZED'",
            "UPDATE orders SET total = total - 1 WHERE state = 'FINALIZED'",
            vec![Rule::MoneyIsConserved],
        ),
        (
            "UPDATE order_events SET at = at + 1 WHERE to_state = 'CAPTURING'",
            "UPDATE order_events SET at = at - 1 WHERE to_state = 'CAPTURING'",
            vec![Rule::HistoryIsUnchanged],
        ),
        (
            "UPDATE seat_clocks SET seq = 0",
            "UPDATE seat_clocks SET seq = 1000",
            vec![Rule::CountersEqualSeats],
        ),
    ];
    for (spoil, mend, rules) in spoils {
        daemon.run(spoil).await;
        assert_eq!(broken(&verify(&daemon).await), rules, "{spoil}");
        daemon.run(mend).await;
        assert_eq!(broken(&verify(&daemon).await), [], "{mend}");
    }
    let life = daemon.organiser.history(&Subject::Order(orders[0])).await.unwrap();
    assert_eq!(life.happenings.len(), 8, "{life:#?}");
}

/// A page of nowhere, and a life of nothing in particular, are refused by name.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused() {
    let daemon = Daemon::start().await;
    let token = daemon.organiser_token();
    for (route, query) in [
        ("GET /api/verify", "?cursor=x"),
        ("GET /api/verify", "?cursor=seats@E1@x"),
        ("GET /api/verify", "?cursor=orders%40%00%40"),
        ("GET /api/history", ""),
        ("GET /api/history", "?event=E1"),
        ("GET /api/history", "?order=x"),
    ] {
        let answer = at(route, "").query(query).token(&token).send(&daemon.url).await;
        assert_eq!(answer.said(), (400, "invalid-parameter".to_owned()), "{route}{query}");
    }
    let nobody = at("GET /api/history", "").query("?user=usr_01h455vb4pex5vsknk084sn02q").token(&token);
    assert_eq!(nobody.send(&daemon.url).await.status, 404);
}
