//! What is read: event, seat map and availability from the cache, next to axum answering the same bytes; a session's
//! place; and how large availability is on the wire.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr as _;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tmapi::event::EventPatch;

use super::daemon::{Process, processor_seconds};
use super::house::{open, without_waiting_room};
use super::load::{Outcome, Script};
use super::report::Target::{AtMost, None as NoTarget, Ratio};
use super::report::median;
use super::room::{Taken, join_some};
use super::wire::{Connection, field, request};
use super::{Bench, bare};

const CONNECTIONS: usize = 64;
const GZIP: (&str, &str) = ("accept-encoding", "gzip");

/// The three cached answers, plain, compressed and not modified.
pub async fn cached(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    open(&daemon, "HOUSE", 20_000, without_waiting_room()).await?;
    for (name, path) in [
        ("event", "/api/events/HOUSE"),
        ("availability", "/api/events/HOUSE/availability"),
        ("seat map", "/api/events/HOUSE/seat-map"),
    ] {
        let (plain, etag) = fetch(daemon.address(), &request("GET", path, &[], "")).await?;
        let (gzip, _) = fetch(daemon.address(), &request("GET", path, &[GZIP], "")).await?;
        let bare = bare::start(&folder.path().join("bare"), &plain, &gzip).await?;
        for (kind, bare_path, fields, status) in [
            ("plain", "/plain", vec![], 200),
            ("gzip", "/gzip", vec![GZIP], 200),
            ("304", "/none", vec![("if-none-match", etag.as_str())], 304),
        ] {
            // Megabytes in plain text are not how anybody reads a map.
            if kind == "plain" && plain.len() > 1 << 20 {
                continue;
            }
            let size = match kind {
                "plain" => plain.len(),
                "gzip" => gzip.len(),
                _ => 0,
            };
            let asks = [request("GET", bare_path, &fields, ""), request("GET", path, &fields, "")];
            let label = format!("GET {name}, {kind}, {size} bytes");
            compare(bench, &label, [&bare, daemon.process()], asks, status).await?;
        }
    }
    daemon.stop()
}

/// Ceiling and program by turns.
async fn compare(
    bench: &mut Bench,
    label: &str,
    servers: [&Process; 2],
    asks: [Vec<u8>; 2],
    status: u16,
) -> anyhow::Result<()> {
    let time = bench.seconds(4);
    let (mut rounds, mut costs, mut last) = (Vec::new(), Vec::new(), None);
    for round in 0..=bench.rounds {
        let mut sides = [Loaded::default(); 2];
        for side in 0..2 {
            let script = Script::repeat(vec![asks[side].clone()], time);
            let (loaded, outcome) = load(bench, servers[side], script, label).await?;
            anyhow::ensure!(outcome.others(status) == 0, "{label} was answered {:?}", outcome.statuses);
            sides[side] = loaded;
            last = Some((outcome, loaded));
        }
        if round > 0 {
            rounds.push((sides[0].rate, sides[1].rate));
            costs.push((sides[0].micros_each, sides[1].micros_each));
        }
    }
    let note = last.map(|(outcome, loaded)| note(&costs, &outcome, loaded)).unwrap_or_default();
    bench.report.rounds(label, "requests/s", &rounds, Ratio(0.85)).note(note);
    Ok(())
}

/// What a server did, and what it cost.
#[derive(Clone, Copy, Default)]
struct Loaded {
    rate: f64,
    /// The server's processor time for one request, microseconds.
    micros_each: f64,
    /// Cores that the generator took.
    generator: f64,
}

/// Loads a server. The daemon is sampled if profiles are wanted.
async fn load(
    bench: &Bench,
    server: &Process,
    script: Script,
    label: &str,
) -> anyhow::Result<(Loaded, Outcome)> {
    let before = (server.processor_seconds()?, processor_seconds("self")?);
    let name = label.replace([' ', ','], "-");
    let outcome = bench.play_at(server, CONNECTIONS, (script, &name)).await?;
    let spent = (server.processor_seconds()? - before.0, processor_seconds("self")? - before.1);
    let seconds = outcome.took.as_secs_f64();
    let count = outcome.latency.len() as f64;
    let loaded =
        Loaded { rate: count / seconds, micros_each: spent.0 * 1e6 / count, generator: spent.1 / seconds };
    Ok((loaded, outcome))
}

/// The cost of a request tells more than the rate while others use the machine.
fn note(costs: &[(f64, f64)], outcome: &Outcome, loaded: Loaded) -> String {
    let ceiling = median(costs.iter().map(|cost| cost.0));
    let program = median(costs.iter().map(|cost| cost.1));
    format!(
        "processor time each {ceiling:.1} us, {program:.1} us; p99 {:.1} ms; the generator takes {:.2} cores",
        outcome.millis(0.99),
        loaded.generator
    )
}

/// A body and its validator.
async fn fetch(server: SocketAddr, ask: &[u8]) -> anyhow::Result<(Vec<u8>, String)> {
    let mut connection = Connection::open(server).await?;
    let answer = connection.ask(ask).await?;
    anyhow::ensure!(answer.status == 200, "answered {}", answer.status);
    let etag = field(answer.head, b"\r\netag: ").unwrap_or_default().to_owned();
    Ok((answer.body.to_vec(), etag))
}

