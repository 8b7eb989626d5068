//! Hours of moderate load: purchases, places taken and given up, streams that come and go. Memory must not grow, and what
//! has to hold in the database must hold at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tmapi::event::EventPatch;
use tokio::task::JoinSet;

use super::Bench;
use super::daemon::Daemon;
use super::house::{open, without_waiting_room};
use super::report::Target::{AtLeast, AtMost, None as NoTarget};
use super::room::{join, taken};
use super::sell::{EVENT, Numbers, purchase};
use super::wire::Connection;

/// Seats of the soak: half an hour of its buyers take a quarter of them.
const SEATS: usize = 180_000;
const BUYERS: usize = 4;
const GUESTS: usize = 32;
/// Between two purchases of a buyer.
const BUYER_PAUSE: Duration = Duration::from_millis(150);
/// How long a guest listens before it leaves.
const GUEST_STAY: Duration = Duration::from_millis(1_500);
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// The first part of the run fills caches and pools.
const WARM_UP_PART: u32 = 3;

/// Each counts what must not be.
const INVARIANTS: &[(&str, &str)] = &[
    ("two valid tickets for one seat", "SELECT COUNT(*) FROM (SELECT 1 FROM tickets WHERE state = 'VALID'
       GROUP BY event_id, seat_index HAVING COUNT(*) > 1)"),
    ("a finalized order whose tickets, seats and capture differ", "SELECT COUNT(*) FROM orders o WHERE o.state = 'FINALIZED'
       AND NOT (json_array_length(o.seats) = (SELECT COUNT(*) FROM tickets t WHERE t.order_id = o.order_id AND t.state = 'VALID')
         AND json_array_length(o.seats) = (SELECT COUNT(*) FROM json_each(o.seats) j CROSS JOIN seat_inventory i
           ON i.event_id = o.event_id AND i.seat_index = j.value WHERE i.order_id = o.order_id AND i.status = 3)
         AND 1 = (SELECT COUNT(*) FROM payments p WHERE p.order_id = o.order_id AND p.operation = 'CAPTURE'
                  AND p.state = 'OK' AND p.amount = o.total))"),
    ("a sold seat without a finalized order", "SELECT COUNT(*) FROM seat_inventory i JOIN orders o USING (order_id)
       WHERE i.status = 3 AND o.state <> 'FINALIZED'"),
    ("more inside than the capacity", "SELECT COUNT(*) FROM events e WHERE e.capacity <
       (SELECT COUNT(*) FROM sessions s WHERE s.event_id = e.event_id AND s.state IN ('ACTIVE', 'ORDERING'))"),
    ("two live places of one user", "SELECT COUNT(*) FROM (SELECT 1 FROM sessions
       WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING') GROUP BY event_id, user_id HAVING COUNT(*) > 1)"),
];

/// What was done so far.
#[derive(Default)]
struct Done {
    purchases: AtomicU64,
    visits: AtomicU64,
    refused: AtomicU64,
}

/// Loads a daemon for so long.
pub async fn run(bench: &mut Bench, time: Duration) -> anyhow::Result<()> {
    let folder = Bench::folder()?;
    let data = folder.path().join("office");
    let daemon = bench.daemon(&data, &[]).await?;
    open(&daemon, EVENT, SEATS, without_waiting_room()).await?;
    let room = EventPatch { capacity: Some(50), admissions_per_minute: Some(6_000), ..EventPatch::default() };
    open(&daemon, "ROOM", 1_000, room).await?;
    // What an import leaves free in the process would hide what is lost after it.
    daemon.stop()?;
    let daemon = Arc::new(bench.daemon(&data, &[]).await?);
    let (done, until) = (Arc::new(Done::default()), Instant::now() + time);
    let numbers = Arc::new((Numbers::default(), Numbers::default()));
    let mut tasks = JoinSet::new();
    for _ in 0..BUYERS {
        tasks.spawn(buy(Arc::clone(&daemon), Arc::clone(&numbers), Arc::clone(&done), until));
    }
    for _ in 0..GUESTS {
        tasks.spawn(visit(Arc::clone(&daemon), Arc::clone(&done), until));
    }
    let samples = sample(&daemon, until, time).await?;
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let daemon = Arc::into_inner(daemon).context("a task kept the daemon")?;
    daemon.stop()?;
    told(bench, &samples, &done, time);
    check(bench, &data).await
}

async fn buy(
    daemon: Arc<Daemon>,
    numbers: Arc<(Numbers, Numbers)>,
    done: Arc<Done>,
    until: Instant,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(daemon.address()).await?;
    while Instant::now() < until {
        let (back, status) = purchase(connection, Arc::clone(&numbers)).await?;
        connection = back;
        let count = if status == 200 { &done.purchases } else { &done.refused };
        count.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(BUYER_PAUSE).await;
    }
    Ok(())
}

/// A guest joins, listens, polls, and leaves.
async fn visit(daemon: Arc<Daemon>, done: Arc<Done>, until: Instant) -> anyhow::Result<()> {
    while Instant::now() < until {
        let mut connection = Connection::open(daemon.address()).await?;
        let place = taken(connection.ask(&join("ROOM")).await?.body)?;
        let mut stream = Connection::open(daemon.address()).await?.listen(&place.stream()).await?;
        // A guest who hears nothing for so long has waited long enough.
        let _ =
            tokio::time::timeout(GUEST_STAY, async { while stream.next(&mut |_| {}).await.is_ok() {} }).await;
        drop(stream);
        for ask in [place.poll(), place.leave()] {
            let status = connection.ask(&ask).await?.status;
            anyhow::ensure!(status < 300, "a guest was answered {status}");
        }
        done.visits.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Memory by time: seconds, MB.
async fn sample(daemon: &Daemon, until: Instant, time: Duration) -> anyhow::Result<Vec<(f64, f64)>> {
    let (began, mut samples) = (Instant::now(), Vec::new());
    while Instant::now() < until {
        tokio::time::sleep(SAMPLE_EVERY.min(time / 20)).await;
        let resident = daemon.process().resident_bytes()? as f64 / 1e6;
        samples.push((began.elapsed().as_secs_f64(), resident));
        if samples.len().is_multiple_of(12) {
            eprintln!("  {:.0} s: {resident:.1} MB", began.elapsed().as_secs_f64());
        }
    }
    Ok(samples)
}

fn told(bench: &mut Bench, samples: &[(f64, f64)], done: &Done, time: Duration) {
    let warm = (time / WARM_UP_PART).as_secs_f64();
    let steady: Vec<_> = samples.iter().filter(|(at, _)| *at > warm).copied().collect();
    let per_hour = slope(&steady) * 3_600.0;
    let last = steady.last().map_or(f64::NAN, |(_, resident)| *resident);
    let counts = [&done.purchases, &done.visits, &done.refused].map(|count| count.load(Ordering::Relaxed));
    let row = bench.report.figure("soak: memory at the end", "MB", last, NoTarget);
    row.note(format!(
        "after {} s: {} purchases, {} visits, {} refused",
        time.as_secs(),
        counts[0],
        counts[1],
        counts[2]
    ));
    // A leak of a kilobyte a purchase would be tens of megabytes an hour.
    let label = "soak: growth after the first third, by least squares";
    bench.report.figure(label, "MB an hour", per_hour, AtMost(5.0));
    bench.report.figure("soak: purchases and visits", "", (counts[0] + counts[1]) as f64, AtLeast(1.0));
}

/// The slope of the line through the points with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) =
        (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let covariance: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    covariance / variance
}

async fn check(bench: &mut Bench, data: &std::path::Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(data.join("office.db"));
    let mut file = SqliteConnection::connect_with(&options).await?;
    let mut broken = 0.0;
    for (what, sql) in INVARIANTS {
        let count: i64 = sqlx::query_scalar(*sql).fetch_one(&mut file).await?;
        if count > 0 {
            eprintln!("  broken: {what}: {count}");
            broken += 1.0;
        }
    }
    file.close().await?;
    bench.report.figure("soak: invariants that do not hold", "", broken, AtMost(0.0));
    Ok(())
}
