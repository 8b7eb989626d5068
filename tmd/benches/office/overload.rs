//! More than fits: purchases that arrive at their own pace, from what the office can do up to ten times as much.
//!
//! Arrivals do not wait for answers (an open loop), so a slow answer is not hidden by fewer questions. Who finds no
//! connection among the most that are open is turned away by the generator, as a full backlog would.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use super::Bench;
use super::daemon::Daemon;
use super::house::{open, without_waiting_room};
use super::load::{Outcome, walk};
use super::report::Target::{AtLeast, None as NoTarget};
use super::sell::{EVENT, Numbers, purchase};
use super::wire::Connection;

/// Connections that wait for an answer, at most.
const MOST_CONNECTIONS: usize = 4_000;
/// A purchase that took longer helped nobody.
const PATIENCE: Duration = Duration::from_secs(5);
/// Purchases that take longer than this say that the office has not recovered.
const CALM: Duration = Duration::from_millis(50);

/// What came of arrivals.
#[derive(Default)]
struct Tally {
    idle: Vec<Connection>,
    busy: usize,
    turned_away: u64,
    late: u64,
    failed: u64,
    statuses: BTreeMap<u16, u64>,
}

/// Goodput at multiples of the closed loop's rate.
pub async fn goodput(bench: &mut Bench) -> anyhow::Result<()> {
    let capacity = in_new_office(bench, async |bench, daemon, numbers| {
        let closed = warm(daemon.address(), numbers, bench.seconds(8)).await?;
        Ok(closed.rate(200))
    });
    let capacity = capacity.await?;
    bench.report.figure("purchases, closed loop of 64 clients", "purchases/s", capacity, NoTarget);
    let (mut peak, mut levels) = (0.0_f64, Vec::new());
    for times in [1_u32, 2, 4, 7, 10] {
        let (good, note) = level(bench, times, capacity).await?;
        peak = peak.max(good);
        levels.push((times, good, note));
    }
    for (times, good, note) in levels {
        let label = format!("goodput at {times} x the closed loop");
        // Nobody can sell more than is asked for.
        let offered = capacity * f64::from(times);
        bench.report.figure(&label, "purchases/s", good, AtLeast(0.9 * peak.min(offered))).note(note);
    }
    Ok(())
}

/// Works in an office of its own: what is sold costs more the more was sold before, so no level may come after another.
async fn in_new_office<T>(
    bench: &mut Bench,
    work: impl AsyncFnOnce(&mut Bench, &Daemon, &Arc<(Numbers, Numbers)>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    open(&daemon, EVENT, 180_000, without_waiting_room()).await?;
    let numbers = Arc::new((Numbers::default(), Numbers::default()));
    let found = LocalSet::new().run_until(work(bench, &daemon, &numbers)).await?;
    daemon.stop()?;
    Ok(found)
}

/// Sixty-four clients that ask again as soon as they were answered, the second time measured.
async fn warm(
    address: SocketAddr,
    numbers: &Arc<(Numbers, Numbers)>,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let shared = Arc::clone(numbers);
    let buy = move |connection| purchase(connection, Arc::clone(&shared));
    walk(address, 64, time, buy.clone()).await?;
    Ok(walk(address, 64, time, buy).await?)
}

/// What is sold when so many times the closed loop arrive.
async fn level(bench: &mut Bench, times: u32, capacity: f64) -> anyhow::Result<(f64, String)> {
    let time = bench.seconds(8);
    in_new_office(bench, async |bench, daemon, numbers| {
        let (address, process) = (daemon.address(), daemon.process());
        warm(address, numbers, time / 4).await?;
        let spent = process.processor_seconds()?;
        let tally = arrive(address, capacity * f64::from(times), time, numbers).await;
        let spent = process.processor_seconds()? - spent;
        if times == 10 {
            recovery(bench, address, numbers).await?;
        }
        let good = tally.statuses.get(&200).copied().unwrap_or(0) as f64 / time.as_secs_f64();
        Ok((good, note(&tally, spent)))
    })
    .await
}

fn note(tally: &Tally, spent: f64) -> String {
    let refused: u64 =
        tally.statuses.iter().filter(|(status, _)| **status != 200).map(|(_, count)| count).sum();
    format!(
        "{:?}, late {}, failed {}, turned away by the generator {}; refused {refused}, processor time {spent:.1} s",
        tally.statuses, tally.late, tally.failed, tally.turned_away
    )
}

/// So many purchases a second arrive for a while; what is not done then is given up.
async fn arrive(server: SocketAddr, rate: f64, time: Duration, numbers: &Arc<(Numbers, Numbers)>) -> Tally {
    let tally = Rc::new(RefCell::new(Tally::default()));
    let began = Instant::now();
    let mut arrived = 0_u64;
    let mut pulse = tokio::time::interval(Duration::from_millis(1));
    while began.elapsed() < time {
        pulse.tick().await;
        let due = (began.elapsed().as_secs_f64() * rate) as u64;
        while arrived < due {
            let planned = began + Duration::from_secs_f64(arrived as f64 / rate);
            arrived += 1;
            tokio::task::spawn_local(one(server, planned, Rc::clone(&tally), Arc::clone(numbers)));
        }
    }
    tokio::time::sleep(PATIENCE).await;
    tally.take()
}

async fn one(
    server: SocketAddr,
    planned: Instant,
    tally: Rc<RefCell<Tally>>,
    numbers: Arc<(Numbers, Numbers)>,
) {
    let idle = {
        let mut tally = tally.borrow_mut();
        if tally.busy >= MOST_CONNECTIONS {
            tally.turned_away += 1;
            return;
        }
        tally.busy += 1;
        tally.idle.pop()
    };
    let outcome = match idle {
        Some(connection) => purchase(connection, numbers).await,
        None => match Connection::open(server).await {
            Ok(connection) => purchase(connection, numbers).await,
            Err(fault) => Err(fault),
        },
    };
    let mut tally = tally.borrow_mut();
    tally.busy -= 1;
    match outcome {
        Ok((connection, status)) => {
            tally.idle.push(connection);
            if planned.elapsed() > PATIENCE {
                tally.late += 1;
            } else {
                *tally.statuses.entry(status).or_default() += 1;
            }
        }
        Err(_) => tally.failed += 1,
    }
}

/// How long after the last arrival a purchase is quick again.
async fn recovery(
    bench: &mut Bench,
    server: SocketAddr,
    numbers: &Arc<(Numbers, Numbers)>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut connection = Connection::open(server).await?;
    while began.elapsed() < Duration::from_secs(60) {
        let asked = Instant::now();
        let (back, status) = purchase(connection, Arc::clone(numbers)).await?;
        connection = back;
        if status == 200 && asked.elapsed() < CALM {
            break;
        }
    }
    let seconds = PATIENCE.as_secs_f64() + began.elapsed().as_secs_f64();
    let row = bench.report.figure("quick again after 10 x", "s", seconds, NoTarget);
    row.note(format!("{} s of it are the patience of those who came last", PATIENCE.as_secs()));
    Ok(())
}
