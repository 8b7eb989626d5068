//! The office under load, next to its ceilings: `cargo bench --workspace --bench office`.
//!
//! Starts real daemons on folders of their own, measures what a bare server or a bare transaction does on the same machine
//! in the same run, by turns, and prints both with their ratio. What each row means: docs/performance.md.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::struct_excessive_bools,
    reason = "a program that measures: it has a clock and standard output, and figures are rounded"
)]

mod bare;
mod daemon;
mod full;
mod house;
mod life;
mod line;
mod load;
mod machine;
mod naive;
mod overload;
mod profile;
mod read;
mod report;
mod room;
mod sell;
mod soak;
mod stream;
mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use daemon::Daemon;
use full::Services;
use report::Report;

/// Measures the office.
#[derive(Debug, Parser)]
struct Cli {
    /// Measure only what has this in its name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Fewer rounds of less load: to see that it runs, not what it does
    #[arg(long)]
    quick: bool,
    /// JSON on standard output instead of the table
    #[arg(long)]
    json: bool,
    /// Nothing but moderate load for so long, then a look at memory and invariants; 90s, 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    soak: Option<Duration>,
    /// Sample the daemon with perf while it is loaded, and print what took most
    #[arg(long)]
    profile: bool,
    /// Daemons on a private PostgreSQL and Redis instead of files of their own
    #[arg(long)]
    full: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What the program does as its own child.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
enum Role {
    /// Serve two bodies
    ServeBare { address: SocketAddr, folder: PathBuf },
    /// Sell without an office
    SellNaively { folder: PathBuf, orders: i64, connections: u32 },
    /// Write places down without an office
    JoinBarely { postgres: String, redis: String, joins: usize },
}

/// One run.
struct Bench {
    /// Less of everything.
    pub quick: bool,
    /// Rounds that count; there is one more to warm up.
    pub rounds: usize,
    /// Whether the daemon is sampled under load.
    pub profile: bool,
    /// What the daemons share, in the full profile.
    pub services: Option<Services>,
    /// What came of it.
    pub report: Report,
}

impl Bench {
    /// Starts a daemon with an office of its own, or with the one that this folder had before, and waits until it is ready.
    pub async fn daemon(&self, data: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Daemon> {
        let shared = match &self.services {
            Some(services) => services.settings(data).await?,
            None => Vec::new(),
        };
        let shared = shared.iter().map(|(name, value)| (*name, value.as_str()));
        Daemon::start(data, &settings.iter().copied().chain(shared).collect::<Vec<_>>()).await
    }
}

/// Where results go.
fn results() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench")
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match &cli.role {
        Some(Role::ServeBare { address, folder }) => {
            Builder::new_multi_thread().enable_all().build()?.block_on(bare::serve(*address, folder))
        }
        Some(Role::SellNaively { folder, orders, connections }) => {
            let selling = naive::sell(folder, *orders, *connections);
            let rates = Builder::new_multi_thread().enable_all().build()?.block_on(selling)?;
            println!("{} {}", rates.reserve, rates.finalize);
            Ok(())
        }
        Some(Role::JoinBarely { postgres, redis, joins }) => {
            let joining = line::join(postgres, redis, *joins);
            println!("{}", Builder::new_multi_thread().enable_all().build()?.block_on(joining)?);
            Ok(())
        }
        // One thread: the generator leaves as much of the machine as it can to what it measures.
        None => Builder::new_current_thread().enable_all().build()?.block_on(measure(&cli)),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600)];
    let unit = units.into_iter().find_map(|(name, seconds)| Some((text.strip_suffix(name)?, seconds)));
    let (number, seconds) = unit.ok_or("expected a number and s, m or h")?;
    number.parse::<u64>().map(|n| Duration::from_secs(n * seconds)).map_err(|error| error.to_string())
}

const GROUPS: &[&str] = &[
    "cached", "sizes", "rest", "orders", "purchase", "loser", "join", "poll", "waiting", "seats", "goodput",
    "start", "tmctl",
];

/// What the full profile has no say in.
const EMBEDDED_ONLY: &[&str] = &["sizes", "tmctl"];

async fn measure(cli: &Cli) -> anyhow::Result<()> {
    let wanted = |name: &&&str| {
        cli.only.as_deref().is_none_or(|only| name.contains(only))
            && !(cli.full && EMBEDDED_ONLY.contains(name))
    };
    let groups: Vec<_> = GROUPS.iter().filter(wanted).collect();
    anyhow::ensure!(!groups.is_empty(), "--only names one of {}", GROUPS.join(", "));
    let rounds = if cli.quick { 1 } else { 5 };
    let services = cli.full.then(Services::start).transpose()?;
    let mut bench =
        Bench { quick: cli.quick, rounds, profile: cli.profile, services, report: Report::new()? };
    if let Some(time) = cli.soak {
        soak::run(&mut bench, time).await.context("failed to soak")?;
        bench.report.print();
        return Ok(());
    }
    for group in groups {
        eprintln!("{group}");
        measure_one(&mut bench, group).await.with_context(|| format!("failed to measure {group}"))?;
    }
    bench.report.write(&results().join(if cli.full { "office-full.json" } else { "office.json" }))?;
    if cli.json {
        bench.report.print_json()?;
    } else {
        bench.report.print();
    }
    Ok(())
}

async fn measure_one(bench: &mut Bench, group: &str) -> anyhow::Result<()> {
    match group {
        "cached" => read::cached(bench).await,
        "sizes" => read::sizes(bench).await,
        "rest" => read::rest(bench).await,
        "orders" => sell::orders(bench).await,
        "purchase" => sell::purchases(bench).await,
        "loser" => sell::losers(bench).await,
        "join" => room::joins(bench).await,
        "poll" => read::polls(bench).await,
        "waiting" => stream::waiting(bench).await,
        "seats" => stream::seats(bench).await,
        "goodput" => overload::goodput(bench).await,
        "start" => life::start(bench).await,
        "tmctl" => life::command_line(bench).await,
        other => anyhow::bail!("there is no {other}"),
    }
}
