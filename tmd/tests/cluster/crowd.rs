//! A crowd in a waiting room, at whichever daemon is up, and somebody who counts the rows all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use sqlx::Row as _;
use tmapi::client::{Client, ClientError, ClientOptions};
use tmapi::event::EventPatch;
use tmapi::order::CreateOrder;
use tmapi::session::SessionStatus;
use tmcore::{EventId, SessionId};
use tmd::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::database::Database;
use crate::harness::{Dice, check_invariants, key};
use crate::machine::put_on;
use crate::office::Office;
use crate::shopper::{is_left_open, refusal};

/// How long somebody may wait at a gate with room behind it (W5).
const GRANTED_WITHIN: Duration = Duration::from_secs(5);
/// Whoever does not hear from a daemon for so long asks another.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(50);

/// Who comes, and how long they stay.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    pub members: usize,
    pub capacity: u32,
    /// How long somebody stays inside, at most.
    pub stay_millis: usize,
}

/// Which daemons are asked, as a load balancer knows it.
#[derive(Clone)]
pub struct Up(Arc<Vec<AtomicBool>>);

impl Up {
    pub fn set(&self, daemon: usize, is_up: bool) {
        self.0[daemon].store(is_up, Ordering::Relaxed);
    }

    fn is(&self, daemon: usize) -> bool {
        self.0[daemon].load(Ordering::Relaxed)
    }
}

/// Somebody in the crowd, as a client of every daemon.
struct Member {
    at: Vec<Client>,
    up: Up,
    dice: Dice,
}

impl Member {
    fn new(office: &Office, token: String, up: &Up, seed: usize) -> Self {
        let options = ClientOptions {
            token: Some(token),
            max_retries: 0,
            timeout: PATIENCE,
            ..ClientOptions::default()
        };
        let at = office.daemons.iter().map(|node| Client::new(&node.program.url, options.clone()).unwrap());
        Self { at: at.collect(), up: up.clone(), dice: Dice::new(seed as u64) }
    }

    /// Asks some daemon that is up, and another when that one does not answer.
    async fn ask<T, F>(&mut self, call: impl Fn(Client) -> F) -> T
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        loop {
            let daemon = self.dice.below(self.at.len());
            if !self.up.is(daemon) {
                tokio::task::yield_now().await;
                continue;
            }
            match call(self.at[daemon].clone()).await {
                Ok(answer) => return answer,
                Err(ClientError::Transport(_) | ClientError::TimedOut) => {}
                Err(error) if is_left_open(&error) || error.status() == Some(429) => {}
                Err(error) => panic!("{:?}", refusal(&"a member of the crowd", &error)),
            }
            self.pause(300).await;
        }
    }

    async fn pause(&mut self, millis: usize) {
        let millis = millis / 2 + self.dice.below(millis);
        tokio::time::sleep(Duration::from_millis(millis as u64)).await;
    }

    async fn join(&mut self, event: &EventId) -> SessionId {
        let call = |at: Client| async move { at.join(event).await };
        self.ask(call).await.session.session_id
    }

    /// Waits, stays inside for a while, and leaves; one in four begins an order before and gives it up.
    async fn visit(mut self, event: EventId, session: SessionId, stay_millis: usize) {
        loop {
            let view = self.ask(|at| async move { at.session(session).await }).await;
            match view.status {
                SessionStatus::Waiting => self.pause(1_000).await,
                SessionStatus::Active => break,
                other => panic!("{session} is {other:?}"),
            }
        }
        self.pause(stay_millis).await;
        if self.dice.below(4) > 0 {
            return self.ask(|at| async move { at.leave(session).await }).await;
        }
        let (create, begin, cancel) = (CreateOrder { event_id: event, session_id: None }, key(), key());
        let (create, begin, cancel) = (&create, begin.as_str(), cancel.as_str());
        let begun = self.ask(|at| async move { at.create_order(create, begin).await }).await;
        self.ask(|at| async move { at.cancel(begun.order_id, cancel).await }).await;
    }
}

/// Counts the rows until everybody is through.
struct Count {
    database: String,
    capacity: i64,
    members: i64,
}

