//! What a whole crowd has in common: the street to the office, the house, the time, and whether it is over.

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError};
use tmapi::order::{OrderStatus, OrderView};
use tmcore::drill::{Asked, Dice, Known, Outcome, Step};
use tmcore::{EventId, OrderId};
use tokio::sync::watch;

use super::choice::House;
use super::history::History;
use crate::host::Stopwatch;

/// How long somebody asks on who has no answer yet.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two tries, at the least; the client obeys what it is told besides.
const BETWEEN_MILLIS: u64 = 200;

/// The rehearsal, as the crowd sees it.
#[derive(Debug)]
pub struct Shop {
    pub guest: Client,
    pub event: EventId,
    pub house: House,
    pub has_waiting_room: bool,
    pub watch: Stopwatch,
    pub history: History,
    phase: watch::Sender<Phase>,
}

/// How far the rehearsal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Selling,
    /// Everybody asks again at once, whatever they are told.
    Storm,
    /// Nothing is to be had any more, or time is up: who has not begun goes home.
    Over,
    /// Everybody has gone home, and no seat is held.
    AtRest,
}

/// What a buyer asks for, until they know.
pub struct Question<'a> {
    pub buyer: u32,
    pub step: Step,
    pub key: &'a str,
}

impl Shop {
    pub fn new(guest: Client, event: EventId, house: House, has_waiting_room: bool) -> Self {
        Self {
            guest,
            event,
            house,
            has_waiting_room,
            watch: Stopwatch::start(),
            history: History::default(),
            phase: watch::Sender::new(Phase::Selling),
        }
    }

    pub fn is_over(&self) -> bool {
        *self.phase.borrow() >= Phase::Over
    }

    pub fn close(&self) {
        self.enter(Phase::Over);
    }

    pub fn rest(&self) {
        self.enter(Phase::AtRest);
    }

    /// Whether everybody asks again at once.
    pub fn is_stormy(&self) -> bool {
        *self.phase.borrow() == Phase::Storm
    }

    /// Has a storm begin or end; not when all is over.
    pub fn storm(&self, is_stormy: bool) {
        let next = if is_stormy { Phase::Storm } else { Phase::Selling };
        self.phase.send_if_modified(|now| *now < Phase::Over && std::mem::replace(now, next) != next);
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| std::mem::replace(now, phase.max(*now)) < phase);
    }

    /// What comes of it, unless everything is at rest before.
    pub async fn until_rest<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut phase = self.phase.subscribe();
        tokio::select! {
            done = work => Some(done),
            _ = phase.wait_for(|phase| *phase == Phase::AtRest) => None,
        }
    }

    /// Writes down what a question came to that was asked `began` milliseconds into the rehearsal.
    pub fn note(&self, buyer: u32, step: Step, began_millis: u64, outcome: Outcome) {
        let ended_millis = self.watch.millis();
        self.history.add(Asked { buyer, step, key: None, began_millis, ended_millis, outcome });
    }

    /// Asks under one key until the answer is the last word, and writes it down. What is still with the payment provider
    /// is looked at until the provider has said.
    pub async fn insist<F: Future<Output = Result<OrderView, ClientError>>>(
        &self,
        question: Question<'_>,
        buyer: &Client,
        send: impl Fn() -> F,
    ) -> Outcome {
        let began_millis = self.watch.millis();
        let outcome = self.ask(&question, buyer, send).await;
        self.write(&question, began_millis, outcome.clone());
        outcome
    }

    /// The same, written down by whoever asks.
    pub async fn ask<F: Future<Output = Result<OrderView, ClientError>>>(
        &self,
        question: &Question<'_>,
        buyer: &Client,
        send: impl Fn() -> F,
    ) -> Outcome {
        let asking = self.ask_on(question, buyer, send);
        let outcome = tokio::time::timeout(PATIENCE, asking).await;
        outcome.unwrap_or_else(|_| Outcome::Info("no answer in time".to_owned()))
    }

    /// Writes down what was asked for and what it came to.
    pub fn write(&self, &Question { buyer, step, key }: &Question<'_>, began_millis: u64, outcome: Outcome) {
        let (key, ended_millis) = (Some(key.to_owned()), self.watch.millis());
        self.history.add(Asked { buyer, step, key, began_millis, ended_millis, outcome });
    }

    async fn ask_on<F: Future<Output = Result<OrderView, ClientError>>>(
        &self,
        question: &Question<'_>,
        buyer: &Client,
        send: impl Fn() -> F,
    ) -> Outcome {
        let mut dice = Dice::new(question.buyer.into());
        let mut settled = None;
        loop {
            match send().await {
                Ok(view) if view.status.is_with_provider() => {
                    // I10: once the order has come to rest, its key says so too.
                    if let Some(settled) = settled {
                        let (before, now) = (view.status, settled);
                        return Outcome::Info(format!(
                            "the key still says {before:?}, and the order is {now:?}"
                        ));
                    }
                    let view = until_settled(view.order_id, buyer, &mut dice).await;
                    let outcome = outcome(question.step, &view);
                    if !matches!(outcome, Outcome::Ok(_)) {
                        return outcome;
                    }
                    settled = Some(view.status);
                }
                Ok(view) => return outcome(question.step, &view),
                Err(error) => match refusal(&error) {
                    Some(code) => return Outcome::Fail(code),
                    None => self.pause(&error, &mut dice).await,
                },
            }
        }
    }

    /// Before somebody asks again: a moment, and as long as the office that has too much to do tells them. In a storm
    /// nobody listens.
    async fn pause(&self, error: &ClientError, dice: &mut Dice) {
        let is_told = !self.is_stormy() && matches!(error.status(), Some(429 | 503));
        let told = error.retry_after().filter(|_| is_told);
        tokio::time::sleep(told.unwrap_or_default()).await;
        pause(dice).await;
    }
}

