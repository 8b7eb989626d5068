//! Everything that holds, and every way in which it may not: planted in a real daemon's database behind its back, each
//! found by name, by exit code and on the screen.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::office::{Office, Run};
use super::plan::{ABOUT, PRICES, small};

/// An event by the waiting room and one without, on sale.
fn on_sale() -> Office {
    let office = Office::start(&[]);
    let file = office.file("plan.json", &small().to_string());
    for (event, room) in [("E8", "on"), ("E9", "off")] {
        let settings = ["--waiting-room", room, "--seats-per-order", "4", "--seats-per-buyer", "16"];
        office.json(
            &[&["event", "import", event, file.as_str()], &PRICES[..], &ABOUT[..], &settings[..]].concat(),
        );
        office.ok(&["event", "open", event]);
    }
    office
}

fn book(office: &Office, seats: &str) -> String {
    let booked = office.json(&["book", "E9", "--seats", seats, "--payment-token", "tok_ok"]);
    assert_eq!(booked["status"], "FINALIZED");
    booked["orderId"].as_str().unwrap().to_owned()
}

/// A buyer with a place of their own, who is let in.
fn enter(office: &Office, who: &str) -> String {
    let home = office.home().join(who);
    let run = |arguments: &[&str]| {
        let Run { code, out, err } = super::office::run(office.command(arguments).env("TM_HOME", &home));
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out.trim().to_owned()
    };
    let session = run(&["join", "E8", "-o", "id"]);
    run(&["wait", &session, "--timeout", "60s"]);
    session
}

fn verify(office: &Office) -> (i32, Value) {
    let Run { code, out, err } = office.run(&["verify", "-o", "json"]);
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
}

/// The rules that do not hold.
fn broken(report: &Value) -> Vec<&str> {
    let rules = report["rules"].as_array().unwrap().iter();
    rules.filter(|rule| rule["breaches"] != 0).map(|rule| rule["rule"].as_str().unwrap()).collect()
}

/// Writes to the daemon's database, behind its back.
fn write(office: &Office, sql: &str) {
    let file = office.home().join(".local/share/tmd/office.db");
    let options = SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(false)
        .busy_timeout(std::time::Duration::from_secs(20));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let written = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        assert!(written.unwrap().rows_affected() > 0, "nothing was written: {sql}");
    });
}

