//! The daemon of the ticket office.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tmd::cli::{Cli, Command, ConfigAction, GATEWAY_LISTEN};
use tmd::config::{Config, ConfigError};
use tmd::drill::DrillError;
use tmd::{drill, health, serve};

/// A request makes some dozens of small allocations, freed by whichever thread ends it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for a command line or a configuration that is wrong, as of clap.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code.into(),
        Err(fault) => {
            // Whether anybody reads the reason does not change the exit code.
            let _ = writeln!(io::stderr(), "error: {fault:#}");
            let code = if fault.is::<ConfigError>() || fault.is::<DrillError>() { USAGE } else { 1 };
            code.into()
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    drill::check()?;
    match cli.command.as_ref().unwrap_or(&Command::Serve) {
        Command::Serve => {
            let config = Config::load(cli)?;
            block_on(async { Ok(serve::serve(&config, cli.flags.demo).await?.exit_code()) })
        }
        Command::Migrate { forget_identity } => {
            let config = Config::load(cli)?;
            block_on(async { serve::migrate(&config, *forget_identity).await.map(|()| 0) })
        }
        Command::Gateway => {
            let config = Config::load(cli)?;
            let address = cli.flags.listen.unwrap_or(GATEWAY_LISTEN);
            block_on(async { Ok(serve::gateway(&config, address).await?.exit_code()) })
        }
        Command::Health { url } => {
            let url = match url {
                Some(url) => url.clone(),
                None => health::local_url(Config::load(cli)?.server.listen),
            };
            block_on(async { health::probe(&url).await.map(|()| 0).context(url) })
        }
        Command::Config { action: ConfigAction::Print } => {
            let text = Config::print(cli)?;
            // A reader that has seen enough is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(0)
        }
        Command::Config { action: ConfigAction::Check } => {
            Config::load(cli)?;
            Ok(0)
        }
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    // After the grace, or at the second signal, nothing is waited for.
    runtime.shutdown_background();
    outcome
}
