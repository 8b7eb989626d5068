//! Streams: a snapshot first, nothing missed, and an end that is told.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use futures::StreamExt;
use http::{HeaderMap, Method, Request};
use tmapi::ProblemCode;
use tmapi::client::live::{self, Follow, LiveEvent, LiveState, SeatsEvent};
use tmapi::client::{SeatEvent, SeatState, SeatStates, StreamItem};
use tmapi::event::SeatTotals;
use tmapi::event::{BlockSeats, EventPatch};
use tmapi::session::SessionStatus;
use tmcore::EventId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::harness::{Daemon, Dice, PATIENCE, confirm, event_id, eventually, key, plan, quick, seats};
use crate::till::Purchase;

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

/// E3: seats' streams say goodbye too, and both kinds of connection end.
#[tokio::test(flavor = "multi_thread")]
async fn e3_after_the_goodbye_the_connection_ends() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 4, closed()).await;
    let (_, session) = daemon.join(&event).await;
    let paths =
        [format!("/api/sse/waiting-room/sessions/{}", session.session_id), "/api/sse/events/E1/seats".into()];
    let mut open = Vec::new();
    for path in &paths {
        let mut stream = listen(&daemon, path, "").await;
        read_until(&mut stream, "}\n\n").await;
        open.push(stream);
    }
    let _daemon = daemon.restart(quick()).await;
    for mut stream in open {
        let mut rest = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut rest)).await.expect("closed").unwrap();
        let pause = rest.split_once("retry: ").unwrap().1.split_once("\n\n").unwrap().0;
        assert!((500..3_500).contains(&pause.parse::<u32>().unwrap()), "{rest}");
    }
}

fn counted(states: &SeatStates) -> SeatTotals {
    let mut totals = SeatTotals::default();
    for state in states.as_slice() {
        *match state {
            SeatState::Available => &mut totals.available,
            SeatState::Reserved => &mut totals.reserved,
            SeatState::Sold => &mut totals.sold,
            SeatState::Blocked => &mut totals.blocked,
        } += 1;
    }
    totals
}

/// What somebody who follows the seats' stream knows, and how many snapshots they were given.
#[derive(Clone, Default)]
struct Followed {
    states: Option<SeatStates>,
    snapshots: u32,
}

/// Follows the seats' stream as a client does; every counter that comes with a change has to fit.
async fn follow(client: tmapi::client::Client, event: EventId, seen: watch::Sender<Followed>) {
    let mut feed = client.seat_stream(&event);
    while let Some(Ok(item)) = feed.next().await {
        let StreamItem::Event(item) = item else { continue };
        seen.send_modify(|seen| match item {
            SeatEvent::Snapshot(view) => {
                let states = SeatStates::unpack(&view).unwrap();
                assert_eq!(counted(&states), view.totals);
                (seen.states, seen.snapshots) = (Some(states), seen.snapshots + 1);
            }
            SeatEvent::Delta(delta) => {
                let states = seen.states.as_mut().unwrap();
                states.apply(&delta).unwrap();
                assert_eq!(counted(states), delta.totals);
            }
        });
    }
}

/// E1: who follows the seats knows the truth again after the office has moved to another address.
#[tokio::test(flavor = "multi_thread")]
async fn e1_who_follows_the_seats_goes_on_at_the_next_address() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 2, 10).await;
    let mut live = live::follow(&daemon.client(), Follow::Seats(event.clone()));
    let mut states = None;
    let sold = async |daemon: &Daemon, seat: &str| {
        let buyer = Purchase::begin(&daemon.client(), &event).await;
        buyer.confirm(&[seat], "tok_ok").await.unwrap();
        buyer.finalize().await.unwrap();
    };
    let mut hear = async |live: &mut live::LiveStream, until: u32| {
        while states.as_ref().is_none_or(|states| counted(states).sold != until) {
            match tokio::time::timeout(PATIENCE, live.next()).await.unwrap().unwrap() {
                LiveEvent::Seats(SeatsEvent::Snapshot { states: all, .. }) => states = Some(all),
                LiveEvent::Seats(SeatsEvent::Delta(delta)) => {
                    states.as_mut().unwrap().apply(&delta).unwrap();
                }
                LiveEvent::State(LiveState::Ended(end)) => panic!("{end:?}"),
                LiveEvent::State(_) | LiveEvent::Session(_) => {}
            }
        }
        states.clone().unwrap()
    };
    sold(&daemon, "A-1").await;
    hear(&mut live, 1).await;
    let daemon = daemon.restart(quick()).await;
    sold(&daemon, "B-2").await;
    let mut live = live.resume(&daemon.client());
    sold(&daemon, "B-3").await;
    let seen = hear(&mut live, 3).await;
    let look = daemon.client().availability(&event).await.unwrap();
    assert_eq!(seen.as_slice(), SeatStates::unpack(&look).unwrap().as_slice());
}

