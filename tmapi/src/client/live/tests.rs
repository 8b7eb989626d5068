//! Following a small server that plays tricks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;

use super::super::tests::{client, problem, serve, session, stream_of};
use super::*;

const SEATS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);

fn impatient() -> Patience {
    Patience {
        stale_after: Duration::from_millis(200),
        read_timeout: Duration::from_millis(400),
        first_delay: Duration::from_millis(5),
        shortest_delay: Duration::from_millis(1),
    }
}

/// Waits long, so that a test on a busy machine sees no silence where there is none.
fn patient() -> Patience {
    Patience { stale_after: PATIENCE, read_timeout: PATIENCE, ..impatient() }
}

fn place() -> Follow {
    Follow::Session("wrs_01h455vb4pex5vsknk084sn02q".parse().unwrap())
}

fn seats() -> Follow {
    Follow::Seats("E1".parse().unwrap())
}

fn live(address: SocketAddr, what: Follow) -> LiveStream {
    follow_after(&client(address), what, patient(), None)
}

async fn hear(live: &mut LiveStream) -> Option<LiveEvent> {
    tokio::time::timeout(PATIENCE, live.next()).await.expect("something to hear")
}

/// What is told, in short.
async fn told(live: &mut LiveStream, most: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < most
        && let Some(event) = hear(live).await
    {
        all.push(match event {
            LiveEvent::Session(event) => {
                format!("{:?} {}", event.session.status, event.id.unwrap_or_default())
            }
            LiveEvent::Seats(SeatsEvent::Snapshot { view, .. }) => format!("all {}", view.seq),
            LiveEvent::Seats(SeatsEvent::Delta(delta)) => format!("to {}", delta.seq),
            LiveEvent::State(LiveState::Reconnecting { .. }) => "cut".to_owned(),
            LiveEvent::State(LiveState::Ended(LiveEnd::Refused { status, .. })) => {
                format!("refused {status}")
            }
            LiveEvent::State(LiveState::Ended(LiveEnd::Unusable(_))) => "unusable".to_owned(),
            LiveEvent::State(state) => format!("{state:?}"),
        });
    }
    all
}

fn line(id: &str, name: &str, data: &str) -> String {
    format!("event: {name}\nid: {id}\ndata: {data}\n\n")
}

fn view(seq: u64, states: [u8; SEATS]) -> String {
    let packed: Vec<u8> =
        states.chunks(4).map(|four| four.iter().rev().fold(0, |byte, bits| (byte << 2) | bits)).collect();
    let none = json!({"available": 0, "reserved": 0, "sold": 0, "blocked": 0});
    json!({"eventId": "E1", "seq": seq, "asOf": "2026-11-21T10:00:00Z", "seatCount": SEATS, "totals": none,
        "status": base64::prelude::BASE64_STANDARD.encode(packed), "sections": []})
    .to_string()
}

fn snapshot(seq: u64) -> String {
    line(&seq.to_string(), "seat-snapshot", &view(seq, [0; SEATS]))
}

fn delta(from: u64, seq: u64, changes: &[[u32; 3]]) -> String {
    let none = json!({"available": 0, "reserved": 0, "sold": 0, "blocked": 0});
    let data = json!({"eventId": "E1", "from": from, "seq": seq, "asOf": "2026-11-21T10:00:00Z", "changes": changes,
        "totals": none, "sections": []});
    line(&seq.to_string(), "seat-delta", &data.to_string())
}

/// An event stream that says something and stays open.
fn open(text: impl Into<String>) -> Response {
    let text = Ok::<_, std::io::Error>(Bytes::from(text.into()));
    let stream = futures::stream::once(async { text }).chain(futures::stream::pending());
    stream_of(Body::from_stream(stream))
}

fn last_event_id(request: &Request) -> Option<String> {
    Some(request.headers().get("last-event-id")?.to_str().ok()?.to_owned())
}

fn is_stream(request: &Request) -> bool {
    request.uri().path().starts_with("/api/sse/")
}

