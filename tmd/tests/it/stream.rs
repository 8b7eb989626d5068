//! Streams: a snapshot first, nothing missed, and an end that is told.

use futures::StreamExt;
use http::{HeaderMap, Method};
use tmapi::ProblemCode;
use tmapi::client::{SeatEvent, SeatStates, StreamItem};
use tmapi::event::{BlockSeats, EventPatch};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Daemon, PATIENCE, confirm, eventually, key, quick, seats};

/// A stream as it goes over the wire.
async fn listen(daemon: &Daemon, path: &str, header: &str) -> TcpStream {
    let address = daemon.url.strip_prefix("http://").unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

/// Reads until the text is there.
async fn read_until(socket: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, async {
        let mut bytes = [0; 4096];
        while !text.contains(wanted) {
            let n = socket.read(&mut bytes).await.unwrap();
            assert!(n > 0, "closed before {wanted:?}: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    });
    read.await.unwrap_or_else(|_| panic!("never came: {wanted:?}"));
    text
}

fn closed() -> EventPatch {
    EventPatch { capacity: Some(0), ..EventPatch::default() }
}

/// E1: the first event is a snapshot, also for a reader that comes back; every event has an id and data.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_stream_begins_with_a_snapshot_also_for_who_comes_back() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 4, closed()).await;
    let (_, session) = daemon.join(&event).await;
    for header in ["", "last-event-id: WAITING.1\r\n"] {
        let path = format!("/api/sse/waiting-room/sessions/{}", session.session_id);
        let text = read_until(&mut listen(&daemon, &path, header).await, "\n\n").await;
        assert!(text.contains("event: waiting-room-position\nid: WAITING.1\ndata: {"), "{text}");
        let text = read_until(&mut listen(&daemon, "/api/sse/events/E1/seats", header).await, "\n\n").await;
        assert!(text.contains("event: seat-snapshot\nid: ") && text.contains("\ndata: {"), "{text}");
    }
}

/// E2: a comment keeps the line open, and nobody may store the stream.
#[tokio::test(flavor = "multi_thread")]
async fn e2_a_silent_stream_is_kept_open_by_comments() {
    let mut config = quick();
    config.waiting_room.sse_heartbeat_seconds = 1;
    let daemon = Daemon::start_with(config).await;
    let event = daemon.event("E1", 1, 4, closed()).await;
    let (_, session) = daemon.join(&event).await;
    for path in
        [format!("/api/sse/waiting-room/sessions/{}", session.session_id), "/api/sse/events/E1/seats".into()]
    {
        let text = read_until(&mut listen(&daemon, &path, "").await, "\n:\n\n").await;
        assert!(text.contains("cache-control: no-store"), "{text}");
    }
}

/// E3: an ended session has nothing to tell; a daemon that ends says when to come back.
#[tokio::test(flavor = "multi_thread")]
async fn e3_an_ended_session_is_204_and_a_daemon_that_ends_says_goodbye() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 4, closed()).await;
    let (buyer, gone) = daemon.join(&event).await;
    let (_, session) = daemon.join(&event).await;
    let path = |session: tmcore::SessionId| format!("/api/sse/waiting-room/sessions/{session}");
    let mut told = listen(&daemon, &path(gone.session_id), "").await;
    read_until(&mut told, "waiting-room-position").await;
    buyer.leave(gone.session_id).await.unwrap();
    read_until(&mut told, "event: waiting-room-left").await;
    let (status, ..) = buyer.raw(Method::GET, &path(gone.session_id), HeaderMap::new(), "").await.unwrap();
    assert_eq!(status.as_u16(), 204);
    let mut open = listen(&daemon, &path(session.session_id), "").await;
    read_until(&mut open, "waiting-room-position").await;
    let _daemon = daemon.restart(quick()).await;
    read_until(&mut open, "retry: ").await;
}

/// E4: a reader that does not read hears the newest state, not all that it missed, and others do not notice.
#[tokio::test(flavor = "multi_thread")]
async fn e4_a_slow_reader_skips_to_the_newest_state() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, closed()).await;
    let mut ahead = Vec::new();
    for _ in 0..30 {
        ahead.push(daemon.join(&event).await);
    }
    let (_, session) = daemon.join(&event).await;
    let path = format!("/api/sse/waiting-room/sessions/{}", session.session_id);
    let mut slow = listen(&daemon, &path, "").await;
    read_until(&mut slow, "id: WAITING.31\n").await;
    for (buyer, session) in ahead {
        buyer.leave(session.session_id).await.unwrap();
    }
    let text = read_until(&mut slow, "id: WAITING.1\n").await;
    assert!(text.matches("event: waiting-room-position").count() < 15, "{text}");
}

