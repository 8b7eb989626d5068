//! Connections that misbehave, on real sockets. Each limit is short here; what they are by default is pinned first.
#![allow(
    clippy::disallowed_methods,
    reason = "how long a connection is kept is told by the clock on the wall"
)]

use std::time::{Duration, Instant};

use tmd::config::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{limited, narrow};
use crate::harness::{Daemon, PATIENCE, quick};
use crate::scene::{Scene, at, token};
use crate::wire::{Answer, Ask, connect, exchange};

#[test]
fn the_limits_are_what_was_promised() {
    let config = Config::defaults().unwrap();
    let server = &config.server;
    let times = [
        server.header_timeout_seconds,
        server.body_timeout_seconds,
        server.write_timeout_seconds,
        server.shutdown_grace_seconds,
        server.stream_grace_seconds,
    ];
    assert_eq!(times, [10, 20, 10, 20, 5]);
    assert_eq!((server.max_header_bytes, server.max_request_line_bytes), (16_384, 8_192));
    assert_eq!(config.waiting_room.streams_per_session, 3);
}

const LIMIT: Duration = Duration::from_secs(1);

/// Every limit is a second, but for the body's.
fn short() -> Config {
    let mut config = quick();
    config.server.header_timeout_seconds = 1;
    config.server.write_timeout_seconds = 1;
    config.server.body_timeout_seconds = 2;
    config
}