/// E1, W8: who follows a place in line is told of its end, and then that it is over.
#[tokio::test(flavor = "multi_thread")]
async fn e1_e3_who_follows_a_place_in_line_is_told_of_its_end() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 4, closed()).await;
    let (buyer, session) = daemon.join(&event).await;
    let mut live = live::follow(&buyer, Follow::Session(session.session_id));
    let mut told = Vec::new();
    while let Some(event) = tokio::time::timeout(PATIENCE, live.next()).await.unwrap() {
        if let LiveEvent::Session(event) = &event
            && event.session.status == SessionStatus::Waiting
        {
            buyer.leave(session.session_id).await.unwrap();
        }
        told.push(match event {
            LiveEvent::Session(event) => format!("{:?}", event.session.status),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(told, ["State(Live)", "Waiting", "Left", "State(Ended(Over))"]);
    // Of what is over already nothing more is told.
    let mut again = live::follow(&buyer, Follow::Session(session.session_id));
    let over = LiveEvent::State(LiveState::Ended(live::LiveEnd::Over));
    assert_eq!((again.next().await, again.next().await), (Some(over), None));
}

async fn buy_at_random(client: tmapi::client::Client, event: EventId, mut dice: Dice) {
    for _ in 0..6 {
        let buyer = Purchase::begin(&client, &event).await;
        let row = ["A", "B", "C"][dice.below(3)];
        let first = dice.below(9) + 1;
        let wanted = [format!("{row}-{first}"), format!("{row}-{}", first + 1)];
        let wanted: Vec<_> = wanted.iter().take(dice.below(2) + 1).map(String::as_str).collect();
        if buyer.confirm(&wanted, "tok_ok").await.is_err() {
            continue;
        }
        match dice.below(3) {
            0 => drop(buyer.finalize().await.unwrap()),
            1 => drop(buyer.cancel().await.unwrap()),
            _ => {}
        }
    }
}

/// E1, C2: whatever is bought, given back and kept back, who follows the stream knows what a look-up shows.
#[tokio::test(flavor = "multi_thread")]
async fn e1_deltas_of_a_busy_sale_lead_to_what_a_look_up_shows() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 3, 10).await;
    let (seen, followed) = watch::channel(Followed::default());
    let mut followers = JoinSet::new();
    followers.spawn(follow(daemon.client(), event.clone(), seen));
    let mut sales = JoinSet::new();
    for n in 0..6 {
        sales.spawn(buy_at_random(daemon.client(), event.clone(), Dice::new(n)));
    }
    let mut dice = Dice::new(99);
    while !sales.is_empty() {
        let seat = format!("{}-{}", ["A", "B", "C"][dice.below(3)], dice.below(10) + 1);
        let block = BlockSeats { seats: seats(&[&seat]) };
        // A seat that is held stays as it is.
        let _ = daemon.organiser.block(&event, &block).await;
        if dice.below(2) == 0 {
            daemon.organiser.unblock(&event, &block).await.unwrap();
        }
        while let Some(done) = sales.try_join_next() {
            done.unwrap();
        }
    }
    eventually("both agree", async || {
        let look = daemon.client().availability(&event).await.unwrap();
        let look = SeatStates::unpack(&look).unwrap();
        let seen = followed.borrow().clone();
        assert!(seen.snapshots < 2 && followers.try_join_next().is_none(), "the stream was lost");
        seen.states.is_some_and(|states| states.as_slice() == look.as_slice())
    })
    .await;
    assert!(daemon.count("SELECT MAX(seq) FROM seat_clocks").await > 20, "little happened");
}

