//! The list of events.

use tmapi::event::EventSummary;

use super::{act, ask, may_change};
use crate::action::{Buy, Command, Fetch, Follow};
use crate::keymap::Intent;
use crate::measure::moved;
use crate::model::over::{Mood, Purpose};
use crate::model::place::Place;
use crate::model::visit::Visit;
use crate::model::{Model, Screen};

const PAGE: i32 = 10;
/// The next page is asked for when so few events are left below the cursor.
const AHEAD: usize = 30;

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    let count = model.catalogue.shown().count();
    let catalogue = &mut model.catalogue;
    match intent {
        Intent::Up => catalogue.at = moved(catalogue.at, -1, count),
        Intent::Down => catalogue.at = moved(catalogue.at, 1, count),
        Intent::PageUp => catalogue.at = moved(catalogue.at, -PAGE, count),
        Intent::PageDown => catalogue.at = moved(catalogue.at, PAGE, count),
        Intent::First => catalogue.at = 0,
        Intent::Last => catalogue.at = count.saturating_sub(1),
        Intent::Search => return ask(model, Purpose::Search, ""),
        Intent::Back if !catalogue.search.is_empty() => {
            catalogue.search.clear();
            catalogue.at = 0;
            return act(model, Intent::Refresh);
        }
        Intent::Console => return super::console::open(model),
        Intent::Enter | Intent::Map => {
            let Some(event) = catalogue.chosen().cloned() else { return Vec::new() };
            return enter(model, event, intent == Intent::Enter);
        }
        _ => {}
    }
    more(model).into_iter().collect()
}

/// Asks for the list from its beginning.
pub(super) fn list(model: &mut Model, words: String) -> Command {
    let asked = &mut model.catalogue.asked;
    asked.at = Some(model.look.now);
    if asked.words != words {
        asked.next = None;
    }
    asked.words.clone_from(&words);
    Command::Fetch(Fetch::Events(words, None))
}

/// Asks for the next page, once, when the end of what is known is near.
pub(super) fn more(model: &mut Model) -> Option<Command> {
    let catalogue = &mut model.catalogue;
    if catalogue.at + AHEAD < catalogue.shown().count() {
        return None;
    }
    let next = catalogue.asked.next.take()?;
    Some(Command::Fetch(Fetch::Events(catalogue.asked.words.clone(), Some(next))))
}

/// Goes to an event; `joins` stands in line for it, if there is a line.
pub(super) fn enter(model: &mut Model, event: EventSummary, joins: bool) -> Vec<Command> {
    let id = event.event_id.clone();
    let mut commands = Vec::new();
    match &mut model.visit {
        Some(visit) if visit.event.event_id == id => visit.event = event,
        Some(visit) if visit.is_engaged() => {
            let name = visit.event.name.clone();
            let text =
                format!("you are still at {}: leave the line or finish the order first", model.name(&name));
            model.say(Mood::Warn, text);
            return Vec::new();
        }
        _ => {
            let mut visit = Visit::new(event);
            visit.live.asked = Some(model.look.now);
            model.visit = Some(visit);
            commands.extend([
                Command::Fetch(Fetch::Event(id.clone())),
                Command::Fetch(Fetch::House(id.clone())),
                Command::Follow(Follow::Seats(id.clone())),
            ]);
        }
    }
    model.screen = Screen::Venue;
    if joins {
        commands.extend(join(model));
    }
    commands
}

/// Stands in line for the event one is at, or goes on where one stands.
pub(super) fn join(model: &mut Model) -> Vec<Command> {
    let Some(visit) = &model.visit else { return Vec::new() };
    if !visit.has_line() || visit.is_over() {
        return Vec::new();
    }
    let is_good = visit.place.as_ref().is_some_and(Place::is_good);
    let is_inside = is_good && visit.may_order();
    let event = visit.event.event_id.clone();
    if is_inside {
        return Vec::new();
    }
    if !is_good && !may_change(model) {
        return Vec::new();
    }
    model.screen = Screen::Line;
    if is_good { Vec::new() } else { vec![Command::Buy(Buy::Join(event))] }
}
