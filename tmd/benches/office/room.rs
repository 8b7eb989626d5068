//! The waiting room: places taken by fresh guests, and what streams cost.

use std::time::Duration;

use tmapi::event::EventPatch;

use super::daemon::Daemon;
use super::house::open;
use super::load::{Script, play};
use super::report::Target::{AtLeast, AtMost, Ratio};
use super::report::median;
use super::wire::request;
use super::{Bench, line};

const CLIENTS: usize = 64;

/// A place in line.
#[derive(Clone)]
pub struct Taken {
    session: String,
    token: String,
}

impl Taken {
    /// `GET /api/waiting-room/sessions/{id}`.
    pub fn poll(&self) -> Vec<u8> {
        self.ask("GET", "/api/waiting-room/sessions")
    }

    /// `DELETE /api/waiting-room/sessions/{id}`.
    pub fn leave(&self) -> Vec<u8> {
        self.ask("DELETE", "/api/waiting-room/sessions")
    }

    /// `GET /api/sse/waiting-room/sessions/{id}`.
    pub fn stream(&self) -> Vec<u8> {
        self.ask("GET", "/api/sse/waiting-room/sessions")
    }

    fn ask(&self, method: &str, path: &str) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.token);
        request(method, &format!("{path}/{}", self.session), &[("authorization", &bearer)], "")
    }
}

/// `POST /api/waiting-room/sessions` of a new guest.
pub fn join(event: &str) -> Vec<u8> {
    request("POST", "/api/waiting-room/sessions", &[], &format!("{{\"eventId\":\"{event}\"}}"))
}

/// Reads the answer to [`join`].
pub fn taken(body: &[u8]) -> anyhow::Result<Taken> {
    let body: serde_json::Value = serde_json::from_slice(body)?;
    let text = |name: &str| body[name].as_str().map(str::to_owned).ok_or_else(|| anyhow::anyhow!("{body}"));
    Ok(Taken { session: text("sessionId")?, token: text("accessToken")? })
}

/// Has so many guests join.
pub async fn join_some(daemon: &Daemon, event: &str, guests: usize) -> anyhow::Result<Vec<Taken>> {
    let script = Script::once((0..guests).map(|_| join(event)).collect()).kept();
    let joined = play(daemon.address(), CLIENTS, script).await?;
    anyhow::ensure!(joined.others(201) == 0, "joins were answered {:?}", joined.statuses);
    joined.bodies.iter().map(|(_, body)| taken(body)).collect()
}

/// Fresh guests at 64 clients.
pub async fn joins(bench: &mut Bench) -> anyhow::Result<()> {
    let guests: u32 = if bench.quick { 5_000 } else { 20_000 };
    let folder = Bench::folder()?;
    let daemon = bench.daemon(&folder.path().join("office"), &[]).await?;
    open(&daemon, "ROOM", 1_000, EventPatch::default()).await?;
    let (mut rates, mut p99s, mut spent) = (Vec::new(), Vec::new(), Duration::ZERO);
    for round in 0..=bench.rounds {
        let bare = bench.bare_joins(guests as usize).await?;
        let before = daemon.process().processor_seconds()?;
        let script = Script::once((0..guests).map(|_| join("ROOM")).collect());
        let joined = bench.play(&daemon, CLIENTS, (script, "join")).await?;
        anyhow::ensure!(joined.others(201) == 0, "joins were answered {:?}", joined.statuses);
        if round > 0 {
            rates.push((bare, joined.rate(201)));
            p99s.push(joined.millis(0.99));
            spent =
                Duration::from_secs_f64((daemon.process().processor_seconds()? - before) / f64::from(guests));
        }
    }
    let label = "join, fresh guests, 64 clients";
    let row = if bench.services.is_some() {
        bench.report.rounds(label, "joins/s", &rates, Ratio(0.5))
    } else {
        bench.report.figure(label, "joins/s", median(rates.iter().map(|(_, rate)| *rate)), AtLeast(5_000.0))
    };
    row.note(format!("the daemon's processor time {} us each", spent.as_micros()));
    bench.report.figure("join, fresh guests, 64 clients, p99", "ms", median(p99s.into_iter()), AtMost(100.0));
    daemon.stop()
}

impl Bench {
    /// Places written down without an office, a second; there is such a ceiling in the full profile only.
    async fn bare_joins(&self, guests: usize) -> anyhow::Result<f64> {
        match &self.services {
            Some(services) => {
                services.create("bare").await?;
                line::measure(&services.database("bare")?, &services.redis, guests).await
            }
            None => Ok(f64::NAN),
        }
    }
}
