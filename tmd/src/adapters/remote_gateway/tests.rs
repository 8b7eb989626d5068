use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use tempfile::TempDir;
use tmcore::money::Currency;
use tmcore::payment::Operation;
use tmcore::{Money, OrderId};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::*;
use crate::adapters::sandbox::server::router;
use crate::adapters::sandbox::{Pace, Sandbox};
use crate::ports::contract::gateway::{Subject, run};
use crate::ports::gateway::ProviderOperation;

const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the routes on a port of its own until the guard is dropped.
async fn serve(router: Router) -> (String, DropGuard) {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stopped = stop.clone().cancelled_owned();
    TaskTracker::new().spawn(async move {
        let serve = axum::serve(listener, router);
        tokio::select! {
            ended = serve => ended.unwrap(),
            () = stopped => {}
        }
    });
    (base, stop.drop_guard())
}

async fn serve_sandbox() -> (String, (DropGuard, TempDir)) {
    let folder = TempDir::new().unwrap();
    let pace = Pace {
        slow: Duration::from_millis(20),
        silence: Duration::from_millis(5),
        ..Pace::with_latency(Duration::ZERO)
    };
    let path = folder.path().join("gateway.db");
    let sandbox = Sandbox::open(&path, pace, &TaskTracker::new(), CancellationToken::new()).await.unwrap();
    let (base, guard) = serve(router(Arc::new(sandbox))).await;
    (base, (guard, folder))
}

fn authorize(token: &str) -> ProviderRequest {
    let order = OrderId::from_uuid(Uuid::from_u128(7));
    let operation = ProviderOperation::Authorize {
        token: token.parse().unwrap(),
        amount: Money::new(100, Currency::EUR),
    };
    ProviderRequest { key: ProviderKey::derive(order, Operation::Authorize, 1), order, operation }
}

/// Every question of the port, as far as it failed.
async fn failures(gateway: &RemoteGateway) -> Vec<Option<OutcomeUnknown>> {
    let request = authorize("tok_ok");
    vec![
        gateway.submit(&request).await.err(),
        gateway.look_up(&request.key).await.err(),
        gateway.cancel(&request.key).await.err(),
        gateway.list(0, 10).await.err(),
    ]
}

/// A provider that says the same to everything.
async fn saying(status: StatusCode, body: String) -> (RemoteGateway, DropGuard) {
    let (base, guard) = serve(Router::new().fallback(async move || (status, body.clone()))).await;
    (RemoteGateway::new(&base, PATIENCE).unwrap(), guard)
}

#[tokio::test]
async fn p1_the_gateway_across_a_socket_keeps_the_contract() {
    let make = async || {
        let (base, keep) = serve_sandbox().await;
        Subject { gateway: Arc::new(RemoteGateway::new(&base, PATIENCE).unwrap()), keep: Box::new(keep) }
    };
    run(make).await;
}

#[tokio::test]
async fn m6_an_answer_that_is_cut_off_is_lost() {
    let (base, _keep) = serve_sandbox().await;
    let gateway = RemoteGateway::new(&base, PATIENCE).unwrap();
    assert_eq!(gateway.submit(&authorize("tok_lost_answer")).await, Err(OutcomeUnknown::Lost));
}

#[tokio::test]
async fn m6_a_provider_that_says_nothing_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let gateway = RemoteGateway::new(&base, Duration::from_millis(30)).unwrap();
    assert_eq!(failures(&gateway).await, [Some(OutcomeUnknown::TimedOut); 4]);
}

#[tokio::test]
async fn m6_a_provider_that_is_not_there_is_lost() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = RemoteGateway::new(&format!("http://{gone}"), PATIENCE).unwrap();
    assert_eq!(failures(&gateway).await, [Some(OutcomeUnknown::Lost); 4]);
}

