//! One effect a key.

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::client::{ClientError, ClientOptions, HeaderMap, HeaderValue, Method};
use tmapi::event::EventPatch;
use tmapi::order::OrderStatus;
use tmcore::payment::Operation::{Authorize, Capture};
use tmd::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::harness::{Daemon, eventually, key, now, on_postgres, quick};
use crate::till::{Purchase, of, path, pay, post, refusal, unswept};

const BODY: &str = r#"{"seats":["A-1"],"paymentToken":"tok_ok"}"#;

/// Every mutation of a purchase: path and body.
fn mutations(purchase: &Purchase) -> Vec<(String, String)> {
    vec![
        ("/api/orders".to_owned(), r#"{"eventId":"E1"}"#.to_owned()),
        (path(purchase.order, "confirm"), BODY.to_owned()),
        (path(purchase.order, "finalize"), String::new()),
        (path(purchase.order, "cancel"), String::new()),
        ("/api/bookings/E1".to_owned(), BODY.to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_i2_every_mutation_needs_one_well_formed_key() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let long = "k".repeat(256);
    for (path, body) in mutations(&buyer) {
        let answer = post(&buyer.buyer, &path, None, body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "idempotency-key-missing"), "{path}");
        for bad in ["", "a b", "a/b", "\"", "\"a", &long, "'; DROP TABLE orders"] {
            let answer = post(&buyer.buyer, &path, Some(bad), body.clone()).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "idempotency-key-invalid"),
                "{path} {bad}"
            );
        }
        let mut twice = HeaderMap::new();
        twice.append("idempotency-key", HeaderValue::from_static("one"));
        twice.append("idempotency-key", HeaderValue::from_static("two"));
        twice.insert("content-type", HeaderValue::from_static("application/json"));
        let (status, ..) = buyer.buyer.raw(Method::POST, &path, twice, body).await.unwrap();
        assert_eq!(status.as_u16(), 400, "{path}");
    }
    assert_eq!(
        (daemon.state(buyer.order).await.as_str(), daemon.seats_of(buyer.order).await),
        ("PENDING", 0)
    );
    let longest = "k".repeat(255);
    assert_eq!(post(&buyer.buyer, &path(buyer.order, "confirm"), Some(&longest), BODY).await.status, 202);
    let quoted =
        post(&buyer.buyer, &path(buyer.order, "confirm"), Some(&format!("\"{longest}\"")), BODY).await;
    assert!(quoted.replayed, "bare or quoted, it is the same key");
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_i4_the_same_request_is_answered_byte_for_byte_and_done_once() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let confirm = path(buyer.order, "confirm");
    let (first_key, second_key) = (key(), key());
    let first =
        post(&buyer.buyer, &confirm, Some(&first_key), r#"{"seats":["A-1","A-2"],"paymentToken":"tok_ok"}"#)
            .await;
    assert_eq!((first.status, first.replayed), (202, false));
    let paid = post(&buyer.buyer, &path(buyer.order, "finalize"), Some(&second_key), "").await;
    assert_eq!((paid.status, paid.replayed), (200, false));
    let done = daemon.done_for(buyer.order).await;
    for body in [
        r#"{"seats":["A-1","A-2"],"paymentToken":"tok_ok"}"#,
        "{ \"paymentToken\" :\"tok_ok\",\r\n\t\"seats\": [ \"A-1\" , \"A-2\"] }\n",
        r#"{"paymentToken":"tok\u005fok","seats":["A-1","A-2"]}"#,
    ] {
        let again = post(&buyer.buyer, &confirm, Some(&first_key), body).await;
        assert!(again.replayed);
        assert_eq!(
            (again.status, &again.body),
            (202, &first.body),
            "as it was answered, though it is paid by now"
        );
    }
    let again = post(&buyer.buyer, &path(buyer.order, "finalize"), Some(&second_key), "").await;
    assert_eq!((again.status, again.replayed, again.body), (200, true, paid.body));
    let empty = post(&buyer.buyer, &path(buyer.order, "finalize"), Some(&second_key), "{}").await;
    assert!(empty.replayed, "an empty object is no body");
    assert_eq!(daemon.done_for(buyer.order).await, done);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_key_used_with_another_request_is_refused_and_nothing_of_the_first_is_told() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let key = key();
    post(&buyer.buyer, &path(buyer.order, "confirm"), Some(&key), BODY).await;
    let other = [
        (path(buyer.order, "confirm"), r#"{"seats":["A-2"],"paymentToken":"tok_ok"}"#),
        (path(buyer.order, "confirm"), r#"{"seats":["A-1"],"paymentToken":"tok_ok_2"}"#),
        (path(buyer.order, "finalize"), ""),
        (path(buyer.order, "cancel"), ""),
        ("/api/orders".to_owned(), r#"{"eventId":"E1"}"#),
        ("/api/bookings/E1".to_owned(), BODY),
    ];
    for (path, body) in other {
        let answer = post(&buyer.buyer, &path, Some(&key), body).await;
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.replayed),
            (422, "idempotency-key-reused", false)
        );
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        for secret in ["A-1", "tok_", "AUTHORIZED", &buyer.order.to_string()] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
    }
    assert_eq!(daemon.state(buyer.order).await, "AUTHORIZED");
    assert_eq!(daemon.seats_of(buyer.order).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_while_the_first_is_in_flight_the_second_is_told_so_at_once() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let (key, path) = (key(), path(buyer.order, "confirm"));
    let body = r#"{"seats":["A-1"],"paymentToken":"tok_slow"}"#;
    let mut first = JoinSet::new();
    {
        let (client, path, key) = (buyer.buyer.clone(), path.clone(), key.clone());
        first.spawn(async move { post(&client, &path, Some(&key), body).await });
    }
    eventually("it is under way", async || !daemon.payments(buyer.order).await.is_empty()).await;
    let clock = SystemClock::new();
    let second = post(&buyer.buyer, &path, Some(&key), body).await;
    assert!(clock.monotonic() < Duration::from_secs(1), "the first takes two");
    assert_eq!((second.status, second.code().as_str()), (409, "idempotency-in-flight"));
    assert_eq!(second.retry_after.as_deref(), Some("1"));
    assert_eq!(second.json()["retryable"], true);
    let first = first.join_next().await.unwrap().unwrap();
    assert_eq!(first.status, 202);
    let third = post(&buyer.buyer, &path, Some(&key), body).await;
    assert_eq!((third.status, third.replayed, third.body), (202, true, first.body));
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true)]);
}

