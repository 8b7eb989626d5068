//! The client against a small server that plays tricks.

#![expect(clippy::disallowed_methods, reason = "a server that lives as long as its test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use serde_json::json;

use super::stream::{Patience, feed};
use super::*;
use crate::ProblemCode;
use crate::order::CreateOrder;

/// Serves `answer(n, request)`, with `n` counting requests from 0.
pub(super) async fn serve<F>(answer: F) -> (SocketAddr, Arc<AtomicU32>)
where
    F: Fn(u32, Request) -> Response + Clone + Send + Sync + 'static,
{
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    let handler = move |request: Request| {
        let n = counter.fetch_add(1, Ordering::SeqCst);
        let answer = answer.clone();
        async move { answer(n, request) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
    (address, count)
}

pub(super) fn client(address: SocketAddr) -> Client {
    let options =
        ClientOptions { max_retries: 3, timeout: Duration::from_secs(5), ..ClientOptions::default() };
    Client::new(&format!("http://{address}/"), options).unwrap()
}

pub(super) fn problem(code: &str, status: u16) -> Response {
    let body = json!({"type": "about:blank", "title": "", "status": status, "detail": "no", "code": code,
        "requestId": "r1", "retryable": true});
    (StatusCode::from_u16(status).unwrap(), [("retry-after", "0")], body.to_string()).into_response()
}

fn order() -> CreateOrder {
    CreateOrder { event_id: "E1".parse().unwrap(), session_id: None }
}

pub(super) fn session(status: &str) -> String {
    json!({"sessionId": "wrs_01h455vb4pex5vsknk084sn02q", "eventId": "E1", "status": status, "waiting": 3,
        "lobby": false, "paused": false, "joinedAt": "2026-11-21T10:00:00Z"})
    .to_string()
}

pub(super) fn stream_of(body: impl Into<Body>) -> Response {
    ([("content-type", "text/event-stream")], body.into()).into_response()
}

fn session_feed(address: SocketAddr) -> Feed<SessionEvent> {
    let patience = Patience {
        stale_after: Duration::from_millis(100),
        read_timeout: Duration::from_millis(200),
        first_delay: Duration::from_millis(5),
        shortest_delay: Duration::from_millis(1),
    };
    feed(client(address).with_token("secret").unwrap(), "/s".to_owned(), patience)
}

/// What a feed tells, in short.
async fn told(mut feed: Feed<SessionEvent>, most: usize) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(item) = tokio::time::timeout(Duration::from_secs(5), feed.next()).await.expect("an item") {
        all.push(match item {
            Ok(StreamItem::Event(event)) => {
                format!("{:?} {}", event.session.status, event.id.unwrap_or_default())
            }
            Ok(StreamItem::State(StreamState::Reconnecting { attempt, .. })) => format!("cut {attempt}"),
            Ok(StreamItem::State(state)) => format!("{state:?}"),
            Err(error) => format!("error {:?}", error.status()),
        });
        if all.len() == most {
            break;
        }
    }
    all
}

#[tokio::test]
async fn a_keyed_request_is_repeated_with_its_key_until_it_is_answered() {
    let (address, count) = serve(|n, request| {
        assert_eq!(request.headers()["idempotency-key"], "k-1");
        assert_eq!(request.headers()["content-type"], "application/json");
        match n {
            0 => problem("busy", 503),
            1 => problem("idempotency-in-flight", 409),
            2 => problem("rate-limited", 429),
            _ => problem("not-admitted", 403),
        }
    })
    .await;
    let error = client(address).create_order(&order(), "k-1").await.unwrap_err();
    assert_eq!(error.code(), Some(ProblemCode::NotAdmitted));
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_only_where_that_is_harmless() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Reads the request, then hangs up on it.
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await;
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let client = client(address);
    let event = "E1".parse().unwrap();
    let requests = || count.swap(0, Ordering::SeqCst);

    assert!(matches!(client.event(&event).await, Err(ClientError::Transport(_))));
    assert_eq!(requests(), 4);
    assert!(client.create_order(&order(), "k").await.is_err());
    assert_eq!(requests(), 4);
    assert!(client.with_token("t").unwrap().join(&event).await.is_err());
    assert_eq!(requests(), 4);
    // Each of these would make another guest, or another event.
    assert!(client.join(&event).await.is_err());
    assert_eq!(requests(), 1);
    assert!(client.sale_action(&event, SaleAction::Open).await.is_err());
    assert_eq!(requests(), 1);
}

#[tokio::test]
async fn what_asks_for_another_day_is_not_waited_for() {
    let (address, count) =
        serve(|_, _| (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "3600")]).into_response()).await;
    let error = client(address).events(None, None).await.unwrap_err();
    assert_eq!((error.status(), error.retry_after()), (Some(503), Some(Duration::from_secs(3600))));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_token_is_sent_and_never_shown() {
    let (address, _) = serve(|_, request| {
        let sent = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(request.headers()["accept-encoding"], "gzip");
        sent.unwrap_or_default().into_response()
    })
    .await;
    let client = client(address).with_token("secret").unwrap();
    let (_, _, body) = client.raw(Method::GET, "/x", HeaderMap::new(), "").await.unwrap();
    assert_eq!(body, "Bearer secret");
    assert!(!format!("{client:?}").contains("secret"));
    assert!(matches!(client.with_token("a\nb"), Err(ClientError::BadToken)));
}

