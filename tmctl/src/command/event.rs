//! `tmctl event`: what an organiser does with an event.

mod act;
mod block;
mod capacity;
mod create;
mod import;
mod plan;
mod settings;
pub mod view;

use clap::Subcommand;
use tmapi::client::SaleAction;

use super::Outcome;
use crate::desk::Desk;
use crate::organiser::Organiser;

#[derive(clap::Args, Debug)]
#[command(
    disable_help_subcommand = true,
    before_help = "\
Examples:
  tmctl event import E9 plan.json --price Front=90.00 --name Gala --starts-at 2027-05-01T19:30
  tmctl event import E9 plan.json --dry-run       is the seating plan in order?
  tmctl event open E9                             begin the sale now
  tmctl event pause E9                            let nobody in for now
  tmctl event capacity E9 200 --rate 600          how many at once, and how many a minute
  tmctl event block E9 A-1-1,A-1-2                keep seats back"
)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    organiser: Organiser,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an event, without seats yet
    Create(create::Args),
    /// Give an event its seats from a seating plan; makes the event when there is none
    Import(import::Args),
    /// Begin the sale now
    #[command(before_help = "Examples:\n  tmctl event open E9\n  tmctl event open @last -o json")]
    Open(act::Args),
    /// Let nobody in for now; who is in goes on
    #[command(before_help = "Examples:\n  tmctl event pause E9\n  tmctl events -o id | tmctl event pause -")]
    Pause(act::Args),
    /// Let buyers in again
    #[command(before_help = "Examples:\n  tmctl event resume E9")]
    Resume(act::Args),
    /// End the sale for good
    #[command(before_help = "Examples:\n  tmctl event close E9")]
    Close(act::Args),
    /// Set how many buyers may be inside at once, and how many are let in a minute
    Capacity(capacity::Args),
    /// Keep seats back
    #[command(before_help = "\
Examples:
  tmctl event block E9 A-1-1,A-1-2
  tmctl seats E9 --section Balcony --available -o id | tmctl event block E9 -")]
    Block(block::Args),
    /// Put kept seats on sale again
    #[command(before_help = "\
Examples:
  tmctl event unblock E9 A-1-1,A-1-2
  tmctl seats E9 --section Balcony -o id | tmctl event unblock E9 -")]
    Unblock(block::Args),
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let organiser = &args.organiser;
    match args.action {
        Action::Create(args) => create::run(desk, organiser, args).await,
        Action::Import(args) => import::run(desk, organiser, args).await,
        Action::Open(args) => act::run(desk, organiser, args, SaleAction::Open).await,
        Action::Pause(args) => act::run(desk, organiser, args, SaleAction::Pause).await,
        Action::Resume(args) => act::run(desk, organiser, args, SaleAction::Resume).await,
        Action::Close(args) => act::run(desk, organiser, args, SaleAction::Close).await,
        Action::Capacity(args) => capacity::run(desk, organiser, args).await,
        Action::Block(args) => block::run(desk, organiser, args, block::Wish::Block).await,
        Action::Unblock(args) => block::run(desk, organiser, args, block::Wish::Unblock).await,
    }
}
