//! Buying, and the till seen from behind: what the database and the provider know of an order.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::{AssertSqlSafe, Row as _};
use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError, HeaderMap, HeaderValue, Method, StatusCode};
use tmapi::event::{EventPatch, WaitingRoomMode};
use tmapi::order::{CreateOrder, OrderView, SeatsAndPayment};
use tmcore::payment::{Answer, Operation};
use tmcore::{EventId, OrderId};
use tmd::config::Config;
use tmd::ports::gateway::ProviderRecord;

use crate::harness::{Daemon, eventually, key, now, quick, seats};

/// An order that is being paid for, and who pays.
pub struct Purchase {
    pub buyer: Client,
    pub order: OrderId,
}

impl Purchase {
    /// Begins an order as a new guest over the connections of `guest`. Where many begin at once, those there is no room
    /// for yet ask again, as clients do.
    pub async fn begin(guest: &Client, event: &EventId) -> Self {
        let key = key();
        let order = loop {
            match guest.create_order(&of(event), &key).await {
                Err(busy) if busy.code() == Some(ProblemCode::Busy) => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                begun => break begun.unwrap(),
            }
        };
        Self { buyer: guest.with_token(&order.access_token.unwrap()).unwrap(), order: order.order_id }
    }

    /// Another order of the same buyer.
    pub async fn again(&self, event: &EventId) -> Self {
        let order = self.buyer.create_order(&of(event), &key()).await.unwrap();
        Self { buyer: self.buyer.clone(), order: order.order_id }
    }

    pub async fn confirm(&self, ids: &[&str], token: &str) -> Result<OrderView, ClientError> {
        self.buyer.confirm(self.order, &pay(ids, token), &key()).await
    }

    pub async fn finalize(&self) -> Result<OrderView, ClientError> {
        self.buyer.finalize(self.order, &key()).await
    }

    pub async fn cancel(&self) -> Result<OrderView, ClientError> {
        self.buyer.cancel(self.order, &key()).await
    }

    pub async fn view(&self) -> OrderView {
        self.buyer.order(self.order).await.unwrap()
    }
}

/// An answer as it came over the wire.
#[derive(Debug, PartialEq)]
pub struct Wire {
    pub status: u16,
    pub replayed: bool,
    pub retry_after: Option<String>,
    pub body: Bytes,
}

impl Wire {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Posts, byte for byte as told.
pub async fn post(client: &Client, path: &str, key: Option<&str>, body: impl Into<Bytes>) -> Wire {
    let body = body.into();
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        headers.insert("idempotency-key", HeaderValue::from_str(key).unwrap());
    }
    if !body.is_empty() {
        headers.insert("content-type", HeaderValue::from_static("application/json"));
    }
    let (status, headers, body) = client.raw(Method::POST, path, headers, body).await.unwrap();
    wire(status, &headers, body)
}

pub fn wire(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Wire {
    Wire {
        status: status.as_u16(),
        replayed: headers.get("idempotent-replayed").is_some_and(|value| value == "true"),
        retry_after: headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned()),
        body,
    }
}

/// The path of an order's verb.
pub fn path(order: OrderId, verb: &str) -> String {
    format!("/api/orders/{order}:{verb}")
}

pub fn of(event: &EventId) -> CreateOrder {
    CreateOrder { event_id: event.clone(), session_id: None }
}

pub fn pay(ids: &[&str], token: &str) -> SeatsAndPayment {
    SeatsAndPayment { seats: seats(ids), payment_token: token.to_owned() }
}

/// Status and code of a refusal.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (u16, ProblemCode) {
    let error = answer.unwrap_err();
    (error.status().unwrap_or(0), error.code().unwrap_or(ProblemCode::Unknown))
}

/// The settings of tests, and nobody sweeps.
pub fn unswept() -> Config {
    let mut config = quick();
    config.checkout.sweep_interval_milliseconds = 0;
    config
}

/// An event without a waiting room, sold under these rules.
pub fn open(settings: EventPatch) -> EventPatch {
    EventPatch { waiting_room: Some(WaitingRoomMode::Off), ..settings }
}

impl Daemon {
    pub async fn write(&self, sql: String) -> u64 {
        sqlx::query(AssertSqlSafe(sql)).execute(&self.db).await.unwrap().rows_affected()
    }