#[tokio::test]
async fn e1_a_gap_is_closed_by_fetching_the_seats_anew() {
    let fetches = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&fetches);
    let (address, _) = serve(move |_, request| {
        if is_stream(&request) {
            let text = [snapshot(5), delta(5, 6, &[[0, 1, 1]]), delta(8, 9, &[[1, 1, 1]]), delta(9, 10, &[])];
            return open(text.concat());
        }
        assert_eq!(request.uri().path(), "/api/events/E1/availability");
        // The first answer is one that somebody kept for a while.
        let seq = 7 + u64::from(counter.fetch_add(1, Ordering::SeqCst));
        view(seq, [0; SEATS]).into_response()
    })
    .await;
    let all = told(&mut live(address, seats()), 6).await;
    assert_eq!(all, ["Live", "all 5", "to 6", "all 8", "to 9", "to 10"]);
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn e1_what_is_known_is_not_told_again_and_a_change_without_a_version_is() {
    let (address, _) = serve(|_, request| {
        assert!(is_stream(&request), "nothing is missing");
        open([snapshot(5), delta(3, 4, &[]), delta(5, 5, &[[0, 1, 1]]), delta(4, 7, &[])].concat())
    })
    .await;
    assert_eq!(told(&mut live(address, seats()), 4).await, ["Live", "all 5", "to 5", "to 7"]);
}

#[tokio::test]
async fn e1_a_gap_that_cannot_be_closed_begins_the_stream_anew() {
    let (address, _) = serve(|_, request| {
        if is_stream(&request) {
            assert_eq!(last_event_id(&request), None, "a snapshot is wanted");
            return open([snapshot(5), delta(8, 9, &[])].concat());
        }
        (StatusCode::BAD_REQUEST, "?").into_response()
    })
    .await;
    let all = told(&mut live(address, seats()), 6).await;
    assert_eq!(all, ["Live", "all 5", "cut", "Live", "all 5", "cut"]);
}

#[tokio::test]
async fn a_change_of_seats_that_do_not_exist_begins_the_stream_anew() {
    for change in [[8, 1, 0], [0, 9, 0], [u32::MAX, u32::MAX, 0], [0, 1, 4]] {
        let (address, _) = serve(move |n, _| {
            let text = if n == 0 { delta(5, 6, &[change]) } else { delta(5, 7, &[[0, 8, 3]]) };
            open([snapshot(5), text].concat())
        })
        .await;
        let all = told(&mut live(address, seats()), 6).await;
        assert_eq!(all, ["Live", "all 5", "cut", "Live", "all 5", "to 7"]);
    }
}

/// Whatever is lost on the way: who takes in all that is told has the truth in the end.
#[tokio::test]
async fn e1_whoever_takes_in_everything_has_the_truth() {
    const STEPS: u64 = 40;
    let truth = |seq: u64| {
        let mut states = [0; SEATS];
        for step in 1..=seq {
            states[usize::try_from(step * 5).unwrap() % SEATS] = u8::try_from(step % 4).unwrap();
        }
        states
    };
    for lost in 0..12_u64 {
        let fetches = Arc::new(AtomicU32::new(1));
        let (address, _) = serve(move |n, request| {
            if !is_stream(&request) {
                let seq = STEPS.min(u64::from(fetches.fetch_add(1, Ordering::SeqCst)) * 12);
                return view(seq, truth(seq)).into_response();
            }
            let mut text = snapshot(0);
            for step in 1..=STEPS {
                if lost == 0 || step == STEPS || (step * 7 + lost) % 5 > 1 {
                    let seat = u32::try_from(step * 5).unwrap() % 8;
                    text += &delta(step - 1, step, &[[seat, 1, u32::try_from(step % 4).unwrap()]]);
                }
                if n == 0 && step == lost * 3 {
                    // Cut in the middle of an event.
                    text += "event: seat-delta\nid: 99\ndata: {\"eventId\"";
                    return stream_of(text);
                }
            }
            open(text)
        })
        .await;
        let mut live = live(address, seats());
        let mut known: Option<SeatStates> = None;
        while known.as_ref().is_none_or(|known| known.seq() != STEPS) {
            match hear(&mut live).await.unwrap() {
                LiveEvent::Seats(SeatsEvent::Snapshot { states, .. }) => known = Some(states),
                LiveEvent::Seats(SeatsEvent::Delta(delta)) => known.as_mut().unwrap().apply(&delta).unwrap(),
                _ => {}
            }
        }
        let expected =
            SeatStates::unpack(&serde_json::from_str(&view(STEPS, truth(STEPS))).unwrap()).unwrap();
        assert_eq!(known, Some(expected), "{lost}");
    }
}