#[test]
fn addresses_that_are_none_are_refused() {
    for bad in ["", "localhost:8080", "ftp://x", "http://x/?a=1", "http://u:p@x", "http://"] {
        assert!(
            matches!(Client::new(bad, ClientOptions::default()), Err(ClientError::BadUrl { .. })),
            "{bad}"
        );
    }
    let client = Client::new("https://tickets.example/office/", ClientOptions::default()).unwrap();
    assert_eq!(client.base_url(), "https://tickets.example/office");
}

#[tokio::test]
async fn e1_a_cut_stream_resumes_after_the_last_event_it_handed_on() {
    let (address, _) = serve(|n, request| {
        let resumes_at = request.headers().get("last-event-id").map(|id| id.to_str().unwrap());
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        match n {
            0 => {
                assert_eq!(resumes_at, None);
                let beat = ": beat\n\nevent: something-new\nid: 6\ndata: ?\n\n";
                let data = session("WAITING");
                stream_of(format!("{beat}event: waiting-room-position\nid: 7\ndata: {data}\n\n"))
            }
            1 => problem("busy", 503),
            _ => {
                assert_eq!(resumes_at, Some("7"));
                let data = session("DONE");
                stream_of(format!("event: waiting-room-done\nid: 8\ndata: {data}\n\n"))
            }
        }
    })
    .await;
    let all = told(session_feed(address), 99).await;
    assert_eq!(all, ["Live", "Waiting 7", "cut 1", "cut 2", "Live", "Done 8", "Ended"]);
}

#[tokio::test]
async fn a_refusal_that_stands_ends_the_stream() {
    for status in [401, 403, 404, 410] {
        let (address, count) = serve(move |_, _| problem("not-found", status)).await;
        assert_eq!(told(session_feed(address), 99).await, [format!("error Some({status})")]);
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
    let (address, _) = serve(|_, _| StatusCode::NO_CONTENT.into_response()).await;
    assert_eq!(told(session_feed(address), 99).await, ["Ended"]);
    let (address, _) = serve(|_, _| "<html>".into_response()).await;
    assert_eq!(told(session_feed(address), 99).await, ["error None"]);
    let (address, _) =
        serve(|_, _| (StatusCode::TEMPORARY_REDIRECT, [("location", "/y")]).into_response()).await;
    assert_eq!(told(session_feed(address), 99).await, ["error None"]);
}

#[tokio::test]
async fn a_silent_stream_is_called_stale_and_then_given_up() {
    let (address, _) = serve(|_, _| {
        stream_of(Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>()))
    })
    .await;
    let all = told(session_feed(address), 5).await;
    assert_eq!(all, ["Live", "Stale", "cut 1", "Live", "Stale"]);
}

#[tokio::test]
async fn e3_the_daemon_says_when_to_come_back() {
    let (address, _) = serve(|_, _| stream_of(": bye\nretry: 3\n\n")).await;
    let mut feed = session_feed(address);
    assert_eq!(feed.next().await.unwrap().unwrap(), StreamItem::State(StreamState::Live));
    let Some(Ok(StreamItem::State(StreamState::Reconnecting { after, .. }))) = feed.next().await else {
        panic!("expected a cut")
    };
    assert_eq!(after, Duration::from_millis(3));
    let (address, _) =
        serve(|_, _| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "9")]).into_response()).await;
    let Some(Ok(StreamItem::State(StreamState::Reconnecting { after, .. }))) =
        session_feed(address).next().await
    else {
        panic!("expected a cut")
    };
    assert_eq!(after, Duration::from_secs(9));
}
