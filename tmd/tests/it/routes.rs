//! The table of routes: every success and every refusal it lists, by status and code.

use std::time::Duration;

use tmapi::event::{EventPatch, WaitingRoomMode};

use crate::harness::{Daemon, event_id, eventually, plan, quick};
use crate::scene::{ROUTES, Scene, at, token};
use crate::wire::{Answer, Ask};

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn said(status: u16) -> (u16, String) {
    refused(status, "")
}

async fn join(scene: &Scene, event: &str, token: &str) -> Answer {
    scene
        .ask(
            at("POST /api/waiting-room/sessions", "")
                .json(format!("{{\"eventId\":\"{event}\"}}"))
                .token(token),
        )
        .await
}

async fn begin(scene: &Scene, event: &str, token: &str) -> Answer {
    scene.ask(at("POST /api/orders", "").json(format!("{{\"eventId\":\"{event}\"}}")).token(token)).await
}

async fn confirm(scene: &Scene, order: &str, token: &str, (seats, card): (&[&str], &str)) -> Answer {
    let body = serde_json::json!({"seats": seats, "paymentToken": card}).to_string();
    scene.ask(at("POST /api/orders/{orderId}:confirm", order).json(body).token(token)).await
}

async fn finalize(scene: &Scene, order: &str, token: &str) -> Answer {
    scene.ask(at("POST /api/orders/{orderId}:finalize", order).token(token)).await
}

async fn cancel(scene: &Scene, order: &str, token: &str) -> Answer {
    scene.ask(at("POST /api/orders/{orderId}:cancel", order).token(token)).await
}

async fn book(scene: &Scene, event: &str, token: &str, (seats, card): (&[&str], &str)) -> Answer {
    let body = serde_json::json!({"seats": seats, "paymentToken": card}).to_string();
    scene.ask(at("POST /api/bookings/{eventId}", event).json(body).token(token)).await
}

async fn organise(scene: &Scene, route: &str, event: &str, body: &str) -> Answer {
    let ask = at(route, event).token(&scene.organiser);
    scene.ask(if body.is_empty() { ask } else { ask.json(body) }).await
}

/// An order of an event whose time is up at once.
async fn expired_order(scene: &Scene, buyer: &str) -> String {
    let settings = EventPatch {
        hold_ttl_seconds: Some(1),
        waiting_room: Some(WaitingRoomMode::Off),
        ..EventPatch::default()
    };
    scene.daemon.event("SHORT", 1, 4, settings).await;
    begin(scene, "SHORT", buyer).await.field("orderId")
}

async fn until_expired(scene: &Scene, order: &str, buyer: &str) {
    eventually("the end of an order's time", async || {
        let order = scene.ask(at("GET /api/orders/{orderId}", order).token(buyer)).await;
        order.field("status") == "EXPIRED"
    })
    .await;
}