/// As a crash leaves a key: claimed, and its lease over.
async fn cut_off(daemon: &Daemon, key: &str) {
    let sql = format!(
        "UPDATE idempotency_keys SET lease_until = 1, status = NULL, body = NULL WHERE key = '{key}'"
    );
    assert_eq!(daemon.write(sql).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_retry_after_a_crash_goes_on_where_the_order_stands() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let keys = [key(), key(), key()];
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.cancel().await.unwrap();
    let create = async || buyer.buyer.create_order(&of(&event), &keys[0]).await;
    let order = create().await.unwrap().order_id;
    cut_off(&daemon, &keys[0]).await;
    assert_eq!(create().await.unwrap().order_id, order, "begun once");
    let confirm = async || buyer.buyer.confirm(order, &pay(&["A-1"], "tok_ok"), &keys[1]).await;
    confirm().await.unwrap();
    // Cut off after the hold was written, before the provider was asked, or before its answer was written.
    cut_off(&daemon, &keys[1]).await;
    daemon.write(format!("UPDATE orders SET state = 'AUTHORIZING' WHERE order_id = '{order}'")).await;
    daemon.write("UPDATE payments SET state = 'SENT', detail = NULL".to_owned()).await;
    assert_eq!(confirm().await.unwrap().status, OrderStatus::Authorized);
    // Cut off after everything was written but the answer.
    cut_off(&daemon, &keys[1]).await;
    assert_eq!(confirm().await.unwrap().status, OrderStatus::Authorized);
    let finalize = async || buyer.buyer.finalize(order, &keys[2]).await;
    let paid = finalize().await.unwrap();
    cut_off(&daemon, &keys[2]).await;
    assert_eq!(finalize().await.unwrap(), paid);
    assert_eq!(daemon.done_for(order).await, [(Authorize, true), (Capture, true)]);
    daemon.check_money().await;
}

fn refused_in_flight<T>(answer: &Result<T, ClientError>) -> bool {
    let code = answer.as_ref().err().and_then(ClientError::code);
    code == Some(ProblemCode::IdempotencyInFlight)
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_booking_goes_on_from_every_point_it_can_be_cut_off_at() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.cancel().await.unwrap();
    for (seat, stopped) in
        [("A-1", "PENDING"), ("A-2", "AUTHORIZING"), ("A-3", "AUTHORIZED"), ("A-4", "FINALIZED")]
    {
        let key = key();
        let book = async || buyer.buyer.book(&event, &pay(&[seat], "tok_ok"), &key).await;
        let first = book().await.unwrap();
        let order = first.order_id;
        if stopped != "FINALIZED" {
            let held = if stopped == "PENDING" {
                "status = 0, reserved_until = NULL, order_id = NULL, ticket_id = NULL"
            } else {
                "status = 1, reserved_until = 9000000000000, ticket_id = NULL"
            };
            let payment =
                if stopped == "AUTHORIZED" { "state = 'OK'" } else { "state = 'SENT', detail = NULL" };
            for sql in [
                // The books are append-only.
                if on_postgres() {
                    "DROP TRIGGER IF EXISTS ledger_entries_stay ON ledger_entries".to_owned()
                } else {
                    "DROP TRIGGER IF EXISTS ledger_entries_are_kept".to_owned()
                },
                format!("DELETE FROM ledger_entries WHERE order_id = '{order}'"),
                format!("DELETE FROM tickets WHERE order_id = '{order}'"),
                format!("UPDATE seat_inventory SET {held} WHERE order_id = '{order}'"),
                format!("UPDATE orders SET state = '{stopped}', is_open = 1 WHERE order_id = '{order}'"),
                format!("DELETE FROM payments WHERE order_id = '{order}' AND operation = 'CAPTURE'"),
                format!("UPDATE payments SET {payment} WHERE order_id = '{order}'"),
            ] {
                daemon.write(sql).await;
            }
        }
        if stopped == "PENDING" {
            daemon
                .write(format!("UPDATE orders SET attempts = 0, seats = '[]' WHERE order_id = '{order}'"))
                .await;
        }
        cut_off(&daemon, &key).await;
        let mut again = book().await;
        // The office may be at it already, without the client.
        while refused_in_flight(&again) {
            again = book().await;
        }
        let again = again.unwrap();
        assert_eq!(
            (again.order_id, again.status, again.tickets.len()),
            (order, OrderStatus::Finalized, 1),
            "{stopped}"
        );
        assert_eq!(daemon.done_for(order).await, [(Authorize, true), (Capture, true)], "{stopped}");
    }
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_crash_leaves_no_key_behind_for_longer_than_its_lease() {
    let mut config = quick();
    config.checkout.idempotency_lease_seconds = 1;
    let daemon = Daemon::start_with(config).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let key = key();
    let confirm = async || buyer.buyer.confirm(buyer.order, &pay(&["A-1"], "tok_ok"), &key).await;
    confirm().await.unwrap();
    let leased = format!("lease_until = {} + 700, status = NULL", now());
    daemon.write(format!("UPDATE idempotency_keys SET {leased} WHERE key = '{key}'")).await;
    assert_eq!(refusal(confirm().await), (409, ProblemCode::IdempotencyInFlight));
    eventually("the lease ends", async || confirm().await.is_ok()).await;
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_definite_refusal_is_kept() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (owner, buyer) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    owner.confirm(&["A-9"], "tok_ok").await.unwrap();
    let confirm = path(buyer.order, "confirm");
    let mut kept = vec![];
    for (status, body) in [
        (402, r#"{"seats":["A-1"],"paymentToken":"tok_declined"}"#),
        (409, r#"{"seats":["A-1","A-9"],"paymentToken":"tok_ok"}"#),
        (422, r#"{"seats":["A-1","Z-9"],"paymentToken":"tok_ok"}"#),
    ] {
        let key = key();
        let first = post(&buyer.buyer, &confirm, Some(&key), body).await;
        assert_eq!(first.status, status);
        kept.push((confirm.clone(), key, body, first));
    }
    let (state, gone, limit) = (key(), key(), key());
    let finalize = path(buyer.order, "finalize");
    let first = post(&buyer.buyer, &finalize, Some(&state), "").await;
    assert_eq!((first.status, first.code().as_str()), (409, "order-state"));
    kept.push((finalize.clone(), state, "", first));
    let first = post(&buyer.buyer, "/api/orders", Some(&limit), r#"{"eventId":"E1"}"#).await;
    assert_eq!((first.status, first.code().as_str()), (409, "open-order-exists"));
    kept.push(("/api/orders".to_owned(), limit, r#"{"eventId":"E1"}"#, first));
    daemon.lapse(buyer.order).await;
    let first = post(&buyer.buyer, &finalize, Some(&gone), "").await;
    assert_eq!(first.status, 410);
    kept.push((finalize, gone, "", first));
    owner.cancel().await.unwrap();
    for (path, key, body, first) in kept {
        let again = post(&buyer.buyer, &path, Some(&key), body).await;
        assert!(again.replayed, "{path} {}", first.status);
        assert_eq!((again.status, again.body), (first.status, first.body));
    }
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_what_may_come_out_otherwise_is_not_kept() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let (key, path) = (key(), path(buyer.order, "confirm"));
    let large = format!("{{\"seats\":[\"{}\"]}}", "A".repeat(70_000));
    for (status, body) in
        [(400, "{\"seats\":"), (400, "{\"seats\":[\"A-1\"],\"paymentToken\":\"\"}"), (413, large.as_str())]
    {
        let answer = post(&buyer.buyer, &path, Some(&key), body.to_owned()).await;
        assert_eq!((answer.status, answer.replayed), (status, false), "{:?}", answer.json());
    }
    assert_eq!(post(&daemon.client(), &path, Some(&key), BODY).await.status, 401);
    let mut untyped = HeaderMap::new();
    untyped.insert("idempotency-key", HeaderValue::from_str(&key).unwrap());
    let (status, ..) = buyer.buyer.raw(Method::POST, &path, untyped, BODY).await.unwrap();
    assert_eq!(status.as_u16(), 415);
    let blocker = daemon.block_writes().await;
    assert_eq!(post(&buyer.buyer, &path, Some(&key), BODY).await.status, 503);
    blocker.rollback().await.unwrap();
    let done = post(&buyer.buyer, &path, Some(&key), BODY).await;
    assert_eq!((done.status, done.replayed), (202, false), "under the very same key");
    let closed = daemon.event("E2", 1, 10, EventPatch::default()).await;
    let (guest, key) = (buyer.buyer.clone(), crate::harness::key());
    let create = async || guest.create_order(&of(&closed), &key).await;
    assert_eq!(refusal(create().await), (403, ProblemCode::NotAdmitted));
    let session = guest.join(&closed).await.unwrap().session;
    crate::harness::until(&guest, session.session_id, tmapi::session::SessionStatus::Active).await;
    create().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_a_client_that_hangs_up_learns_the_one_outcome_by_asking_again() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let hasty =
        ClientOptions { timeout: Duration::from_millis(300), max_retries: 0, ..ClientOptions::default() };
    let hasty = tmapi::client::Client::new(&daemon.url, hasty).unwrap();
    let (key, request) = (key(), pay(&["A-1"], "tok_slow"));
    assert!(hasty.book(&event, &request, &key).await.unwrap_err().is_inconclusive());
    let patient = daemon.client();
    let mut told = None;
    eventually("the outcome", async || {
        match patient.book(&event, &request, &key).await {
            Ok(view) => told = Some(view),
            Err(error) => assert_eq!(error.code(), Some(ProblemCode::IdempotencyInFlight)),
        }
        told.is_some()
    })
    .await;
    let told = told.unwrap();
    assert_eq!((told.status, told.tickets.len()), (OrderStatus::Finalized, 1));
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders").await, 1);
    assert_eq!(daemon.done_for(told.order_id).await, [(Authorize, true), (Capture, true)]);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_an_answer_that_is_not_the_last_word_is_not_kept() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let (first, second) = (key(), key());
    let confirm =
        async || buyer.buyer.confirm(buyer.order, &pay(&["A-1"], "tok_lost_answer"), &first).await.unwrap();
    assert_eq!(confirm().await.status, OrderStatus::Authorizing);
    eventually("the card is known to be good", async || confirm().await.status == OrderStatus::Authorized)
        .await;
    let finalize = async || buyer.buyer.finalize(buyer.order, &second).await.unwrap().status;
    eventually("it is paid", async || finalize().await == OrderStatus::Finalized).await;
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Capture, true)]);
    let other = Purchase::begin(&daemon.client(), &event).await;
    other.confirm(&["A-2"], "tok_capture_lost").await.unwrap();
    let key = key();
    let finalize = async || other.buyer.finalize(other.order, &key).await.unwrap().status;
    assert_eq!(finalize().await, OrderStatus::Capturing);
    eventually("it is paid", async || finalize().await == OrderStatus::Finalized).await;
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i11_keys_are_forgotten_after_a_day_but_not_before_their_order_is_over() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (open, done) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    open.confirm(&["A-1"], "tok_ok").await.unwrap();
    done.confirm(&["A-2"], "tok_ok").await.unwrap();
    let paid = done.finalize().await.unwrap();
    let keys = async |order| {
        daemon.number(format!("SELECT COUNT(*) FROM idempotency_keys WHERE order_id = '{order}'")).await
    };
    assert_eq!(daemon.office.purge_keys().await.unwrap(), 0, "none is old enough");
    let age = "UPDATE idempotency_keys SET created_at = created_at - 1000 * 3600";
    daemon.write(format!("{age} * 23")).await;
    assert_eq!(daemon.office.purge_keys().await.unwrap(), 0, "23 hours are no day");
    daemon.write(format!("{age} * 2")).await;
    let leased = "UPDATE idempotency_keys SET lease_until = 9000000000000 WHERE order_id =";
    daemon
        .write(format!(
            "{leased} '{}' AND key = (SELECT MIN(key) FROM idempotency_keys WHERE order_id = '{}')",
            done.order, done.order
        ))
        .await;
    assert_eq!(daemon.office.purge_keys().await.unwrap(), 2);
    assert_eq!((keys(open.order).await, keys(done.order).await), (2, 1), "one is being worked on");
    daemon.write("DELETE FROM idempotency_keys".to_owned()).await;
    let calls = daemon.provider_log().await;
    assert_eq!(done.finalize().await.unwrap(), paid);
    assert_eq!(done.confirm(&["A-2"], "tok_ok_another").await.unwrap().status, OrderStatus::Finalized);
    assert_eq!(refusal(done.confirm(&["A-3"], "tok_ok").await), (409, ProblemCode::OrderState));
    assert_eq!(open.confirm(&["A-1"], "tok_ok_another").await.unwrap().status, OrderStatus::Authorized);
    assert_eq!(refusal(open.confirm(&["A-3"], "tok_ok").await), (409, ProblemCode::OrderState));
    assert_eq!(daemon.provider_log().await, calls, "the provider was not asked");
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i12_two_principals_with_one_key_are_two_operations() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (one, two) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    let key = key();
    for (purchase, seat) in [(&one, "A-1"), (&two, "A-2")] {
        let held = purchase.buyer.confirm(purchase.order, &pay(&[seat], "tok_ok"), &key).await.unwrap();
        assert_eq!((held.order_id, held.status), (purchase.order, OrderStatus::Authorized));
    }
    let stolen = post(
        &two.buyer,
        &path(one.order, "confirm"),
        Some(&key),
        r#"{"seats":["A-1"],"paymentToken":"tok_ok"}"#,
    )
    .await;
    assert_eq!((stolen.status, stolen.replayed), (422, false), "a replay is for whoever asked first");
    let fresh = post(&two.buyer, &path(one.order, "finalize"), Some(&crate::harness::key()), "").await;
    assert_eq!(fresh.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_a_guests_booking_sent_again_pays_once_and_is_the_same_guest() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let key = key();
    let first = post(&daemon.client(), "/api/bookings/E1", Some(&key), BODY).await;
    let again = post(&daemon.client(), "/api/bookings/E1", Some(&key), BODY).await;
    assert_eq!((first.status, first.replayed, again.status, again.replayed), (200, false, 200, true));
    assert_eq!(first.body, again.body, "with its token");
    let token = first.json()["accessToken"].as_str().unwrap().to_owned();
    let order = first.json()["orderId"].as_str().unwrap().parse().unwrap();
    assert_eq!(daemon.client().with_token(&token).unwrap().order(order).await.unwrap().tickets.len(), 1);
    let other = daemon.client().book(&event, &pay(&["A-2"], "tok_ok"), &key).await.unwrap();
    assert_ne!(other.user_id.to_string(), first.json()["userId"], "another booking is another guest");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders").await, 2);
    daemon.check_money().await;
}

/// I4: an order that a guest begins is begun once, and the guest is the same one, whatever is lost on the way.
#[tokio::test(flavor = "multi_thread")]
async fn i4_a_guests_order_sent_again_is_the_same_order_of_the_same_guest() {
    let daemon = Daemon::start().await;
    let (event, other) = (daemon.open_event("E1", 1, 10).await, daemon.open_event("E2", 1, 10).await);
    let key = key();
    let first = daemon.client().create_order(&of(&event), &key).await.unwrap();
    let again = daemon.client().create_order(&of(&event), &key).await.unwrap();
    assert_eq!(first, again);
    assert!(first.access_token.is_some());
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders").await, 1);
    // Another key or another body is another guest.
    let others = [
        daemon.client().create_order(&of(&event), &crate::harness::key()).await.unwrap(),
        daemon.client().create_order(&of(&other), &key).await.unwrap(),
    ];
    assert!(others.iter().all(|order| order.user_id != first.user_id && order.order_id != first.order_id));
    assert_ne!(others[0].user_id, others[1].user_id);
}
