//! `tmctl doctor`: whether everything is in order, and what to do where it is not.

use std::io::IsTerminal as _;
use std::time::Duration;

use futures::StreamExt as _;
use serde::Serialize;
use tmapi::client::{ClientError, HeaderMap, Method, SeatEvent, StatusCode, StreamItem};
use tmapi::ticket::CheckTicket;
use tmcore::{EventId, Timestamp};

use super::Outcome;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::organiser::{Organiser, Source};
use crate::output::{Block, Look, Rows, Show};
use crate::pending::Entry;

/// A clock that differs by more shows deadlines that mislead, milliseconds. `Date` has whole seconds.
const SKEW_MILLIS: i64 = 3000;
/// How long the first event of a stream may take.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);
/// tmtui needs this many columns and rows, and is at ease with the others.
const LEAST: (u16, u16) = (60, 18);
const ENOUGH: (u16, u16) = (80, 24);

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl doctor
  tmctl doctor -o json
  tmctl --url http://10.0.0.7:8080 doctor || echo not in order")]
pub struct Args {
    #[command(flatten)]
    organiser: Organiser,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    check: &'static str,
    grade: Grade,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn new(check: &'static str, grade: Grade, found: impl Into<String>) -> Self {
        Self { check, grade, found: found.into(), advice: None }
    }

    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Grade::Ok, found)
    }

    fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    fn of_failure(check: &'static str, grade: Grade, failure: Failure) -> Self {
        Self { check, grade, found: failure.message, advice: failure.hint }
    }
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let mut findings = vec![config(desk), unfinished(desk)];
    let mut reached = true;
    match connection(desk).await {
        Ok((connected, headers)) => {
            findings.push(connected);
            findings.push(ready(desk).await);
            findings.push(clock(desk, &headers));
            findings.push(stream(desk).await);
            findings.push(organiser(desk, &args.organiser).await);
        }
        Err(finding) => {
            reached = false;
            findings.push(finding);
        }
    }
    findings.extend([terminal(desk), size(), text(desk)]);
    let failed = |check: &str| {
        findings
            .iter()
            .any(|finding| finding.grade == Grade::Fail && (check.is_empty() || finding.check == check))
    };
    let exit = match () {
        () if !reached || failed("ready") => Exit::Unavailable,
        () if failed("") => Exit::Error,
        () => Exit::Ok,
    };
    desk.out.show(&Findings(findings))?;
    desk.out.next(match exit {
        Exit::Unavailable => "demo --own",
        _ => "events",
    });
    Ok(exit)
}

fn config(desk: &Desk) -> Finding {
    let profile = &desk.profile;
    let home = profile.home.path("").display().to_string();
    // What cannot be kept is lost between commands: tokens, and the keys of what was cut off.
    let kept = profile.update(|_| ()).map_err(Failure::from).and_then(|()| Ok(profile.state()?));
    match kept {
        Ok(_) => {
            Finding::ok("config", format!("context {}, {}, kept in {home}", profile.context, profile.url))
        }
        Err(failure) => Finding::of_failure("config", Grade::Fail, failure),
    }
}

fn unfinished(desk: &Desk) -> Finding {
    match Entry::cut_off(&desk.profile.home) {
        Ok(cut_off) if cut_off.is_empty() => Finding::ok("unfinished", "nothing was cut off"),
        Ok(cut_off) => {
            Finding::new("unfinished", Grade::Warn, format!("{} requests were cut off", cut_off.len()))
                .advice(format!("`{}` finishes them", desk.out.command("resume")))
        }
        Err(error) => Finding::of_failure("unfinished", Grade::Fail, error.into()),
    }
}

async fn get(desk: &Desk, path: &str) -> Result<(StatusCode, HeaderMap, String), ClientError> {
    let answer = desk.anonymous().raw(Method::GET, path, HeaderMap::new(), "").await;
    answer.map(|(status, headers, body)| (status, headers, String::from_utf8_lossy(&body).into_owned()))
}

async fn connection(desk: &Desk) -> Result<(Finding, HeaderMap), Finding> {
    let began = desk.host.now();
    match get(desk, "/livez").await {
        Ok((StatusCode::OK, headers, _)) => {
            let millis = desk.host.now().millis_since(began);
            Ok((Finding::ok("connection", format!("{} answers in {millis} ms", desk.profile.url)), headers))
        }
        Ok((status, ..)) => {
            let found = format!("{} answers {status}", desk.profile.url);
            Err(Finding::new("connection", Grade::Fail, found).advice(
                "something else than a ticket office listens there: --url or TM_URL names another address",
            ))
        }
        Err(error) => Err(Finding::of_failure("connection", Grade::Fail, error.into())),
    }
}