/// W4, W10.
#[tokio::test(flavor = "multi_thread")]
async fn joining_answers_as_listed() {
    let scene = Scene::set().await;
    let buyer = token(&scene.daemon, 7);
    let new = join(&scene, "E1", &buyer).await;
    let again = join(&scene, "E1", &buyer).await;
    assert_eq!((new.said(), again.said()), (said(201), said(200)));
    assert_eq!(new.field("sessionId"), again.field("sessionId"));
    // A guest gets a token, a buyer has one.
    let guest = scene.ask(at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"E1"}"#)).await;
    assert!(guest.field("accessToken").starts_with("v4.public."));
    assert!(new.json().get("accessToken").is_none());
    assert_eq!(join(&scene, "NONE", &buyer).await.said(), refused(404, "not-found"));
    assert_eq!(join(&scene, "E2", &buyer).await.said(), refused(409, "event-state"));
    let queued = EventPatch::default();
    scene.daemon.import(&event_id("LATER"), plan(1, 4), queued).await.unwrap();
    assert_eq!(join(&scene, "LATER", &buyer).await.said(), refused(409, "not-on-sale"));
    let late = token(&scene.daemon, 8);
    assert_eq!(organise(&scene, "POST /api/events/{eventId}:close", "E1", "").await.status, 200);
    assert_eq!(join(&scene, "E1", &late).await.said(), refused(410, "sale-over"));
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_session_answers_as_listed() {
    let mut config = quick();
    config.waiting_room.polls_per_second = 3;
    let scene = Scene::set_with(config).await;
    let closed = EventPatch { capacity: Some(0), ..EventPatch::default() };
    scene.daemon.event("FULL", 1, 4, closed).await;
    let buyer = token(&scene.daemon, 7);
    let session = join(&scene, "FULL", &buyer).await.field("sessionId");
    let look = |etag: &str| {
        let ask = at("GET /api/waiting-room/sessions/{sessionId}", &session).token(&buyer);
        scene.ask(if etag.is_empty() { ask } else { ask.header("if-none-match", etag) })
    };
    let first = look("").await;
    assert_eq!((first.said(), first.field("status")), (said(200), "WAITING".to_owned()));
    assert!(!first.header("cache-control").contains("public"));
    let same = look(first.header("etag")).await;
    assert_eq!((same.said(), same.body.len()), (said(304), 0));
    assert_eq!(look("\"other\"").await.said(), said(200));
    assert_eq!(look("").await.said(), refused(429, "rate-limited"));
    let unknown =
        at("GET /api/waiting-room/sessions/{sessionId}", "wrs_01h455vb4pex5vsknk084sn02q").token(&buyer);
    assert_eq!(scene.ask(unknown).await.said(), refused(404, "not-found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_answers_as_listed() {
    let scene = Scene::set().await;
    scene.daemon.event("FULL", 1, 4, EventPatch { capacity: Some(0), ..EventPatch::default() }).await;
    let buyer = token(&scene.daemon, 7);
    let session = join(&scene, "FULL", &buyer).await.field("sessionId");
    let leave =
        |session: &str| scene.ask(at("DELETE /api/waiting-room/sessions/{sessionId}", session).token(&buyer));
    let left = leave(&session).await;
    assert_eq!((left.said(), left.body.len()), (said(204), 0));
    assert_eq!(leave(&session).await.said(), said(204));
    assert_eq!(leave(&scene.session).await.said(), refused(404, "not-found"));
    let gone = scene.ask(at("GET /api/waiting-room/sessions/{sessionId}", &session).token(&buyer)).await;
    assert_eq!(gone.field("status"), "LEFT");
    // E3: what has ended has no stream.
    let stream =
        scene.ask(at("GET /api/sse/waiting-room/sessions/{sessionId}", &session).token(&buyer)).await;
    assert_eq!((stream.said(), stream.body.len()), (said(204), 0));
}

/// E1, E2, E5, L1.
#[tokio::test(flavor = "multi_thread")]
async fn streams_answer_as_listed() {
    const SESSION: &str = "GET /api/sse/waiting-room/sessions/{sessionId}";
    const SEATS: &str = "GET /api/sse/events/{eventId}/seats";
    let mut config = quick();
    config.server.shutdown_grace_seconds = 5;
    let scene = Scene::set_with(config).await;
    let of = |route: &str, id: &str| at(route, id).header("accept", "text/event-stream");
    // Whoever knows the id may listen without a credential: browsers and curl send none here.
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = scene.ask(of(SESSION, &scene.session)).await;
        assert_eq!((stream.said(), stream.header("cache-control")), (said(200), "no-store"));
        stream.until("data: {").await;
        assert!(stream.text().contains("event: waiting-room-"), "{}", stream.text());
        open.push(stream);
    }
    assert_eq!(scene.ask(of(SESSION, &scene.session)).await.said(), refused(429, "too-many-streams"));
    drop(open.pop());
    eventually("room for another stream", async || {
        scene.ask(of(SESSION, &scene.session)).await.status == 200
    })
    .await;
    let mut seats = scene.ask(of(SEATS, "E1")).await;
    assert_eq!(seats.said(), said(200));
    seats.until("event: seat-snapshot").await;
    for (route, id) in [(SESSION, scene.session.as_str()), (SEATS, "E1")] {
        let other_kind = at(route, id).header("accept", "application/json, image/*;q=0.5");
        assert_eq!(scene.ask(other_kind).await.said(), refused(406, "not-acceptable"), "{route}");
        let any_kind = at(route, id).header("accept", "*/*");
        assert_ne!(scene.ask(any_kind).await.status, 406, "{route}");
    }
    assert_eq!(scene.ask(of(SEATS, "NONE")).await.said(), refused(404, "not-found"));
    assert_eq!(
        scene.ask(of(SESSION, "wrs_01h455vb4pex5vsknk084sn02q")).await.said(),
        refused(404, "not-found")
    );
    let ready = scene.ask(at("GET /readyz", "")).await;
    assert_eq!((ready.said(), ready.text()), (said(200), "ready\n".to_owned()));
    // The open streams keep the daemon alive for their grace.
    scene.daemon.drain();
    eventually("draining", async || scene.ask(at("GET /readyz", "")).await.status == 503).await;
    for (route, id) in [(SESSION, scene.session.as_str()), (SEATS, "E1")] {
        assert_eq!(scene.ask(of(route, id)).await.said(), refused(503, "draining"), "{route}");
    }
    assert_eq!(scene.ask(at("GET /livez", "")).await.said(), said(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn beginning_an_order_answers_as_listed() {
    let scene = Scene::set().await;
    let buyer = token(&scene.daemon, 7);
    let begun = begin(&scene, "E2", &buyer).await;
    assert_eq!((begun.said(), begun.field("status")), (said(201), "PENDING".to_owned()));
    assert_eq!(begin(&scene, "E2", &buyer).await.said(), refused(409, "open-order-exists"));
    assert_eq!(begin(&scene, "E1", &buyer).await.said(), refused(403, "not-admitted"));
    assert_eq!(begin(&scene, "NONE", &buyer).await.said(), refused(404, "not-found"));
    assert_eq!(begin(&scene, "E9", &buyer).await.said(), refused(409, "not-on-sale"));
    let greedy = EventPatch {
        seats_per_order: Some(1),
        seats_per_buyer: Some(1),
        waiting_room: Some(WaitingRoomMode::Off),
        ..EventPatch::default()
    };
    scene.daemon.event("ONE", 1, 4, greedy).await;
    assert_eq!(book(&scene, "ONE", &buyer, (&["A-1"], "tok_ok")).await.status, 200);
    assert_eq!(begin(&scene, "ONE", &buyer).await.said(), refused(409, "purchase-limit"));
    organise(&scene, "POST /api/events/{eventId}:close", "ONE", "").await;
    assert_eq!(begin(&scene, "ONE", &token(&scene.daemon, 8)).await.said(), refused(410, "sale-over"));
}

/// S3, M6, M8, M14.
#[tokio::test(flavor = "multi_thread")]
async fn confirming_answers_as_listed() {
    let mut config = quick();
    config.checkout.gateway_timeout_seconds = 1;
    config.checkout.resolver_interval_milliseconds = 600_000;
    let scene = Scene::set_with(config).await;
    let [buyer, slow, poor, late] = [7, 8, 9, 10].map(|buyer| token(&scene.daemon, buyer));
    let orders = [
        begin(&scene, "E2", &buyer).await,
        begin(&scene, "E2", &slow).await,
        begin(&scene, "E2", &poor).await,
    ];
    let [order, unknown, declined] = orders.map(|begun| begun.field("orderId"));
    let short = expired_order(&scene, &late).await;

    let held = confirm(&scene, &order, &buyer, (&["A-1", "A-2"], "tok_ok")).await;
    assert_eq!((held.said(), held.field("status")), (said(202), "AUTHORIZED".to_owned()));
    let unsure = confirm(&scene, &unknown, &slow, (&["A-3"], "tok_timeout")).await;
    assert_eq!((unsure.said(), unsure.field("status")), (said(202), "AUTHORIZING".to_owned()));
    let (taken, card) = (["A-2", "A-4"], "tok_ok");
    let missed = confirm(&scene, &declined, &poor, (&taken, card)).await;
    assert_eq!(missed.said(), refused(409, "seats-unavailable"));
    assert_eq!(missed.json()["seats"], serde_json::json!(["A-2"]));
    assert_eq!(
        confirm(&scene, &declined, &poor, (&["A-4"], "tok_declined")).await.said(),
        refused(402, "declined")
    );
    assert_eq!(confirm(&scene, &order, &poor, (&["A-5"], card)).await.said(), refused(404, "not-found"));
    // Another seat than is held fits the order's state no more.
    assert_eq!(confirm(&scene, &order, &buyer, (&["A-5"], card)).await.said(), refused(409, "order-state"));
    assert_eq!(confirm(&scene, &declined, &poor, (&[], card)).await.said(), refused(422, "invalid-seats"));
    until_expired(&scene, &short, &late).await;
    assert_eq!(confirm(&scene, &short, &late, (&["A-1"], card)).await.said(), refused(410, "order-expired"));
    scene.daemon.check_invariants().await;
}

/// W10: the row decides, also after the order was begun.
#[tokio::test(flavor = "multi_thread")]
async fn confirming_without_a_live_session_is_403() {
    let scene = Scene::set().await;
    let session = &scene.session;
    let mut stream = scene.ask(at("GET /api/sse/waiting-room/sessions/{sessionId}", session)).await;
    stream.until("waiting-room-active").await;
    let order = begin(&scene, "E1", &scene.owner).await.field("orderId");
    sqlx::query("UPDATE sessions SET state = 'EXPIRED', order_id = NULL WHERE session_id = $1")
        .bind(session)
        .execute(&scene.daemon.db)
        .await
        .unwrap();
    let refusal = confirm(&scene, &order, &scene.owner, (&["A-1"], "tok_ok")).await;
    assert_eq!(refusal.said(), refused(403, "not-admitted"));
}

/// S9: nobody waits for a lock for longer than the bound, and nothing is changed then.
#[tokio::test(flavor = "multi_thread")]
async fn s9_a_locked_database_is_503_and_the_order_is_as_it_was() {
    let mut config = quick();
    config.store.busy_timeout_milliseconds = 400;
    let scene = Scene::set_with(config).await;
    let lock = scene.daemon.block_writes().await;
    let waiting = confirm(&scene, &scene.order, &scene.owner, (&["A-1"], "tok_ok"));
    let refusal = tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap();
    assert_eq!(refusal.said(), refused(503, "busy"));
    lock.rollback().await.unwrap();
    let order = scene.ask(at("GET /api/orders/{orderId}", &scene.order).token(&scene.owner)).await;
    assert_eq!(order.field("status"), "PENDING");
    assert_eq!(confirm(&scene, &scene.order, &scene.owner, (&["A-1"], "tok_ok")).await.said(), said(202));
}

/// M4, M6, M7, M8.
#[tokio::test(flavor = "multi_thread")]
async fn finalizing_and_cancelling_answer_as_listed() {
    let mut config = quick();
    config.checkout.gateway_timeout_seconds = 1;
    config.checkout.resolver_interval_milliseconds = 600_000;
    let scene = Scene::set_with(config).await;
    let [buyer, slow, poor, late] = [7, 8, 9, 10].map(|buyer| token(&scene.daemon, buyer));
    let orders = [
        begin(&scene, "E2", &buyer).await,
        begin(&scene, "E2", &slow).await,
        begin(&scene, "E2", &poor).await,
    ];
    let [order, unknown, declined] = orders.map(|begun| begun.field("orderId"));
    let short = expired_order(&scene, &late).await;
    assert_eq!(confirm(&scene, &short, &late, (&["A-1"], "tok_ok")).await.status, 202);

    assert_eq!(finalize(&scene, &order, &buyer).await.said(), refused(409, "order-state"));
    for (order, token, seats) in [
        (&order, &buyer, (&["A-1"], "tok_ok")),
        (&unknown, &slow, (&["A-2"], "tok_capture_lost")),
        (&declined, &poor, (&["A-3"], "tok_capture_declined")),
    ] {
        assert_eq!(confirm(&scene, order, token, (seats.0, seats.1)).await.status, 202);
    }
    let paid = finalize(&scene, &order, &buyer).await;
    assert_eq!((paid.said(), paid.field("status")), (said(200), "FINALIZED".to_owned()));
    assert_eq!(paid.json()["tickets"].as_array().unwrap().len(), 1);
    let unsure = finalize(&scene, &unknown, &slow).await;
    assert_eq!((unsure.said(), unsure.field("status")), (said(202), "CAPTURING".to_owned()));
    assert_eq!(finalize(&scene, &declined, &poor).await.said(), refused(402, "declined"));
    assert_eq!(finalize(&scene, &order, &poor).await.said(), refused(404, "not-found"));
    until_expired(&scene, &short, &late).await;
    assert_eq!(finalize(&scene, &short, &late).await.said(), refused(410, "order-expired"));

    assert_eq!(cancel(&scene, &unknown, &slow).await.said(), refused(409, "order-state"));
    assert_eq!(cancel(&scene, &order, &buyer).await.said(), refused(409, "order-state"));
    assert_eq!(cancel(&scene, &order, &poor).await.said(), refused(404, "not-found"));
    for _ in 0..2 {
        let cancelled = cancel(&scene, &scene.order, &scene.owner).await;
        assert_eq!((cancelled.said(), cancelled.field("status")), (said(200), "CANCELLED".to_owned()));
    }
    let shown = scene.ask(at("GET /api/orders/{orderId}", &order).token(&buyer)).await;
    assert_eq!((shown.said(), shown.header("cache-control")), (said(200), "no-store"));
    // I11: what is done is answered again under another key, without the provider.
    assert_eq!(finalize(&scene, &order, &buyer).await.said(), said(200));
    scene.daemon.check_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn booking_answers_as_listed() {
    let mut config = quick();
    config.checkout.gateway_timeout_seconds = 1;
    config.checkout.resolver_interval_milliseconds = 600_000;
    let scene = Scene::set_with(config).await;
    let [buyer, slow, poor] = [7, 8, 9].map(|buyer| token(&scene.daemon, buyer));
    assert_eq!(book(&scene, "E2", &buyer, (&["A-1"], "tok_ok")).await.said(), said(200));
    let unsure = book(&scene, "E2", &slow, (&["A-2"], "tok_timeout")).await;
    assert_eq!((unsure.said(), unsure.field("status")), (said(202), "AUTHORIZING".to_owned()));
    assert_eq!(book(&scene, "E2", &poor, (&["A-3"], "tok_declined")).await.said(), refused(402, "declined"));
    assert_eq!(
        book(&scene, "E2", &poor, (&["A-1"], "tok_ok")).await.said(),
        refused(409, "seats-unavailable")
    );
    assert_eq!(
        book(&scene, "E2", &poor, (&["A-3", "A-3"], "tok_ok")).await.said(),
        refused(422, "invalid-seats")
    );
    assert_eq!(book(&scene, "NONE", &poor, (&["A-3"], "tok_ok")).await.said(), refused(404, "not-found"));
    assert_eq!(book(&scene, "E1", &poor, (&["A-3"], "tok_ok")).await.said(), refused(403, "not-admitted"));
    assert_eq!(book(&scene, "E9", &poor, (&["A-3"], "tok_ok")).await.said(), refused(409, "not-on-sale"));
    organise(&scene, "POST /api/events/{eventId}:close", "E2", "").await;
    assert_eq!(book(&scene, "E2", &poor, (&["A-3"], "tok_ok")).await.said(), refused(410, "sale-over"));
    scene.daemon.check_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_answers_as_listed() {
    let scene = Scene::set().await;
    for (route, id) in [
        ("GET /api/events", ""),
        ("GET /api/events/{eventId}", "E1"),
        ("GET /api/events/{eventId}/seat-map", "E1"),
        ("GET /api/events/{eventId}/availability", "E1"),
    ] {
        let answer = scene.ask(at(route, id)).await;
        assert_eq!(
            (answer.said(), answer.header("content-type")),
            (said(200), "application/json"),
            "{route}"
        );
        let same = scene.ask(at(route, id).header("if-none-match", answer.header("etag"))).await;
        assert_eq!((same.said(), same.body.len()), (said(304), 0), "{route}");
        if !id.is_empty() {
            assert_eq!(scene.ask(at(route, "NONE")).await.said(), refused(404, "not-found"), "{route}");
        }
    }
    assert_eq!(scene.ask(at("GET /api/events/search", "")).await.said(), said(200));
    for target in [
        "GET /api/events?limit=0",
        "GET /api/events?limit=101",
        "GET /api/events?limit=x",
        "GET /api/events?limit=1&limit=2",
        "GET /api/events?cursor=zz",
        "GET /api/events?cursor=ff",
        "GET /api/events?cursor=4e4f4e45",
        "GET /api/events?other=1",
        "GET /api/events/search?page=0",
        "GET /api/events/search?page=4294967295&pageSize=100",
        "GET /api/events/search?pageSize=0",
        "GET /api/events/search?start=yesterday",
        "GET /api/events/search?keyword=a+b+c+d+e+f+g+h+i+j+k",
        "GET /api/events/search?Keyword=a",
        "GET /api/events/search?keyword=a%00",
    ] {
        assert_eq!(scene.ask(Ask::new(target)).await.said(), refused(400, "invalid-parameter"), "{target}");
    }
    for target in [
        "GET /api/events/search?keyword=%25_%27%22*%5C",
        "GET /api/events/search?keyword=none&page=42949672&pageSize=100",
    ] {
        let found = scene.ask(Ask::new(target)).await;
        assert_eq!((found.said(), found.json()["total"].as_u64()), (said(200), Some(0)), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_answer_as_listed() {
    let scene = Scene::set().await;
    let ticket = scene.ask(at("GET /api/tickets/{ticketId}", &scene.ticket).token(&scene.owner)).await;
    assert_eq!(ticket.said(), said(200));
    let nobodys = at("GET /api/tickets/{ticketId}", "tkt_01h455vb4pex5vsknk084sn02q").token(&scene.owner);
    assert_eq!(scene.ask(nobodys).await.said(), refused(404, "not-found"));
    for (code, verdict) in
        [(ticket.field("code"), "VALID"), ("X".to_owned(), "FORGED"), (String::new(), "FORGED")]
    {
        let body = serde_json::json!({"code": code}).to_string();
        let check = organise(&scene, "POST /api/ticket-checks", "", &body).await;
        assert_eq!((check.said(), check.field("verdict")), (said(200), verdict.to_owned()), "{code}");
    }
}

const CREATE: &str = "POST /api/events";
const PATCH: &str = "PATCH /api/events/{eventId}";
const IMPORT: &str = "POST /api/events/{eventId}:import";
const OPEN: &str = "POST /api/events/{eventId}:open";
const PAUSE: &str = "POST /api/events/{eventId}:pause";
const RESUME: &str = "POST /api/events/{eventId}:resume";
const CLOSE: &str = "POST /api/events/{eventId}:close";
const BLOCK: &str = "POST /api/events/{eventId}:block";
const UNBLOCK: &str = "POST /api/events/{eventId}:unblock";
const SALE: &str = "GET /api/events/{eventId}/sale";

/// Route, event, body, and what comes of it.
type Row<'a> = (&'a str, &'a str, &'a str, (u16, String));

async fn run(scene: &Scene, rows: &[Row<'_>]) {
    for (route, event, body, expected) in rows {
        let answer = organise(scene, route, event, body).await;
        assert_eq!(answer.said(), *expected, "{route} {event} {body}: {}", answer.text());
    }
}

fn import(prices: &str) -> String {
    format!("{{\"seatingPlan\":{},\"prices\":{prices}}}", plan(1, 4))
}

#[tokio::test(flavor = "multi_thread")]
async fn making_events_answers_as_listed() {
    let scene = Scene::set().await;
    let create = |id: &str, event: &str| format!("{{\"eventId\":\"{id}\",\"event\":{event}}}");
    let named = r#"{"name":"N","startsAt":"2030-01-01T20:00:00Z"}"#;
    let new = create("N1", named);
    let good = import(r#"{"Standard":1000}"#);
    let (exists, invalid) = (refused(409, "event-exists"), || refused(422, "invalid-event"));
    let bad_plan = || refused(422, "invalid-plan");
    let rows = [
        (CREATE, "", &*new, said(201)),
        (CREATE, "", &new, exists),
        (CREATE, "", &create("N2", r#"{"name":"N"}"#), invalid()),
        (CREATE, "", &create("N2", &named.replace('N', "")), invalid()),
        (PATCH, "N1", r#"{"name":"M"}"#, said(200)),
        (PATCH, "N1", r#"{"name":"fun\u202etxe."}"#, invalid()),
        (PATCH, "N1", r#"{"city":"a\u001b[2J"}"#, invalid()),
        (PATCH, "NONE", "{}", refused(404, "not-found")),
        (PATCH, "N1", r#"{"seatsPerOrder":101}"#, invalid()),
        (PATCH, "N1", r#"{"currency":"EURO"}"#, invalid()),
        (PATCH, "E1", r#"{"currency":"USD"}"#, invalid()),
        (OPEN, "N1", "", refused(409, "event-state")),
        (IMPORT, "N1", r#"{"seatingPlan":{"name":"x"},"prices":{}}"#, bad_plan()),
        (IMPORT, "N1", &import("{}"), bad_plan()),
        (IMPORT, "N1", &import(r#"{"Standard":-1}"#), bad_plan()),
        // Two of them would be more than there are numbers for.
        (IMPORT, "N1", &import(r#"{"Standard":9223372036854775807}"#), bad_plan()),
        (IMPORT, "N1", &import(r#"{"Standard":1,"Box":1}"#), bad_plan()),
        // A new event needs its time.
        (IMPORT, "N3", &good, invalid()),
        (IMPORT, "N1", &good, said(200)),
        (IMPORT, "N1", &good, said(200)),
        (OPEN, "N1", "{}", said(200)),
        (IMPORT, "N1", &good, refused(409, "event-state")),
    ];
    run(&scene, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn running_a_sale_answers_as_listed() {
    let scene = Scene::set().await;
    let (state, seats) = (|| refused(409, "event-state"), r#"{"seats":["A-1"]}"#);
    let rows = [
        (PAUSE, "E9", "", state()),
        (RESUME, "E9", "", state()),
        (OPEN, "E9", "", said(200)),
        (OPEN, "E9", "", said(200)),
        (OPEN, "NONE", "", refused(404, "not-found")),
        (PAUSE, "E9", "", said(200)),
        (RESUME, "E9", "", said(200)),
        (BLOCK, "E9", seats, said(200)),
        (UNBLOCK, "E9", seats, said(200)),
        (BLOCK, "E9", r#"{"seats":["Z-1"]}"#, refused(422, "invalid-seats")),
        (BLOCK, "NONE", seats, refused(404, "not-found")),
        (BLOCK, "E2", r#"{"seats":["C-1"]}"#, refused(409, "seats-unavailable")),
        (SALE, "E9", "", said(200)),
        (SALE, "NONE", "", refused(404, "not-found")),
        (CLOSE, "E9", "", said(200)),
        (OPEN, "E9", "", state()),
    ];
    run(&scene, &rows).await;
}

/// RFC 9110, 15.5.6: every path says which methods it takes, and takes no other.
#[tokio::test(flavor = "multi_thread")]
async fn any_other_method_is_405_and_the_answer_says_which_there_are() {
    let scene = Scene::set().await;
    for route in ROUTES {
        let (_, path) = route.0.split_once(' ').unwrap();
        let of_path =
            ROUTES.iter().filter_map(|other| other.0.split_once(' ')).filter(|(_, other)| *other == path);
        let mut allowed: Vec<_> = of_path.map(|(method, _)| method).collect();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        allowed.sort_unstable();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            if allowed.contains(&method) {
                continue;
            }
            let target =
                path.replace("{eventId}", "E1").replace("{sessionId}", "wrs_1").replace("{orderId}", "ord_1");
            let answer = scene.ask(Ask::new(&format!("{method} {target}"))).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            if method != "HEAD" {
                assert_eq!(answer.problem()["code"], "method-not-allowed");
            }
            let mut said: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
            said.sort_unstable();
            assert_eq!(said, allowed, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_route_is_404() {
    let scene = Scene::set().await;
    for target in [
        "GET /",
        "GET /api",
        "GET /api/nothing",
        "GET /API/events",
        "GET /api/events/E1/seats",
        "POST /api/orders/ord_1:void",
        "POST /api/orders/ord_1/confirm",
        "GET /metrics",
        "OPTIONS *",
        "GET /api/orders/",
    ] {
        assert_eq!(scene.ask(Ask::new(target)).await.said(), refused(404, "not-found"), "{target}");
    }
}

/// The client's own name for its request comes back, if it is harmless.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_the_clients_or_a_new_one() {
    let daemon = Daemon::start().await;
    let ask = |id: &str| {
        let ask = Ask::new("GET /api/nothing").header("x-request-id", id);
        let url = &daemon.url;
        async move { ask.send(url).await.problem()["requestId"].as_str().unwrap().to_owned() }
    };
    assert_eq!(ask("mine-1_A").await, "mine-1_A");
    for hostile in ["", "a b", "<script>", "a\tb", &"x".repeat(65)] {
        assert!(ask(hostile).await.starts_with("req_"), "{hostile}");
    }
}
