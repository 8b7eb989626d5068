//! The guard, without a listener.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use tmapi::Problem;

use super::*;
use crate::config::Config;

fn config() -> OverloadConfig {
    Config::defaults().unwrap().overload
}

fn request(line: &str, peer: &str) -> Request<Body> {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer((peer.parse::<std::net::IpAddr>().unwrap(), 1).into()));
    request
}

fn admit(guard: &Arc<Guard>, line: &str, peer: &str) -> Result<Pass, Box<Response>> {
    let request = request(line, peer);
    guard.admit(&request, &RequestId::of(request.headers()))
}

const LINES: [&str; 7] = [
    "GET /api/events/search",
    "GET /api/events",
    "POST /api/waiting-room/sessions",
    "GET /api/waiting-room/sessions/wrs_1",
    "POST /api/payment-callbacks",
    "POST /api/orders/ord_1:confirm",
    "POST /api/orders/ord_1:finalize",
];

#[tokio::test]
async fn what_is_in_flight_leaves_room_for_what_matters_more() {
    let guard = Guard::start(&OverloadConfig { max_in_flight: 20, ..config() }, &Lifecycle::new());
    let mut passes = Vec::new();
    for (line, room) in LINES.iter().zip([10, 12, 14, 16, 17, 19, 20]) {
        while let Ok(pass) = admit(&guard, line, "127.0.0.1") {
            passes.push(pass);
        }
        assert_eq!(passes.len(), room, "{line}");
    }
    assert!(admit(&guard, "GET /livez", "127.0.0.1").is_ok(), "probes are always answered");
    passes.truncate(9);
    assert!(LINES.iter().all(|line| admit(&guard, line, "127.0.0.1").is_ok()));
}

#[tokio::test]
async fn what_is_refused_is_a_whole_problem_that_says_when_to_come_back() {
    let guard = Guard::start(&OverloadConfig { max_in_flight: 1, ..config() }, &Lifecycle::new());
    let _pass = admit(&guard, LINES[6], "127.0.0.1").ok().unwrap();
    let mut pauses = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let response = admit(&guard, LINES[0], "127.0.0.1").err().unwrap();
        let head = response.headers().clone();
        assert_eq!(
            (response.status().as_u16(), &head["content-type"]),
            (503, &"application/problem+json".parse().unwrap())
        );
        pauses.insert(head["retry-after"].to_str().unwrap().parse::<u32>().unwrap());
        let problem: Problem =
            serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
        assert_eq!((problem.code, problem.status, problem.retryable), (ProblemCode::Busy, 503, true));
        assert_eq!(problem.request_id, head["x-request-id"].to_str().unwrap());
    }
    let base = config().retry_after_seconds;
    assert_eq!(pauses, (base..=3 * base).collect(), "spread, so that not all come back together");
}

#[tokio::test]
async fn no_purchase_is_begun_beside_as_many_as_can_be_finished_and_those_begun_go_on() {
    let few = OverloadConfig { max_purchases_in_flight: 3, ..config() };
    let guard = Guard::start(&few, &Lifecycle::new());
    let lines = ["POST /api/orders", "POST /api/bookings/E1", "POST /api/orders/o:confirm"];
    let mut passes: Vec<_> =
        lines.iter().map(|line| admit(&guard, line, "127.0.0.1").ok().unwrap()).collect();
    for begins in &lines[..2] {
        assert_eq!(admit(&guard, begins, "127.0.0.1").err().unwrap().status().as_u16(), 503, "{begins}");
    }
    for goes_on in ["POST /api/orders/o:confirm", "POST /api/orders/o:finalize", "POST /api/orders/o:cancel"]
    {
        passes.push(admit(&guard, goes_on, "127.0.0.1").ok().unwrap());
    }
    assert!(admit(&guard, "GET /api/events", "127.0.0.1").is_ok());
    passes.clear();
    assert!(admit(&guard, lines[0], "127.0.0.1").is_ok());
}

#[tokio::test]
async fn an_address_has_its_budget_and_those_of_this_machine_have_none() {
    let tight = OverloadConfig { address_reads_per_second: 1, ..config() };
    let guard = Guard::start(&tight, &Lifecycle::new());
    let mut headers = HeaderMap::new();
    for _ in 0..10 {
        let pass = admit(&guard, LINES[1], "192.0.2.1").ok().unwrap();
        headers.clear();
        pass.stamp(&mut headers);
    }
    assert_eq!(
        (&headers["ratelimit-policy"], &headers["ratelimit"]),
        (&"\"address-reads\";q=10;w=10".parse().unwrap(), &"\"address-reads\";r=0;t=10".parse().unwrap())
    );
    let refused = admit(&guard, LINES[0], "192.0.2.1").err().unwrap();
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(
        (&refused.headers()["retry-after"], &refused.headers()["ratelimit"]),
        (&"1".parse().unwrap(), &"\"address-reads\";r=0;t=1".parse().unwrap())
    );
    assert!(admit(&guard, LINES[2], "192.0.2.1").is_ok(), "joins have a budget of their own");
    assert!(admit(&guard, LINES[1], "192.0.2.2").is_ok());
    for _ in 0..20 {
        assert!(admit(&guard, LINES[1], "127.0.0.1").is_ok());
    }
    // All of a /64 are one client.
    for host in 1..=11 {
        let answer = admit(&guard, LINES[1], &format!("2001:db8::{host}"));
        assert_eq!(answer.is_ok(), host <= 10, "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_standing_queue_is_acted_on_and_forgotten_when_it_is_gone() {
    let lifecycle = Lifecycle::new();
    let guard = Guard::start(&config(), &lifecycle);
    let blocked = |delay: Duration| {
        for _ in 0..100 {
            lifecycle.delays.note(delay);
        }
    };
    for _ in 0..60 {
        blocked(Duration::from_secs(1));
        tokio::time::sleep(LOOK).await;
    }
    let served = |line: &str| (0..1_000).filter(|_| admit(&guard, line, "127.0.0.1").is_ok()).count();
    assert_eq!(LINES.map(served), [0, 0, 0, 0, 0, 0, 1_000]);
    tokio::time::sleep(LOOK * 110).await;
    assert_eq!(LINES.map(served), [1_000; 7]);
}
