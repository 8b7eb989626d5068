//! The ceiling of everything that is sold: the same two seats reserved and sold by one transaction a buyer, straight
//! against a file with the daemon's settings. No HTTP, no idempotency, no payment, no history, no limits.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::task::JoinSet;

/// Buyers at once.
const BUYERS: usize = 64;

const SCHEMA: &str = "
CREATE TABLE seats (
  event_id TEXT NOT NULL, seat_index INTEGER NOT NULL, status INTEGER NOT NULL DEFAULT 0,
  reserved_until INTEGER, order_id TEXT, PRIMARY KEY (event_id, seat_index)
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
  order_id TEXT PRIMARY KEY, event_id TEXT NOT NULL, user_id TEXT NOT NULL, state TEXT NOT NULL, expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tickets (
  ticket_id TEXT PRIMARY KEY, event_id TEXT NOT NULL, seat_index INTEGER NOT NULL, order_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;";

/// Reserved and finalized orders a second.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Reservations.
    pub reserve: f64,
    /// Finalizations.
    pub finalize: f64,
}

/// Measures in a process of its own, on a fresh file in the folder.
pub async fn measure(folder: &Path, orders: usize, connections: u32) -> anyhow::Result<Rates> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("sell-naively").arg(folder).arg(orders.to_string()).arg(connections.to_string());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8(output.stdout)?;
    let mut rates = text.split_whitespace().filter_map(|rate| rate.parse().ok());
    let mut next = || rates.next().with_context(|| String::from_utf8_lossy(&output.stderr).into_owned());
    Ok(Rates { reserve: next()?, finalize: next()? })
}

/// What the child does: reserves two seats for each of so many orders, then finalizes them.
pub async fn sell(folder: &Path, orders: i64, connections: u32) -> anyhow::Result<Rates> {
    let file = folder.join("naive.db");
    for rest in ["", "-wal", "-shm"] {
        // There may be none of an earlier round.
        let _ = std::fs::remove_file(format!("{}{rest}", file.display()));
    }
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30))
        .statement_cache_capacity(256);
    let pool = SqlitePoolOptions::new().max_connections(connections).connect_with(options).await?;
    sqlx::raw_sql(SCHEMA).execute(&pool).await?;
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
         INSERT INTO seats (event_id, seat_index) SELECT 'E1', i FROM n",
    )
    .bind(60_000.max(orders * 2))
    .execute(&pool)
    .await?;
    let reserve = rate(&pool, orders, Step::Reserve).await?;
    let finalize = rate(&pool, orders, Step::Finalize).await?;
    Ok(Rates { reserve, finalize })
}

/// One of the two transactions.
#[derive(Clone, Copy)]
enum Step {
    Reserve,
    Finalize,
}

async fn rate(pool: &SqlitePool, orders: i64, step: Step) -> anyhow::Result<f64> {
    let next = Arc::new(AtomicI64::new(0));
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..BUYERS {
        let (pool, next) = (pool.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let order = next.fetch_add(1, Ordering::Relaxed);
                match step {
                    _ if order >= orders => return Ok::<_, sqlx::Error>(()),
                    Step::Reserve => reserve(&pool, order).await?,
                    Step::Finalize => finalize(&pool, order).await?,
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(orders as f64 / began.elapsed().as_secs_f64())
}

fn order_id(order: i64) -> String {
    // As long as an order's id is.
    format!("ord_{order:026}")
}

async fn reserve(pool: &SqlitePool, order: i64) -> sqlx::Result<()> {
    let (id, seat) = (order_id(order), order * 2);
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let seats =
        sqlx::query("SELECT seat_index, status FROM seats WHERE event_id = ? AND seat_index IN (?, ?)")
            .bind("E1")
            .bind(seat)
            .bind(seat + 1)
            .fetch_all(&mut *tx)
            .await?;
    assert_eq!(seats.len(), 2, "two seats");
    sqlx::query("INSERT INTO orders (order_id, event_id, user_id, state, expires_at) VALUES (?, ?, ?, 'AUTHORIZED', ?)")
        .bind(&id)
        .bind("E1")
        .bind(&id)
        .bind(1_900_000_000_000_i64)
        .execute(&mut *tx)
        .await?;
    let taken = sqlx::query(
        "UPDATE seats SET status = 1, reserved_until = ?, order_id = ? WHERE event_id = ? AND seat_index IN (?, ?) AND status = 0",
    )
    .bind(1_900_000_000_000_i64)
    .bind(&id)
    .bind("E1")
    .bind(seat)
    .bind(seat + 1)
    .execute(&mut *tx)
    .await?;
    assert_eq!(taken.rows_affected(), 2, "two seats");
    tx.commit().await
}

async fn finalize(pool: &SqlitePool, order: i64) -> sqlx::Result<()> {
    let (id, seat) = (order_id(order), order * 2);
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("SELECT state, expires_at FROM orders WHERE order_id = ?")
        .bind(&id)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("UPDATE orders SET state = 'FINALIZED' WHERE order_id = ?")
        .bind(&id)
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE seats SET status = 3, reserved_until = NULL WHERE event_id = ? AND seat_index IN (?, ?) AND order_id = ?")
        .bind("E1")
        .bind(seat)
        .bind(seat + 1)
        .bind(&id)
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO tickets (ticket_id, event_id, seat_index, order_id) VALUES (?, ?, ?, ?), (?, ?, ?, ?)",
    )
    .bind(format!("tkt_a{order:025}"))
    .bind("E1")
    .bind(seat)
    .bind(&id)
    .bind(format!("tkt_b{order:025}"))
    .bind("E1")
    .bind(seat + 1)
    .bind(&id)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
