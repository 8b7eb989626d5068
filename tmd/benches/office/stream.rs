//! Streams: what an idle one costs, how long it takes until a turn at the gate is told to all, and how late seats are.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tmapi::event::{BlockSeats, EventPatch};
use tmcore::EventId;
use tokio::task::LocalSet;

use super::Bench;
use super::daemon::{Daemon, processor_seconds};
use super::house::{open, seat, without_waiting_room};
use super::load::histogram;
use super::report::Target::{AtMost, None as NoTarget};
use super::report::median;
use super::room::join_some;
use super::wire::{Connection, Listening, find, request};

/// Streams that wait to be let in.
const WAITING: usize = 10_000;
/// Streams of seats.
const WATCHING: usize = 5_000;
/// How long the daemon gets to come to rest.
const SETTLE: Duration = Duration::from_secs(3);

/// Ten thousand in line: memory, heartbeats, and turns at the gate.
pub async fn waiting(bench: &mut Bench) -> anyhow::Result<()> {
    let streams = if bench.quick { WAITING / 10 } else { WAITING };
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    let closed =
        EventPatch { capacity: Some(0), admissions_per_minute: Some(1_000_000), ..EventPatch::default() };
    open(&daemon, "ROOM", 1_000, closed).await?;
    let places = join_some(&daemon, "ROOM", streams).await?;
    tokio::time::sleep(SETTLE).await;
    let before = daemon.process().resident_bytes()?;
    let mut listening = Vec::with_capacity(streams);
    for place in &places {
        listening.push(Connection::open(daemon.address()).await?.listen(&place.stream()).await?);
    }
    LocalSet::new().run_until(told(bench, &daemon, listening, before)).await?;
    daemon.stop()
}

/// When each frame of a kind came, since the last time somebody looked.
type Arrivals = Rc<RefCell<Vec<Instant>>>;

async fn told(
    bench: &mut Bench,
    daemon: &Daemon,
    listening: Vec<Listening>,
    before: u64,
) -> anyhow::Result<()> {
    let streams = listening.len();
    let arrivals = Arrivals::default();
    for stream in listening {
        tokio::task::spawn_local(note_arrivals(stream, Rc::clone(&arrivals)));
    }
    tokio::time::sleep(SETTLE).await;
    let grown = daemon.process().resident_bytes()?.saturating_sub(before);
    let each = grown as f64 / streams as f64 / 1024.0;
    bench.report.figure(&format!("{streams} idle session streams, memory each"), "KiB", each, AtMost(24.0));

    let (time, spent) = (bench.seconds(60), daemon.process().processor_seconds()?);
    let own = processor_seconds("self")?;
    tokio::time::sleep(time).await;
    let share = (daemon.process().processor_seconds()? - spent) / time.as_secs_f64() * 100.0;
    let own = (processor_seconds("self")? - own) / time.as_secs_f64() * 100.0;
    let label = format!("{streams} idle session streams, processor");
    let row = bench.report.figure(&label, "% of a core", share, AtMost(10.0));
    row.note(format!("heartbeats every 15 s and signs of life written down; the readers take {own:.1} %"));

    let (event, organiser): (EventId, _) = ("ROOM".parse()?, daemon.organiser()?);
    let mut slowest = Vec::new();
    for turn in 0..=bench.rounds {
        arrivals.borrow_mut().clear();
        let capacity = u32::try_from(turn + 1)? * 20;
        organiser
            .patch_event(&event, &EventPatch { capacity: Some(capacity), ..EventPatch::default() })
            .await?;
        tokio::time::sleep(SETTLE).await;
        let times = spread(&arrivals.borrow());
        let left = streams - 20 * turn;
        anyhow::ensure!(times.len() >= left as u64, "{} of {left} streams were told", times.len());
        if turn > 0 {
            slowest.push(times.value_at_quantile(0.99) as f64 / 1_000.0);
        }
    }
    let p99 = median(slowest.into_iter());
    let label = format!("a turn at the gate, told to {streams} streams, p99");
    bench.report.figure(&label, "ms", p99, AtMost(200.0)).note("since the first of them was told");
    Ok(())
}

async fn note_arrivals(mut stream: Listening, arrivals: Arrivals) {
    let mut note = |piece: &[u8]| {
        if find(piece, b"event: ").is_some() {
            arrivals.borrow_mut().push(Instant::now());
        }
    };
    while stream.next(&mut note).await.is_ok() {}
}

