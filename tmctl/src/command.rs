//! The commands, one a file: `Args`, `run`, and what is shown.

pub mod api;
pub mod book;
pub mod cancel;
pub mod completion;
pub mod config;
pub mod confirm;
pub mod context;
pub mod demo;
pub mod doctor;
pub mod drill;
pub mod event;
pub mod events;
pub mod finalize;
pub mod gateway;
pub mod help;
pub mod join;
pub mod leave;
pub mod man;
pub mod order;
pub mod plan;
pub mod reconcile;
pub mod refund;
pub mod resume;
pub mod sale;
pub mod search;
pub mod seats;
pub mod show;
pub mod status;
pub mod ticket;
pub mod tickets;
pub mod verify;
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
        Command::Event(args) => event::run(desk, args).await,
        Command::Sale(args) => sale::run(desk, args).await,
        Command::Refund(args) => refund::run(desk, args).await,
        Command::Reconcile(args) => reconcile::run(desk, args).await,
        Command::Verify(args) => verify::run(desk, args).await,
        Command::Ticket(args) => ticket::run(desk, args).await,
        Command::Gateway(command) => gateway::run(desk, &command),
        Command::Plan(args) => plan::run(desk, &args),
        Command::Demo(args) => demo::run(desk, args).await,
        Command::Drill(args) => drill::run(desk, args).await,
        Command::Doctor(args) => doctor::run(desk, args).await,
        Command::Api(args) => api::run(desk, args).await,
        Command::Completion(args) => completion::run(&args),
        Command::Man(args) => man::run(desk, &args),
        Command::Help(args) => help::run(desk, &args),
        Command::Context(command) => context::run(desk, command),
        Command::Config(args) => config::run(desk, &args),
        Command::Version(args) => version::run(desk, &args),
    }
}
