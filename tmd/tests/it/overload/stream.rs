//! Streams: what a reader that never reads costs the others, what an idle one costs, and how many there may be.
#![allow(clippy::disallowed_methods, reason = "what others notice is told by the clock on the wall")]

use std::time::{Duration, Instant};

use futures::StreamExt;
use tmapi::client::{SeatEvent, StreamItem};
use tmapi::event::{BlockSeats, EventPatch, WaitingRoomMode};
use tmcore::{EventId, SeatId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::child::Child;
use super::shutdown::open_streams;
use super::{limited, narrow, read_until};
use crate::harness::{Daemon, PATIENCE, eventually, quick};
use crate::wire::Ask;

/// A connection that asks for a stream and reads nothing of it.
async fn never_reads(url: &str, path: &str) -> TcpStream {
    let mut stream = narrow(url).await;
    let head = format!("GET {path} HTTP/1.1\r\nhost: it\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Follows the seats and tells the newest `seq`.
async fn follow(client: tmapi::client::Client, event: EventId, newest: watch::Sender<u64>) {
    let mut feed = client.seat_stream(&event);
    while let Some(Ok(item)) = feed.next().await {
        match item {
            StreamItem::Event(SeatEvent::Snapshot(view)) => drop(newest.send_replace(view.seq)),
            StreamItem::Event(SeatEvent::Delta(delta)) => drop(newest.send_replace(delta.seq)),
            StreamItem::State(_) => {}
        }
    }
}

/// Every second seat: the change of each is a run of its own, so that a delta is long.
fn every_second(rows: u8, per_row: u32) -> Vec<SeatId> {
    let of_row = |row: u8| (1..=per_row).step_by(2).map(move |n| format!("{}-{n}", char::from(b'A' + row)));
    (0..rows).flat_map(of_row).map(|id| id.parse().unwrap()).collect()
}

/// E4: one reader never reads beside a hundred that do. It is cut off after the write time-out; the others are told
/// every newest state in time, before, while and after.
#[tokio::test(flavor = "multi_thread")]
async fn e4_a_reader_that_never_reads_is_cut_off_and_a_hundred_others_do_not_notice() {
    let mut config = quick();
    config.server.write_timeout_seconds = 1;
    let daemon = Daemon::start_with(config).await;
    let event = daemon.open_event("E1", 10, 200).await;
    let (mut followers, mut newest) = (JoinSet::new(), Vec::new());
    for _ in 0..100 {
        let (told, hears) = watch::channel(0);
        followers.spawn(follow(daemon.client(), event.clone(), told));
        newest.push(hears);
    }
    let mut deaf = never_reads(&daemon.url, "/api/sse/events/E1/seats").await;
    let block = BlockSeats { seats: every_second(10, 200) };
    let (mut longest, mut sent) = (Duration::ZERO, 0);
    let began = Instant::now();
    // About 8 KB a change; the deaf reader's buffers hold a few dozen.
    while began.elapsed() < Duration::from_secs(6) {
        let changed = Instant::now();
        match sent % 2 {
            0 => daemon.organiser.block(&event, &block).await.unwrap(),
            _ => daemon.organiser.unblock(&event, &block).await.unwrap(),
        };
        sent += 1;
        let seq = daemon.client().availability(&event).await.unwrap().seq;
        for hears in &mut newest {
            let heard = tokio::time::timeout(PATIENCE, hears.wait_for(|newest| *newest >= seq)).await;
            heard.expect("everybody else is told").unwrap();
        }
        longest = longest.max(changed.elapsed());
    }
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert!(followers.try_join_next().is_none(), "a stream of the others was lost");
    // What was sent before the cut is still there; then the connection ends, long before all that was told.
    let mut told = 0;
    let mut bytes = vec![0; 65_536];
    let end = tokio::time::timeout(PATIENCE, async {
        while let Ok(count @ 1..) = deaf.read(&mut bytes).await {
            told += count;
        }
    });
    end.await.expect("the connection was cut off");
    assert!(told < sent * 4_000, "{told} bytes of {sent} changes");
}

/// E4 for sessions: who does not read is coalesced, and others in the same line are told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn e4_a_session_that_never_reads_is_coalesced_and_others_in_line_are_told() {
    let daemon = Daemon::start().await;
    let closed = EventPatch { capacity: Some(0), ..EventPatch::default() };
    let event = daemon.event("E1", 1, 1, closed).await;
    let mut ahead = Vec::new();
    for _ in 0..40 {
        ahead.push(daemon.join(&event).await);
    }
    let path = |session| format!("/api/sse/waiting-room/sessions/{session}");
    let (_, first) = daemon.join(&event).await;
    let mut deaf = never_reads(&daemon.url, &path(first.session_id)).await;
    let mut good = Vec::new();
    for _ in 0..20 {
        let (_, session) = daemon.join(&event).await;
        let mut stream = never_reads(&daemon.url, &path(session.session_id)).await;
        read_until(&mut stream, "waiting-room-position").await;
        good.push(stream);
    }
    for (buyer, session) in ahead {
        buyer.leave(session.session_id).await.unwrap();
    }
    for (place, stream) in good.iter_mut().enumerate() {
        read_until(stream, &format!("id: WAITING.{}\n", place + 2)).await;
    }
    let text = read_until(&mut deaf, "id: WAITING.1\n").await;
    assert!(text.matches("event: waiting-room-position").count() < 40, "{text}");
}

/// What an open stream costs, and one whose reader never reads: the target is 24 KiB.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_stream_costs_at_most_24_kibibytes_of_memory() {
    const STREAMS: u32 = 2_000;
    let child = Child::start(&[]).await;
    // What the first ones need is not what each needs.
    let warm = open_streams(&child, 200).await;
    let before = child.resident_kib();
    let streams = open_streams(&child, STREAMS as usize).await;
    let grown = u32::try_from(child.resident_kib() - before).unwrap();
    let each = f64::from(grown) / f64::from(STREAMS);
    println!("{each:.1} KiB a stream");
    assert!(each <= 24.0, "{each} KiB");
    drop((warm, streams));
}

/// One client may not take all the streams there are: of 1,000 attempts 50 succeed, the rest are told when to come
/// back, and who stops makes room.
#[tokio::test(flavor = "multi_thread")]
async fn streams_of_one_client_are_bounded() {
    let mut config = limited();
    config.overload.address_streams = 50;
    let daemon = Daemon::start_with(config).await;
    let off = EventPatch { waiting_room: Some(WaitingRoomMode::Off), ..EventPatch::default() };
    daemon.event("E1", 1, 4, off).await;
    let mut open = Vec::new();
    for _ in 0..1_000 {
        let answer = Ask::new("GET /api/sse/events/E1/seats").send(&daemon.url).await;
        if answer.is_stream() {
            open.push(answer);
        } else {
            assert_eq!(answer.said(), (429, "too-many-streams".to_owned()));
        }
    }
    assert_eq!(open.len(), 50);
    assert_eq!(Ask::new("GET /api/events").send(&daemon.url).await.status, 200);
    open.pop();
    eventually("room for one more", async || {
        Ask::new("GET /api/sse/events/E1/seats").send(&daemon.url).await.is_stream()
    })
    .await;
}

/// All told, however many clients they are of.
#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_all_told() {
    let mut config = quick();
    config.overload.max_seat_streams = 2;
    let daemon = Daemon::start_with(config).await;
    daemon.open_event("E1", 1, 4).await;
    let ask = async || Ask::new("GET /api/sse/events/E1/seats").send(&daemon.url).await;
    let open = [ask().await, ask().await];
    assert!(open.iter().all(crate::wire::Answer::is_stream));
    assert_eq!(ask().await.said(), (503, "busy".to_owned()));
}
