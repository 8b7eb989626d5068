//! The books afterwards: the office's database, and the provider's own log.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Row as _, SqlitePool};
use tmcore::EventId;

use crate::buyer::Buyer;
use crate::program::{PATIENCE, SEATS, client, eventually};

pub async fn open(data: &Path) -> SqlitePool {
    let options =
        SqliteConnectOptions::new().filename(data.join("office.db")).busy_timeout(PATIENCE).read_only(true);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

/// Whether nothing is left to be done.
pub async fn is_quiet(db: &SqlitePool) -> bool {
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT COUNT(*) FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN'))
              + (SELECT COUNT(*) FROM orders WHERE state IN
                   ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING', 'REFUNDING'))
              + (SELECT COUNT(*) FROM sessions WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING'))",
    )
    .fetch_one(db)
    .await
    .unwrap();
    left == 0
}

/// Each counts what must not be.
const NEVER: &[(&str, &str)] = &[
    ("more than one order", "SELECT COUNT(*) > 1 FROM orders"),
    (
        "S1: two valid tickets for one seat",
        "SELECT COUNT(*) FROM (SELECT 1 FROM tickets WHERE state = 'VALID' GROUP BY event_id, seat_index HAVING COUNT(*) > 1)",
    ),
    (
        "M4: a finalized order whose seats, tickets and capture do not match",
        "SELECT COUNT(*) FROM orders o WHERE o.state = 'FINALIZED' AND NOT (
           json_array_length(o.seats) = 2
           AND 2 = (SELECT COUNT(*) FROM tickets t WHERE t.order_id = o.order_id AND t.state = 'VALID')
           AND 2 = (SELECT COUNT(*) FROM seat_inventory i WHERE i.order_id = o.order_id AND i.status = 3)
           AND 1 = (SELECT COUNT(*) FROM payments p WHERE p.order_id = o.order_id AND p.operation = 'CAPTURE'
                    AND p.state = 'OK' AND p.amount = o.total))",
    ),
    (
        "M4: a ticket or a capture without a finalized order",
        "SELECT (SELECT COUNT(*) FROM tickets t JOIN orders o USING (order_id) WHERE t.state = 'VALID' AND o.state <> 'FINALIZED')
              + (SELECT COUNT(*) FROM payments p JOIN orders o USING (order_id) WHERE p.operation = 'CAPTURE'
                 AND p.state = 'OK' AND o.state NOT IN ('FINALIZED', 'REFUNDED'))",
    ),
    (
        "M11: books that do not sum to zero for one payment",
        "SELECT COUNT(*) FROM (SELECT 1 FROM ledger_entries GROUP BY provider_key HAVING SUM(amount) <> 0)",
    ),
    (
        "M11: an order whose books are not what was captured and not refunded",
        "SELECT COUNT(*) FROM orders o WHERE
           (SELECT COALESCE(SUM(amount), 0) FROM ledger_entries l WHERE l.order_id = o.order_id AND l.account = 'PROVIDER')
           <> (SELECT COALESCE(SUM(CASE p.operation WHEN 'CAPTURE' THEN p.amount ELSE -p.amount END), 0) FROM payments p
               WHERE p.order_id = o.order_id AND p.operation IN ('CAPTURE', 'REFUND') AND p.state = 'OK')",
    ),
    (
        "a seat that an order without tickets still has",
        "SELECT COUNT(*) FROM seat_inventory i LEFT JOIN orders o USING (order_id)
         WHERE i.status <> 0 AND o.state IS NOT 'FINALIZED'",
    ),
];

/// Checks everything that was promised; answers in a few words what the order came to.
pub async fn audit(
    db: &SqlitePool,
    data: &Path,
    url: &str,
    (event, buyer): (EventId, &Buyer),
) -> Result<String, String> {
    for &(fault, sql) in NEVER {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(db).await.unwrap();
        if count != 0 {
            return Err(fault.to_owned());
        }
    }
    told(db, buyer).await?;
    let log = provider_log(data).await;
    reconcile(db, &log).await?;
    tmctl_verify(url, data).await?;
    let order = sqlx::query("SELECT order_id, state, total FROM orders").fetch_optional(db).await.unwrap();
    let Some(order) = order else {
        return if log.is_empty() { Ok("no order".to_owned()) } else { Err("paid for no order".to_owned()) };
    };
    let (state, total): (String, i64) = (order.get("state"), order.get("total"));
    let done =
        |operation: &str| log.values().filter(|done| done.is_ok && done.operation == operation).count();
    let (held, taken, let_go, back) = (done("AUTHORIZE"), done("CAPTURE"), done("VOID"), done("REFUND"));
    let (is_paid, is_refunded) = (state == "FINALIZED", state == "REFUNDED");
    if (taken, back) != (usize::from(is_paid || is_refunded), usize::from(is_refunded)) {
        return Err(format!("M1, M2: {taken} captures and {back} refunds of an order that is {state}"));
    }
    if log.values().any(|done| {
        done.is_ok && done.operation != "AUTHORIZE" && done.operation != "VOID" && done.amount != total
    }) {
        return Err("M1: another amount was taken or given back".to_owned());
    }
    if held != taken + let_go {
        return Err(format!("M10: {held} authorizations, {taken} taken and {let_go} let go: {state}"));
    }
    shown(url, &event, if is_paid { 2 } else { 0 }).await;
    Ok(if let_go > 0 { format!("{state}, voided") } else { state })
}

/// S6: what everybody sees.
async fn shown(url: &str, event: &EventId, sold: u32) {
    let guest = client(url, None);
    eventually("everybody sees which seats are to be had", async || {
        let totals = guest.availability(event).await.unwrap().totals;
        (totals.available == SEATS - sold && totals.sold == sold).then_some(())
    })
    .await;
}

/// D1: what the buyer was told has happened.
async fn told(db: &SqlitePool, buyer: &Buyer) -> Result<(), String> {
    let Some(order) = buyer.order else { return Ok(()) };
    for status in &buyer.told {
        let status = serde_json::to_value(status).unwrap();
        let sql = "SELECT COUNT(*) FROM order_events WHERE order_id = ? AND to_state = ?";
        let edges = sqlx::query_scalar(sql).bind(order.to_string()).bind(status.as_str().unwrap());
        let edges: i64 = edges.fetch_one(db).await.unwrap();
        if edges == 0 {
            return Err(format!("D1: {order} was told to be {status}, and never was"));
        }
    }
    Ok(())
}

/// One thing the provider did.
struct Done {
    operation: String,
    is_ok: bool,
    amount: i64,
}

async fn provider_log(data: &Path) -> BTreeMap<String, Done> {
    let options =
        SqliteConnectOptions::new().filename(data.join("gateway.db")).busy_timeout(PATIENCE).read_only(true);
    let mut log = options.connect().await.unwrap();
    let sql = "SELECT lower(hex(key)) AS key, operation, reference IS NOT NULL AS is_ok, amount FROM entry WHERE repeat = 0";
    let rows = sqlx::query(sql).fetch_all(&mut log).await.unwrap();
    let done = |row: &sqlx::sqlite::SqliteRow| Done {
        operation: row.get("operation"),
        is_ok: row.get("is_ok"),
        amount: row.get("amount"),
    };
    rows.iter().map(|row| (row.get("key"), done(row))).collect()
}

/// M13: the provider's log and our payments, line by line.
async fn reconcile(db: &SqlitePool, log: &BTreeMap<String, Done>) -> Result<(), String> {
    let sql = "SELECT provider_key, operation, state, amount FROM payments";
    let rows = sqlx::query(sql).fetch_all(db).await.unwrap();
    let mut known = 0;
    for row in &rows {
        let (key, operation, state, amount): (String, String, String, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let ours = match state.as_str() {
            "NEVER_HAPPENED" => None,
            _ => Some((operation.as_str(), state == "OK", amount)),
        };
        let theirs = log.get(&key).map(|done| (done.operation.as_str(), done.is_ok, done.amount));
        if ours != theirs {
            return Err(format!("M13: {key} is {ours:?} here and {theirs:?} there"));
        }
        known += usize::from(ours.is_some());
    }
    if known == log.len() { Ok(()) } else { Err("M13: the provider knows of more than we do".to_owned()) }
}

/// Every rule, and M13, as an organiser sees it.
async fn tmctl_verify(url: &str, data: &Path) -> Result<(), String> {
    let tmctl = Path::new(env!("CARGO_BIN_EXE_tmd")).with_file_name("tmctl");
    assert!(tmctl.exists(), "{} is not there: cargo build --workspace makes it", tmctl.display());
    let mut command = tokio::process::Command::new(tmctl);
    command
        .env_clear()
        .env("HOME", data)
        .args(["verify", "-o", "json", "--url", url, "--data-dir"])
        .arg(data);
    let output = command.output().await.unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if output.status.success() && found["holds"] == true {
        Ok(())
    } else {
        Err(format!("tmctl verify: {}: {said}", output.status))
    }
}
