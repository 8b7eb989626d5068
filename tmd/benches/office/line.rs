//! The ceiling of joining on the full profile: whatever waits goes into one INSERT, and then into the stream by one
//! pipeline. No HTTP, no guest, no rules, no history.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Guests at once.
const GUESTS: usize = 64;

const STREAM: &str = "bench:places";
const SCHEMA: &str = "CREATE TABLE places (
  session_id text PRIMARY KEY, event_id text NOT NULL, user_id text NOT NULL, place bigint NOT NULL, state text NOT NULL)";

/// Measures in a process of its own: joins a second.
pub async fn measure(postgres: &str, redis: &str, joins: usize) -> anyhow::Result<f64> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(["join-barely", postgres, redis, &joins.to_string()]);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What the child does.
pub async fn join(postgres: &str, redis: &str, joins: usize) -> anyhow::Result<f64> {
    let mut rows = postgres.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::raw_sql(SCHEMA).execute(&mut rows).await?;
    let mut stream = redis::Client::open(redis)?.get_multiplexed_async_connection().await?;
    redis::cmd("DEL").arg(STREAM).exec_async(&mut stream).await?;
    let (places, waiting) = mpsc::channel(GUESTS);
    let writer = tokio::spawn(write(rows, stream, waiting));
    let (next, mut guests, began) = (Arc::new(AtomicUsize::new(0)), JoinSet::new(), Instant::now());
    for _ in 0..GUESTS {
        let (places, next) = (places.clone(), Arc::clone(&next));
        guests.spawn(async move {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= joins {
                    return Ok::<_, anyhow::Error>(());
                }
                let (told, answer) = oneshot::channel();
                places.send((place, told)).await?;
                answer.await?;
            }
        });
    }
    drop(places);
    while let Some(ended) = guests.join_next().await {
        ended??;
    }
    let rate = joins as f64 / began.elapsed().as_secs_f64();
    writer.await??;
    Ok(rate)
}

async fn write(
    mut rows: PgConnection,
    mut stream: redis::aio::MultiplexedConnection,
    mut waiting: mpsc::Receiver<(usize, oneshot::Sender<()>)>,
) -> anyhow::Result<()> {
    let mut taken = Vec::with_capacity(GUESTS);
    while waiting.recv_many(&mut taken, GUESTS).await > 0 {
        let places: Vec<i64> =
            taken.iter().map(|(place, _)| i64::try_from(*place)).collect::<Result<_, _>>()?;
        // As long as ids are.
        let ids: Vec<String> = places.iter().map(|place| format!("ses_{place:026}")).collect();
        sqlx::query(
            "INSERT INTO places SELECT id, 'ROOM', id, place, 'WAITING' FROM unnest($1::text[], $2::bigint[]) w (id, place)",
        )
        .bind(&ids)
        .bind(&places)
        .execute(&mut rows)
        .await?;
        let mut pipeline = redis::pipe();
        for id in &ids {
            pipeline.cmd("XADD").arg(STREAM).arg("*").arg("session").arg(id).ignore();
        }
        pipeline.query_async::<()>(&mut stream).await?;
        for (_, told) in taken.drain(..) {
            // Nobody leaves before it is told.
            let _ = told.send(());
        }
    }
    Ok(())
}
