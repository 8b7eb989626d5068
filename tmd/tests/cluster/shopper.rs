//! Buyers who ask again under the same key until they know, at whichever daemon, and keep every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError};
use tmapi::order::{CreateOrder, OrderStatus, OrderView, SeatsAndPayment};
use tmcore::{EventId, OrderId};

use crate::harness::{Dice, key, seats};

/// Between two tries; who obeyed `Retry-After` would see less of what breaks.
const IMPATIENCE: Duration = Duration::from_millis(100);

/// One call; tried again it asks for the same.
#[derive(Clone, Debug)]
pub enum Call {
    Begin,
    Confirm(OrderId, Vec<String>),
    Finalize(OrderId),
    Cancel(OrderId),
}

/// A call that came to its end.
#[derive(Clone, Debug)]
pub struct Told {
    pub call: Call,
    pub key: String,
    pub answer: Result<OrderView, ProblemCode>,
    /// Answers that left it open: 503, 202, or 409 while the first is in flight.
    pub open: usize,
}

/// How all buyers of a test get on.
#[derive(Debug, Default)]
pub struct Progress {
    pub finalized: AtomicUsize,
    pub unavailable: AtomicUsize,
    pub is_over: AtomicBool,
}

/// A buyer, as a client of every daemon.
pub struct Shopper {
    at: Vec<Client>,
    event: EventId,
    row: char,
    dice: Dice,
    progress: Arc<Progress>,
    pub history: Vec<Told>,
}

/// The row of seats that everybody wants.
pub const CONTESTED: char = 'Q';

impl Shopper {
    pub fn new(at: Vec<Client>, event: &EventId, number: u8, progress: &Arc<Progress>) -> Self {
        let (dice, row) = (Dice::new(number.into()), char::from(b'A' + number));
        Self { at, event: event.clone(), row, dice, progress: Arc::clone(progress), history: Vec::new() }
    }

    /// The same buyer, who knows of one daemon only.
    pub fn only_at(self, daemon: usize) -> Self {
        Self { at: vec![self.at[daemon].clone()], ..self }
    }

    /// Buys one order after the other until it is over. Every third wants a seat that others want as well.
    pub async fn shop(mut self) -> Self {
        for number in 1.. {
            if self.progress.is_over.load(Ordering::Relaxed) {
                break;
            }
            let mut wanted = vec![format!("{}-{number}", self.row)];
            if number % 3 == 0 {
                wanted.push(format!("{CONTESTED}-{}", number / 3));
            }
            self.buy(wanted).await;
        }
        self
    }

    /// One order, from its beginning to its end.
    pub async fn buy(&mut self, wanted: Vec<String>) {
        let order = self.insist(Call::Begin).await.expect("an order can be begun").order_id;
        let is_contested = wanted.len() > 1;
        match self.insist(Call::Confirm(order, wanted)).await {
            Ok(held) => {
                assert_eq!(held.status, OrderStatus::Authorized, "{held:?}");
                let paid = self.insist(Call::Finalize(order)).await.expect("what is authorized can be paid");
                assert_eq!(paid.status, OrderStatus::Finalized, "{paid:?}");
                self.progress.finalized.fetch_add(1, Ordering::Relaxed);
            }
            Err(code) => {
                assert!(is_contested && code == ProblemCode::SeatsUnavailable, "{code:?}");
                let ended = self.insist(Call::Cancel(order)).await.expect("what is not paid can be given up");
                assert_eq!(ended.status, OrderStatus::Cancelled, "{ended:?}");
            }
        }
    }

    /// Asks under one key until the answer is final.
    pub async fn insist(&mut self, call: Call) -> Result<OrderView, ProblemCode> {
        let key = key();
        let (answer, open) = self.ask_on(&call, &key).await;
        self.history.push(Told { call, key, answer: answer.clone(), open });
        answer
    }

    async fn ask_on(&mut self, call: &Call, key: &str) -> (Result<OrderView, ProblemCode>, usize) {
        let mut open = 0;
        loop {
            let daemon = self.dice.below(self.at.len());
            match self.send(daemon, call, key).await {
                Ok(view) if is_final(&view) => return (Ok(view), open),
                Ok(_) => {}
                Err(error) if is_left_open(&error) => {
                    if error.status() == Some(503) {
                        self.progress.unavailable.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(error) => return (Err(refusal(call, &error)), open),
            }
            open += 1;
            tokio::time::sleep(IMPATIENCE).await;
        }
    }

    async fn send(&self, daemon: usize, call: &Call, key: &str) -> Result<OrderView, ClientError> {
        let client = &self.at[daemon];
        match call {
            Call::Begin => {
                let create = CreateOrder { event_id: self.event.clone(), session_id: None };
                client.create_order(&create, key).await
            }
            Call::Confirm(order, wanted) => {
                let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
                let request = SeatsAndPayment { seats: seats(&wanted), payment_token: "tok_ok".to_owned() };
                client.confirm(*order, &request, key).await
            }
            Call::Finalize(order) => client.finalize(*order, key).await,
            Call::Cancel(order) => client.cancel(*order, key).await,
        }
    }

    /// Asks once more for whatever was in doubt, and for the last calls: the answer is the one that was given (I4, I9).
    pub async fn ask_again(&mut self) -> usize {
        let last = self.history.len().saturating_sub(6);
        let told = self.history.iter().enumerate().filter(|(n, told)| told.open > 0 || *n >= last);
        let told: Vec<_> = told.map(|(_, told)| told.clone()).collect();
        for one in &told {
            let (again, _) = self.ask_on(&one.call, &one.key).await;
            assert_eq!(again, one.answer, "another answer under the same key: {:?} {}", one.call, one.key);
        }
        told.len()
    }
}

/// 202 says that it goes on.
const fn is_final(view: &OrderView) -> bool {
    !view.status.is_with_provider()
}

/// 503, or 409 while the first is in flight: both say when to come back.
pub fn is_left_open(error: &ClientError) -> bool {
    let is_open = error.status() == Some(503) || error.code() == Some(ProblemCode::IdempotencyInFlight);
    assert!(!is_open || error.retry_after().is_some(), "it does not say when to come back: {error}");
    is_open
}

/// A refusal is one of the documented 4xx; whatever else comes is a fault.
pub fn refusal(call: &impl std::fmt::Debug, error: &ClientError) -> ProblemCode {
    match (error.status(), error.code()) {
        (Some(400..=499), Some(code)) => code,
        _ => panic!("{call:?}: {error:?}"),
    }
}
