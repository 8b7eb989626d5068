//! `tmctl event create`.

use tmapi::ProblemCode;
use tmapi::event::CreateEvent;
use tmcore::EventId;

use super::super::Outcome;
use super::settings::{Settings, with_advice};
use super::view::Event;
use crate::argument;
use crate::desk::Desk;
use crate::error::Doing as _;
use crate::exit::Exit;
use crate::organiser::Organiser;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl event create E9 --name Gala --starts-at 2027-05-01T19:30
  tmctl event create E9 --name Gala --starts-at 2027-05-01T19:30 --sale-starts-at 2027-03-01
  tmctl event create E9 --name Gala --starts-at 2027-05-01T19:30 --waiting-room off")]
pub struct Args {
    /// The id you choose for it
    #[arg(value_name = "EVENT")]
    event: String,
    #[command(flatten)]
    settings: Settings,
}

pub async fn run(desk: &Desk, organiser: &Organiser, args: Args) -> Outcome {
    let id: EventId = argument::parse(&args.event)?;
    let request = CreateEvent { event_id: id.clone(), event: args.settings.patch(desk.host.zone())? };
    let created = organiser.client(desk)?.create_event(&request).await.doing(&format!("create {id}"));
    let event = created.map_err(|failure| match failure.code {
        Some(ProblemCode::EventExists) => failure
            .hint(format!("give it its seats: {}", desk.out.command(&format!("event import {id} PLAN")))),
        _ => with_advice(failure),
    })?;
    desk.remember(|state| state.saw_event(&id));
    desk.out.show(&Event(event))?;
    desk.out.next(&format!("event import {id} plan.json --price LEVEL=AMOUNT"));
    Ok(Exit::Ok)
}
