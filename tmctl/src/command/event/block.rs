//! `tmctl event block|unblock`.

use serde::Serialize;
use tmapi::ProblemCode;
use tmapi::event::BlockSeats;
use tmcore::{EventId, SeatId};

use super::super::Outcome;
use super::view::likely;
use crate::argument;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::organiser::Organiser;
use crate::output::{Block, Look, Show};
use crate::suggest;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The event
    #[arg(value_name = "EVENT")]
    event: String,
    /// Seats by id, parted by commas or spaces; `-` reads them from stdin, `@last` means those last picked
    #[arg(value_name = "SEATS", value_delimiter = ',', required = true)]
    seats: Vec<String>,
}

/// What is to become of the seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Block,
    Unblock,
}

pub async fn run(desk: &Desk, organiser: &Organiser, args: Args, wish: Wish) -> Outcome {
    let event: EventId = argument::one(desk, Some(&args.event))?;
    let seats: Vec<SeatId> = argument::list(desk, &args.seats)?;
    let client = organiser.client(desk)?;
    let request = BlockSeats { seats };
    let (answer, doing) = match wish {
        Wish::Block => (client.block(&event, &request).await, "keep back"),
        Wish::Unblock => (client.unblock(&event, &request).await, "put on sale"),
    };
    let answer = likely(desk, &event, answer, &format!("{doing} seats of {event}")).await;
    let changed = match answer {
        Ok(answer) => answer.changed,
        Err(failure) => return Err(with_likely_seats(desk, &event, &request.seats, failure).await),
    };
    desk.remember(|state| state.saw_event(&event));
    let asked = request.seats.len();
    let blocked = wish == Wish::Block;
    desk.out.show(&Answer { event_id: event.clone(), blocked, asked, changed })?;
    if (changed as usize) < asked {
        desk.out.note(if blocked {
            "the others were kept back already"
        } else {
            "the others were on sale already"
        });
    }
    desk.out.next(&format!("seats {event}"));
    Ok(Exit::Ok)
}

async fn with_likely_seats(desk: &Desk, event: &EventId, seats: &[SeatId], failure: Failure) -> Failure {
    if failure.code != Some(ProblemCode::InvalidSeats) {
        return failure;
    }
    let Ok(map) = desk.anonymous().seat_map(event).await else { return failure };
    match suggest::seats(&map, seats.iter().map(SeatId::as_str)) {
        Some(hint) => failure.hint(hint),
        None => failure.hint(format!("`{}` lists them", desk.out.command(&format!("seats {event}")))),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    event_id: EventId,
    blocked: bool,
    asked: usize,
    changed: u32,
}

impl Show for Answer {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let what = if self.blocked { "kept back" } else { "on sale again" };
        vec![Block::Fields(vec![
            ("event", self.event_id.to_string()),
            (what, format!("{} of {}", self.changed, self.asked)),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.event_id.to_string()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_EVENT", self.event_id.to_string())]
    }
}
