//! Load: so many connections, each asking again as soon as it was answered, and what came of it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::Bench;
use super::daemon::{Daemon, Process};
use super::profile::Profile;
use super::wire::Connection;

/// What connections ask.
pub struct Script {
    /// The requests, taken in order whichever connection is free.
    pub requests: Vec<Vec<u8>>,
    /// From the first again after the last until this much time has passed; else each once.
    pub repeat: Option<Duration>,
    /// Whether the bodies of the answers are wanted.
    pub keep: bool,
}

impl Script {
    /// Each request once.
    pub const fn once(requests: Vec<Vec<u8>>) -> Self {
        Self { requests, repeat: None, keep: false }
    }

    /// The requests again and again for a while.
    pub const fn repeat(requests: Vec<Vec<u8>>, time: Duration) -> Self {
        Self { requests, repeat: Some(time), keep: false }
    }

    /// With the bodies of the answers.
    pub fn kept(self) -> Self {
        Self { keep: true, ..self }
    }
}

/// What came of a load.
pub struct Outcome {
    /// Microseconds, of answers of any status.
    pub latency: Histogram<u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Bodies by request, if they were wanted.
    pub bodies: Vec<(usize, Vec<u8>)>,
    /// From the first request to the last answer.
    pub took: Duration,
}

/// A histogram of microseconds from 1 to a minute, to three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("good bounds")
}

impl Outcome {
    fn new() -> Self {
        Self { latency: histogram(), statuses: BTreeMap::new(), bodies: Vec::new(), took: Duration::ZERO }
    }

    /// Notes one answer.
    pub fn note(&mut self, status: u16, took: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        self.latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Adds another's answers.
    pub fn add(&mut self, other: Self) {
        self.latency.add(&other.latency).expect("the same bounds");
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.bodies.extend(other.bodies);
    }

    /// Answers with a status, a second.
    pub fn rate(&self, status: u16) -> f64 {
        let count = self.statuses.get(&status).copied().unwrap_or(0);
        count as f64 / self.took.as_secs_f64()
    }

    /// How many were answered otherwise.
    pub fn others(&self, status: u16) -> u64 {
        self.statuses.iter().filter(|(other, _)| **other != status).map(|(_, count)| count).sum()
    }

    /// A quantile of the latency, milliseconds.
    pub fn millis(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

/// Plays a script over so many connections.
pub async fn play(server: SocketAddr, connections: usize, script: Script) -> io::Result<Outcome> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(server).await?);
    }
    let (script, next) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for connection in open {
        tasks.spawn(ask_on(connection, Arc::clone(&script), Arc::clone(&next), began));
    }
    let mut outcome = Outcome::new();
    while let Some(part) = tasks.join_next().await {
        outcome.add(part.map_err(io::Error::other)??);
    }
    outcome.took = began.elapsed();
    Ok(outcome)
}

async fn ask_on(
    mut connection: Connection,
    script: Arc<Script>,
    next: Arc<AtomicUsize>,
    began: Instant,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::new();
    let mut asked = Instant::now();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let request = match script.repeat {
            Some(time) if asked.duration_since(began) >= time => return Ok(outcome),
            Some(_) => &script.requests[index % script.requests.len()],
            None => match script.requests.get(index) {
                Some(request) => request,
                None => return Ok(outcome),
            },
        };
        let answer = connection.ask(request).await?;
        if script.keep {
            outcome.bodies.push((index, answer.body.to_vec()));
        }
        let status = answer.status;
        let answered = Instant::now();
        outcome.note(status, answered.duration_since(asked));
        asked = answered;
    }
}

impl Bench {
    /// Plays a script against a daemon, sampled under a name if profiles are wanted.
    pub async fn play(
        &self,
        daemon: &Daemon,
        connections: usize,
        script: (Script, &str),
    ) -> anyhow::Result<Outcome> {
        self.play_at(daemon.process(), connections, script).await
    }

    /// The same against any child.
    pub async fn play_at(
        &self,
        server: &Process,
        connections: usize,
        (script, name): (Script, &str),
    ) -> anyhow::Result<Outcome> {
        let profile = self.profile.then(|| Profile::start(server.id(), name)).transpose()?;
        let outcome = play(server.address, connections, script).await?;
        profile.map_or(Ok(()), Profile::end)?;
        Ok(outcome)
    }
}

/// Every connection repeats a walk of several requests until the time is over. A walk answers its status.
pub async fn walk<W, F>(
    server: SocketAddr,
    connections: usize,
    time: Duration,
    walk: W,
) -> io::Result<Outcome>
where
    W: Fn(Connection) -> F + Clone + Send + 'static,
    F: Future<Output = io::Result<(Connection, u16)>> + Send,
{
    let total = Arc::new(Mutex::new(Outcome::new()));
    let mut tasks = JoinSet::new();
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(server).await?);
    }
    let began = Instant::now();
    for mut connection in open {
        let (walk, total) = (walk.clone(), Arc::clone(&total));
        tasks.spawn(async move {
            let mut outcome = Outcome::new();
            while began.elapsed() < time {
                let asked = Instant::now();
                let (back, status) = walk(connection).await?;
                connection = back;
                outcome.note(status, asked.elapsed());
            }
            total.lock().expect("no panic before").add(outcome);
            Ok::<_, io::Error>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    let mut outcome = std::mem::replace(&mut *total.lock().expect("no panic before"), Outcome::new());
    outcome.took = began.elapsed();
    Ok(outcome)
}