/// How long until the daemon closes, and what it said.
async fn until_closed(stream: &mut TcpStream) -> (Duration, String) {
    let (began, mut said) = (Instant::now(), Vec::new());
    let reading = async { while stream.read_buf(&mut said).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(PATIENCE, reading).await.expect("closed");
    (began.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

fn in_time(took: Duration, limit: Duration) -> bool {
    // The connection began a little before the clock did.
    took + Duration::from_millis(100) >= limit && took < limit + Duration::from_secs(3)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_closed() {
    let daemon = Daemon::start_with(short()).await;
    let (took, said) = until_closed(&mut connect(&daemon.url, b"").await).await;
    assert!(in_time(took, LIMIT) && said.is_empty(), "{took:?} {said}");
    // Also one that fell silent after an answer.
    let mut kept = connect(&daemon.url, b"GET /livez HTTP/1.1\r\nhost: it\r\n\r\n").await;
    let (took, said) = until_closed(&mut kept).await;
    assert!(in_time(took, LIMIT) && said.starts_with("HTTP/1.1 200 OK"), "{took:?} {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_is_closed() {
    let daemon = Daemon::start_with(short()).await;
    let mut stream = connect(&daemon.url, b"GET /livez HTTP/1.1\r\n").await;
    let (mut reader, mut writer) = stream.split();
    let began = Instant::now();
    let dripping = async {
        loop {
            if writer.write_all(b"x-drop: 1\r\n").await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut said = Vec::new();
    let closed = async { while reader.read_buf(&mut said).await.is_ok_and(|count| count > 0) {} };
    tokio::select! {
        () = dripping => unreachable!(),
        () = closed => {}
        () = tokio::time::sleep(PATIENCE) => panic!("never closed"),
    }
    assert!(in_time(began.elapsed(), LIMIT), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_408() {
    let daemon = Daemon::start_with(short()).await;
    let head = "POST /api/waiting-room/sessions HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let mut stream = connect(&daemon.url, head.as_bytes()).await;
    let (mut reader, mut writer) = stream.split();
    let began = Instant::now();
    let dripping = async {
        loop {
            if writer.write_all(b" ").await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut said = Vec::new();
    let closed = async { while reader.read_buf(&mut said).await.is_ok_and(|count| count > 0) {} };
    tokio::select! {
        () = dripping => unreachable!(),
        () = closed => {}
        () = tokio::time::sleep(PATIENCE) => panic!("never closed"),
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(in_time(began.elapsed(), 2 * LIMIT), "{:?}", began.elapsed());
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"code\":\"request-timeout\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_of_its_answers_is_cut_off() {
    let daemon = Daemon::start_with(short()).await;
    daemon.open_event("E1", 20, 200).await;
    let mut stream = narrow(&daemon.url).await;
    let asked = b"GET /api/events/E1/seat-map HTTP/1.1\r\nhost: it\r\n\r\n".repeat(50);
    stream.write_all(&asked).await.unwrap();
    let began = Instant::now();
    let cut = async {
        // Nothing is read, so the end shows only when writing.
        while stream.write_all(b"\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, cut).await.expect("cut off");
    assert!(in_time(began.elapsed(), LIMIT), "{:?}", began.elapsed());
}

/// What hyper refuses before anybody else sees it is a problem like any other.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_parse_is_refused_with_a_problem() {
    let daemon = Daemon::start().await;
    let line = |fields: &str| format!("POST /api/events HTTP/1.1\r\nhost: it\r\n{fields}\r\n\r\n");
    for (what, bytes, status) in [
        ("no HTTP at all", "hello\r\n\r\n".to_owned(), 400),
        ("a version that is none", "GET / HTTP/1.2\r\nhost: it\r\n\r\n".to_owned(), 400),
        ("a blank before the colon", line("content-length : 5"), 400),
        ("a folded line", line("x: y\r\n z"), 400),
        ("a signed length", line("content-length: +5"), 400),
        ("a length with a blank in it", line("content-length: 5 5"), 400),
        ("two lengths", line("content-length: 5\r\ncontent-length: 6"), 400),
        ("a length and a coding", line("content-length: 5\r\ntransfer-encoding: chunked"), 400),
        ("a coding and a length", line("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400),
        ("a coding that is not last", line("transfer-encoding: chunked, identity"), 400),
        ("a coding with a tab", line("transfer-encoding:\tchunked\r\ntransfer-encoding: x"), 400),
        ("a bare carriage return", line("x: y\rz: 1"), 400),
        ("NUL in a field", line("x: \0"), 400),
        ("no Host", "GET /livez HTTP/1.1\r\nx: y\r\n\r\n".to_owned(), 400),
        ("no Host beside a whole target", "GET http://it/livez HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("a Host that is none", "GET /livez HTTP/1.1\r\nhost: a b\r\n\r\n".to_owned(), 400),
        ("far too many fields", line(&"x: 1\r\n".repeat(300)), 431),
        ("a head far too large", line(&format!("x: {}", "y".repeat(100_000))), 431),
        ("a line far too long", format!("GET /{} HTTP/1.1\r\nhost: it\r\n\r\n", "y".repeat(20_000)), 414),
        ("TRACE", "TRACE / HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n".to_owned(), 405),
        ("CONNECT", "CONNECT it:80 HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n".to_owned(), 405),
    ] {
        let said = exchange(&daemon.url, bytes.as_bytes()).await;
        // One that is still writing when it is refused may find the connection reset before it reads the answer.
        if said.is_empty() && bytes.len() > 15_000 {
            continue;
        }
        let answer = Answer::of(&said);
        assert_eq!(answer.status, status, "{what}: {said}");
        answer.problem();
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{what}: {said}");
    }
    let old = exchange(&daemon.url, b"GET /livez HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200 OK"), "{old}");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM events").await, 0);
}

/// RFC 9112, 9.3.2: several requests in one go are answered in their order.
#[tokio::test(flavor = "multi_thread")]
async fn requests_in_one_go_are_answered_in_their_order() {
    let daemon = Daemon::start().await;
    let ask = |path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\nhost: it\r\n{fields}\r\n");
    let bytes = [
        ask("/livez", "x-request-id: one\r\n"),
        ask("/nowhere", "x-request-id: two\r\n"),
        ask("/readyz", "x-request-id: three\r\nconnection: close\r\n"),
    ];
    let said = exchange(&daemon.url, bytes.concat().as_bytes()).await;
    let ids = said.lines().filter_map(|line| line.strip_prefix("x-request-id: "));
    assert_eq!(ids.collect::<Vec<_>>(), ["one", "two", "three"], "{said}");
    let statuses = said.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]);
    assert_eq!(statuses.collect::<Vec<_>>(), ["200", "404", "200"]);
}

/// W4 and the budget: one session, however many ask, and from some number on 429 that says when.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_joins_of_one_user_are_one_session_and_429_from_some_number_on() {
    let mut config = quick();
    config.overload.principal_joins_per_minute = 200;
    let scene = Scene::set_with(config).await;
    let buyer = token(&scene.daemon, 7);
    let (mut sessions, mut refused) = (std::collections::BTreeSet::new(), 0);
    for n in 0..1_000 {
        let ask = at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"E1"}"#).token(&buyer);
        let answer = scene.ask(ask).await;
        assert!(answer.header("ratelimit-policy").contains("\"joins\";q=200;w=60"), "{n}");
        if answer.status == 429 {
            assert_eq!(answer.said(), (429, "rate-limited".to_owned()));
            assert!(answer.header("ratelimit").contains("\"joins\";r=0;t="));
            refused += 1;
        } else {
            sessions.insert(answer.field("sessionId"));
        }
    }
    assert!(sessions.len() == 1 && refused > 500, "{} {refused}", sessions.len());
    let other = at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"E1"}"#);
    assert_eq!(scene.ask(other.token(&token(&scene.daemon, 8))).await.status, 201, "others do not notice");
}

/// An address has a budget for each kind of request, and every answer says what is left of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_budget_and_hears_what_is_left() {
    let mut config = limited();
    config.overload.address_reads_per_second = 1;
    config.overload.address_joins_per_second = 1;
    let daemon = Daemon::start_with(config).await;
    let policy = |answer: &Answer| answer.header("ratelimit-policy").to_owned();
    let mut left = 10;
    for _ in 0..10 {
        let answer = Ask::new("GET /api/events").send(&daemon.url).await;
        assert_eq!((answer.status, policy(&answer).as_str()), (200, "\"address-reads\";q=10;w=10"));
        let says = answer.header("ratelimit").strip_prefix("\"address-reads\";r=").unwrap().to_owned();
        let now: u32 = says.split(';').next().unwrap().parse().unwrap();
        assert!(now <= left, "{says}");
        left = now;
    }
    let mut refused = Vec::new();
    for _ in 0..20 {
        refused.push(Ask::new("GET /api/events/search?keyword=x").send(&daemon.url).await);
    }
    let refused = refused.iter().rfind(|answer| answer.status == 429).expect("a refusal");
    assert_eq!(refused.said(), (429, "rate-limited".to_owned()));
    assert!(refused.header("ratelimit").starts_with("\"address-reads\";r=0;t="));
    assert_eq!(Ask::new("GET /livez").send(&daemon.url).await.status, 200, "probes have no budget");
    let order = Ask::new("POST /api/orders").key("k").json("{}").send(&daemon.url).await;
    assert!(order.status == 400 && policy(&order).contains("address-orders"), "{}", order.text());
}