async fn ready(desk: &Desk) -> Finding {
    match get(desk, "/readyz?verbose").await {
        Ok((StatusCode::OK, _, body)) => {
            let parts: Vec<_> = body.lines().filter_map(|line| line.strip_prefix("[+] ")).collect();
            Finding::ok("ready", parts.join(", "))
        }
        Ok((status, _, body)) => {
            let parts: Vec<_> = body.lines().filter_map(|line| line.strip_prefix("[-] ")).collect();
            let parts = if parts.is_empty() { status.to_string() } else { parts.join(", ") };
            Finding::new("ready", Grade::Fail, format!("not ready: {parts}"))
                .advice("the daemon's log says why; it may be starting or stopping: try again")
        }
        Err(error) => Finding::of_failure("ready", Grade::Fail, error.into()),
    }
}

fn clock(desk: &Desk, headers: &HeaderMap) -> Finding {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(date) = date else {
        return Finding::new("clock", Grade::Warn, "the server does not say what time it is");
    };
    judged_clock(desk.host.now(), date.timestamp().as_millisecond())
}

fn judged_clock(here: Timestamp, there_millis: i64) -> Finding {
    let skew = here.as_millis() - there_millis;
    let (seconds, which) = (skew.unsigned_abs() / 1000, if skew > 0 { "ahead" } else { "behind" });
    if skew.abs() <= SKEW_MILLIS {
        return Finding::ok("clock", "this host and the server agree");
    }
    Finding::new("clock", Grade::Warn, format!("this host's clock is {seconds} s {which}"))
        .advice("deadlines and countdowns shown here are off by as much: synchronise the clock (NTP)")
}

async fn an_event_with_seats(desk: &Desk) -> Result<Option<EventId>, ClientError> {
    let page = desk.anonymous().events(None, Some(100)).await?;
    Ok(page.items.into_iter().find(|event| event.seats.all() > 0).map(|event| event.event_id))
}

/// A stream that opens but delivers nothing has a proxy in its way that collects before it passes on.
async fn stream(desk: &Desk) -> Finding {
    let event = match an_event_with_seats(desk).await {
        Ok(Some(event)) => event,
        Ok(None) => {
            return Finding::new("stream", Grade::Warn, "no event has seats: there is nothing to listen to")
                .advice("`tmd --demo` puts some on");
        }
        Err(error) => return Finding::of_failure("stream", Grade::Fail, error.into()),
    };
    let began = desk.host.now();
    let mut feed = desk.anonymous().seat_stream(&event);
    let first = async {
        loop {
            match feed.next().await {
                Some(Ok(StreamItem::Event(SeatEvent::Snapshot(_) | SeatEvent::Delta(_)))) => return Ok(()),
                Some(Ok(StreamItem::State(_))) => {}
                Some(Err(error)) => return Err(Failure::from(error)),
                None => return Err(Failure::new(Exit::Error, "the stream ended before it began")),
            }
        }
    };
    let advice =
        "is a proxy in between? it must not buffer `text/event-stream`; `tmctl wait` falls back to asking";
    match tokio::time::timeout(STREAM_PATIENCE, first).await {
        Ok(Ok(())) => {
            let millis = desk.host.now().millis_since(began);
            Finding::ok("stream", format!("first event of {event} after {millis} ms"))
        }
        Ok(Err(failure)) => Finding::of_failure("stream", Grade::Fail, failure.hint(advice)),
        Err(_) => {
            let found = format!("no event of {event} within {} s", STREAM_PATIENCE.as_secs());
            Finding::new("stream", Grade::Fail, found).advice(advice)
        }
    }
}

/// Only organisers need one, so that there is none is no fault.
async fn organiser(desk: &Desk, organiser: &Organiser) -> Finding {
    const CHECK: &str = "organiser";
    let found = match organiser.find(desk) {
        Ok(found) => found,
        Err(failure) => {
            let failure =
                Failure { message: "no organiser's token is known; buyers need none".to_owned(), ..failure };
            return Finding::of_failure(CHECK, Grade::Warn, failure);
        }
    };
    let source = match &found.source {
        Source::Flag => "--organiser-token".to_owned(),
        Source::Environment => "the environment".to_owned(),
        Source::Context => "the context".to_owned(),
        Source::File(file) => file.display().to_string(),
    };
    let client = match desk.client_with(Some(&found.token)) {
        Ok(client) => client,
        Err(failure) => return Finding::of_failure(CHECK, Grade::Fail, failure),
    };
    // Changes nothing, and needs the token.
    match client.check_ticket(&CheckTicket { code: "DOCTOR".to_owned() }).await {
        Ok(_) => Finding::ok(CHECK, format!("the token of {source} is good")),
        Err(error) if matches!(error.status(), Some(401 | 403)) => {
            let grade = if matches!(found.source, Source::File(_)) { Grade::Warn } else { Grade::Fail };
            Finding::new(CHECK, grade, format!("the daemon refuses the token of {source}"))
                .advice("it may be another daemon's: --data-dir or TM_ORGANISER_TOKEN names the right one")
        }
        Err(error) => Finding::of_failure(CHECK, Grade::Fail, error.into()),
    }
}