/// Polls of sessions that wait.
pub async fn polls(bench: &mut Bench) -> anyhow::Result<()> {
    let sessions = if bench.quick { 1_000 } else { 10_000 };
    let folder = Bench::folder()?;
    // So many looks at one place are nobody's; here they stand for many places.
    let settings = [("TMD_WAITING_ROOM_POLLS_PER_SECOND", "1000000")];
    let daemon = bench.daemon(&folder.path().join("office"), &settings).await?;
    open(&daemon, "ROOM", 1_000, EventPatch { capacity: Some(0), ..EventPatch::default() }).await?;
    let joined = join_some(&daemon, "ROOM", sessions).await?;
    let asks: Vec<_> = joined.iter().map(Taken::poll).collect();
    let (body, _) = fetch(daemon.address(), &asks[0]).await?;
    let bare = bare::start(&folder.path().join("bare"), &body, &[]).await?;
    let (time, mut rounds, mut costs, mut last) = (bench.seconds(4), Vec::new(), Vec::new(), None);
    for round in 0..=bench.rounds {
        let fixed = Script::repeat(vec![request("GET", "/plain", &[], "")], time);
        let (ceiling, _) = load(bench, &bare, fixed, "bare").await?;
        let (program, outcome) =
            load(bench, daemon.process(), Script::repeat(asks.clone(), time), "poll").await?;
        anyhow::ensure!(outcome.others(200) == 0, "polls were answered {:?}", outcome.statuses);
        if round > 0 {
            rounds.push((ceiling.rate, program.rate));
            costs.push((ceiling.micros_each, program.micros_each));
        }
        last = Some((outcome, program));
    }
    let note = last.map(|(outcome, loaded)| note(&costs, &outcome, loaded)).unwrap_or_default();
    let label = format!("poll of a place, {sessions} sessions");
    bench.report.rounds(&label, "requests/s", &rounds, Ratio(0.6)).note(note);
    daemon.stop()
}

/// Availability with every seat in a state of its own by lot: nothing compresses worse.
pub async fn sizes(bench: &mut Bench) -> anyhow::Result<()> {
    for (seats, limit) in [(20_000_usize, 8.0), (39_417, 64.0)] {
        let folder = Bench::folder()?;
        let data = folder.path().join("office");
        let daemon = bench.daemon(&data, &[]).await?;
        open(&daemon, "HOUSE", seats, without_waiting_room()).await?;
        daemon.stop()?;
        mix(&data).await?;
        let daemon = bench.daemon(&data, &[]).await?;
        let path = "/api/events/HOUSE/availability";
        let (gzip, _) = fetch(daemon.address(), &request("GET", path, &[GZIP], "")).await?;
        let (plain, _) = fetch(daemon.address(), &request("GET", path, &[], "")).await?;
        let label = format!("availability of {seats} seats in states by lot");
        let row = bench.report.figure(&label, "KiB, gzip", gzip.len() as f64 / 1024.0, AtMost(limit));
        row.note(format!("plain {:.1} KiB", plain.len() as f64 / 1024.0));
        daemon.stop()?;
    }
    Ok(())
}

async fn mix(data: &Path) -> anyhow::Result<()> {
    let url = format!("sqlite://{}", data.join("office.db").display());
    let mut file = SqliteConnection::connect_with(&SqliteConnectOptions::from_str(&url)?).await?;
    sqlx::raw_sql(
        "CREATE TEMP TABLE lot AS SELECT event_id, seat_index, abs(random()) % 4 AS side FROM seat_inventory;
         UPDATE seat_inventory SET status = CASE lot.side WHEN 0 THEN 0 WHEN 1 THEN 2 WHEN 2 THEN 3 ELSE 4 END,
           order_id = CASE WHEN lot.side IN (1, 2) THEN 'ord_00000000000000000000000000' END,
           ticket_id = CASE WHEN lot.side = 2 THEN 'tkt_00000000000000000000000000' END
         FROM lot WHERE lot.event_id = seat_inventory.event_id AND lot.seat_index = seat_inventory.seat_index;",
    )
    .execute(&mut file)
    .await?;
    file.close().await?;
    Ok(())
}

/// Memory when nobody asks, with 60,000 seats on sale.
pub async fn rest(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = Bench::folder()?;
    let data = folder.path().join("office");
    let daemon = bench.daemon(&data, &[]).await?;
    open(&daemon, "HOUSE", 60_000, without_waiting_room()).await?;
    let after_import = daemon.process().resident_bytes()? as f64 / 1e6;
    daemon.stop()?;
    let daemon = bench.daemon(&data, &[]).await?;
    for path in ["/api/events/HOUSE", "/api/events/HOUSE/seat-map", "/api/events/HOUSE/availability"] {
        fetch(daemon.address(), &request("GET", path, &[GZIP], "")).await?;
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let resident = daemon.process().resident_bytes()? as f64 / 1e6;
    let row = bench.report.figure("memory at rest, 60,000 seats on sale", "MB", resident, AtMost(60.0));
    row.note("each body asked for once since the start");
    bench.report.figure("memory right after the import of 60,000 seats", "MB", after_import, NoTarget);
    daemon.stop()
}
