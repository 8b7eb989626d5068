//! What is sold: orders begun, confirmed and finalized by 64 clients, next to the bare transaction on the same kind of
//! file; whole purchases by 16; and how long the losers of a race wait.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use super::daemon::Daemon;
use super::house::{Begun, begun, create, open, seat, without_waiting_room};
use super::load::{Outcome, Script, play, walk};
use super::report::Target::{AtLeast, AtMost, Ratio};
use super::wire::Connection;
use super::{Bench, naive};

const CLIENTS: usize = 64;
/// The event that purchases are for.
pub const EVENT: &str = "HOUSE";

/// Numbers that are never used twice: keys and seats come from them.
#[derive(Default)]
pub struct Numbers(AtomicUsize);

impl Numbers {
    /// The next one.
    pub fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// An idempotency key.
    pub fn key(&self) -> String {
        format!("bench-{}", self.next())
    }
}

/// Figures of one round.
#[derive(Default)]
struct Round {
    create: f64,
    confirm: f64,
    finalize: f64,
    naive_reserve: f64,
    naive_finalize: f64,
}

/// create, confirm, finalize at 64 clients.
pub async fn orders(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = Bench::folder()?;
    let each = if bench.quick { 1_000 } else { 6_000 };
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    open(&daemon, EVENT, 2 * each * (bench.rounds + 1), without_waiting_room()).await?;
    let (keys, mut rounds, mut notes) = (Numbers::default(), Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=bench.rounds {
        let naive = bench.naive(folder.path(), each).await?;
        let (program, texts) = sell_some(bench, &daemon, (each, round * each), &keys).await?;
        if round > 0 {
            let (naive_reserve, naive_finalize) = (naive.reserve, naive.finalize);
            rounds.push(Round { naive_reserve, naive_finalize, ..program });
            notes = texts;
        }
    }
    let (orders, keys) = (daemon.batch("orders").await?, daemon.batch("claims").await?);
    eprintln!("      together in a transaction: {orders:.1} commands of orders, {keys:.1} claims of keys");
    let pairs = |pick: fn(&Round) -> (f64, f64)| rounds.iter().map(pick).collect::<Vec<_>>();
    let [create, confirm, finalize] = <[String; 3]>::try_from(notes).unwrap_or_default();
    let (confirm_target, finalize_target) =
        if bench.services.is_some() { (Ratio(1.0), Ratio(0.8)) } else { (Ratio(3.0), Ratio(3.0)) };
    let confirms = pairs(|round| (round.naive_reserve, round.confirm));
    bench.report.rounds("confirm, 64 clients", "orders/s", &confirms, confirm_target).note(confirm);
    let finals = pairs(|round| (round.naive_finalize, round.finalize));
    bench.report.rounds("finalize, 64 clients", "orders/s", &finals, finalize_target).note(finalize);
    let creates = pairs(|round| (round.confirm, round.create));
    bench
        .report
        .rounds("create, 64 clients (ceiling: confirm)", "orders/s", &creates, Ratio(1.5))
        .note(create);
    daemon.stop()
}

async fn sell_some(
    bench: &Bench,
    daemon: &Daemon,
    (orders, first): (usize, usize),
    keys: &Numbers,
) -> anyhow::Result<(Round, Vec<String>)> {
    let processor = || daemon.process().processor_seconds();
    let creates = (0..orders).map(|_| create(EVENT, &keys.key())).collect();
    let mut spent = vec![processor()?];
    let created = bench.play(daemon, CLIENTS, (Script::once(creates).kept(), "create")).await?;
    spent.push(processor()?);
    let begun: Vec<Begun> =
        created.bodies.iter().map(|(_, body)| begun(body)).collect::<anyhow::Result<_>>()?;
    let seats = |order: usize| [seat(2 * (first + order)), seat(2 * (first + order) + 1)];
    let confirms = begun.iter().enumerate().map(|(n, order)| order.confirm(&seats(n), &keys.key())).collect();
    let confirmed = bench.play(daemon, CLIENTS, (Script::once(confirms), "confirm")).await?;
    spent.push(processor()?);
    let finals = begun.iter().map(|order| order.finalize(&keys.key())).collect();
    let finalized = bench.play(daemon, CLIENTS, (Script::once(finals), "finalize")).await?;
    spent.push(processor()?);
    let steps = [(&created, 201), (&confirmed, 202), (&finalized, 200)];
    let mut notes = Vec::new();
    for ((outcome, status), spent) in steps.iter().zip(spent.windows(2)) {
        anyhow::ensure!(outcome.others(*status) == 0, "answered {:?}, not {status}", outcome.statuses);
        let each = (spent[1] - spent[0]) * 1e6 / orders as f64;
        notes.push(format!("{}; the daemon's processor time {each:.0} us each", quantiles(outcome)));
    }
    let rates = (created.rate(201), confirmed.rate(202), finalized.rate(200));
    Ok((Round { create: rates.0, confirm: rates.1, finalize: rates.2, ..Round::default() }, notes))
}

/// The latency in short.
pub fn quantiles(outcome: &Outcome) -> String {
    let [half, most] = [0.5, 0.99].map(|quantile| outcome.millis(quantile));
    format!("p50 {half:.1} ms, p99 {most:.1} ms")
}

/// Whole purchases by 16 clients, and the peer's figure beside them.
pub async fn purchases(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    let time = bench.seconds(6);
    open(&daemon, EVENT, 120_000, without_waiting_room()).await?;
    let numbers = Arc::new((Numbers::default(), Numbers::default()));
    let mut outcomes = Vec::new();
    for round in 0..=bench.rounds {
        let numbers = Arc::clone(&numbers);
        let buy = move |connection| purchase(connection, Arc::clone(&numbers));
        let outcome = walk(daemon.address(), 16, time, buy).await?;
        anyhow::ensure!(outcome.others(200) == 0, "answered {:?}", outcome.statuses);
        if round > 0 {
            outcomes.push(outcome);
        }
    }
    let rate = super::report::median(outcomes.iter().map(|outcome| outcome.rate(200)));
    let p99 = super::report::median(outcomes.iter().map(|outcome| outcome.millis(0.99)));
    let peer = bench.report.peer_orders_per_second();
    bench.report.figure("whole purchase, 16 clients", "purchases/s", rate, AtLeast(1_500.0));
    bench.report.figure(
        "whole purchase, 16 clients, p99",
        "ms",
        p99,
        AtMost(if bench.services.is_some() { 20.0 } else { 15.0 }),
    );
    let row =
        bench.report.rounds("whole purchase against the peer", "purchases/s", &[(peer, rate)], Ratio(100.0));
    row.note("two seats each; the peer's figure is recorded, with one seat each");
    daemon.stop()
}

/// A guest begins an order, confirms two seats and finalizes.
pub async fn purchase(
    mut connection: Connection,
    numbers: Arc<(Numbers, Numbers)>,
) -> std::io::Result<(Connection, u16)> {
    let (keys, pairs) = &*numbers;
    let answer = connection.ask(&create(EVENT, &keys.key())).await?;
    if answer.status != 201 {
        let status = answer.status;
        return Ok((connection, status));
    }
    let order = begun(answer.body).map_err(std::io::Error::other)?;
    // Who may not begin wants no seats.
    let pair = pairs.next();
    let status =
        connection.ask(&order.confirm(&[seat(2 * pair), seat(2 * pair + 1)], &keys.key())).await?.status;
    if status != 202 {
        return Ok((connection, status));
    }
    let status = connection.ask(&order.finalize(&keys.key())).await?.status;
    Ok((connection, status))
}

/// Five hundred orders want one seat at once.
pub async fn losers(bench: &mut Bench) -> anyhow::Result<()> {
    const RIVALS: usize = 500;
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    open(&daemon, EVENT, 1_000, without_waiting_room()).await?;
    let (keys, mut slowest) = (Numbers::default(), Vec::new());
    for round in 0..=bench.rounds {
        let creates = (0..RIVALS).map(|_| create(EVENT, &keys.key())).collect();
        let created = play(daemon.address(), CLIENTS, Script::once(creates).kept()).await?;
        let begun: Vec<Begun> =
            created.bodies.iter().map(|(_, body)| begun(body)).collect::<anyhow::Result<_>>()?;
        let confirms = begun.iter().map(|order| order.confirm(&[seat(round)], &keys.key())).collect();
        let raced = play(daemon.address(), RIVALS, Script::once(confirms)).await?;
        let won = raced.statuses.get(&202).copied().unwrap_or(0);
        anyhow::ensure!(
            won == 1 && raced.others(202) == raced.statuses[&409],
            "answered {:?}",
            raced.statuses
        );
        if round > 0 {
            slowest.push(raced.millis(0.99));
        }
    }
    let p99 = super::report::median(slowest.into_iter());
    bench.report.figure("a loser's answer, 500 on one seat, p99", "ms", p99, AtMost(50.0));
    daemon.stop()
}

impl Bench {
    /// The bare transaction on what the daemons keep their office in.
    async fn naive(&self, folder: &Path, orders: usize) -> anyhow::Result<naive::Rates> {
        match &self.services {
            Some(services) => services.naive(orders).await,
            None => naive::measure(folder, orders, 1).await,
        }
    }

    /// A folder of its own for one measurement.
    pub fn folder() -> anyhow::Result<TempDir> {
        Ok(TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?)
    }

    /// How long to load: a quarter when in a hurry.
    pub fn seconds(&self, seconds: u64) -> Duration {
        Duration::from_secs(seconds) / if self.quick { 4 } else { 1 }
    }
}
