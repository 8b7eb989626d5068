//! What the provider tells by itself settles what nobody answered, and nothing twice.

use std::time::Duration;

use tmapi::client::{HeaderMap, HeaderValue, Method};
use tmapi::order::OrderStatus;
use tmcore::payment::Operation::{Authorize, Capture, Void};
use tmcore::webhook::{MessageHead, WebhookSecret};
use tmd::clock::{Clock, SystemClock};
use tmd::config::Config;
use tmd::ports::gateway::ProviderRecord;

use crate::harness::{Daemon, eventually, quick};
use crate::provider::Provider;
use crate::till::{Purchase, Wire, wire};

/// Nobody looks anything up.
fn unresolved() -> Config {
    let mut config = quick();
    config.checkout.resolver_interval_milliseconds = 600_000;
    config.gateway.callback_delay_milliseconds = 50;
    config
}

/// Nor does the provider tell anything.
fn untold() -> Config {
    let mut config = unresolved();
    config.gateway.callback_delay_milliseconds = 60_000;
    config
}

fn secret(daemon: &Daemon) -> WebhookSecret {
    std::fs::read_to_string(daemon.folder().join("callback.secret")).unwrap().parse().unwrap()
}

/// A callback as the provider sends it, at a time.
async fn send_at(daemon: &Daemon, id: &str, record: &ProviderRecord, seconds: i64) -> Wire {
    let body = serde_json::json!({"type": "operation.recorded", "data": record}).to_string();
    let timestamp = seconds.to_string();
    let signature = secret(daemon).sign(MessageHead { id, timestamp: &timestamp }, body.as_bytes());
    post(
        daemon,
        [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)],
        body,
    )
    .await
}

async fn send(daemon: &Daemon, id: &str, record: &ProviderRecord) -> u16 {
    send_at(daemon, id, record, now()).await.status
}

fn now() -> i64 {
    SystemClock::new().now().as_millis() / 1000
}

async fn post<'a>(
    daemon: &Daemon,
    fields: impl IntoIterator<Item = (&'static str, &'a str)>,
    body: String,
) -> Wire {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let path = "POST /api/provider/callbacks".split_once(' ').unwrap().1;
    let (status, headers, body) = daemon.client().raw(Method::POST, path, headers, body).await.unwrap();
    wire(status, &headers, body)
}

/// M6, M12: without anybody asking, the lost answer is known as soon as the provider tells.
#[tokio::test(flavor = "multi_thread")]
async fn m12_a_lost_answer_is_settled_by_the_callback_alone() {
    let daemon = Daemon::start_with(unresolved()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let unknown = buyer.confirm(&["A-1"], "tok_lost_answer").await.unwrap();
    assert_eq!(unknown.status, OrderStatus::Authorizing);
    let told = eventually("told", async || buyer.view().await.status == OrderStatus::Authorized);
    tokio::time::timeout(Duration::from_secs(2), told).await.expect("sooner than any look-up");
    let captured = Purchase::begin(&daemon.client(), &event).await;
    captured.confirm(&["A-2"], "tok_capture_lost").await.unwrap();
    assert_eq!(captured.finalize().await.unwrap().status, OrderStatus::Capturing);
    eventually("the tickets come", async || captured.view().await.tickets.len() == 1).await;
    buyer.finalize().await.unwrap();
    daemon.check_money().await;
}

/// The same from a provider that is a process of its own.
#[tokio::test(flavor = "multi_thread")]
async fn m12_a_provider_across_the_network_settles_by_callbacks_too() {
    let address = crate::restart::free_address();
    let provider = Provider::start(Some(format!("http://{address}"))).await;
    let mut config = provider.config();
    config.checkout.resolver_interval_milliseconds = 600_000;
    let daemon = Daemon::start_listening(config, address).await;
    let event = daemon.open_event("E1", 1, 10).await;
    for (seat, token) in
        ["A-1", "A-2", "A-3"].iter().zip(["tok_lost_answer", "tok_garbage", "tok_wrong_amount"])
    {
        let buyer = Purchase::begin(&daemon.client(), &event).await;
        assert_eq!(buyer.confirm(&[seat], token).await.unwrap().status, OrderStatus::Authorizing, "{token}");
        eventually(token, async || buyer.view().await.status == OrderStatus::Authorized).await;
        buyer.finalize().await.unwrap();
    }
    daemon.check_money().await;
}

/// M12: twice, late and out of order, as the sandbox likes to.
#[tokio::test(flavor = "multi_thread")]
async fn m12_callbacks_that_come_twice_late_and_in_no_order_change_nothing() {
    let daemon = Daemon::start_with(unresolved()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    for (seat, token) in ["A-1", "A-2", "A-3"].iter().zip(["tok_duplicate", "tok_callback_late", "tok_ok"]) {
        let buyer = Purchase::begin(&daemon.client(), &event).await;
        buyer.confirm(&[seat], token).await.unwrap();
        buyer.finalize().await.unwrap();
        assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Capture, true)]);
    }
    eventually("everything was told", async || {
        daemon.count("SELECT COUNT(*) FROM provider_callbacks").await == 6
    })
    .await;
    assert_eq!(daemon.provider_log().await.len(), 8, "two of them said twice");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders WHERE state = 'FINALIZED'").await, 3);
    daemon.check_money().await;
}