    pub async fn number(&self, sql: String) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.db).await.unwrap()
    }

    /// Moves an order's end, by the database's clock.
    pub async fn ends_in(&self, order: OrderId, millis: i64) {
        let at = format!("{} + {millis}", now());
        let mut tx = self.db.begin().await.unwrap();
        for sql in [
            format!("UPDATE orders SET expires_at = {at} WHERE order_id = '{order}'"),
            format!(
                "UPDATE seat_inventory SET reserved_until = {at} WHERE order_id = '{order}' AND status = 1"
            ),
        ] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Its time is up, as far as the database's clock can tell.
    pub async fn lapse(&self, order: OrderId) {
        self.ends_in(order, -1).await;
    }

    /// Seats as they are written: status, order, fence, end.
    pub async fn seat_rows(&self) -> Vec<(i64, Option<String>, i64, Option<i64>)> {
        let rows = sqlx::query(
            "SELECT status, order_id, version, reserved_until FROM seat_inventory ORDER BY event_id, seat_index",
        );
        let rows = rows.fetch_all(&self.db).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
    }

    /// Seats that a row names the order for.
    pub async fn seats_of(&self, order: OrderId) -> i64 {
        self.number(format!("SELECT COUNT(*) FROM seat_inventory WHERE order_id = '{order}'")).await
    }

    pub async fn state(&self, order: OrderId) -> String {
        let sql = format!("SELECT state FROM orders WHERE order_id = '{order}'");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.db).await.unwrap()
    }

    /// The payments of an order: operation, attempt and state.
    pub async fn payments(&self, order: OrderId) -> Vec<(String, i64, String)> {
        let sql = format!(
            "SELECT operation, attempt, state FROM payments WHERE order_id = '{order}' ORDER BY created_at, operation, attempt"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.db).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    /// The provider's whole log.
    pub async fn provider_log(&self) -> Vec<ProviderRecord> {
        let mut log: Vec<ProviderRecord> = Vec::new();
        loop {
            let after = log.last().map_or(0, |record| record.sequence);
            let page = self.office.ports.gateway.list(after, 1_000).await.unwrap();
            if page.is_empty() {
                return log;
            }
            log.extend(page);
        }
    }

    /// What the provider did for an order, each key once.
    pub async fn done_for(&self, order: OrderId) -> Vec<(Operation, bool)> {
        let log = self.provider_log().await;
        let mut by_key = BTreeMap::new();
        for record in log.iter().filter(|record| record.order == order) {
            by_key.entry(record.key.to_string()).or_insert(record);
        }
        let mut done: Vec<_> = by_key.into_values().collect();
        done.sort_by_key(|record| record.sequence);
        done.iter().map(|record| (record.operation, matches!(record.answer, Answer::Ok { .. }))).collect()
    }

    /// Waits until no payment is open and no order waits for one.
    pub async fn quiescence(&self) {
        eventually("every payment is settled", async || {
            self.count(
                "SELECT (SELECT COUNT(*) FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN'))
                      + (SELECT COUNT(*) FROM orders WHERE state IN ('AUTHORIZING', 'CAPTURING', 'REFUNDING'))",
            )
            .await
                == 0
        })
        .await;
    }

    /// The money, order by order, by the provider's own log (M1, M2, M3, M10), and line by line against ours (M13).
    pub async fn check_money(&self) {
        self.quiescence().await;
        self.check_invariants().await;
        let mut log: BTreeMap<String, ProviderRecord> = BTreeMap::new();
        for record in self.provider_log().await {
            log.entry(record.key.to_string()).or_insert(record);
        }
        let ok = |record: &&ProviderRecord| matches!(record.answer, Answer::Ok { .. });
        let mut by_order: BTreeMap<String, Vec<&ProviderRecord>> = BTreeMap::new();
        for record in log.values().filter(ok) {
            by_order.entry(record.order.to_string()).or_default().push(record);
        }
        let orders =
            sqlx::query("SELECT order_id, state, total FROM orders").fetch_all(&self.db).await.unwrap();
        for row in &orders {
            let (id, state, total): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
            let done = by_order.remove(&id).unwrap_or_default();
            let of =
                |operation| done.iter().filter(|record| record.operation == operation).collect::<Vec<_>>();
            let (held, taken, let_go) =
                (of(Operation::Authorize), of(Operation::Capture), of(Operation::Void));
            let expected = usize::from(matches!(state.as_str(), "FINALIZED" | "REFUNDED"));
            assert_eq!(of(Operation::Refund).len(), usize::from(state == "REFUNDED"), "M1: refunds of {id}");
            assert_eq!(taken.len(), expected, "M1, M2: captures of {id}, which is {state}");
            for capture in &taken {
                assert_eq!(capture.amount.amount, total, "M1: {id}");
                let fits = held.iter().any(|held| {
                    held.amount.currency == capture.amount.currency
                        && held.amount.amount >= capture.amount.amount
                });
                assert!(fits, "M3: {id} took more than it held");
            }
            if !["PENDING", "AUTHORIZED"].contains(&state.as_str()) {
                assert_eq!(
                    held.len(),
                    taken.len() + let_go.len(),
                    "M10: open authorizations of {id}, which is {state}"
                );
            }
        }
        let rows = sqlx::query("SELECT provider_key, operation, state, amount FROM payments")
            .fetch_all(&self.db)
            .await
            .unwrap();
        let mut ours = 0;
        for row in &rows {
            let (key, operation, state, amount): (String, String, String, i64) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            let theirs = log.get(&key).map(|record| {
                let state = if ok(&record) { "OK" } else { "DECLINED" };
                (record.operation.as_str(), state, record.amount.amount)
            });
            if state == "NEVER_HAPPENED" {
                assert_eq!(theirs, None, "M13: {key}");
            } else {
                assert_eq!(theirs, Some((operation.as_str(), state.as_str(), amount)), "M13: {key}");
                ours += 1;
            }
        }
        assert_eq!(log.len(), ours, "M13: the provider knows of more than we do");
    }
}