fn terminal(desk: &Desk) -> Finding {
    const CHECK: &str = "terminal";
    if !std::io::stdout().is_terminal() {
        return Finding::ok(CHECK, "stdout is no terminal: plain lines are written");
    }
    let colours = match (desk.out.is_painted(), desk.host.env("COLORTERM")) {
        (false, _) => "no colours",
        (true, Some("truecolor" | "24bit")) => "true colours",
        (true, _) => "colours",
    };
    let name = desk.host.env("TERM").unwrap_or("unknown");
    if name == "dumb" || name == "unknown" {
        return Finding::new(CHECK, Grade::Warn, format!("TERM is {name}: {colours}, nothing moves"))
            .advice("set TERM to what the terminal is, such as xterm-256color");
    }
    Finding::ok(CHECK, format!("{name}, {colours}"))
}

fn size() -> Finding {
    let size = terminal_size::terminal_size().map(|(width, height)| (width.0, height.0));
    size.map_or_else(|| Finding::ok("size", "no terminal"), judged_size)
}

fn judged_size((width, height): (u16, u16)) -> Finding {
    let found = format!("{width} x {height}");
    let at_least = |(columns, rows): (u16, u16)| width >= columns && height >= rows;
    match () {
        () if at_least(ENOUGH) => Finding::ok("size", found),
        () if at_least(LEAST) => Finding::new("size", Grade::Warn, format!("{found} is tight"))
            .advice(format!("tables and tmtui have room from {} x {} on", ENOUGH.0, ENOUGH.1)),
        () => Finding::new("size", Grade::Warn, format!("{found} is too small for tmtui"))
            .advice(format!("it needs {} x {}", LEAST.0, LEAST.1)),
    }
}

fn text(desk: &Desk) -> Finding {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| desk.host.env(name));
    let locale = locale.unwrap_or("none");
    let upper = locale.to_uppercase();
    if upper.contains("UTF-8") || upper.contains("UTF8") {
        return Finding::ok("text", locale);
    }
    Finding::new("text", Grade::Warn, format!("the locale is {locale}: QR codes and seat maps may not show"))
        .advice("set LANG to one with UTF-8, such as C.UTF-8; `tmtui --ascii` does without")
}

#[derive(Serialize)]
#[serde(transparent)]
struct Findings(Vec<Finding>);

impl Show for Findings {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let paint = |grade: Grade| match grade {
            Grade::Ok => "ok",
            Grade::Warn => "warn",
            Grade::Fail => "FAIL",
        };
        let mut rows = Vec::new();
        for finding in &self.0 {
            let advice = finding.advice.clone().unwrap_or_default();
            let mut row =
                vec![paint(finding.grade).to_owned(), finding.check.to_owned(), finding.found.clone()];
            // People read what to do on a line of its own, programs in a cell of its own.
            if look.zone.is_none() {
                row.push(advice);
                rows.push(row);
                continue;
            }
            rows.push(row);
            if !advice.is_empty() {
                rows.push(vec![String::new(), String::new(), format!("-> {advice}")]);
            }
        }
        vec![Block::Rows(Rows { head: &["", "check", "found"], rows, flexible: None })]
    }

    fn ids(&self) -> Vec<String> {
        let bad = self.0.iter().filter(|finding| finding.grade != Grade::Ok);
        bad.map(|finding| finding.check.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_both_ways() {
        let here = Timestamp::from_millis(1_800_000_000_000);
        for (there, grade, word) in [
            (1_800_000_002_000, Grade::Ok, "agree"),
            (1_799_999_998_000, Grade::Ok, "agree"),
            (1_800_000_060_000, Grade::Warn, "60 s behind"),
            (1_799_999_940_000, Grade::Warn, "60 s ahead"),
        ] {
            let finding = judged_clock(here, there);
            assert_eq!(finding.grade, grade);
            assert!(finding.found.contains(word), "{finding:?}");
        }
    }

    #[test]
    fn a_terminal_is_large_enough_or_not() {
        let grades = [(80, 24), (200, 60), (79, 24), (60, 18), (59, 40)].map(|size| judged_size(size).grade);
        assert_eq!(grades, [Grade::Ok, Grade::Ok, Grade::Warn, Grade::Warn, Grade::Warn]);
        assert!(judged_size((59, 40)).found.contains("too small"));
    }
}