#[tokio::test]
async fn m6_no_stray_answer_is_taken_for_a_no() {
    let key = authorize("tok_ok").key;
    let other = ProviderKey::derive(OrderId::from_uuid(Uuid::nil()), Operation::Void, 9);
    for (status, body, expected) in [
        (404, "not found".to_owned(), OutcomeUnknown::Refused { status: 404 }),
        (404, format!(r#"{{"key":"{key}","record":null}}"#), OutcomeUnknown::Refused { status: 404 }),
        (302, String::new(), OutcomeUnknown::Refused { status: 302 }),
        (401, String::new(), OutcomeUnknown::Refused { status: 401 }),
        (500, String::new(), OutcomeUnknown::ServerFault { status: 500 }),
        (503, format!(r#"{{"key":"{key}","record":null}}"#), OutcomeUnknown::ServerFault { status: 503 }),
        (200, String::new(), OutcomeUnknown::Unparsable),
        (200, "{}".to_owned(), OutcomeUnknown::Unparsable),
        (200, "null".to_owned(), OutcomeUnknown::Unparsable),
        (200, format!(r#"{{"key":"{key}"}}"#), OutcomeUnknown::Unparsable),
        (200, "<html>".to_owned(), OutcomeUnknown::Unparsable),
        (200, " ".repeat(MAX_ANSWER_BYTES + 1), OutcomeUnknown::Unparsable),
    ] {
        let (gateway, _guard) = saying(StatusCode::from_u16(status).unwrap(), body.clone()).await;
        let shown = &body[..body.len().min(80)];
        assert_eq!(failures(&gateway).await, [Some(expected); 4], "{status} {shown}");
    }
    let (gateway, _guard) = saying(StatusCode::OK, format!(r#"{{"key":"{other}","record":null}}"#)).await;
    assert_eq!(gateway.look_up(&key).await, Err(OutcomeUnknown::Contradictory));
    assert_eq!(gateway.cancel(&key).await, Err(OutcomeUnknown::Contradictory));
    let unseen = format!(r#"{{"key":"{key}","record":null}}"#);
    let (gateway, _guard) = saying(StatusCode::OK, format!("{unseen}{}", " ".repeat(MAX_ANSWER_BYTES))).await;
    assert_eq!(gateway.look_up(&key).await, Err(OutcomeUnknown::Unparsable), "it is not read to its end");
    let (gateway, _guard) = saying(StatusCode::OK, unseen).await;
    assert_eq!(gateway.look_up(&key).await, Ok(None));
}

#[tokio::test]
async fn m13_a_page_out_of_order_is_not_taken() {
    let (base, _keep) = serve_sandbox().await;
    let gateway = RemoteGateway::new(&base, PATIENCE).unwrap();
    gateway.submit(&authorize("tok_duplicate")).await.unwrap();
    let mut records = gateway.list(0, 10).await.unwrap();
    assert_eq!(records.len(), 2);
    records.reverse();
    let body = serde_json::to_string(&PageBody { records }).unwrap();
    let (gateway, _guard) = saying(StatusCode::OK, body).await;
    assert_eq!(gateway.list(0, 10).await, Err(OutcomeUnknown::Contradictory));
}

#[tokio::test]
async fn a_refused_body_does_not_come_back_with_its_token() {
    let (base, _keep) = serve_sandbox().await;
    let http = RemoteGateway::new(&base, PATIENCE).unwrap().http;
    for body in [
        r#"{"key":"tok_canary"}"#,
        r#"{"operation":{"kind":"AUTHORIZE","token":"tok_canary ","amount":1}}"#,
        r#"{"tok_canary":1}"#,
        "tok_canary",
    ] {
        let answer = http.post(format!("{base}/v1/operations")).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(!answer.text().await.unwrap().contains("canary"));
    }
    let large = http.post(format!("{base}/v1/operations")).body("x".repeat(17 * 1024)).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let live = http.get(format!("{base}/livez")).send().await.unwrap();
    assert_eq!(live.status(), 200);
    let odd = http.get(format!("{base}/v1/operations/..%2f")).send().await.unwrap();
    assert_eq!(odd.status(), 400);
}

#[test]
fn the_address_is_a_plain_http_url() {
    for bad in ["", "127.0.0.1:8090", "ftp://x/", "http://", "http://x/?a=b", "http://x/#a", "mailto:x"] {
        assert!(matches!(RemoteGateway::new(bad, PATIENCE), Err(RemoteGatewayError::Address)), "{bad:?}");
    }
    for (base, url) in [
        ("http://[::1]:8090", "http://[::1]:8090/v1/operations"),
        ("https://pay.example/sandbox", "https://pay.example/sandbox/v1/operations"),
        ("https://pay.example/sandbox/", "https://pay.example/sandbox/v1/operations"),
    ] {
        let gateway = RemoteGateway::new(base, PATIENCE).unwrap();
        assert_eq!(gateway.url("v1/operations").unwrap().as_str(), url);
    }
}