#[tokio::test]
async fn e1_a_place_is_kept_over_events_without_an_id_and_cuts_in_the_middle() {
    let (address, _) = serve(|n, request| {
        let position = session("WAITING");
        match n {
            0 => {
                let nameless = format!("event: waiting-room-position\ndata: {position}\n\n");
                let cut = format!("event: waiting-room-active\nid: 8\ndata: {}", &session("ACTIVE")[..20]);
                stream_of([line("7", "waiting-room-position", &position), nameless, cut].concat())
            }
            1 => {
                assert_eq!(last_event_id(&request).as_deref(), Some("7"));
                stream_of("")
            }
            _ => {
                assert_eq!(last_event_id(&request).as_deref(), Some("7"));
                stream_of(line("9", "waiting-room-done", &session("DONE")))
            }
        }
    })
    .await;
    let mut live = live(address, place());
    let all = told(&mut live, 99).await;
    let ended = "Ended(Over)";
    assert_eq!(all, ["Live", "Waiting 7", "Waiting 7", "cut", "Live", "cut", "Live", "Done 9", ended]);
    assert_eq!((live.cursor().as_deref(), live.next().await), (Some("9"), None));
}

#[tokio::test]
async fn e1_another_address_goes_on_where_the_first_one_was() {
    let (first, _) = serve(|_, _| open(line("7", "waiting-room-position", &session("WAITING")))).await;
    let (second, _) = serve(|_, request| {
        assert_eq!(last_event_id(&request).as_deref(), Some("7"));
        assert_eq!(request.headers()["authorization"], "Bearer second");
        open(line("8", "waiting-room-active", &session("ACTIVE")))
    })
    .await;
    let mut live = live(first, place());
    assert_eq!(told(&mut live, 2).await, ["Live", "Waiting 7"]);
    let mut live = live.resume(&client(second).with_token("second").unwrap());
    assert_eq!(told(&mut live, 2).await, ["Live", "Active 8"]);
    assert_eq!((live.cursor().as_deref(), live.what()), (Some("8"), &place()));
}

#[tokio::test]
async fn what_stands_ends_the_stream_and_says_why() {
    for status in [401, 403, 404, 410] {
        for what in [place(), seats()] {
            let (address, count) = serve(move |_, _| problem("not-found", status)).await;
            let mut live = live(address, what);
            let Some(LiveEvent::State(LiveState::Ended(end))) = hear(&mut live).await else {
                panic!("no end")
            };
            let code = Some(ProblemCode::NotFound);
            assert_eq!(end, LiveEnd::Refused { status, code, detail: "no".to_owned() });
            assert_eq!((hear(&mut live).await, count.load(Ordering::SeqCst)), (None, 1));
        }
    }
    let (address, _) = serve(|_, _| StatusCode::NO_CONTENT.into_response()).await;
    assert_eq!(told(&mut live(address, place()), 9).await, ["Ended(Over)"]);
    let (address, _) = serve(|_, _| ([("content-type", "text/html")], "<html>").into_response()).await;
    assert_eq!(told(&mut live(address, seats()), 9).await, ["unusable"]);
    let (address, _) = serve(|_, _| open(line("1", "seat-snapshot", "{}"))).await;
    assert_eq!(told(&mut live(address, seats()), 9).await, ["Live", "unusable"]);
    // The seats that would close a gap are gone with their event.
    let gone = |_, request: Request| {
        if !is_stream(&request) {
            return problem("not-found", 404);
        }
        open([snapshot(5), delta(8, 9, &[])].concat())
    };
    let (address, _) = serve(gone).await;
    assert_eq!(told(&mut live(address, seats()), 9).await, ["Live", "all 5", "refused 404"]);
}

#[tokio::test]
async fn e3_the_daemon_says_when_to_come_back_but_never_again_and_again_at_once() {
    let (address, _) =
        serve(|_, _| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "9")]).into_response()).await;
    let Some(LiveEvent::State(LiveState::Reconnecting { after, attempt, .. })) =
        hear(&mut live(address, place())).await
    else {
        panic!("expected a cut")
    };
    assert_eq!((after, attempt), (Duration::from_secs(9), 1));

    let (address, _) = serve(|_, _| {
        let text = line("7", "waiting-room-position", &session("WAITING"));
        stream_of(format!("{text}retry: 0\n\n"))
    })
    .await;
    let patience = Patience { shortest_delay: Duration::from_millis(20), ..patient() };
    let mut live = follow_after(&client(address), place(), patience, None);
    for _ in 0..3 {
        assert_eq!(told(&mut live, 2).await, ["Live", "Waiting 7"]);
        let Some(LiveEvent::State(LiveState::Reconnecting { after, .. })) = hear(&mut live).await else {
            panic!("expected a cut")
        };
        assert_eq!(after, Duration::from_millis(20));
    }
}

