//! `tmctl event capacity`.

use tmapi::event::EventPatch;
use tmcore::EventId;

use super::super::Outcome;
use super::view::{Event, likely};
use crate::argument;
use crate::desk::Desk;
use crate::exit::Exit;
use crate::organiser::Organiser;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl event capacity E9 200
  tmctl event capacity E9 200 --rate 600     and at most 600 a minute
  tmctl event capacity E9 0                  let nobody in; who is in goes on")]
pub struct Args {
    /// The event
    #[arg(value_name = "EVENT")]
    event: String,
    /// How many buyers may be inside at once; lowering it sends nobody out
    #[arg(value_name = "N")]
    capacity: u32,
    /// How many buyers are let in a minute at the most
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
}

pub async fn run(desk: &Desk, organiser: &Organiser, args: Args) -> Outcome {
    let id: EventId = argument::one(desk, Some(&args.event))?;
    let client = organiser.client(desk)?;
    let patch = EventPatch {
        capacity: Some(args.capacity),
        admissions_per_minute: args.rate,
        ..EventPatch::default()
    };
    let answer = client.patch_event(&id, &patch).await;
    let event = likely(desk, &id, answer, &format!("set the capacity of {id}")).await?;
    desk.remember(|state| state.saw_event(&id));
    desk.out.show(&Event(event))?;
    desk.out.next(&format!("sale status {id}"));
    Ok(Exit::Ok)
}