/// E5: three streams a session, no more; one that ends makes room.
#[tokio::test(flavor = "multi_thread")]
async fn e5_a_session_has_at_most_three_streams() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 4, closed()).await;
    let (buyer, session) = daemon.join(&event).await;
    let path = format!("/api/sse/waiting-room/sessions/{}", session.session_id);
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = listen(&daemon, &path, "").await;
        read_until(&mut stream, "waiting-room-position").await;
        open.push(stream);
    }
    let (status, headers, body) = buyer.raw(Method::GET, &path, HeaderMap::new(), "").await.unwrap();
    let problem: tmapi::Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.as_u16(), problem.code), (429, ProblemCode::TooManyStreams));
    assert!(headers.contains_key("retry-after"));
    open.pop();
    eventually("a fourth fits once a third has ended", async || {
        let mut stream = listen(&daemon, &path, "").await;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        head == *b"HTTP/1.1 200"
    })
    .await;
}

/// E1, S4, C2: whoever applies the deltas sees what a look-up sees, also when a hold ends without anybody sweeping.
#[tokio::test(flavor = "multi_thread")]
async fn e1_deltas_lead_to_what_a_look_up_shows_also_past_a_hold() {
    let mut config = quick();
    config.checkout.sweep_interval_milliseconds = 0;
    let daemon = Daemon::start_with(config).await;
    let patch = EventPatch {
        hold_ttl_seconds: Some(1),
        waiting_room: Some(tmapi::event::WaitingRoomMode::Off),
        ..EventPatch::default()
    };
    let event = daemon.event("E1", 2, 10, patch).await;
    let mut feed = daemon.client().seat_stream(&event);
    let mut states = None;
    let mut hear = async |patience| {
        while let Ok(item) = tokio::time::timeout(patience, feed.next()).await {
            match item.unwrap().unwrap() {
                StreamItem::Event(SeatEvent::Snapshot(view)) => {
                    states = Some(SeatStates::unpack(&view).unwrap());
                }
                StreamItem::Event(SeatEvent::Delta(delta)) => states.as_mut().unwrap().apply(&delta).unwrap(),
                StreamItem::State(_) => {}
            }
        }
        states.clone()
    };
    let pause = std::time::Duration::from_millis(300);
    assert!(hear(pause).await.is_some(), "a snapshot");
    let (buyer, order) = daemon.order(&event).await;
    confirm(&buyer, order, &["A-1", "A-2", "B-5"], "tok_ok").await.unwrap();
    let block = BlockSeats { seats: seats(&["B-9"]) };
    daemon.organiser.block(&event, &block).await.unwrap();
    let (payer, paid) = daemon.order(&event).await;
    confirm(&payer, paid, &["A-7"], "tok_ok").await.unwrap();
    payer.finalize(paid, &key()).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, async {
        loop {
            let seen = hear(pause).await.unwrap();
            let look = daemon.client().availability(&event).await.unwrap();
            let totals = look.totals;
            let agree = seen.as_slice() == SeatStates::unpack(&look).unwrap().as_slice();
            if agree && (totals.available, totals.sold, totals.blocked) == (18, 1, 1) {
                return;
            }
        }
    });
    end.await.expect("the hold ends and both agree");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM seat_inventory WHERE status = 1").await, 3, "nobody swept");
}

/// Answers only what the reader takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_no_event_stream_is_406() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 4, closed()).await;
    let (_, session) = daemon.join(&event).await;
    for path in
        [format!("/api/sse/waiting-room/sessions/{}", session.session_id), "/api/sse/events/E1/seats".into()]
    {
        let text = read_until(&mut listen(&daemon, &path, "accept: application/json\r\n").await, "}").await;
        assert!(text.starts_with("HTTP/1.1 406"), "{text}");
    }
}
