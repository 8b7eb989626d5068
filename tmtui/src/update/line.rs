//! Standing in line.

use super::events;
use crate::action::Command;
use crate::keymap::Intent;
use crate::model::over::{Dialog, Mood};
use crate::model::visit::Visit;
use crate::model::{Model, Screen};

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    let is_inside = model.visit.as_ref().is_some_and(Visit::may_order);
    let is_gone =
        model.visit.as_ref().and_then(|visit| visit.place.as_ref()).is_none_or(|place| !place.is_good());
    match intent {
        Intent::Enter if is_inside => model.screen = Screen::Venue,
        Intent::Enter | Intent::Join if is_gone => return events::join(model),
        Intent::Enter => {
            model.say(Mood::Plain, "not yet: you are still in line. v shows the seats meanwhile");
        }
        Intent::Map => model.screen = Screen::Venue,
        Intent::Leave => return ask_to_leave(model),
        Intent::Back => {
            model.screen = Screen::Events;
            if !is_gone {
                model.say(Mood::Plain, "your place in line is kept while this program runs");
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Asks before a place is given up.
pub(super) fn ask_to_leave(model: &mut Model) -> Vec<Command> {
    let place = model.visit.as_ref().and_then(|visit| visit.place.as_ref());
    if place.is_some_and(|place| !place.session.status.is_terminal()) && super::may_change(model) {
        model.over.dialog = Some(Dialog::Leave);
    }
    Vec::new()
}
