//! From start to ready, and the command line next to curl.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Bench;
use super::daemon::TMD;
use super::house::{Begun, begun, create, open, seat, without_waiting_room};
use super::load::{Script, play};
use super::report::Target::AtMost;
use super::report::median;
use super::sell::Numbers;

/// Orders that are open when the daemon is killed.
const OPEN: usize = 10_000;

/// From start to ready: on nothing, and on ten thousand open orders that a killed daemon left.
pub async fn start(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = Bench::folder()?;
    let mut empty = Vec::new();
    for round in 0..=bench.rounds {
        empty.push(time_to_ready(bench, &folder.path().join(format!("empty-{round}"))).await?);
    }
    bench.report.figure("start to ready, empty", "s", median(empty.into_iter()), AtMost(1.0));
    let (data, orders) = (folder.path().join("full"), if bench.quick { OPEN / 10 } else { OPEN });
    leave_open_orders(bench, &data, orders).await?;
    let mut full = Vec::new();
    for _ in 0..=bench.rounds {
        // Each of these is killed in turn.
        full.push(time_to_ready(bench, &data).await?);
    }
    let label = format!("start to ready after a kill, {orders} open orders");
    bench.report.figure(&label, "s", median(full.into_iter()), AtMost(3.0));
    Ok(())
}

async fn time_to_ready(bench: &Bench, data: &Path) -> anyhow::Result<f64> {
    let began = Instant::now();
    drop(bench.daemon(data, &[]).await?);
    Ok(began.elapsed().as_secs_f64())
}

async fn leave_open_orders(bench: &Bench, data: &Path, orders: usize) -> anyhow::Result<()> {
    let (daemon, keys) = (bench.daemon(data, &[]).await?, Numbers::default());
    open(&daemon, "HOUSE", 2 * orders, without_waiting_room()).await?;
    let creates = (0..orders).map(|_| create("HOUSE", &keys.key())).collect();
    let created = play(daemon.address(), 64, Script::once(creates).kept()).await?;
    let begun: Vec<Begun> =
        created.bodies.iter().map(|(_, body)| begun(body)).collect::<anyhow::Result<_>>()?;
    let confirms = begun.iter().enumerate();
    let confirms = confirms.map(|(n, order)| order.confirm(&[seat(2 * n), seat(2 * n + 1)], &keys.key()));
    let confirmed = play(daemon.address(), 64, Script::once(confirms.collect())).await?;
    anyhow::ensure!(confirmed.others(202) == 0, "answered {:?}", confirmed.statuses);
    Ok(())
}

/// `tmctl events` and curl, by turns.
pub async fn command_line(bench: &mut Bench) -> anyhow::Result<()> {
    const RUNS: usize = 20;
    let tmctl = tmctl();
    if !tmctl.exists() {
        eprintln!("  left out: there is no {}; cargo build --release --workspace makes it", tmctl.display());
        return Ok(());
    }
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    open(&daemon, "HOUSE", 1_000, without_waiting_room()).await?;
    let list = format!("{}/api/events", daemon.url());
    let mut rounds = Vec::new();
    for run in 0..=RUNS {
        let curl = time(Command::new("curl").args(["-sS", "-o", "/dev/null", &list]))?;
        let ours =
            time(Command::new(&tmctl).args(["--url", &daemon.url(), "events"]).env("HOME", folder.path()))?;
        if run > 0 {
            rounds.push((curl.as_secs_f64() * 1e3, ours.as_secs_f64() * 1e3));
        }
    }
    let ratio = median(rounds.iter().map(|(curl, ours)| ours / curl));
    bench.report.rounds("tmctl events (ceiling: curl)", "ms", &rounds, super::report::Target::None);
    bench.report.figure("tmctl events by curl", "x", ratio, AtMost(2.0));
    daemon.stop()
}

/// The command line of the same build.
fn tmctl() -> PathBuf {
    Path::new(TMD).with_file_name("tmctl")
}

fn time(command: &mut Command) -> anyhow::Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let status = command.status()?;
    anyhow::ensure!(status.success(), "{command:?} ended with {status}");
    Ok(began.elapsed())
}
