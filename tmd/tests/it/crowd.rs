//! The waiting room with a crowd in it.
#![allow(clippy::disallowed_methods, reason = "the order of answers is told by the clock on the wall")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tmapi::event::EventPatch;
use tmapi::session::SessionStatus;
use tokio::task::JoinSet;

use crate::harness::{Daemon, eventually, quick, until};

const CLIENTS: usize = 64;
const JOINS: usize = 10_000;

/// W2, W4: everyone has a place, no two the same, in the order of the answers; then all are let in as there is room.
#[tokio::test(flavor = "multi_thread")]
async fn w2_ten_thousand_joins_from_64_clients_keep_their_order() {
    let daemon = Daemon::start().await;
    let closed =
        EventPatch { capacity: Some(0), admissions_per_minute: Some(1_000_000), ..EventPatch::default() };
    let event = daemon.event("E1", 1, 1, closed).await;
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, event) = (daemon.client(), event.clone());
        clients.spawn(async move {
            let mut joins = Vec::new();
            for _ in 0..JOINS.div_ceil(CLIENTS) {
                let sent = began.elapsed();
                let joined = client.join(&event).await.unwrap();
                joins.push((sent, began.elapsed(), joined.session.session_id.to_string()));
            }
            joins
        });
    }
    let joins: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT session_id, place FROM sessions").fetch_all(&daemon.db).await.unwrap();
    let places: std::collections::HashMap<_, _> = rows.into_iter().collect();
    assert_eq!(places.values().collect::<BTreeSet<_>>().len(), joins.len(), "no two places are the same");

    // If a join was answered before another was sent, its place is smaller: compare with the largest place answered so far.
    let mut by_sent: Vec<_> = joins.iter().map(|(sent, _, id)| (*sent, places[id])).collect();
    let mut by_answer: Vec<_> = joins.iter().map(|(_, answered, id)| (*answered, places[id])).collect();
    by_sent.sort_unstable();
    by_answer.sort_unstable();
    let (mut answered, mut largest) = (0, -1);
    for (sent, place) in by_sent {
        while answered < by_answer.len() && by_answer[answered].0 < sent {
            largest = largest.max(by_answer[answered].1);
            answered += 1;
        }
        assert!(place > largest, "place {place} was given after {largest} was answered");
    }

    let opened = EventPatch { capacity: Some(20_000), ..EventPatch::default() };
    daemon.organiser.patch_event(&event, &opened).await.unwrap();
    eventually("all are let in", async || {
        daemon.count("SELECT COUNT(*) FROM sessions WHERE state = 'WAITING'").await == 0
    })
    .await;
    let inversions =
        "SELECT COUNT(*) FROM (SELECT s.place - LAG(s.place) OVER (ORDER BY e.session_event_id) AS step
        FROM session_events e JOIN sessions s USING (session_id) WHERE e.to_state = 'ACTIVE') AS steps WHERE step < 0";
    assert_eq!(daemon.count(inversions).await, 0, "let in by place");
    daemon.check_invariants().await;
}

/// W9: nine of ten vanish; their places lapse, and who stayed is let in at the set rate, not held up by ghosts.
#[tokio::test(flavor = "multi_thread")]
async fn w9_ghosts_do_not_hold_up_those_who_stay() {
    let daemon = Daemon::start_with(quick()).await;
    let paused = EventPatch {
        capacity: Some(0),
        admissions_per_minute: Some(600),
        lapse_seconds: Some(3),
        ..EventPatch::default()
    };
    let event = daemon.event("E1", 1, 1, paused).await;
    let mut streams = JoinSet::new();
    for n in 0..200 {
        let (buyer, session) = daemon.join(&event).await;
        if n % 10 == 9 {
            streams.spawn(async move { until(&buyer, session.session_id, SessionStatus::Active).await });
        }
    }
    eventually("the places of those who vanished lapse", async || {
        daemon.count("SELECT COUNT(*) FROM sessions WHERE state = 'ABANDONED'").await == 180
    })
    .await;
    assert_eq!(daemon.count("SELECT COUNT(*) FROM sessions WHERE state = 'WAITING'").await, 20);
    daemon
        .organiser
        .patch_event(&event, &EventPatch { capacity: Some(100), ..EventPatch::default() })
        .await
        .unwrap();
    let began = Instant::now();
    assert_eq!(streams.join_all().await.len(), 20);
    // Ten a second: the first second's credit at once, the other half within one more, and slack for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    daemon.check_invariants().await;
}