/// What is spoiled, how, how it is mended, and the rules that have to find it. `ORDER` is one that was paid, `OPEN` one that
/// waits for its payment, `FIRST` and `SECOND` are two that were let in.
type Plant = (&'static str, &'static str, &'static str, &'static [&'static str]);

const PLANTS: &[Plant] = &[
    (
        "a second ticket for a seat",
        "DROP INDEX tickets_one_a_seat;
         INSERT INTO tickets SELECT 'tkt_01h455vb4pex5vsknk084sn02q', event_id, seat_index, order_id, user_id, code, state,
           issued_at FROM tickets WHERE order_id = 'ORDER' LIMIT 1",
        "DELETE FROM tickets WHERE ticket_id = 'tkt_01h455vb4pex5vsknk084sn02q'",
        &["one-ticket-a-seat", "captured-is-ticketed-or-refunded", "paid-is-ticketed"],
    ),
    (
        "a ticket that is gone",
        "CREATE TABLE kept AS SELECT * FROM tickets WHERE order_id = 'ORDER' LIMIT 1;
         DELETE FROM tickets WHERE ticket_id IN (SELECT ticket_id FROM kept)",
        "INSERT INTO tickets SELECT * FROM kept; DROP TABLE kept",
        &["one-ticket-a-seat", "captured-is-ticketed-or-refunded", "paid-is-ticketed"],
    ),
    (
        "an order that costs less than was taken",
        "UPDATE orders SET total = total - 1 WHERE order_id = 'ORDER'",
        "UPDATE orders SET total = total + 1 WHERE order_id = 'ORDER'",
        &["money-is-conserved"],
    ),
    (
        "a payment of another amount",
        "UPDATE payments SET amount = amount + 1 WHERE order_id = 'ORDER' AND operation = 'CAPTURE'",
        "UPDATE payments SET amount = amount - 1 WHERE order_id = 'ORDER' AND operation = 'CAPTURE'",
        &["money-is-conserved", "books-balance", "provider-agrees"],
    ),
    (
        "an authorization that nobody voids",
        "CREATE TABLE kept AS SELECT detail FROM payments WHERE order_id = 'CANCELLED' AND operation = 'VOID';
         UPDATE payments SET state = 'DECLINED', detail = 'no' WHERE order_id = 'CANCELLED' AND operation = 'VOID'",
        "UPDATE payments SET state = 'OK', detail = (SELECT detail FROM kept) WHERE order_id = 'CANCELLED' AND operation = 'VOID';
         DROP TABLE kept",
        &["authorized-is-captured-or-voided", "provider-agrees"],
    ),
    (
        "a seat that another order has",
        "UPDATE seat_inventory SET order_id = 'ORDER' WHERE order_id = 'OPEN'",
        "UPDATE seat_inventory SET order_id = 'OPEN' WHERE order_id = 'ORDER' AND status = 1",
        &["holds-never-overlap"],
    ),
    (
        "a hold that is gone",
        "UPDATE seat_inventory SET order_id = NULL, status = 0, reserved_until = NULL WHERE order_id = 'OPEN'",
        "UPDATE seat_inventory SET order_id = 'OPEN', status = 1, reserved_until = 9999999999999
         WHERE event_id = 'E9' AND seat_id = 'A-2-2'",
        &["holds-never-overlap"],
    ),
    (
        "more inside than there is room",
        "UPDATE events SET capacity = 1, highest_capacity = 1 WHERE event_id = 'E8'",
        "UPDATE events SET capacity = 100, highest_capacity = 100 WHERE event_id = 'E8'",
        &["capacity-is-kept"],
    ),
    (
        "two places swapped",
        "UPDATE sessions SET place = 1 - place WHERE session_id IN ('FIRST', 'SECOND')",
        "UPDATE sessions SET place = 1 - place WHERE session_id IN ('FIRST', 'SECOND')",
        &["admitted-in-order"],
    ),
    (
        "an order that nobody let in",
        "UPDATE events SET waiting_room = 1 WHERE event_id = 'E9'",
        "UPDATE events SET waiting_room = 0 WHERE event_id = 'E9'",
        &["nobody-orders-unadmitted"],
    ),
    (
        "a counter that was changed",
        "UPDATE price_levels SET seats = seats + 1 WHERE event_id = 'E9' AND level = 0",
        "UPDATE price_levels SET seats = seats - 1 WHERE event_id = 'E9' AND level = 0",
        &["counters-equal-seats"],
    ),
    (
        "a booking that was left",
        "INSERT INTO idempotency_keys (user_id, key, fingerprint, lease_until, is_booking, created_at)
         SELECT user_id, 'left', x'00', 1, 1, 1 FROM orders LIMIT 1",
        "DELETE FROM idempotency_keys WHERE key = 'left'",
        &["nothing-is-stuck"],
    ),
    (
        "a step that was changed",
        "UPDATE order_events SET at = at + 1 WHERE order_id = 'ORDER' AND number = 3",
        "UPDATE order_events SET at = at - 1 WHERE order_id = 'ORDER' AND number = 3",
        &["history-is-unchanged"],
    ),
    (
        "a step that was taken away",
        "CREATE TABLE kept AS SELECT * FROM order_events WHERE order_id = 'ORDER' AND number = 5;
         DELETE FROM order_events WHERE order_id = 'ORDER' AND number = 5",
        "INSERT INTO order_events SELECT * FROM kept; DROP TABLE kept",
        &["history-is-lawful", "history-is-unchanged"],
    ),
];

/// Each breach is found by the rules that it breaks, and by no other; and once it is mended nothing is.
#[test]
fn what_is_planted_is_found_by_name_and_nothing_else_is() {
    let office = on_sale();
    let paid = book(&office, "A-1-1,A-1-2");
    book(&office, "B-1-1");
    let cancelled = office.json(&["order", "E9"])["orderId"].as_str().unwrap().to_owned();
    office.ok(&["confirm", &cancelled, "--seats", "A-2-1", "--payment-token", "tok_ok"]);
    office.ok(&["cancel", &cancelled]);
    let open = office.json(&["order", "E9"])["orderId"].as_str().unwrap().to_owned();
    office.ok(&["confirm", &open, "--seats", "A-2-2", "--payment-token", "tok_ok"]);
    let (first, second) = (enter(&office, "first"), enter(&office, "second"));
    let named = |sql: &str| {
        let sql = sql.replace("ORDER'", &format!("{paid}'")).replace("OPEN", &open);
        sql.replace("CANCELLED", &cancelled).replace("FIRST", &first).replace("SECOND", &second)
    };
    let clean = |when: &str| {
        let (code, report) = verify(&office);
        assert_eq!((code, broken(&report)), (0, vec![]), "{when}: {report:#}");
        report
    };
    let report = clean("before");
    assert_eq!((&report["holds"], &report["unhashedOrders"]), (&json!(true), &json!(0)));
    let looked = |rule: &str| {
        let rules = report["rules"].as_array().unwrap();
        rules.iter().find(|one| one["rule"] == rule).unwrap()["looked"].as_u64().unwrap()
    };
    assert_eq!((looked("paid-is-ticketed"), looked("one-ticket-a-seat")), (4, 32));
    assert_eq!((looked("capacity-is-kept"), looked("admitted-in-order")), (2, 4));
    for (what, spoil, mend, rules) in PLANTS {
        write(&office, &named(spoil));
        let (code, report) = verify(&office);
        assert_eq!((code, broken(&report)), (1, rules.to_vec()), "{what}: {report:#}");
        let Run { code, out, err } = office.run(&["verify", "-o", "table"]);
        assert_eq!(code, 1, "{what}: {err}");
        assert!(rules.iter().all(|rule| out.contains(rule)) && out.contains("BROKEN"), "{what}: {out}");
        write(&office, &named(mend));
        clean(what);
    }
}

/// While sixteen buy, cancel and wait in line, nothing is said to be broken.
#[test]
fn nothing_is_said_to_be_broken_while_sixteen_buyers_buy() {
    let office = on_sale();
    let done = AtomicBool::new(false);
    let runs = std::thread::scope(|scope| {
        let buyers: Vec<_> = (0..16)
            .map(|n| {
                let (office, home) = (&office, office.home().join(format!("buyer{n}")));
                scope.spawn(move || {
                    let run = |arguments: &[&str]| {
                        super::office::run(office.command(arguments).env("TM_HOME", &home)).code
                    };
                    if n % 4 == 0 {
                        run(&["join", "E8"]);
                        run(&["wait", "--timeout", "30s"]);
                        run(&["order"]);
                        run(&["confirm", "--best", "1", "--payment-token", "tok_ok"]);
                        run(&["finalize"]);
                        return;
                    }
                    let card = ["tok_ok", "tok_declined", "tok_capture_lost", "tok_duplicate"][n % 3];
                    run(&["order", "E9"]);
                    run(&["confirm", "--best", "1", "--payment-token", card]);
                    run(&[if n % 5 == 0 { "cancel" } else { "finalize" }]);
                })
            })
            .collect();
        let looking = scope.spawn(|| {
            let mut runs = 0;
            while !done.load(Ordering::Relaxed) || runs < 2 {
                let (code, report) = verify(&office);
                assert_eq!((code, broken(&report)), (0, vec![]), "{report:#}");
                runs += 1;
            }
            runs
        });
        for buyer in buyers {
            buyer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        looking.join().unwrap()
    });
    assert!(runs >= 2);
    let (_, report) = verify(&office);
    let paid = report["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "paid-is-ticketed");
    assert!(paid.unwrap()["looked"].as_u64().unwrap() >= 12, "{report:#}");
}

/// What a person sees, word for word.
#[test]
fn the_table_says_what_was_looked_at_and_what_is_broken() {
    let office = on_sale();
    let paid = book(&office, "A-1-1");
    let show = |arguments: &[&str]| {
        let out = office.run(&[arguments, &["-o", "table"]].concat()).out;
        out.replace(&paid, "ORDER")
    };
    insta::assert_snapshot!("verify_clean", show(&["verify"]));
    write(&office, "UPDATE price_levels SET seats = 7 WHERE event_id = 'E8' AND level = 0");
    write(&office, &format!("UPDATE order_events SET at = 5 WHERE order_id = '{paid}' AND number = 2"));
    insta::assert_snapshot!("verify_broken", show(&["verify"]));
}

/// The life of an order, of its seat and of its buyer.
#[test]
fn a_life_is_told_of_an_order_a_seat_and_a_user() {
    let office = on_sale();
    let paid = book(&office, "A-1-1");
    let life = |words: &[&str]| office.json(&[&["verify", "--explain"], words].concat());
    let order = life(&["order", &paid]);
    let said: Vec<_> =
        order["happenings"].as_array().unwrap().iter().map(|one| one["said"].as_str().unwrap()).collect();
    assert!(said[0].starts_with("begins for usr_"), "{said:?}");
    for part in ["PENDING -> AUTHORIZING", "CAPTURING -> FINALIZED", "CAPTURE of", "issued for seat"] {
        assert!(said.iter().any(|line| line.contains(part)), "{part}: {said:?}");
    }
    let user = said[0].split(' ').nth(2).unwrap();
    let seat = life(&["seat", "E9", "A-1-1"]);
    assert_eq!(
        (&seat["happenings"], &life(&["user", user])["happenings"]),
        (&order["happenings"], &order["happenings"])
    );
    assert!(seat["stands"].as_str().unwrap().starts_with("A-1-1 of E9 is sold to ord_"), "{seat}");
    assert!(office.ok(&["verify", "--explain", "order", &paid, "-o", "table"]).contains("FINALIZED"));
    for (words, code) in [
        (&["order", "ord_01h455vb4pex5vsknk084sn02q"][..], 3),
        (&["seat", "E9", "Z-9"], 3),
        (&["order", "E1"], 2),
        (&["order", "a", "b"], 2),
        (&["ticket", "x"], 2),
    ] {
        assert_eq!(office.run(&[&["verify", "--explain"], words].concat()).code, code, "{words:?}");
    }
}
