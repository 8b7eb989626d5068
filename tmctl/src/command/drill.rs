//! `tmctl drill`: an on-sale rehearsed with a crowd, in an office of its own, with faults thrown in.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use tmcore::EventId;
use tmcore::drill::Asked;
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, show, verify};
use crate::argument;
use crate::desk::Desk;
use crate::drill::report::Report;
use crate::drill::{self, Office, Rehearsal, Scenario, Stage, Surroundings, page};
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl drill E1                                         2,000 buyers for a copy of E1
  tmctl drill E1 --buyers 500 --seed 7 --report ./drill  with a page and every answer
  tmctl drill E1 --faults kill,pause,gateway,network     and much goes wrong
  tmctl drill E1 --full --faults all                     with PostgreSQL and Redis, and everything
  tmctl drill E1 --scenario contrib/drill.toml           each fault at its time
  tmctl drill E1 --scenario eras                         far too many come, most of them bots")]
pub struct Args {
    /// The event to rehearse; it is copied, and stays as it is
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// A file (TOML) with any of the options below, and faults with a time each; an option that is given wins. `eras` is built in
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    options: Scenario,
    /// A folder for the page (drill.html), the figures (report.json) and every answer (history.jsonl)
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    report: Option<PathBuf>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let broken = |error| Failure::new(Exit::Error, format!("failed to listen for signals: {error}"));
    let mut terminated = signal(SignalKind::terminate()).map_err(broken)?;
    tokio::select! {
        // Whatever ends the rehearsal ends its office.
        _ = terminated.recv() => Err(desk.interrupted()),
        outcome = drill(desk, args) => outcome,
    }
}

async fn drill(desk: &Desk, args: Args) -> Outcome {
    let id: EventId = argument::one(desk, args.event.as_deref())?;
    let said = args.scenario.as_deref().map(Scenario::named).transpose()?.unwrap_or_default();
    let scenario = args.options.or(said);
    let original = show::fetch(desk.anonymous(), &id).await?;
    let map = desk.anonymous().seat_map(&id).await.doing(&format!("read the seats of {id}"))?;
    let settings = scenario.settings();
    let size = (scenario.crowd(&original)?.buyers, map.seat_count);
    let surroundings = Surroundings::make(desk, &scenario.wishes(), scenario.has_database(), size).await?;
    let barrage = scenario.barrage(&surroundings)?;
    desk.out.note("starting an office for the rehearsal; the event itself is not touched");
    let office = Office::open(desk, &settings, surroundings).await?;
    let event = office.put_on(&original, &map, &settings).await?;
    let stage = Stage { scenario: &scenario, barrage: &barrage, office: &office, event: &event, map: &map };
    let Rehearsal { mut report, history, mut found } = Rehearsal::hold(desk, stage).await?;
    for (rule, sentence, breaches) in verify::verify(desk, &office.organiser).await?.judged() {
        let before = found.remove(&rule).unwrap_or_default();
        report.add(rule.name(), sentence, [before, breaches].concat());
    }
    if let Some(folder) = &args.report {
        keep(folder, &report, &history).doing(&format!("write the report to {}", folder.display()))?;
    }
    desk.out.show(&report)?;
    if let Some(folder) = &args.report {
        desk.out.hint(&format!("the page, the figures and every answer are in {}", folder.display()));
    }
    if report.is_clean() {
        desk.out.hint("every promise was kept");
        return Ok(Exit::Ok);
    }
    Err(Failure::new(Exit::Error, "the rehearsal found a promise that was not kept")
        .hint("tmctl drill with the same --seed sends the same crowd; --report DIR keeps every answer"))
}

fn keep(folder: &Path, report: &Report, history: &[Asked]) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::new(Exit::Error, error.to_string());
    fs::create_dir_all(folder).map_err(broken)?;
    fs::write(folder.join("drill.html"), page::page(report)).map_err(broken)?;
    let figures = serde_json::to_vec_pretty(report).map_err(|error| broken(error.into()))?;
    fs::write(folder.join("report.json"), figures).map_err(broken)?;
    let mut lines = BufWriter::new(File::create(folder.join("history.jsonl")).map_err(broken)?);
    drill::write_history(history, &mut lines).map_err(broken)
}
