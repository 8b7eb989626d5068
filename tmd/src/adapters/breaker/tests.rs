use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;
use tmcore::money::Currency;
use tmcore::{Money, OrderId, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::*;
use crate::adapters::sandbox::{Pace, Sandbox};
use crate::clock::ManualClock;
use crate::ports::contract::gateway::{Subject, run};
use crate::ports::gateway::ProviderOperation;

const RULES: BreakerRules =
    BreakerRules { failures: 3, window_calls: 64, failure_percent: 100, pause: Duration::from_secs(5) };

/// A provider that can be unplugged; without an answer it says nothing at all.
#[derive(Default)]
struct Plug {
    is_out: AtomicBool,
    is_silent: AtomicBool,
}

impl Plug {
    async fn answer<T>(&self, answer: T) -> Result<T, OutcomeUnknown> {
        if self.is_silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.is_out.load(Ordering::Relaxed) { Err(OutcomeUnknown::Lost) } else { Ok(answer) }
    }
}

#[async_trait]
impl PaymentGateway for Plug {
    async fn submit(&self, _: &ProviderRequest) -> Result<Answer, OutcomeUnknown> {
        self.answer(Answer::Declined { reason: "no".into() }).await
    }

    async fn look_up(&self, _: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        self.answer(None).await
    }

    async fn cancel(&self, _: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        self.answer(None).await
    }

    async fn list(&self, _: u64, _: u32) -> Result<Vec<ProviderRecord>, OutcomeUnknown> {
        self.answer(Vec::new()).await
    }
}

fn request(operation: Operation) -> ProviderRequest {
    let order = OrderId::from_uuid(Uuid::nil());
    let amount = Money::new(1, Currency::EUR);
    let operation = match operation {
        Operation::Authorize => ProviderOperation::Authorize { token: "tok_ok".parse().unwrap(), amount },
        _ => ProviderOperation::Void { authorization: "auth_1".parse().unwrap() },
    };
    ProviderRequest { key: ProviderKey::derive(order, operation.kind(), 1), order, operation }
}

fn plugged() -> (Arc<Plug>, Arc<ManualClock>, BreakerGateway) {
    let (plug, clock) = (Arc::new(Plug::default()), Arc::new(ManualClock::new(Timestamp::from_millis(0))));
    let gateway = BreakerGateway::new(plug.clone(), RULES, clock.clone());
    (plug, clock, gateway)
}

#[tokio::test]
async fn what_is_submitted_goes_through_whatever_the_state_and_one_probe_closes_it() {
    let (plug, clock, gateway) = plugged();
    plug.is_out.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(gateway.admit(), Ok(()));
        gateway.submit(&request(Operation::Authorize)).await.unwrap_err();
    }
    assert_eq!(gateway.admit(), Err(HeldBack { wait: RULES.pause }));
    plug.is_out.store(false, Ordering::Relaxed);
    clock.advance(Duration::from_secs(1));
    gateway.submit(&request(Operation::Void)).await.expect("what was begun goes on");
    assert_eq!(gateway.health().as_str(), "half-open");
    assert_eq!(gateway.admit(), Ok(()), "the probe");
    assert_eq!(gateway.admit(), Err(HeldBack { wait: RULES.pause }), "one at a time");
    gateway.look_up(&request(Operation::Void).key).await.unwrap();
    assert_eq!(gateway.health().as_str(), "half-open", "that takes a new payment");
    gateway.submit(&request(Operation::Authorize)).await.unwrap();
    assert_eq!((gateway.health(), gateway.admit()), (BreakerState::Closed, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_given_up_counts_as_one_without_an_outcome() {
    let (plug, _, gateway) = plugged();
    plug.is_silent.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let request = request(Operation::Authorize);
        let call = gateway.submit(&request);
        tokio::time::timeout(Duration::from_secs(10), call).await.unwrap_err();
    }
    assert_eq!(gateway.health().as_str(), "open");
}

#[tokio::test]
async fn p1_a_watched_gateway_keeps_the_contract() {
    let make = async || {
        let (folder, tasks) = (TempDir::new().unwrap(), TaskTracker::new());
        let pace = Pace {
            slow: Duration::from_millis(20),
            silence: Duration::from_millis(5),
            ..Pace::with_latency(Duration::ZERO)
        };
        let file = folder.path().join("gateway.db");
        let sandbox = Sandbox::open(&file, pace, &tasks, CancellationToken::new()).await.unwrap();
        let gateway = BreakerGateway::new(
            Arc::new(sandbox),
            RULES,
            Arc::new(ManualClock::new(Timestamp::from_millis(0))),
        );
        Subject { gateway: Arc::new(gateway), keep: Box::new((folder, tasks)) }
    };
    run(make).await;
}
