//! The command line of the ticket office: every step of buying and of running a sale, for people and for scripts.
//!
//! A command is a file under `command`: its arguments, its `run`, and what it shows. [`exit`], [`profile`] and
//! [`pending`] are open to other programs that share the exit codes, contexts, tokens, and requests that were cut off.

mod argument;
mod child;
#[allow(clippy::doc_markdown, reason = "texts of arguments are shown as they are")]
mod cli;
#[allow(clippy::doc_markdown, reason = "texts of arguments are shown as they are")]
mod command;
mod completion;
mod desk;
mod drill;
mod error;
pub mod exit;
mod host;
mod mutation;
#[allow(clippy::doc_markdown, reason = "texts of arguments are shown as they are")]
mod organiser;
mod output;
pub mod pending;
mod pick;
pub mod profile;
mod progress;
mod suggest;
mod topic;

use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;
use desk::Desk;
use error::Failure;
use exit::Exit;
use host::Host;
pub use organiser::is_here;
use output::Output;
pub use output::escape::escape;

/// Parses the command line, runs the command and answers its exit code.
#[must_use]
pub fn main() -> ExitCode {
    completion::answer();
    let cli = Cli::parse();
    let host = Host::real();
    let out = Output::new(&host, &cli.global);
    let exit = match run(cli, host, out.clone()) {
        Ok(exit) => exit,
        Err(failure) => {
            out.fail(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// The command line as it may be typed, for programs that propose commands of it.
#[must_use]
pub fn command_line() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

fn run(cli: Cli, host: Host, out: Output) -> Result<Exit, Failure> {
    let desk = Desk::new(&cli.global, host, out)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Error, format!("failed to start: {e}")))?;
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(desk.interrupted()),
            outcome = command::run(&desk, cli.command) => outcome,
        }
    })
}
