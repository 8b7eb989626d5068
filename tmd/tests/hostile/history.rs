//! What clients asked for and were told, and whether the office and the provider remember it the same way.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::Row as _;
use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError};
use tmapi::order::{CreateOrder, OrderStatus, OrderView, SeatsAndPayment};
use tmcore::{EventId, OrderId};

use crate::harness::{check_invariants, database, key, seats};
use crate::machine::open_database;

/// What a client knows of one call.
#[derive(Clone, Debug)]
pub enum Told {
    /// A 2xx.
    Ok(Box<OrderView>),
    /// A definite refusal.
    Refused(ProblemCode),
    /// 5xx, or nothing: it happened once or not at all.
    Unknown,
}

/// One call, under one key; tried again it asks for the same.
#[derive(Clone, Debug)]
pub enum Call {
    Begin,
    Confirm(OrderId, String, &'static str),
    Finalize(OrderId),
    Cancel(OrderId),
}

/// A line of the history: invoked, then told. A check that fails shows all of it.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "shown")]
pub struct Line {
    pub call: Call,
    pub key: String,
    pub told: Told,
}

/// A buyer who writes down everything.
pub struct Witness {
    pub buyer: Client,
    pub event: EventId,
    pub history: Vec<Line>,
}

impl Witness {
    pub const fn new(buyer: Client, event: EventId) -> Self {
        Self { buyer, event, history: Vec::new() }
    }

    /// Calls, and writes down what came of it.
    pub async fn call(&mut self, call: Call) -> Told {
        self.call_with(call, key()).await
    }

    /// The same again under the same key.
    pub async fn call_with(&mut self, call: Call, key: String) -> Told {
        let told = match self.send(&call, &key).await {
            Ok(view) => Told::Ok(Box::new(view)),
            Err(error) => meaning(&error),
        };
        self.history.push(Line { call, key, told: told.clone() });
        told
    }

    async fn send(&self, call: &Call, key: &str) -> Result<OrderView, ClientError> {
        match call {
            Call::Begin => {
                let create = CreateOrder { event_id: self.event.clone(), session_id: None };
                self.buyer.create_order(&create, key).await
            }
            Call::Confirm(order, seat, token) => {
                let request = SeatsAndPayment { seats: seats(&[seat]), payment_token: (*token).to_owned() };
                self.buyer.confirm(*order, &request, key).await
            }
            Call::Finalize(order) => self.buyer.finalize(*order, key).await,
            Call::Cancel(order) => self.buyer.cancel(*order, key).await,
        }
    }
}

fn meaning(error: &ClientError) -> Told {
    match (error.status(), error.code()) {
        (Some(400..=499), Some(code)) => Told::Refused(code),
        _ => Told::Unknown,
    }
}

/// Everything that was answered 2xx is there, what was not happened once or not at all, and the money is right: by the
/// files of a program that has come to rest and is dead.
pub async fn check(folder: &Path, witnesses: &[Witness]) {
    let states = answered(folder, witnesses).await;
    let office = open_database(&folder.join("office.db")).await;
    let gateway = open_database(&folder.join("gateway.db")).await;
    check_money(&office, &gateway, &states).await;
    office.close().await;
    gateway.close().await;
}

/// Everything that was answered 2xx is there, at any moment. Answers the state of every order.
pub async fn answered(
    folder: &Path,
    witnesses: impl IntoIterator<Item = &Witness>,
) -> BTreeMap<String, String> {
    let office = database(folder).await;
    check_invariants(&office).await;
    office.close().await;
    let office = open_database(&folder.join("office.db")).await;
    let rows = sqlx::query("SELECT order_id, state FROM orders").fetch_all(&office).await.unwrap();
    let states: BTreeMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for witness in witnesses {
        for line in &witness.history {
            if let Told::Ok(view) = &line.told {
                let state = states.get(&view.order_id.to_string());
                let state = state.unwrap_or_else(|| panic!("an answered order is lost: {line:?}"));
                check_line(&office, line, view, state).await;
            }
        }
    }
    check_keys(&office).await;
    office.close().await;
    states
}

/// A 2xx stands: an order that was told to be over is over in the same way, with the same tickets.
async fn check_line(office: &sqlx::SqlitePool, line: &Line, view: &OrderView, state: &str) {
    match view.status {
        OrderStatus::Finalized => {
            assert_eq!(state, "FINALIZED", "{line:?}");
            for ticket in &view.tickets {
                let valid: i64 = sqlx::query_scalar(
                    "SELECT COUNT(*) FROM tickets WHERE ticket_id = ? AND state = 'VALID'",
                )
                .bind(ticket.ticket_id.to_string())
                .fetch_one(office)
                .await
                .unwrap();
                assert_eq!(valid, 1, "an answered ticket is lost: {line:?}");
            }
        }
        OrderStatus::Cancelled => assert_eq!(state, "CANCELLED", "{line:?}"),
        // Once the card was known to be good the order went on or was given up, never back.
        OrderStatus::Authorized => assert_ne!(state, "PENDING", "{line:?}"),
        _ => {}
    }
}

/// An answer that is kept under a key is about an order that is there.
async fn check_keys(office: &sqlx::SqlitePool) {
    let lost = "SELECT COUNT(*) FROM idempotency_keys k WHERE k.status BETWEEN 200 AND 299 AND k.order_id IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.order_id = k.order_id)";
    let lost: i64 = sqlx::query_scalar(lost).fetch_one(office).await.unwrap();
    assert_eq!(lost, 0, "a kept answer whose order is gone");
}

/// M1, M2, M10, M13 by the provider's own log: one capture for an order that is paid, none for another, and no
/// authorization left open on one that is over.
async fn check_money(
    office: &sqlx::SqlitePool,
    gateway: &sqlx::SqlitePool,
    states: &BTreeMap<String, String>,
) {
    let done =
        "SELECT order_id, operation, COUNT(*) FROM entry WHERE repeat = 0 AND declined IS NULL GROUP BY 1, 2";
    let rows = sqlx::query(done).fetch_all(gateway).await.unwrap();
    let mut by_order: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for row in &rows {
        by_order.entry(row.get(0)).or_default().insert(row.get(1), row.get(2));
    }
    for order in by_order.keys() {
        assert!(states.contains_key(order), "the provider knows of {order}, the office does not");
    }
    for (order, state) in states {
        let count = |operation: &str| {
            by_order.get(order).and_then(|done| done.get(operation)).copied().unwrap_or_default()
        };
        let (held, taken, let_go) = (count("AUTHORIZE"), count("CAPTURE"), count("VOID"));
        assert_eq!(taken, i64::from(state == "FINALIZED"), "captures of {order}, which is {state}");
        if !["PENDING", "AUTHORIZED"].contains(&state.as_str()) {
            assert_eq!(held, taken + let_go, "open authorizations of {order}, which is {state}");
        }
    }
    let open = "SELECT COUNT(*) FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN')";
    let open: i64 = sqlx::query_scalar(open).fetch_one(office).await.unwrap();
    assert_eq!(open, 0, "payments that are still open");
    let ours = "SELECT provider_key FROM payments WHERE state = 'OK' ORDER BY 1";
    let ours: Vec<String> = sqlx::query_scalar(ours).fetch_all(office).await.unwrap();
    let theirs = "SELECT lower(hex(key)) FROM entry WHERE repeat = 0 AND declined IS NULL ORDER BY 1";
    let theirs: Vec<String> = sqlx::query_scalar(theirs).fetch_all(gateway).await.unwrap();
    assert_eq!(ours, theirs, "M13: the office's payments and the provider's");
}
