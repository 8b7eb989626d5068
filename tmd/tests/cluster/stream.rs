//! A stream whose daemon is killed, and goes on at another.

use std::sync::{Arc, Mutex};

use tmapi::client::{Client, SeatStates};
use tmapi::event::{BlockSeats, EventPatch};
use tmapi::session::{SessionStatus, SessionView};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{eventually, seats};
use crate::machine::put_on;
use crate::office::{Office, Way};

/// One event of a stream, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    event: String,
    id: String,
    data: String,
}

/// What a stream told until its daemon was gone.
struct Listener {
    frames: Arc<Mutex<Vec<Frame>>>,
    reading: JoinSet<()>,
}

impl Listener {
    /// Listens at a daemon, and says what was heard last.
    async fn at(url: &str, path: &str, last: Option<&Frame>) -> Self {
        let mut connection = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
        let resume = last.map_or_else(String::new, |frame| format!("last-event-id: {}\r\n", frame.id));
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: cluster\r\naccept: text/event-stream\r\n{resume}\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let (frames, mut reading) = (Arc::default(), JoinSet::new());
        reading.spawn(read(connection, Arc::clone(&frames)));
        Self { frames, reading }
    }

    fn heard(&self) -> Vec<Frame> {
        self.frames.lock().unwrap().clone()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&[Frame]) -> bool) {
        eventually(what, async || is_so(&self.heard())).await;
    }

    /// What was told when the connection broke.
    async fn broken(self) -> Vec<Frame> {
        self.reading.join_all().await;
        Arc::into_inner(self.frames).unwrap().into_inner().unwrap()
    }
}

/// Reads frames until the connection breaks. Each comes as a chunk of its own, whose length reads as an unknown field.
async fn read(connection: TcpStream, frames: Arc<Mutex<Vec<Frame>>>) {
    let mut lines = BufReader::new(connection).lines();
    let empty = Frame { event: String::new(), id: String::new(), data: String::new() };
    let mut frame = empty.clone();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.split_once(": ") {
            Some(("event", text)) => text.clone_into(&mut frame.event),
            Some(("id", text)) => text.clone_into(&mut frame.id),
            Some(("data", text)) => text.clone_into(&mut frame.data),
            _ if line.is_empty() && !frame.data.is_empty() => {
                frames.lock().unwrap().push(std::mem::replace(&mut frame, empty.clone()));
            }
            _ => {}
        }
    }
}

fn view(frame: &Frame) -> SessionView {
    serde_json::from_str(&frame.data).unwrap()
}

/// What a client is told by both streams: an event whose id it has is none.
fn told(before: &[Frame], after: &[Frame]) -> Vec<SessionView> {
    let mut all: Vec<_> = before.iter().chain(after).collect();
    all.dedup_by_key(|frame| &frame.id);
    all.into_iter().map(view).collect()
}

/// A buyer in line: the session's path, and a client at each daemon.
struct Waiting {
    at: Vec<Client>,
    path: String,
    session: tmcore::SessionId,
}

async fn line_up(office: &Office, event: &tmcore::EventId, count: usize) -> Vec<Waiting> {
    let guests = office.guests();
    let mut line = Vec::new();
    for token in office.tokens(count) {
        let at: Vec<_> = guests.iter().map(|guest| guest.with_token(&token).unwrap()).collect();
        let session = at[line.len() % at.len()].join(event).await.unwrap().session.session_id;
        line.push(Waiting { at, path: format!("/api/sse/waiting-room/sessions/{session}"), session });
    }
    line
}

