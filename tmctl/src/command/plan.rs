//! `tmctl plan`: how many daemons an on-sale needs, and what the one database makes of it.

mod figures;

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Serialize;
use tmcore::plan::{Bottleneck, Demand, Figure, Figures, Means, Nodes, Percent, Plan, Source, Work, Written};

use super::Outcome;
use crate::argument::parse_duration;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Block, Look, Rows, Show, duration};

const GIB: u64 = 1 << 30;
/// What the daemon's settings are by default. A setting is told of where that is not enough.
const DEFAULT_SESSION_STREAMS: u64 = 16_000;
const DEFAULT_CONNECTIONS: u64 = 20_000;
const DEFAULT_FLUSH_SECONDS: u64 = 1;
const DEFAULT_LAPSE_SECONDS: u64 = 120;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl plan --waiting 50000 --reads 5000 --seats 20000
  tmctl plan --waiting 10000000 --reads 100000 --streams 0 --poll-every 10s
  cargo bench --workspace --bench office -- --json > office.json
  tmctl plan --waiting 50000 --figures office.json -o json")]
pub struct Args {
    /// People who wait at the same time
    #[arg(long, value_name = "N")]
    waiting: u64,
    /// Within which time they come
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = whole_seconds)]
    arrive_in: NonZeroU32,
    /// Of a hundred who wait, how many hold a stream; the others poll
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = percent)]
    streams: Percent,
    /// How often one of the others polls
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = whole_seconds)]
    poll_every: NonZeroU32,
    /// Reads of events, seat maps and availability in a second
    #[arg(long, value_name = "N", default_value_t = 0)]
    reads: u64,
    /// Seats to be sold
    #[arg(long, value_name = "N", default_value_t = 0)]
    seats: u64,
    /// Seats of one order
    #[arg(long, value_name = "N", default_value = "2")]
    seats_per_order: NonZeroU32,
    /// How much of each figure, and of the memory, is planned with
    #[arg(long, value_name = "SHARE", default_value = "0.7", value_parser = share)]
    safety: Percent,
    /// Memory of the machine of one daemon, GiB
    #[arg(long, value_name = "GIB", default_value = "8")]
    node_memory: NonZeroU32,
    /// What `cargo bench --workspace --bench office -- --json` wrote on your own machine
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    figures: Option<PathBuf>,
}

fn whole_seconds(text: &str) -> Result<NonZeroU32, String> {
    let time = parse_duration(text)?;
    let seconds = u32::try_from(time.as_secs()).ok().and_then(NonZeroU32::new);
    seconds
        .filter(|_| time.subsec_nanos() == 0)
        .ok_or_else(|| "expected whole seconds, at least one".to_owned())
}

fn percent(text: &str) -> Result<Percent, String> {
    text.parse().ok().and_then(Percent::new).ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

/// A share such as 0.7, of at most two digits.
fn share(text: &str) -> Result<Percent, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent = match text.split_once('.').filter(|_| is_plain) {
        Some(("" | "0", digits)) if (1..=2).contains(&digits.len()) => format!("{digits:0<2}").parse().ok(),
        None if text == "1" => Some(100),
        Some(("1", "0" | "00")) => Some(100),
        _ => None,
    };
    let percent = percent.filter(|percent| *percent > 0).and_then(Percent::new);
    percent.ok_or_else(|| "expected a share from 0.01 to 1".to_owned())
}

pub fn run(desk: &Desk, args: &Args) -> Outcome {
    let known = match &args.figures {
        Some(file) => figures::read(file)?,
        None => Figures::default(),
    };
    let demand = Demand {
        waiting: args.waiting,
        arrive_seconds: args.arrive_in,
        streaming: args.streams,
        poll_seconds: args.poll_every,
        reads_per_second: args.reads,
        seats: args.seats,
        seats_per_order: args.seats_per_order,
    };
    let node_memory_bytes = u64::from(args.node_memory.get()) * GIB;
    let plan = Plan::new(&demand, &Means { node_memory_bytes, safety: args.safety }, &known);
    let nodes = plan.nodes.map_err(|error| {
        Failure::new(Exit::Error, error.to_string())
            .hint(format!("machines with --node-memory {} or more", error.least_bytes.div_ceil(GIB)))
    })?;
    desk.out.show(&Planned::new(&plan, nodes, &known))?;
    desk.out.hint(ASSUMED);
    if plan.joins.seconds > demand.arrive_seconds.get().into() {
        let after = duration(plan.joins.seconds);
        desk.out.hint(&format!(
            "people come faster than one database takes them in: all have a place after {after}"
        ));
    }
    if nodes.bottleneck == Bottleneck::Cores(Work::Telling) {
        desk.out.hint("who polls costs less than who holds a stream: --streams 10 --poll-every 10s");
    }
    Ok(Exit::Ok)
}