fn spread(arrivals: &[Instant]) -> Histogram<u64> {
    let mut times = histogram();
    if let Some(first) = arrivals.iter().min() {
        for arrival in arrivals {
            times.saturating_record(micros(arrival.duration_since(*first)).max(1));
        }
    }
    times
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Changes of seats, five thousand watching.
pub async fn seats(bench: &mut Bench) -> anyhow::Result<()> {
    let streams = if bench.quick { WATCHING / 10 } else { WATCHING };
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    open(&daemon, "HOUSE", 20_000, without_waiting_room()).await?;
    let ask = request("GET", "/api/sse/events/HOUSE/seats", &[], "");
    let mut listening = Vec::with_capacity(streams);
    for _ in 0..streams {
        listening.push(Connection::open(daemon.address()).await?.listen(&ask).await?);
    }
    LocalSet::new().run_until(watched(bench, &daemon, listening)).await?;
    daemon.stop()
}

/// When each change was asked for, by its place in the event's clock of seats; and how late the frames were.
struct Changes {
    asked: Vec<Instant>,
    first: u64,
    late: Histogram<u64>,
}

async fn watched(bench: &mut Bench, daemon: &Daemon, listening: Vec<Listening>) -> anyhow::Result<()> {
    const CALLS_PER_SECOND: u32 = 50;
    const SEATS_PER_CALL: usize = 20;
    let streams = listening.len();
    let (event, organiser): (EventId, _) = ("HOUSE".parse()?, daemon.organiser()?);
    let first = organiser.availability(&event).await?.seq + 1;
    let changes = Rc::new(RefCell::new(Changes { asked: Vec::new(), first, late: histogram() }));
    for stream in listening {
        tokio::task::spawn_local(note_lateness(stream, Rc::clone(&changes)));
    }
    tokio::time::sleep(SETTLE).await;
    let (time, began) = (bench.seconds(20), Instant::now());
    let mut calls = tokio::time::interval(Duration::from_secs(1) / CALLS_PER_SECOND);
    let spent = daemon.process().processor_seconds()?;
    for call in 0_usize.. {
        calls.tick().await;
        if began.elapsed() >= time {
            break;
        }
        // Seats far apart, so that a change of twenty is twenty runs. Every second round they are put back.
        let round = call * SEATS_PER_CALL / 20_000;
        let ids = (0..SEATS_PER_CALL).map(|n| seat((call + n * 1_000) % 20_000).parse());
        let seats = BlockSeats { seats: ids.collect::<Result<_, _>>()? };
        changes.borrow_mut().asked.push(Instant::now());
        if round.is_multiple_of(2) {
            organiser.block(&event, &seats).await?;
        } else {
            organiser.unblock(&event, &seats).await?;
        }
    }
    let took = began.elapsed().as_secs_f64();
    let cores = (daemon.process().processor_seconds()? - spent) / took;
    tokio::time::sleep(SETTLE).await;
    let changes = changes.borrow();
    let rate = changes.asked.len() as f64 * SEATS_PER_CALL as f64 / took;
    let p99 = changes.late.value_at_quantile(0.99) as f64 / 1_000.0;
    let told = changes.late.len();
    anyhow::ensure!(told > streams as u64, "{told} frames came to {streams} streams");
    let label = format!("a seat's change, told to {streams} streams, p99");
    let row = bench.report.figure(&label, "ms", p99, AtMost(500.0));
    row.note(format!(
        "the oldest change of each frame, from its request; {told} frames, the daemon takes {cores:.2} cores"
    ));
    bench.report.figure("changes of seats while they were told", "changes/s", rate, NoTarget);
    Ok(())
}

async fn note_lateness(mut stream: Listening, changes: Rc<RefCell<Changes>>) {
    let mut note = |piece: &[u8]| {
        let Some(from) = number_after(piece, b"\"from\":") else { return };
        let mut changes = changes.borrow_mut();
        let oldest = usize::try_from((from + 1).saturating_sub(changes.first)).unwrap_or(usize::MAX);
        if let Some(asked) = changes.asked.get(oldest).copied() {
            changes.late.saturating_record(micros(asked.elapsed()));
        }
    };
    while stream.next(&mut note).await.is_ok() {}
}

fn number_after(piece: &[u8], name: &[u8]) -> Option<u64> {
    let rest = &piece[find(piece, name)? + name.len()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}
