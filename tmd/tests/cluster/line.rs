//! One line over several daemons, in real time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tmapi::event::EventPatch;
use tmcore::SessionId;
use tmd::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::harness::{Dice, check_invariants, eventually};
use crate::machine::put_on;
use crate::office::{Office, Way};

const CLIENTS: usize = 48;

/// When a join was sent and answered, by one clock.
struct Join {
    sent: Duration,
    answered: Duration,
    session: SessionId,
}

async fn join_at_random(office: &Office, event: &tmcore::EventId, joins: usize) -> Vec<Join> {
    let clock = Arc::new(SystemClock::new());
    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        let (guests, event, clock) = (office.guests(), event.clone(), Arc::clone(&clock));
        clients.spawn(async move {
            let (mut dice, mut done) = (Dice::new(n as u64), Vec::new());
            for _ in 0..joins.div_ceil(CLIENTS) {
                let guest = &guests[dice.below(guests.len())];
                let sent = clock.monotonic();
                let joined = guest.join(&event).await.unwrap();
                done.push(Join { sent, answered: clock.monotonic(), session: joined.session.session_id });
            }
            done
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

/// If a join was answered before another was sent, its place is smaller: each is compared with the largest place that was
/// answered before.
fn check_real_time(joins: &[Join], places: &BTreeMap<String, i64>) {
    let place = |join: &Join| places[&join.session.to_string()];
    let mut by_sent: Vec<_> = joins.iter().map(|join| (join.sent, place(join))).collect();
    let mut by_answer: Vec<_> = joins.iter().map(|join| (join.answered, place(join))).collect();
    by_sent.sort_unstable();
    by_answer.sort_unstable();
    let mut answered = by_answer.into_iter().peekable();
    let (mut largest, mut compared) = (-1, 0);
    for (sent, place) in by_sent {
        while let Some((_, before)) = answered.next_if(|(at, _)| *at < sent) {
            largest = largest.max(before);
            compared += 1;
        }
        assert!(place > largest, "W2: place {place} was given after {largest} was answered");
    }
    assert!(compared > joins.len() / 2, "they came all at once");
}

async fn joins_over_three_daemons(joins: usize) {
    let Some(office) = Office::open(3, Way::Direct).await else { return };
    let rules =
        EventPatch { capacity: Some(0), admissions_per_minute: Some(1_000_000), ..EventPatch::default() };
    let event = put_on(&office.organiser(), "E1", (1, 1), rules).await;
    let joins = join_at_random(&office, &event, joins).await;
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT session_id, place FROM sessions")
        .fetch_all(&mut office.database.look().await)
        .await
        .unwrap();
    let places: BTreeMap<_, _> = rows.into_iter().collect();
    assert_eq!(places.values().collect::<BTreeSet<_>>().len(), joins.len(), "no two places are the same");
    check_real_time(&joins, &places);
    // A step at a time, so that every daemon has a turn.
    let step = u32::try_from(joins.len().div_ceil(4)).unwrap();
    for steps in 1..=4 {
        let opened = EventPatch { capacity: Some(step * steps), ..EventPatch::default() };
        office.organiser().patch_event(&event, &opened).await.unwrap();
        let inside = "SELECT count(*) FROM sessions WHERE state = 'ACTIVE'";
        let wanted = joins.len().min((step * steps) as usize);
        eventually("there is nobody to let in", async || {
            usize::try_from(office.database.count(inside).await).unwrap() == wanted
        })
        .await;
    }
    let inversions =
        "SELECT count(*) FROM (SELECT s.place - lag(s.place) OVER (ORDER BY e.session_event_id) AS step
        FROM session_events e JOIN sessions s USING (session_id) WHERE e.to_state = 'ACTIVE') AS steps WHERE step <= 0";
    assert_eq!(office.database.count(inversions).await, 0, "W2: let in by place");
    check_invariants(&office.database.any().await).await;
}

/// W2: joins at random daemons. Whoever had an answer before another asked is let in no later.
#[tokio::test(flavor = "multi_thread")]
async fn w2_two_thousand_joins_over_three_daemons_keep_their_order() {
    joins_over_three_daemons(2_000).await;
}

/// The same with more.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute: ./test.sh --long"]
async fn w2_ten_thousand_joins_over_three_daemons_keep_their_order() {
    joins_over_three_daemons(10_000).await;
}
