use std::sync::Mutex;

use async_trait::async_trait;
use tempfile::TempDir;
use tmcore::money::Currency;
use tmcore::payment::{Operation, ProviderKey};
use tmcore::{Money, OrderId};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::super::Pace;
use super::*;
use crate::ports::gateway::{PaymentGateway as _, ProviderOperation, ProviderRequest};

/// Writes down what it is told, and refuses the first so many.
struct Listener {
    heard: Mutex<Vec<String>>,
    refusals: Mutex<usize>,
}

#[async_trait]
impl CallbackReceiver for Listener {
    async fn tell(&self, events: &[ProviderEvent]) -> Vec<bool> {
        let mut refusals = self.refusals.lock().unwrap();
        let taken = events.iter().map(|event| {
            let takes = *refusals == 0;
            *refusals = refusals.saturating_sub(1);
            if takes {
                self.heard.lock().unwrap().push(event.id.clone());
            }
            takes
        });
        taken.collect()
    }
}

async fn open(folder: &TempDir, tasks: &TaskTracker) -> Arc<Sandbox> {
    let pace = Pace { callback: Duration::ZERO, ..Pace::with_latency(Duration::ZERO) };
    let file = folder.path().join("gateway.db");
    Arc::new(Sandbox::open(&file, pace, tasks, CancellationToken::new()).await.unwrap())
}

fn authorize(number: u128, token: &str) -> ProviderRequest {
    let order = OrderId::from_uuid(Uuid::from_u128(number));
    let (token, amount) = (token.parse().unwrap(), Money::new(1, Currency::EUR));
    let operation = ProviderOperation::Authorize { token, amount };
    ProviderRequest { key: ProviderKey::derive(order, Operation::Authorize, 1), order, operation }
}

#[tokio::test]
async fn m12_everything_is_told_at_least_once_also_after_refusals_and_a_crash() {
    let (folder, tasks) = (TempDir::new().unwrap(), TaskTracker::new());
    let listener = Arc::new(Listener { heard: Mutex::default(), refusals: Mutex::new(7) });
    let sandbox = open(&folder, &tasks).await;
    for number in 0..20 {
        let token = if number == 5 { "tok_duplicate" } else { "tok_ok" };
        sandbox.submit(&authorize(number, token)).await.unwrap();
    }
    let mut teller = Teller { sandbox: sandbox.clone(), receiver: listener.clone(), told: BTreeSet::new() };
    assert!(!teller.turn().await.unwrap(), "some was refused");
    // As if it had died: what the first turn knew of is gone, but for what is written down.
    drop(teller);
    drop(sandbox);
    let sandbox = open(&folder, &tasks).await;
    let mut teller = Teller { sandbox: sandbox.clone(), receiver: listener.clone(), told: BTreeSet::new() };
    while log::told(&sandbox.readers).await.unwrap() < 21 {
        teller.turn().await.unwrap();
    }
    let heard = listener.heard.lock().unwrap().clone();
    let distinct: BTreeSet<_> = heard.iter().collect();
    assert_eq!(distinct.len(), 20, "a line that says another again is the same event");
    assert!(heard.len() > 20, "some were told twice");
    assert!(!heard.is_sorted(), "in no order");
    assert!(teller.turn().await.unwrap());
    assert_eq!(listener.heard.lock().unwrap().len(), heard.len(), "and then there is nothing more to tell");
}

#[tokio::test]
async fn m12_what_is_late_holds_up_nobody() {
    let (folder, tasks) = (TempDir::new().unwrap(), TaskTracker::new());
    let listener = Arc::new(Listener { heard: Mutex::default(), refusals: Mutex::new(0) });
    let sandbox = open(&folder, &tasks).await;
    for (number, token) in (0..).zip(["tok_callback_late", "tok_ok"]) {
        sandbox.submit(&authorize(number, token)).await.unwrap();
    }
    let mut teller = Teller { sandbox: sandbox.clone(), receiver: listener.clone(), told: BTreeSet::new() };
    teller.turn().await.unwrap();
    teller.turn().await.unwrap();
    assert_eq!(listener.heard.lock().unwrap().len(), 1, "the late one waits");
    assert_eq!(log::told(&sandbox.readers).await.unwrap(), 0, "and is not forgotten");
}
