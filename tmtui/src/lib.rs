//! The terminal UI of the ticket office: pick a seat on a live map, wait in line, pay, hold the ticket.
//!
//! `update` is a pure function of the `model` and what happened, `view` one of the model; network, clock and terminal
//! are at the edge, in `net`, `host` and `term`. The loop that joins them is in `app`.

mod action;
mod app;
#[allow(clippy::doc_markdown, reason = "texts of arguments are shown as they are")]
mod cli;
mod host;
mod house;
mod keymap;
mod layout;
mod linear;
mod measure;
mod model;
mod net;
mod palette;
mod term;
#[cfg(test)]
mod tests;
mod text;
mod update;
mod view;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tmcore::EventId;
use tmctl::exit::Exit;
use tmctl::profile::Profile;

use cli::Cli;
use host::Host;
use model::{Look, Model};
use net::Office;
use palette::Paint;

/// Parses the command line, runs the program and answers its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli, Host::real()) {
        Ok(()) => ExitCode::from(Exit::Ok.code()),
        Err(error) => {
            let text = format!("error: {error:#}");
            // Nobody is left to be told when stderr is gone.
            let _ = writeln!(std::io::stderr(), "{}", text::escape(&text));
            ExitCode::from(Exit::Error.code())
        }
    }
}

fn run(cli: &Cli, host: Host) -> anyhow::Result<()> {
    let home = host.home().context("there is no folder for what is kept between runs: set TM_HOME")?;
    let event =
        cli.event.as_deref().map(str::parse::<EventId>).transpose().context("EVENT is no event's id")?;
    let profile = Profile::settle(home, cli.wishes(&host))?;
    let is_drawable = cli.linear || host.env("TERM").is_some_and(|term| term != "dumb");
    let paint = Paint { kind: cli.kind(&host), ascii: cli.ascii };
    let frames = cli.frames_per_second(&host);
    let office = Office::new(profile, host)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if cli.linear {
        let outcome = runtime.block_on(linear::run(&office, event, cli.readonly));
        // Somebody may still be reading the input, which has no end.
        runtime.shutdown_background();
        return outcome;
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        anyhow::bail!("this needs a terminal; --linear works without one");
    }
    // Somebody who names a palette wants colours, whatever the environment says.
    crossterm::style::force_color_output(paint.kind != palette::Kind::Mono);
    if !is_drawable {
        anyhow::bail!("this terminal cannot place its cursor, says TERM; --linear does without");
    }
    let look = Look {
        size: term::size()?,
        paint,
        readonly: cli.readonly,
        zone: Host::zone(),
        now: Host::now(),
        office: text::escape(office.address()).into_owned(),
        mouse: true,
    };
    runtime.block_on(app::run(Model::new(look), office, event, frames))
}