#[tokio::test]
async fn refusals_that_pass_are_met_with_growing_patience() {
    let (address, _) = serve(|_, _| problem("busy", 503)).await;
    let patience = Patience { first_delay: Duration::from_millis(1), ..patient() };
    let mut live = follow_after(&client(address), seats(), patience, None);
    let mut longest = Duration::ZERO;
    for expected in 1..=10 {
        let Some(LiveEvent::State(LiveState::Reconnecting { after, attempt, cause })) = hear(&mut live).await
        else {
            panic!("expected a cut")
        };
        assert_eq!((attempt, cause.as_str()), (expected, "no"));
        longest = longest.max(after);
    }
    // Full jitter below 2, 4, …, 512 ms: all stay under 5 ms once in 10^7 runs.
    assert!(longest > Duration::from_millis(5), "{longest:?}");
}

#[tokio::test]
async fn silence_is_stale_and_then_given_up() {
    let (address, _) = serve(|_, _| open(line("7", "waiting-room-position", &session("WAITING")))).await;
    let mut live = follow_after(&client(address), place(), impatient(), None);
    let all = told(&mut live, 4).await;
    assert_eq!(all[..2], ["Live", "Waiting 7"]);
    let stale = LiveState::Stale { silent_for: Duration::from_millis(200) };
    assert_eq!(all[2..], [format!("{stale:?}"), "cut".to_owned()]);
}

#[tokio::test]
async fn a_heartbeat_wakes_a_stale_stream() {
    let (beat, beats) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let beats = Arc::new(std::sync::Mutex::new(Some(beats)));
    let (address, _) = serve(move |_, _| {
        let beats = beats.lock().unwrap().take().unwrap();
        let beats = futures::stream::unfold(beats, |mut beats| async { Some((beats.recv().await?, beats)) });
        stream_of(Body::from_stream(beats))
    })
    .await;
    let patience = Patience { read_timeout: PATIENCE, ..impatient() };
    let mut live = follow_after(&client(address), place(), patience, None);
    for _ in 0..2 {
        assert_eq!(told(&mut live, 1).await, ["Live"]);
        assert!(matches!(hear(&mut live).await, Some(LiveEvent::State(LiveState::Stale { .. }))));
        beat.send(Ok(Bytes::from_static(b":\n\n"))).await.unwrap();
    }
}

#[tokio::test]
async fn who_gives_up_waiting_loses_nothing() {
    let (address, _) = serve(|_, request| {
        if is_stream(&request) {
            let deltas: String = (8..200).map(|seq| delta(seq, seq + 1, &[])).collect();
            return open(snapshot(5) + &deltas);
        }
        view(8, [0; SEATS]).into_response()
    })
    .await;
    let mut live = live(address, seats());
    let mut seqs = Vec::new();
    while seqs.last() != Some(&200) {
        match tokio::time::timeout(Duration::from_micros(50), live.next()).await {
            Ok(Some(LiveEvent::Seats(SeatsEvent::Snapshot { view, .. }))) => seqs.push(view.seq),
            Ok(Some(LiveEvent::Seats(SeatsEvent::Delta(delta)))) => seqs.push(delta.seq),
            Ok(Some(LiveEvent::State(LiveState::Live))) => {}
            Ok(other) => panic!("{other:?}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
    assert!(seqs.into_iter().eq([5].into_iter().chain(8..=200)));
}

/// Says when it is let go of.
struct Held(Option<tokio::sync::oneshot::Sender<()>>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[tokio::test]
async fn dropping_the_stream_closes_its_connection() {
    let (held, dropped) = tokio::sync::oneshot::channel();
    let held = Arc::new(std::sync::Mutex::new(Some(Held(Some(held)))));
    let (address, _) = serve(move |_, _| {
        let held = held.lock().unwrap().take();
        let first = Ok::<_, std::io::Error>(Bytes::from(snapshot(5)));
        let stream = futures::stream::iter([first]).chain(futures::stream::pending()).map(move |item| {
            let _ = &held;
            item
        });
        stream_of(Body::from_stream(stream))
    })
    .await;
    let mut live = live(address, seats());
    assert_eq!(told(&mut live, 2).await, ["Live", "all 5"]);
    drop(live);
    tokio::time::timeout(PATIENCE, dropped).await.expect("closed").unwrap();
}

#[tokio::test]
async fn an_event_without_an_end_is_cut_off() {
    let (address, _) = serve(|_, _| {
        let endless =
            futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 8_192])));
        stream_of(Body::from_stream(endless))
    })
    .await;
    let mut live = live(address, seats());
    assert_eq!(told(&mut live, 1).await, ["Live"]);
    let Some(LiveEvent::State(LiveState::Reconnecting { cause, .. })) = hear(&mut live).await else {
        panic!("expected a cut")
    };
    assert!(cause.contains("longer than"), "{cause}");
}
