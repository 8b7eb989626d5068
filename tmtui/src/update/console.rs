//! The organiser's console.

use tmapi::client::SaleAction;

use super::{ask, may_change};
use crate::action::{Command, Fetch};
use crate::keymap::Intent;
use crate::model::console::Console;
use crate::model::over::{Dialog, Purpose};
use crate::model::{Model, Screen};

/// Goes to the console of the event the cursor is on, or of the one that is visited.
pub(super) fn open(model: &mut Model) -> Vec<Command> {
    let chosen = match model.screen {
        Screen::Events => model.catalogue.chosen(),
        _ => model.visit.as_ref().map(|visit| &visit.event),
    };
    let Some(event) = chosen.or_else(|| model.catalogue.chosen()) else { return Vec::new() };
    let (id, name) = (event.event_id.clone(), event.name.clone());
    if model.console.as_ref().is_none_or(|console| console.event != id) {
        model.console = Some(Console::new(id.clone(), name));
    }
    if let Some(console) = &mut model.console {
        console.asked = model.look.now;
    }
    model.screen = Screen::Console;
    vec![Command::Fetch(Fetch::Sale(id))]
}

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    let dialog = match intent {
        Intent::Back => {
            model.screen = Screen::Events;
            return Vec::new();
        }
        Intent::OpenSale => Dialog::Sale(SaleAction::Open),
        Intent::PauseSale => Dialog::Sale(SaleAction::Pause),
        Intent::ResumeSale => Dialog::Sale(SaleAction::Resume),
        Intent::CloseSale => Dialog::Sale(SaleAction::Close),
        Intent::Capacity => {
            if may_change(model) {
                return ask(model, Purpose::Capacity, "");
            }
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    if may_change(model) {
        model.over.dialog = Some(dialog);
    }
    Vec::new()
}
