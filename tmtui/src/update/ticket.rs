//! What was bought.

use crate::action::{Command, Fetch};
use crate::keymap::Intent;
use crate::measure::moved;
use crate::model::{Model, Screen};

/// Goes to the tickets; those of an earlier run are asked for.
pub(super) fn open(model: &mut Model) -> Vec<Command> {
    model.screen = Screen::Tickets;
    if model.tickets.all.is_empty() { vec![Command::Fetch(Fetch::Tickets)] } else { Vec::new() }
}

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    let tickets = &mut model.tickets;
    let count = tickets.all.len();
    match intent {
        Intent::Up | Intent::Left | Intent::PageUp | Intent::PreviousSection => {
            tickets.at = moved(tickets.at, -1, count);
        }
        Intent::Down | Intent::Right | Intent::PageDown | Intent::NextSection | Intent::Enter => {
            tickets.at = moved(tickets.at, 1, count);
        }
        Intent::First => tickets.at = 0,
        Intent::Last => tickets.at = count.saturating_sub(1),
        Intent::Save => {
            let Some(first) = tickets.all.first() else { return Vec::new() };
            let name = format!("tickets-{}.txt", first.order_id);
            return vec![Command::Save { name, text: tickets.as_text() }];
        }
        Intent::Back => model.screen = Screen::Events,
        _ => {}
    }
    Vec::new()
}