/// M12: a callback by hand: believed once, at any time, and never against what is known.
#[tokio::test(flavor = "multi_thread")]
async fn m12_a_callback_never_moves_a_state_backwards() {
    let daemon = Daemon::start_with(untold()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_lost_answer").await.unwrap();
    let authorized = daemon.provider_log().await[0].clone();
    let declined = ProviderRecord {
        answer: tmcore::payment::Answer::Declined { reason: "changed its mind".into() },
        ..authorized.clone()
    };
    // About another amount or order: contradictory, and so nothing.
    let mut other = authorized.clone();
    other.amount.amount += 1;
    assert_eq!(send(&daemon, "evt_other", &other).await, 202);
    assert_eq!(daemon.state(buyer.order).await, "AUTHORIZING");
    for _ in 0..3 {
        assert_eq!(send(&daemon, "evt_1", &authorized).await, 202);
        assert_eq!(daemon.state(buyer.order).await, "AUTHORIZED");
    }
    assert_eq!(send(&daemon, "evt_2", &declined).await, 202);
    assert_eq!(daemon.state(buyer.order).await, "AUTHORIZED");
    buyer.finalize().await.unwrap();
    for id in ["evt_1", "evt_3"] {
        for record in [&authorized, &declined] {
            assert_eq!(send(&daemon, id, record).await, 202);
        }
    }
    assert_eq!(daemon.state(buyer.order).await, "FINALIZED");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM order_events").await, 5, "no edge was taken twice");
    // A key of nobody's is taken and kept: it is no business of the provider what we know.
    let stranger = ProviderRecord { key: "ab".repeat(32).parse().unwrap(), ..authorized.clone() };
    assert_eq!(send(&daemon, "evt_4", &stranger).await, 202);
    assert_eq!(daemon.count("SELECT COUNT(*) FROM provider_callbacks").await, 5);
    daemon.check_money().await;
}

/// M9, M12: a callback may come after the order's end; then it is undone like any late success.
#[tokio::test(flavor = "multi_thread")]
async fn m9_an_authorization_told_of_after_the_end_is_voided() {
    let daemon = Daemon::start_with(untold()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_lost_answer").await.unwrap();
    daemon.lapse(buyer.order).await;
    eventually("it is over", async || daemon.state(buyer.order).await == "EXPIRED").await;
    let authorized = daemon.provider_log().await[0].clone();
    assert_eq!(send(&daemon, "evt_1", &authorized).await, 202);
    daemon.quiescence().await;
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Void, true)]);
    assert_eq!(daemon.state(buyer.order).await, "EXPIRED");
    daemon.check_money().await;
}

/// M12: whoever does not know the secret is not believed, and what was said once is not said again later.
#[tokio::test(flavor = "multi_thread")]
async fn m12_what_is_not_signed_or_not_of_now_is_refused() {
    let daemon = Daemon::start_with(untold()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_lost_answer").await.unwrap();
    let record = daemon.provider_log().await[0].clone();
    for seconds in [now() - 400, now() + 400, 0] {
        let answer = send_at(&daemon, "evt_1", &record, seconds).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthenticated"), "{seconds}");
    }
    let body = serde_json::json!({"data": record}).to_string();
    let timestamp = now().to_string();
    let head = MessageHead { id: "evt_1", timestamp: &timestamp };
    let good = secret(&daemon).sign(head, body.as_bytes());
    let forged = WebhookSecret::from_bytes(&[0; 32]).sign(head, body.as_bytes());
    let fields = |id, signature| {
        [("webhook-id", id), ("webhook-timestamp", timestamp.as_str()), ("webhook-signature", signature)]
    };
    for (id, signature) in
        [("evt_1", forged.as_str()), ("evt_2", &good), ("evt_1", ""), ("evt_1", &good[3..])]
    {
        assert_eq!(post(&daemon, fields(id, signature), body.clone()).await.status, 401, "{id} {signature}");
    }
    assert_eq!(post(&daemon, fields("evt_1", &good), body.replace("OK", "ok")).await.status, 401);
    let twice = [fields("evt_1", &good), fields("evt_1", &good)].concat();
    assert_eq!(post(&daemon, twice, body.clone()).await.status, 401, "which of both is it?");
    assert_eq!(post(&daemon, [], body.clone()).await.status, 401);
    assert_eq!(daemon.state(buyer.order).await, "AUTHORIZING");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM provider_callbacks").await, 0);
    let unreadable = secret(&daemon).sign(head, b"{}");
    let answer = post(&daemon, fields("evt_1", &unreadable), "{}".to_owned()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "malformed-body"));
    assert_eq!(post(&daemon, fields("evt_1", &good), body).await.status, 202);
    assert_eq!(daemon.state(buyer.order).await, "AUTHORIZED");
}