/// E1, W7: the daemon of a stream is killed before, after or while its reader is let in. At the next daemon the stream goes
/// on: places never grow, and being let in is told once.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_session_stream_goes_on_at_another_daemon() {
    let Some(mut office) = Office::open(2, Way::Direct).await else { return };
    let narrow =
        EventPatch { capacity: Some(1), admissions_per_minute: Some(1_000_000), ..EventPatch::default() };
    let event = put_on(&office.organiser(), "E1", (1, 10), narrow).await;
    let line = line_up(&office, &event, 12).await;
    let url = |office: &Office, daemon: usize| office.daemons[daemon].program.url.clone();
    let leave = async |from: usize, to: usize| {
        for buyer in &line[from..to] {
            // Whoever is inside makes room, whoever waits makes the line shorter.
            buyer.at[1].leave(buyer.session).await.unwrap();
        }
    };
    let mut listeners = Vec::new();
    for buyer in &line[2..] {
        listeners.push(Listener::at(&url(&office, 0), &buyer.path, None).await);
    }
    for listener in &listeners {
        listener.until("the first event", |frames| !frames.is_empty()).await;
    }
    leave(0, 2).await;
    listeners[0]
        .until("the third is inside", |frames| view(frames.last().unwrap()).status == SessionStatus::Active)
        .await;
    listeners[9].until("the last moved on", |frames| view(frames.last().unwrap()).position == Some(9)).await;
    office.daemons[0].kill();
    leave(2, 5).await;
    let mut resumed = Vec::new();
    for (listener, buyer) in listeners.into_iter().zip(&line[2..]) {
        let before = listener.broken().await;
        let again = Listener::at(&url(&office, 1), &buyer.path, before.last()).await;
        resumed.push((before, again));
    }
    for ((_, again), buyer) in resumed.iter().zip(&line[2..]).skip(3) {
        again.until("the stream begins with how it stands", |frames| !frames.is_empty()).await;
        assert_eq!(view(&again.heard()[0]).session_id, buyer.session);
    }
    for n in 5..line.len() {
        let (_, again) = &resumed[n - 2];
        again
            .until("it is let in", |frames| view(frames.last().unwrap()).status == SessionStatus::Active)
            .await;
        leave(n, n + 1).await;
        again.until("it is gone", |frames| view(frames.last().unwrap()).status.is_terminal()).await;
    }
    // Who was let in before the daemon died, and had gone when the reader came back, has nothing to listen to.
    for (n, (before, again)) in resumed.iter().enumerate() {
        let views = told(before, &again.heard());
        let places: Vec<_> = views.iter().filter_map(|view| view.position).collect();
        assert!(places.is_sorted_by(|one, next| one >= next), "W7: buyer {n}: {places:?}");
        let active = views.iter().filter(|view| view.status == SessionStatus::Active).count();
        let expected = usize::from(n == 0 || n >= 3);
        assert_eq!(active, expected, "E1: buyer {n} was told {active} times to come in: {views:?}");
    }
    office.daemons[0].restart().await;
}

/// What a reader of seats knows, after every frame of every stream.
fn follow(states: &mut Option<SeatStates>, frames: &[Frame]) {
    for (n, frame) in frames.iter().enumerate() {
        if frame.event == "seat-snapshot" {
            *states = Some(SeatStates::unpack(&serde_json::from_str(&frame.data).unwrap()).unwrap());
        } else {
            assert!(n > 0, "E1: a stream begins with a snapshot: {frame:?}");
            let delta = serde_json::from_str(&frame.data).unwrap();
            states.as_mut().unwrap().apply(&delta).expect("E1: a delta builds on what was told before");
        }
    }
}

/// E1: a stream of seats at a daemon that is killed goes on at another, without a gap, and ends at what a look shows.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_seat_stream_goes_on_at_another_daemon() {
    const PATH: &str = "/api/sse/events/E1/seats";
    let Some(mut office) = Office::open(2, Way::Direct).await else { return };
    let event = put_on(&office.organiser(), "E1", (4, 25), crate::machine::open()).await;
    let second = office.guests().remove(1);
    let token = std::fs::read_to_string(office.token_file()).unwrap();
    let organiser = second.with_token(token.trim()).unwrap();
    let block = async |row: char| {
        for n in 1..=25 {
            let block = BlockSeats { seats: seats(&[&format!("{row}-{n}")]) };
            organiser.block(&event, &block).await.unwrap();
        }
    };
    let listener = Listener::at(&office.daemons[0].program.url, PATH, None).await;
    listener.until("a snapshot", |frames| !frames.is_empty()).await;
    block('A').await;
    listener.until("deltas", |frames| frames.len() > 1).await;
    let killing = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        office.daemons[0].kill();
    };
    tokio::join!(block('B'), killing);
    let before = listener.broken().await;
    let mut states = None;
    follow(&mut states, &before);
    block('C').await;
    let again = Listener::at(&office.daemons[1].program.url, PATH, before.last()).await;
    block('D').await;
    eventually("the stream shows what a look shows", async || {
        let look = SeatStates::unpack(&second.availability(&event).await.unwrap()).unwrap();
        let mut followed = states.clone();
        follow(&mut followed, &again.heard());
        followed.is_some_and(|followed| followed.as_slice() == look.as_slice())
            && look.as_slice().iter().all(|seat| *seat == tmapi::client::SeatState::Blocked)
    })
    .await;
}
