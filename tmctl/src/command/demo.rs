//! `tmctl demo`: a whole purchase, every command shown before it runs.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tmapi::event::{EventSummary, SaleStatus, WaitingRoomMode};
use tmcore::EventId;

use super::{Outcome, show};
use crate::argument;
use crate::child::OwnTmd;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::output::escape::shell_word;

/// Variables that would change what the shown commands mean.
const HIDDEN: [&str; 8] = [
    "TM_CONTEXT",
    "TM_TOKEN",
    "TM_EVENT",
    "TM_SESSION",
    "TM_ORDER",
    "TM_PAYMENT_TOKEN",
    "TM_ORGANISER_TOKEN",
    "TMCTL_COMPLETE",
];

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl demo --own                        needs nothing: starts a tmd, and stops it afterwards
  tmctl demo                              against the tmd that runs
  tmctl demo E2 --payment-token tok_lost_answer")]
pub struct Args {
    /// The event to buy seats of; left out, one that is on sale
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// Start a tmd for it, with a data folder and a port of its own
    #[arg(long)]
    own: bool,
    /// The card token to pay with; `tmctl gateway tokens` lists them
    #[arg(long, value_name = "TOKEN", default_value = "tok_ok")]
    payment_token: String,
    /// How many seats to buy
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    seats: u32,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let event: Option<EventId> = args.event.as_deref().map(argument::parse).transpose()?;
    // A buyer of the demo's own, whose tokens and ids are forgotten afterwards.
    let home = TempDir::with_prefix("tmctl-demo-").map_err(|error| {
        Failure::new(Exit::Error, format!("failed to make a folder for the demo: {error}"))
    })?;
    if !args.own {
        let stage = Stage { desk, home: home.path(), url: desk.profile.url.clone() };
        stage.play(event, &args).await?;
        desk.out.next("book @last --best 2 --payment-token tok_ok");
        return Ok(Exit::Ok);
    }
    desk.out.note("starting a tmd for the demo");
    let mut daemon = OwnTmd::new(&desk.host, &home.path().join("tmd"))?.with(&["--demo"]);
    daemon.start().await?;
    desk.out.note(&format!("it listens on {}", daemon.url()));
    let stage = Stage { desk, home: home.path(), url: daemon.url() };
    let outcome = stage.play(event, &args).await;
    daemon.kill().await;
    outcome?;
    desk.out.note("the demo's tmd is stopped, and nothing is left of it");
    desk.out.hint("`tmd --demo` starts one that stays");
    Ok(Exit::Ok)
}

/// Where the demo is played.
struct Stage<'a> {
    desk: &'a Desk,
    home: &'a Path,
    url: String,
}

impl Stage<'_> {
    async fn play(&self, event: Option<EventId>, args: &Args) -> Result<(), Failure> {
        let event = self.event(event).await?;
        for command in script(&event, args) {
            self.act(&command).await?;
        }
        Ok(())
    }

    async fn event(&self, named: Option<EventId>) -> Result<EventSummary, Failure> {
        let options = tmapi::client::ClientOptions::default();
        let client = tmapi::client::Client::new(&self.url, options)?;
        if let Some(id) = named {
            return Ok(show::fetch(&client, &id).await?.summary);
        }
        let page =
            client.events(None, Some(100)).await.doing("find an event for the demo").map_err(|failure| {
                match failure.exit {
                    Exit::Unavailable => failure.hint("`tmctl demo --own` starts a tmd for the demo"),
                    _ => failure,
                }
            })?;
        let mut on_sale: Vec<_> = page.items.into_iter().filter(is_on_sale).collect();
        // A sale with a waiting room has more to show.
        on_sale.sort_by_key(|event| event.waiting_room != WaitingRoomMode::On);
        on_sale.into_iter().next().ok_or_else(|| {
            Failure::new(Exit::NotFound, "no event is on sale")
                .hint("`tmd --demo` puts some on, and `tmctl demo --own` needs none")
        })
    }

    /// Shows a command, runs it, and ends where it fails.
    async fn act(&self, command: &[String]) -> Result<(), Failure> {
        let shown: Vec<_> = command.iter().map(|word| shell_word(word)).collect();
        self.desk.out.echo(&format!("tmctl {}", shown.join(" ")))?;
        let broken =
            |error: std::io::Error| Failure::new(Exit::Error, format!("failed to run tmctl: {error}"));
        let mut child = tokio::process::Command::new(std::env::current_exe().map_err(broken)?);
        child.args(command).env("TM_HOME", self.home).env("TM_URL", &self.url).stdin(Stdio::null());
        for name in HIDDEN {
            child.env_remove(name);
        }
        let status = child.kill_on_drop(true).status().await.map_err(broken)?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        let exit = Exit::ALL.iter().copied().find(|exit| Some(exit.code()) == code).unwrap_or(Exit::Error);
        if exit == Exit::Ok {
            return Ok(());
        }
        Err(Failure::new(
            exit,
            format!("the demo ends here: `tmctl {}` came to {}", shown.join(" "), exit.code()),
        )
        .hint(format!("{}: {}", exit.code(), exit.meaning())))
    }
}

fn is_on_sale(event: &EventSummary) -> bool {
    event.sale_status == SaleStatus::Open && event.seats.available > 0
}

/// The purchase, step by step.
fn script(event: &EventSummary, args: &Args) -> Vec<Vec<String>> {
    let id = event.event_id.as_str();
    let seats = args.seats.to_string();
    let pay = ["--payment-token", args.payment_token.as_str()];
    let mut steps: Vec<Vec<&str>> = vec![vec!["events"], vec!["show", id], vec!["seats", id]];
    if event.waiting_room == WaitingRoomMode::On {
        steps.extend([vec!["join", id], vec!["wait", "--timeout", "2m"]]);
    }
    steps.push(vec!["order", id]);
    steps.push(vec!["seats", id, "--best", &seats]);
    steps.push([&["confirm", "--seats", "@last"], &pay[..]].concat());
    steps.extend([vec!["finalize"], vec!["tickets", "--qr", "-o", "table"]]);
    steps.into_iter().map(|step| step.into_iter().map(str::to_owned).collect()).collect()
}
