//! Bad input, row by row, on every route that it may come to.

use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::harness::{eventually, quick};
use crate::scene::{ROUTES, Route, Scene, at, token};
use crate::wire::{Ask, exchange};

const MAX_BODY_BYTES: usize = 65_536;

/// The routes that read a body, with one that is good. A route that needs none is asked with an empty object.
fn with_bodies() -> impl Iterator<Item = (&'static Route, String)> {
    let bodies = ROUTES.iter().filter_map(|route| Some((route, route.body()?)));
    bodies.map(|(route, body)| (route, if body.is_empty() { "{}".to_owned() } else { body }))
}

/// `{"a":1}` with another field in front of its own.
fn with_field(body: &str, field: &str) -> String {
    let rest = body[1..].trim_start();
    format!("{{{field}{}{rest}", if rest == "}" { "" } else { "," })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_read_is_400() {
    let scene = Scene::set().await;
    for (route, good) in with_bodies() {
        let nul = good.replacen('"', "\"\0", 1);
        let mut bad: Vec<(&str, Vec<u8>)> = vec![
            ("malformed", b"{seats}".to_vec()),
            ("truncated", good.as_bytes()[..good.len() - 1].to_vec()),
            ("trailing", format!("{good} x").into()),
            ("two of them", format!("{good}{good}").into()),
            ("with a byte order mark", format!("\u{feff}{good}").into()),
            ("NUL in front", format!("\0{good}").into()),
            ("NUL behind", format!("{good}\0").into()),
            (
                "not UTF-8",
                with_field(&good, "\"x\":\"?\"")
                    .replace('?', "\u{1}")
                    .into_bytes()
                    .iter()
                    .map(|b| if *b == 1 { 0xff } else { *b })
                    .collect(),
            ),
            ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            (
                "too deep",
                with_field(&good, &format!("\"x\":{}1{}", "[".repeat(5_000), "]".repeat(5_000))).into(),
            ),
            ("never closed", "[".repeat(60_000).into()),
            ("a list", format!("[{good}]").into()),
            ("null", b"null".to_vec()),
            ("a text", b"\"x\"".to_vec()),
            ("a number out of range", b"1e999".to_vec()),
            ("not JSON", b"eventId=E1".to_vec()),
        ];
        if good != "{}" {
            bad.push(("NUL inside", nul.into()));
            bad.push(("empty", Vec::new()));
        }
        for (what, body) in bad {
            let ask = scene.credited(route, scene.id(route)).json(body);
            assert_eq!(scene.ask(ask).await.said(), (400, "malformed-body".to_owned()), "{} {what}", route.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_should_not_have_is_400_and_named() {
    let scene = Scene::set().await;
    for (route, good) in with_bodies() {
        let mut bad: Vec<(String, String)> = ["status", "price", "total", "userId", "__proto__", "EventId"]
            .iter()
            .map(|name| ((*name).to_owned(), with_field(&good, &format!("\"{name}\":\"SOLD\""))))
            .collect();
        // Whatever it takes, twice.
        let fields = serde_json::from_str::<serde_json::Value>(&good).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            bad.push((name.clone(), with_field(&good, &format!("\"{name}\":{value}"))));
            bad.push((name.clone(), good.replacen(name.as_str(), "x", 1)));
            // Of another kind; whatever it is, it is not repeated.
            let odd = with_field(
                &good
                    .replacen(&format!("\"{name}\":{value}"), "", 1)
                    .replacen("{,", "{", 1)
                    .replace(",}", "}"),
                &format!("\"{name}\":4242"),
            );
            if name != "seatingPlan" {
                bad.push((name.clone(), odd));
            }
        }
        for (name, body) in bad {
            let answer = scene.ask(scene.credited(route, scene.id(route)).json(body.clone())).await;
            assert_eq!(answer.said(), (400, "malformed-body".to_owned()), "{} {body}", route.0);
            let detail = answer.field("detail");
            assert!(
                detail.contains(&format!("`{name}`")) || detail.contains(&format!("{name}:")),
                "{} {body}: {detail}",
                route.0
            );
            assert!(!detail.contains("4242"), "{detail}");
        }
    }
    let nested = r#"{"seatingPlan":{"name":"x","name":"y"},"prices":{}}"#;
    let prices = r#"{"seatingPlan":{},"prices":{"A":1,"A":2}}"#;
    for body in [nested, prices] {
        let ask = at("POST /api/events/{eventId}:import", "E9").token(&scene.organiser).json(body);
        assert_eq!(scene.ask(ask).await.said(), (400, "malformed-body".to_owned()), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_413() {
    let mut config = quick();
    config.server.max_import_bytes = 100_000;
    let scene = Scene::set_with(config).await;
    for (route, good) in with_bodies() {
        let limit = if route.0.ends_with(":import") { 100_000 } else { MAX_BODY_BYTES };
        let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
        let ask = |body: String| scene.ask(scene.credited(route, scene.id(route)).json(body));
        assert_eq!(ask(padded(limit + 1)).await.said(), (413, "payload-too-large".to_owned()), "{}", route.0);
        let fits = ask(padded(limit)).await;
        assert!(!matches!(fits.status, 400 | 413 | 500..), "{} {}", route.0, fits.text());
        // Told in chunks, nobody says beforehand how much there is.
        let chunked = format!(
            "POST /api/waiting-room/sessions HTTP/1.1\r\nhost: it\r\nconnection: close\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            limit + 1,
            padded(limit + 1)
        );
        if route.0 == "POST /api/waiting-room/sessions" {
            assert!(exchange(&scene.daemon.url, chunked.as_bytes()).await.starts_with("HTTP/1.1 413"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_kind_is_415() {
    let scene = Scene::set().await;
    for (route, good) in with_bodies().filter(|(_, good)| good != "{}") {
        for kind in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/problem+json",
            "application/jsonp",
            "json",
            "*/*",
        ] {
            let ask = scene.credited(route, scene.id(route)).bytes(good.clone());
            let ask = if kind.is_empty() { ask } else { ask.header("content-type", kind) };
            assert_eq!(
                scene.ask(ask).await.said(),
                (415, "unsupported-media-type".to_owned()),
                "{} {kind}",
                route.0
            );
        }
        let ask =
            scene.credited(route, scene.id(route)).header("content-type", "Application/JSON; charset=utf-8");
        assert!(!matches!(scene.ask(ask.bytes(good)).await.status, 400 | 415), "{}", route.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_that_cannot_be_are_422() {
    let scene = Scene::set().await;
    scene.daemon.open_event("OTHER", 5, 3).await;
    let nine: Vec<_> = (1..=9).map(|n| format!("A-{n}")).collect();
    let rows: [(&str, Vec<String>); 6] = [
        ("none", vec![]),
        ("over the limit", nine),
        ("one twice", ["A-1", "A-2", "A-1"].map(String::from).into()),
        ("of another event", ["A-1", "D-1"].map(String::from).into()),
        ("unknown", ["A-1", "nowhere"].map(String::from).into()),
        ("SQL", ["A-1", "'--"].map(String::from).into()),
    ];
    for (what, seats) in rows {
        for (route, id) in [
            ("POST /api/orders/{orderId}:confirm", scene.order.as_str()),
            ("POST /api/bookings/{eventId}", "E2"),
        ] {
            // Bookings by another buyer: the owner's order is open.
            let buyer = if id == "E2" { &scene.other } else { &scene.owner };
            let body = serde_json::json!({"seats": seats, "paymentToken": "tok_ok"}).to_string();
            let answer = scene.ask(at(route, id).json(body).token(buyer)).await;
            assert_eq!(answer.said(), (422, "invalid-seats".to_owned()), "{route} {what}");
        }
        if !matches!(what, "over the limit" | "one twice") {
            let body = serde_json::json!({ "seats": seats }).to_string();
            for route in ["POST /api/events/{eventId}:block", "POST /api/events/{eventId}:unblock"] {
                let answer = scene.ask(at(route, "E2").json(body.clone()).token(&scene.organiser)).await;
                assert_eq!(answer.said(), (422, "invalid-seats".to_owned()), "{route} {what}");
            }
        }
    }
    // Nothing was held on the way.
    let seats = scene.ask(at("GET /api/events/{eventId}/availability", "E2")).await;
    eventually("what was refused to be free", async || {
        scene.ask(at("GET /api/events/{eventId}/availability", "E2")).await.json()["totals"]["reserved"] == 0
    })
    .await;
    assert_eq!(seats.status, 200);
}

/// Ids that are none, as they stand in a path.
const ODD_IDS: &[&str] = &[
    "..",
    "../",
    "../../etc/passwd",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e",
    "%2e",
    ".",
    "-",
    "%2D",
    "%00",
    "E1%00",
    "'%20OR%20'1'='1",
    "'%3B%20DROP%20TABLE%20orders;--",
    "%F0%9F%8E%AB",
    "%ff",
    "%",
    "%zz",
    "E1;x=1",
    "E1%3Bx",
    "E1//",
    "/E1",
    "E1%2F",
    "E1%5C",
    "E1%20",
    "E1%0d%0aset-cookie:x",
    "E1/-/open",
    "E1:open:open",
    "E1%3Aopen",
    "E1%23",
    "E1%3F",
    "{eventId}",
    "$(id)",
    "0",
    "-1",
    "null",
    "ord_",
    "ord_01h455vb4pex5vsknk084sn02q0",
    "ord_81h455vb4pex5vsknk084sn02q",
    "ORD_01h455vb4pex5vsknk084sn02q",
    "wrs_01H455VB4PEX5VSKNK084SN02Q",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_id_in_a_path_is_404_and_10_kilobytes_may_be_414() {
    let scene = Scene::set().await;
    for route in ROUTES.iter().filter(|route| route.0.contains('{')) {
        for id in ODD_IDS {
            let answer = scene.ask(scene.good_at(route, id)).await;
            // Without a verb it is the path of another route, which takes other methods.
            let is_other_route = answer.status == 405 && id.contains(":open:") && route.0.contains(':');
            // An import makes the event that is not there, if that may be its id; this one lacks the event's time.
            let is_new_event =
                answer.said() == (422, "invalid-event".to_owned()) && route.0.ends_with(":import");
            assert!(
                is_other_route || is_new_event || answer.said() == (404, "not-found".to_owned()),
                "{} {id}",
                route.0
            );
        }
        let answer = scene.ask(scene.good_at(route, &"x".repeat(5_000))).await;
        assert_eq!(answer.said(), (404, "not-found".to_owned()), "{}", route.0);
        let answer = scene.ask(scene.good_at(route, &"x".repeat(10_240))).await;
        assert!(matches!(answer.said().0, 404 | 414), "{}", route.0);
    }
    for target in [
        "//",
        "//api/events",
        "/api//events",
        "/api/events/",
        "/api/events/E1/",
        "/api/./events",
        "/api/../api/events",
        "/api/events;x",
        "/api%2Fevents",
        "/api\\events",
        "/api/orders/-/confirm",
        "/api/orders/ord_1:confirm%20",
        "/api/orders/ord_1/-/confirm",
        "/api/orders/ord_1/%2d/confirm",
        "/api/orders:confirm",
    ] {
        for method in ["GET", "POST"] {
            let answer = scene.ask(Ask::new(&format!("{method} {target}")).token(&scene.owner)).await;
            assert_eq!(answer.said(), (404, "not-found".to_owned()), "{method} {target}");
        }
    }
}

/// W4: one buyer has one place, however often and from wherever it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn w4_a_thousand_joins_are_one_session() {
    let scene = Scene::set().await;
    let buyer = token(&scene.daemon, 7);
    let join =
        || scene.ask(at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"E1"}"#).token(&buyer));
    let mut sessions = std::collections::BTreeSet::new();
    let mut new = 0;
    for _ in 0..20 {
        for answer in join_all((0..50).map(|_| join())).await {
            assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
            new += u32::from(answer.status == 201);
            sessions.insert(answer.field("sessionId"));
        }
    }
    assert_eq!((sessions.len(), new), (1, 1));
    scene.daemon.check_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_and_leaving_in_a_loop_ends_with_429() {
    let scene = Scene::set().await;
    let settings = tmapi::event::EventPatch { capacity: Some(0), ..Default::default() };
    scene.daemon.event("FULL", 1, 4, settings).await;
    let buyer = token(&scene.daemon, 7);
    let mut rounds = 0;
    let refused = loop {
        let joined = scene
            .ask(at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"FULL"}"#).token(&buyer))
            .await;
        assert_eq!(joined.status, 201);
        let leave =
            at("DELETE /api/waiting-room/sessions/{sessionId}", &joined.field("sessionId")).token(&buyer);
        let left = scene.ask(leave).await;
        if left.status != 204 {
            break left;
        }
        rounds += 1;
        assert!(rounds < 200, "nobody stops the loop");
    };
    assert_eq!(refused.said(), (429, "rate-limited".to_owned()));
    // Others do not notice.
    let other = scene
        .ask(at("DELETE /api/waiting-room/sessions/{sessionId}", &scene.session).token(&scene.owner))
        .await;
    assert_eq!(other.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_every_ten_milliseconds_is_429_now_and_then() {
    let scene = Scene::set().await;
    let poll =
        || scene.ask(at("GET /api/waiting-room/sessions/{sessionId}", &scene.session).token(&scene.owner));
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(10));
    let (mut good, mut refused) = (0, 0);
    for _ in 0..100 {
        pause.tick().await;
        let answer = poll().await;
        if answer.status == 200 {
            good += 1;
        } else {
            assert_eq!(answer.said(), (429, "rate-limited".to_owned()));
            refused += 1;
        }
    }
    // Ten at once, and ten a second from then on.
    assert!(good >= 10 && refused >= 30, "{good} {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_over_the_limits_are_431_and_414_and_trace_is_405() {
    let scene = Scene::set().await;
    let with_header = |bytes: usize| Ask::new("GET /api/events").header("x-long", &"x".repeat(bytes));
    assert_eq!(scene.ask(with_header(16_000)).await.status, 200);
    assert_eq!(scene.ask(with_header(16_500)).await.said(), (431, "headers-too-large".to_owned()));
    let many =
        (0..90).fold(Ask::new("GET /api/events"), |ask, n| ask.header(&format!("x-{n}"), &"x".repeat(200)));
    assert_eq!(scene.ask(many).await.said(), (431, "headers-too-large".to_owned()));
    let long = |bytes: usize| Ask::new(&format!("GET /api/events?limit={}", "1".repeat(bytes)));
    assert_eq!(scene.ask(long(8_000)).await.said(), (400, "invalid-parameter".to_owned()));
    assert_eq!(scene.ask(long(8_192)).await.said(), (414, "uri-too-long".to_owned()));
    for target in ["/", "/api/events", "/api/orders/ord_1:confirm"] {
        let answer = scene.ask(Ask::new(&format!("TRACE {target}")).token(&scene.owner)).await;
        assert_eq!(answer.said(), (405, "method-not-allowed".to_owned()), "{target}");
        assert!(!answer.header("allow").contains("TRACE") && !answer.text().contains(&scene.owner));
    }
    // What is far beyond is not even read: hyper answers without a body.
    let huge = format!("GET / HTTP/1.1\r\nhost: it\r\nx-long: {}\r\n\r\n", "x".repeat(1_000_000));
    let said = exchange(&scene.daemon.url, huge.as_bytes()).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
}

/// A request that two readers may read in two ways is refused, and what is hidden in it has no effect.
#[tokio::test(flavor = "multi_thread")]
async fn smuggling_shapes_are_refused_and_never_served_twice() {
    let scene = Scene::set().await;
    let before = scene.daemon.count("SELECT COUNT(*) FROM sessions").await;
    let hidden_body = r#"{"eventId":"E1"}"#;
    let hidden = format!(
        "POST /api/waiting-room/sessions HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{hidden_body}",
        hidden_body.len()
    );
    let shapes = [
        ("two lengths", format!("content-length: 0\r\ncontent-length: {}", hidden.len()), String::new()),
        ("two lengths in one", format!("content-length: 0, {}", hidden.len()), String::new()),
        (
            "length, then chunked",
            format!("content-length: {}\r\ntransfer-encoding: chunked", hidden.len() + 5),
            "0\r\n\r\n".to_owned(),
        ),
        (
            "chunked, then length",
            format!("transfer-encoding: chunked\r\ncontent-length: {}", hidden.len() + 5),
            "0\r\n\r\n".to_owned(),
        ),
        ("chunked is not last", "transfer-encoding: chunked, identity".to_owned(), "0\r\n\r\n".to_owned()),
        (
            "an unknown coding",
            "transfer-encoding: xchunked\r\ncontent-length: 5".to_owned(),
            "0\r\n\r\n".to_owned(),
        ),
        (
            "a blank before the colon",
            "transfer-encoding : chunked\r\ncontent-length: 5".to_owned(),
            "0\r\n\r\n".to_owned(),
        ),
        ("a folded line", "x: y\r\n content-length: 5".to_owned(), "0\r\n\r\n".to_owned()),
        ("a bad chunk size", "transfer-encoding: chunked".to_owned(), "g\r\nx\r\n0\r\n\r\n".to_owned()),
        (
            "a chunk size out of range",
            "transfer-encoding: chunked".to_owned(),
            "fffffffffffffffff\r\nx\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "a chunk longer than it says",
            "transfer-encoding: chunked".to_owned(),
            "1\r\nxyz\r\n0\r\n\r\n".to_owned(),
        ),
        ("a signed length", "content-length: +0".to_owned(), String::new()),
        ("a negative length", "content-length: -1".to_owned(), String::new()),
        ("a length in hex", "content-length: 0x10".to_owned(), String::new()),
        ("two hosts", "host: evil".to_owned(), String::new()),
        ("a bare line feed", "x: y\n\ncontent-length: 0".to_owned(), String::new()),
        ("a bare carriage return", "x: y\rcontent-length: 0".to_owned(), String::new()),
        ("NUL in a field", "x: \0".to_owned(), String::new()),
    ];
    for (what, fields, body) in shapes {
        let route = "POST /api/events/E1/x HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\n";
        let bytes = format!("{route}{fields}\r\n\r\n{body}{hidden}");
        let said = exchange(&scene.daemon.url, bytes.as_bytes()).await;
        let answers = said.matches("HTTP/1.1 ").count();
        // A line may end without a carriage return (RFC 9112, 2.2), so that one is two requests to every reader.
        assert!(answers <= 1 || what == "a bare line feed", "{what}: {said}");
        assert_eq!(answers, said.matches("HTTP/1.1 4").count(), "{what}: {said}");
    }
    assert_eq!(scene.daemon.count("SELECT COUNT(*) FROM sessions").await, before);
    // The same two requests, honestly one after the other, are two.
    let pipelined = format!(
        "GET /livez HTTP/1.1\r\nhost: it\r\n\r\n{}",
        hidden.replace("host: it", "host: it\r\nconnection: close")
    );
    let said = exchange(&scene.daemon.url, pipelined.as_bytes()).await;
    assert_eq!(said.matches("HTTP/1.1 2").count(), 2, "{said}");
    assert_eq!(scene.daemon.count("SELECT COUNT(*) FROM sessions").await, before + 1);
}

/// What may be sent to a route, by its place in the table.
#[derive(Clone, Debug)]
struct Noise {
    route: usize,
    id: Option<String>,
    body: Option<Vec<u8>>,
    key: String,
    query: String,
}

fn noise() -> impl Strategy<Value = Noise> {
    let encoded = proptest::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| {
        bytes
            .iter()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(*byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            })
            .collect::<String>()
    });
    let id = proptest::option::of(prop_oneof![
        encoded.clone(),
        "[!-~&&[^#? ]]{1,20}",
        "(ord|wrs|tkt)_[0-7][0-9a-z]{25}"
    ]);
    let json = prop_oneof![
        Just("null".to_owned()),
        Just("0".to_owned()),
        Just("-1".to_owned()),
        Just("1e99".to_owned()),
        Just("4294967296".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"E1\"".to_owned()),
        Just("true".to_owned()),
        Just("\"\\u0000\"".to_owned()),
        Just("\"9999-12-31T23:59:59.999Z\"".to_owned()),
        Just("[\"A-1\",\"A-1\"]".to_owned()),
        "\"[a-zA-Z0-9:._ -]{0,80}\"",
    ];
    let body = proptest::option::of(prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| (bytes, String::new(), 0)),
        4 => (json, 0..1_000_usize).prop_map(|(value, place)| (Vec::new(), value, place)),
    ]);
    (0..ROUTES.len(), id, body, "[ -~]{0,20}", proptest::option::of(encoded)).prop_map(
        |(route, id, body, key, query)| {
            let body =
                body.map(
                    |(bytes, value, place)| {
                        if value.is_empty() { bytes } else { mutated(&ROUTES[route], &value, place) }
                    },
                );
            Noise {
                route,
                id,
                body,
                key,
                query: query.map(|query| format!("?{query}={query}")).unwrap_or_default(),
            }
        },
    )
}

/// A good body with one of its values replaced, or one byte when it has none.
fn mutated(route: &Route, value: &str, place: usize) -> Vec<u8> {
    let good = route.body().filter(|body| !body.is_empty()).unwrap_or_else(|| r#"{"x":1}"#.to_owned());
    let mut tree: serde_json::Value = serde_json::from_str(&good).unwrap();
    let mut places = Vec::new();
    pointers(&tree, String::new(), &mut places);
    let target = &places[place % places.len()];
    if let Some(found) = tree.pointer_mut(target) {
        *found = serde_json::from_str(value).unwrap_or_default();
    }
    tree.to_string().into_bytes()
}

fn pointers(tree: &serde_json::Value, here: String, found: &mut Vec<String>) {
    if let Some(fields) = tree.as_object() {
        fields.iter().for_each(|(name, field)| pointers(field, format!("{here}/{name}"), found));
    }
    if let Some(items) = tree.as_array() {
        items.iter().enumerate().for_each(|(index, item)| pointers(item, format!("{here}/{index}"), found));
    }
    found.push(here);
}

/// Whatever comes, the daemon says what is wrong with it, and nothing of it is its own fault.
#[test]
fn no_input_makes_a_5xx_or_a_refusal_without_a_problem() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let scene = runtime.block_on(Scene::set());
    let config = Config { cases: 1_500, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&noise(), |noise| {
        let route = &ROUTES[noise.route];
        let id = noise.id.clone().unwrap_or_else(|| scene.id(route).to_owned());
        let mut ask = scene.credited(route, &id);
        if !noise.key.trim().is_empty() {
            ask = ask.key(&noise.key);
        }
        if let Some(body) = noise.body.clone() {
            ask = ask.json(body);
        }
        let ask = ask.query(&noise.query);
        // What is no URI at all hyper refuses before anybody else sees it.
        prop_assume!(ask.target().parse::<http::Uri>().is_ok());
        let answer = runtime.block_on(scene.ask(ask));
        prop_assert!(answer.status < 500, "{}: {} {}", route.0, answer.status, answer.text());
        if answer.status >= 400 {
            let checked = std::panic::catch_unwind(|| answer.problem());
            prop_assert!(checked.is_ok(), "{}: {} {}", route.0, answer.status, answer.text());
        }
        Ok::<_, TestCaseError>(())
    });
    outcome.unwrap();
    runtime.block_on(scene.daemon.check_invariants());
}