/// E1: a plan that is imported anew comes as a new snapshot, and what follows builds on it.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_new_plan_is_a_new_snapshot() {
    use SeatState::{Available, Blocked};
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    daemon.import(&event, plan(1, 4), EventPatch::default()).await.unwrap();
    let block = |id| BlockSeats { seats: seats(&[id]) };
    for id in ["A-1", "A-2", "A-3"] {
        daemon.organiser.block(&event, &block(id)).await.unwrap();
    }
    let (seen, followed) = watch::channel(Followed::default());
    let mut followers = JoinSet::new();
    followers.spawn(follow(daemon.client(), event.clone(), seen));
    let shows = async |wanted: &[SeatState]| {
        eventually("the stream shows it", async || {
            followed.borrow().states.as_ref().is_some_and(|states| states.as_slice() == wanted)
        })
        .await;
    };
    shows(&[Blocked, Blocked, Blocked, Available]).await;
    daemon.import(&event, plan(2, 3), EventPatch::default()).await.unwrap();
    shows(&[Available; 6]).await;
    daemon.organiser.block(&event, &block("B-3")).await.unwrap();
    shows(&[Available, Available, Available, Available, Available, Blocked]).await;
    daemon.import(&event, plan(2, 3), EventPatch::default()).await.unwrap();
    shows(&[Available; 6]).await;
}

/// A stream that is read as slowly as a test likes: no socket buffers anything on the way.
struct Unhurried(axum::body::BodyDataStream);

impl Unhurried {
    async fn open(router: &Router, path: &str) -> Self {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        Self(answer.into_body().into_data_stream())
    }

    async fn next(&mut self) -> String {
        let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something is told");
        String::from_utf8(frame.unwrap().unwrap().to_vec()).unwrap()
    }
}

/// E4: who does not read for a while is given the newest state, not all that was missed; others miss nothing.
#[tokio::test(flavor = "multi_thread")]
async fn e4_a_slow_reader_of_seats_skips_to_the_newest_state_and_others_do_not_notice() {
    const CHANGES: usize = 200;
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 4).await;
    let router = tmd::http::router(Arc::clone(&daemon.office), [0; 32]).unwrap();
    let path = "/api/sse/events/E1/seats";
    let (mut slow, mut quick) = (Unhurried::open(&router, path).await, Unhurried::open(&router, path).await);
    let first = slow.next().await;
    assert_eq!(quick.next().await, first);
    assert!(first.starts_with("event: seat-snapshot\n"), "{first}");
    let mut newest = String::new();
    for n in 0..CHANGES {
        let one = seats(&["A-1"]);
        daemon.office.block_seats(&event, &one, n % 2 == 0).await.unwrap();
        newest = quick.next().await;
        assert!(newest.starts_with("event: seat-delta\n"), "others miss nothing: {newest}");
    }
    let id = |frame: &str| frame.lines().find(|line| line.starts_with("id: ")).unwrap().to_owned();
    let next = slow.next().await;
    assert!(next.starts_with("event: seat-snapshot\n"), "{next}");
    assert_eq!(id(&next), id(&newest), "the newest state");
    daemon.office.block_seats(&event, &seats(&["A-2"]), true).await.unwrap();
    let (after, for_others) = (slow.next().await, quick.next().await);
    assert_eq!(after, for_others, "from then on both are told the same");
    assert!(after.starts_with("event: seat-delta\n"), "{after}");
}

/// E4: the same for places in line, however many there were in between.
#[tokio::test(flavor = "multi_thread")]
async fn e4_a_slow_reader_of_a_place_skips_to_the_newest_and_others_do_not_notice() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, closed()).await;
    let router = tmd::http::router(Arc::clone(&daemon.office), [0; 32]).unwrap();
    let mut ahead = Vec::new();
    for _ in 0..20 {
        ahead.push(daemon.join(&event).await);
    }
    let mut streams = Vec::new();
    for place in [21, 22] {
        let (_, session) = daemon.join(&event).await;
        let path = format!("/api/sse/waiting-room/sessions/{}", session.session_id);
        let mut stream = Unhurried::open(&router, &path).await;
        let first = stream.next().await;
        assert!(first.contains(&format!("id: WAITING.{place}\n")), "{first}");
        streams.push(stream);
    }
    let (mut slow, mut quick) = (streams.remove(0), streams.remove(0));
    for (n, (buyer, session)) in ahead.into_iter().enumerate() {
        buyer.leave(session.session_id).await.unwrap();
        if n % 10 == 9 {
            while !quick.next().await.contains(&format!("id: WAITING.{}\n", 21 - n)) {}
        }
    }
    let next = slow.next().await;
    assert!(next.contains("id: WAITING.1\n"), "{next}");
}