/// The order, once it is not with the payment provider any more.
async fn until_settled(order: OrderId, buyer: &Client, dice: &mut Dice) -> OrderView {
    loop {
        pause(dice).await;
        if let Ok(view) = buyer.order(order).await
            && !view.status.is_with_provider()
        {
            return view;
        }
    }
}

async fn pause(dice: &mut Dice) {
    tokio::time::sleep(Duration::from_millis(BETWEEN_MILLIS + dice.below(BETWEEN_MILLIS))).await;
}

/// What an order that came to rest says of the step that was asked for.
fn outcome(step: Step, view: &OrderView) -> Outcome {
    let is_done = match step {
        Step::Confirm | Step::Repay => view.status == OrderStatus::Authorized,
        Step::Finalize | Step::Late => view.status == OrderStatus::Finalized,
        _ => true,
    };
    if is_done {
        return Outcome::Ok(known(view));
    }
    let code = match view.status {
        OrderStatus::Pending | OrderStatus::Failed => "declined",
        OrderStatus::Expired => "order-expired",
        OrderStatus::Refunding | OrderStatus::Refunded => "fence-lost",
        _ => "order-state",
    };
    Outcome::Fail(code.to_owned())
}

fn known(view: &OrderView) -> Known {
    Known {
        order: Some(view.order_id.to_string()),
        status: format!("{:?}", view.status),
        seats: view.seats.iter().map(|seat| seat.seat_id.to_string()).collect(),
        tickets: view.tickets.iter().map(|ticket| ticket.ticket_id.to_string()).collect(),
        until_millis: Some(view.expires_at.as_millis()),
        places: Vec::new(),
    }
}

/// The code of an answer that will not change when it is asked for again; `None` where it pays to ask.
pub fn refusal(error: &ClientError) -> Option<String> {
    let status = error.status()?;
    let code = error.code();
    if status >= 500 || status == 429 || code == Some(ProblemCode::IdempotencyInFlight) {
        // A fault of the office is no answer to be asked for again: it is one to be told of.
        return (code == Some(ProblemCode::Internal)).then(|| "internal".to_owned());
    }
    Some(code.map_or_else(|| status.to_string(), |code| code.as_str().to_owned()))
}