impl Count {
    /// Answers the longest that somebody waited with room inside.
    async fn watch(self) -> Duration {
        let clock = SystemClock::new();
        let pool = sqlx::PgPool::connect(&self.database).await.unwrap();
        let (mut admitted_before, mut since, mut longest) = (0, clock.monotonic(), Duration::ZERO);
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let sql = "SELECT count(*) FILTER (WHERE state IN ('ACTIVE', 'ORDERING')),
                count(*) FILTER (WHERE state = 'WAITING'),
                (SELECT count(*) FROM session_events WHERE to_state = 'ACTIVE') FROM sessions";
            let row = sqlx::query(sql).fetch_one(&pool).await.unwrap();
            let (inside, waiting, admitted): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            assert!(inside <= self.capacity, "W1: {inside} inside, {} fit", self.capacity);
            let now = clock.monotonic();
            if inside == self.capacity || waiting == 0 || admitted > admitted_before {
                since = now;
            }
            admitted_before = admitted;
            longest = longest.max(now.saturating_sub(since));
            assert!(longest <= GRANTED_WITHIN, "W5: {waiting} wait for {longest:?}, {inside} inside");
            if admitted == self.members && inside == 0 {
                return longest;
            }
        }
    }
}

/// Has a crowd let in while there is trouble, and checks that everybody came in once, in order, and never too many.
pub async fn let_in_during(office: &mut Office, crowd: Crowd, trouble: impl AsyncFnOnce(&mut Office, Up)) {
    let closed =
        EventPatch { capacity: Some(0), admissions_per_minute: Some(1_000_000), ..EventPatch::default() };
    let event = put_on(&office.organiser(), "E1", (1, 10), closed).await;
    let up = Up(Arc::new(office.daemons.iter().map(|_| AtomicBool::new(true)).collect()));
    let tokens = office.tokens(crowd.members);
    let members = tokens.into_iter().enumerate().map(|(n, token)| Member::new(office, token, &up, n));
    let mut members: Vec<_> = members.collect();
    let mut sessions = Vec::new();
    for some in members.chunks_mut(20) {
        sessions.extend(join_all(some.iter_mut().map(|member| member.join(&event))).await);
    }
    let opened = EventPatch { capacity: Some(crowd.capacity), ..EventPatch::default() };
    office.organiser().patch_event(&event, &opened).await.unwrap();
    let mut visiting = JoinSet::new();
    let count = Count {
        database: Database::url(office.database.port()),
        capacity: crowd.capacity.into(),
        members: i64::try_from(crowd.members).unwrap(),
    };
    let mut counting = JoinSet::new();
    counting.spawn(count.watch());
    for (member, session) in members.into_iter().zip(sessions) {
        visiting.spawn(member.visit(event.clone(), session, crowd.stay_millis));
    }
    trouble(office, up).await;
    let waiting = "SELECT count(*) FROM sessions WHERE state = 'WAITING'";
    let left = office.database.count(waiting).await;
    assert!(left > 0, "the trouble was over after everybody was in");
    visiting.join_all().await;
    let longest = counting.join_next().await.unwrap().unwrap();
    println!("{} let in, {left} of them after the trouble; never {longest:?} without a grant", crowd.members);
    check(&office.database, crowd).await;
}

async fn check(database: &Database, crowd: Crowd) {
    let members = i64::try_from(crowd.members).unwrap();
    let admissions = "SELECT count(*) FROM session_events WHERE to_state = 'ACTIVE'";
    assert_eq!(database.count(admissions).await, members, "W6: admissions");
    let admitted = "SELECT count(DISTINCT session_id) FROM session_events WHERE to_state = 'ACTIVE'";
    assert_eq!(database.count(admitted).await, members, "W6: somebody was let in twice");
    let inversions =
        "SELECT count(*) FROM (SELECT s.place - lag(s.place) OVER (ORDER BY e.session_event_id) AS step
        FROM session_events e JOIN sessions s USING (session_id) WHERE e.to_state = 'ACTIVE') AS steps WHERE step <= 0";
    assert_eq!(database.count(inversions).await, 0, "W2: overtaken");
    check_invariants(&database.any().await).await;
}
