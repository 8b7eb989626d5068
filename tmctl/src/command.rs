//! The commands, one a file: `Args`, `run`, and what is shown.

pub mod book;
pub mod cancel;
pub mod config;
pub mod confirm;
pub mod context;
pub mod events;
pub mod finalize;
pub mod join;
pub mod leave;
pub mod order;
pub mod resume;
pub mod search;
pub mod seats;
pub mod show;
pub mod status;
pub mod tickets;
pub mod version;
pub mod wait;

use crate::cli::Command;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;

/// How a command ends.
pub type Outcome = Result<Exit, Failure>;

/// Runs a command.
pub async fn run(desk: &Desk, command: Command) -> Outcome {
    match command {
        Command::Events(args) => events::run(desk, args).await,
        Command::Show(args) => show::run(desk, args).await,
        Command::Search(args) => search::run(desk, args).await,
        Command::Seats(args) => seats::run(desk, args).await,
        Command::Book(args) => book::run(desk, args).await,
        Command::Join(args) => join::run(desk, args).await,
        Command::Wait(args) => wait::run(desk, args).await,
        Command::Status(args) => status::run(desk, args).await,
        Command::Leave(args) => leave::run(desk, args).await,
        Command::Order(args) => order::run(desk, args).await,
        Command::Confirm(args) => confirm::run(desk, args).await,
        Command::Finalize(args) => finalize::run(desk, args).await,
        Command::Cancel(args) => cancel::run(desk, args).await,
        Command::Tickets(args) => tickets::run(desk, args).await,
        Command::Resume(args) => resume::run(desk, args).await,
        Command::Context(command) => context::run(desk, command),
        Command::Config(args) => config::run(desk, &args),
        Command::Version(args) => version::run(desk, &args),
    }
}
