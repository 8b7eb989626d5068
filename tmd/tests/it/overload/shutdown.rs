//! The end of a daemon in the middle of its work (L1).
#![allow(clippy::disallowed_methods, reason = "how long the end takes is told by the clock on the wall")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tmapi::event::EventPatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::child::Child;
use super::read_until;
use crate::harness::{PATIENCE, client, event_id};
use crate::wire::{Ask, connect};

const STREAMS: usize = 5_000;

/// A stream that has told its first event.
async fn listen(url: String, path: String) -> TcpStream {
    let head = format!("GET {path} HTTP/1.1\r\nhost: it\r\n\r\n");
    let mut stream = connect(&url, head.as_bytes()).await;
    read_until(&mut stream, "\ndata: ").await;
    stream
}

/// Half of them of seats, half of sessions in line, three each.
pub async fn open_streams(child: &Child, count: usize) -> Vec<TcpStream> {
    let event = event_id("E1");
    let closed = EventPatch { capacity: Some(0), ..EventPatch::default() };
    child.organiser().patch_event(&event, &closed).await.unwrap();
    let buyers = client(&child.url, None);
    let sessions: Vec<_> = futures::stream::iter(0..(count / 2).div_ceil(3))
        .map(|_| buyers.join(&event))
        .buffered(16)
        .map(|joined| format!("/api/sse/waiting-room/sessions/{}", joined.unwrap().session.session_id))
        .collect()
        .await;
    let paths = (0..count).map(|n| match n % 2 {
        0 => sessions[n / 2 / 3].clone(),
        _ => "/api/sse/events/E1/seats".to_owned(),
    });
    let url = &child.url;
    futures::stream::iter(paths).map(|path| listen(url.clone(), path)).buffered(64).collect().await
}

/// The milliseconds of `retry:`, after everything until the connection's end was read.
async fn goodbye(mut stream: TcpStream) -> u32 {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    let (_, pause) = rest.rsplit_once("retry: ").unwrap_or_else(|| panic!("no goodbye: {rest}"));
    pause.split_once("\n\n").unwrap().0.parse().unwrap()
}

/// `/readyz` is 503 at once, 5,000 streams say goodbye and close within 5 s, what is in flight ends, and the process
/// ends with 0.
#[tokio::test(flavor = "multi_thread")]
async fn l1_five_thousand_streams_say_goodbye_and_what_is_in_flight_ends() {
    let mut child = Child::start(&[]).await;
    let streams = open_streams(&child, STREAMS).await;
    assert_eq!(streams.len(), STREAMS);
    let body = r#"{"eventId":"E1"}"#;
    let head = format!(
        "POST /api/waiting-room/sessions HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut in_flight = connect(&child.url, head.as_bytes()).await;
    in_flight.write_all(&body.as_bytes()[..5]).await.unwrap();
    // The head has to be read before the end begins: one that is still on its way may be hung up on.
    assert_eq!(Ask::new("GET /readyz").send(&child.url).await.status, 200);

    let began = Instant::now();
    child.signal("-TERM");
    let not_ready = async {
        while Ask::new("GET /readyz").send(&child.url).await.status != 503 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        began.elapsed()
    };
    let goodbyes = async {
        let pauses: BTreeSet<_> =
            futures::stream::iter(streams).map(goodbye).buffered(STREAMS).collect().await;
        (pauses, began.elapsed())
    };
    let (not_ready, (pauses, closed)) = tokio::join!(not_ready, goodbyes);
    // The probe waits for its turn among all the goodbyes, on a machine that may have other work.
    assert!(not_ready < Duration::from_secs(5), "{not_ready:?}");
    assert!(closed < Duration::from_secs(5), "{closed:?}");
    assert!(pauses.len() > 1_000 && pauses.iter().all(|pause| (500..3_500).contains(pause)), "spread");
    in_flight.write_all(&body.as_bytes()[5..]).await.unwrap();
    read_until(&mut in_flight, "HTTP/1.1 201 Created").await;
    assert_eq!(child.ended(Duration::from_secs(20)).await.code(), Some(0));
}

/// A request that never ends would keep it for 20 s; a second signal does not wait.
#[tokio::test(flavor = "multi_thread")]
async fn l1_a_second_signal_ends_the_process_at_once() {
    let mut child = Child::start(&[]).await;
    let head = "POST /api/waiting-room/sessions HTTP/1.1\r\nhost: it\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let _endless = connect(&child.url, head.as_bytes()).await;
    assert_eq!(Ask::new("GET /readyz").send(&child.url).await.status, 200);
    child.signal("-TERM");
    tokio::time::timeout(PATIENCE, async {
        while Ask::new("GET /readyz").send(&child.url).await.status != 503 {}
    })
    .await
    .unwrap();
    let began = Instant::now();
    child.signal("-TERM");
    assert_eq!(child.ended(PATIENCE).await.code(), Some(143));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