/// What holds whatever the figures say.
const ASSUMED: &str = "assumed: nodes like the one measured, one database; all work at once; five places a second told to \
                       each stream; everybody buys";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    nodes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bottleneck: Option<&'static str>,
    node_memory_bytes: u64,
    node_streams: u64,
    work: Vec<Load>,
    database: Vec<Taking>,
    settings: Vec<Setting>,
    figures: Vec<Known>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Load {
    work: &'static str,
    asked_per_second: u64,
    node_carries_per_second: u64,
    nodes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Taking {
    work: &'static str,
    count: u64,
    per_second: u64,
    seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Setting {
    setting: &'static str,
    at_least: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    figure: &'static str,
    value: u64,
    unit: &'static str,
    of: &'static str,
    measured: bool,
    source: String,
}

impl Planned {
    fn new(plan: &Plan, nodes: Nodes, known: &Figures) -> Self {
        let taking = |work: Figure, written: Written| Taking {
            work: work.as_str(),
            count: written.count,
            per_second: written.per_second,
            seconds: written.seconds,
        };
        let database = [taking(Figure::Joins, plan.joins), taking(Figure::Orders, plan.orders)];
        let asked = plan.shares.iter().filter(|share| share.asked_per_second > 0).map(|share| Load {
            work: share.work.figure().as_str(),
            asked_per_second: share.asked_per_second,
            node_carries_per_second: share.carried_per_second,
            nodes: share.nodes(),
        });
        Self {
            nodes: nodes.count,
            bottleneck: match nodes.bottleneck {
                Bottleneck::Cores(work) => Some(work.figure().as_str()),
                Bottleneck::Memory => Some(Figure::StreamMemory.as_str()),
                Bottleneck::None => None,
            },
            node_memory_bytes: nodes.memory_bytes,
            node_streams: nodes.streams,
            work: asked.collect(),
            database: database.into_iter().filter(|taking| taking.count > 0).collect(),
            settings: settings(plan, nodes),
            figures: Figure::ALL.map(|figure| described(figure, known)).into(),
        }
    }
}

/// Settings whose default is not enough.
fn settings(plan: &Plan, nodes: Nodes) -> Vec<Setting> {
    let all = [
        ("waiting_room.heartbeat_flush_seconds", plan.signs.flush_seconds, DEFAULT_FLUSH_SECONDS),
        ("event_defaults.lapse_seconds", plan.signs.lapse_seconds, DEFAULT_LAPSE_SECONDS),
        ("overload.max_session_streams", nodes.streams, DEFAULT_SESSION_STREAMS),
        ("server.max_connections", nodes.streams.saturating_add(nodes.streams / 4), DEFAULT_CONNECTIONS),
    ];
    let wanting = all.into_iter().filter(|(_, at_least, default)| at_least > default);
    wanting.map(|(setting, at_least, _)| Setting { setting, at_least }).collect()
}

fn described(figure: Figure, known: &Figures) -> Known {
    let (measured, source) = match known.source(figure) {
        Source::Measured(source) => (true, source.to_string()),
        Source::Assumed(why) => (false, (*why).to_owned()),
    };
    Known {
        figure: figure.as_str(),
        value: known.get(figure),
        unit: figure.unit(),
        of: if figure.is_of_database() { "database" } else { "node" },
        measured,
        source,
    }
}

impl Show for Planned {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let mib = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
        let fields = vec![
            ("nodes", self.nodes.to_string()),
            ("most for", self.bottleneck.unwrap_or("nothing: one is enough").to_owned()),
            ("memory of each", mib(self.node_memory_bytes)),
            ("streams of each", self.node_streams.to_string()),
        ];
        let rows = |head, rows| Block::Rows(Rows { head, rows, flexible: None });
        let work = self.work.iter().map(|asked| {
            let Load { work, asked_per_second, node_carries_per_second, nodes } = asked;
            vec![
                (*work).to_owned(),
                asked_per_second.to_string(),
                node_carries_per_second.to_string(),
                nodes.to_string(),
            ]
        });
        let database = self.database.iter().map(|taking| {
            let Taking { work, count, per_second, seconds } = taking;
            vec![(*work).to_owned(), count.to_string(), per_second.to_string(), duration(*seconds)]
        });
        let settings = self
            .settings
            .iter()
            .map(|Setting { setting, at_least }| vec![(*setting).to_owned(), at_least.to_string()]);
        let figures = self.figures.iter().map(|known| {
            let from = if known.measured { "measured" } else { "assumed" };
            let value = format!("{} {}", known.value, known.unit);
            [known.figure, &value, known.of, from, &known.source].map(str::to_owned).to_vec()
        });
        vec![
            Block::Fields(fields),
            rows(&["of the nodes", "asked/s", "one carries/s", "nodes"], work.collect()),
            rows(&["of the database", "in all", "carries/s", "takes"], database.collect()),
            rows(&["setting", "at least"], settings.collect()),
            Block::Rows(Rows {
                head: &["figure", "value", "of the", "known", "from"],
                rows: figures.collect(),
                flexible: Some(4),
            }),
        ]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.nodes.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_people_write_them() {
        let read = |text| share(text).map(Percent::get).ok();
        assert_eq!(["0.7", ".75", "1", "1.0", "0.05"].map(read), [70, 75, 100, 100, 5].map(Some));
        assert_eq!(["0", "0.0", "1.1", "70", "0.701", "x", "0.", "-0.5", "0.+5"].map(read), [None; 9]);
        assert_eq!(whole_seconds("1500ms").ok(), None);
        assert_eq!(whole_seconds("10m").map(NonZeroU32::get), Ok(600));
        assert_eq!(percent("101").ok(), None);
    }

    /// The defaults that are told of are those of the daemon.
    #[test]
    fn defaults_are_those_of_the_daemon() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tmd/config.default.toml");
        let text = std::fs::read_to_string(file).unwrap();
        let defaults: toml::Table = text.parse().unwrap();
        for (section, key, value) in [
            ("overload", "max_session_streams", DEFAULT_SESSION_STREAMS),
            ("server", "max_connections", DEFAULT_CONNECTIONS),
            ("waiting_room", "heartbeat_flush_seconds", DEFAULT_FLUSH_SECONDS),
            ("event_defaults", "lapse_seconds", DEFAULT_LAPSE_SECONDS),
        ] {
            assert_eq!(defaults[section][key].as_integer(), i64::try_from(value).ok(), "{section}.{key}");
        }
    }
}
