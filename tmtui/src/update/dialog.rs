//! Questions, and what yes means.

use crossterm::event::{KeyCode, KeyEvent};

use super::{checkout, pick};
use crate::action::{Buy, Command};
use crate::model::Model;
use crate::model::over::Dialog;

pub(super) fn key(model: &mut Model, event: KeyEvent) -> Vec<Command> {
    let Some(dialog) = model.over.dialog.clone() else { return Vec::new() };
    match event.code {
        KeyCode::Char('y' | 'Y') => answer(model, &dialog, true),
        KeyCode::Enter => answer(model, &dialog, dialog.is_harmless()),
        KeyCode::Esc | KeyCode::Char('n' | 'N' | 'q') => answer(model, &dialog, false),
        _ => Vec::new(),
    }
}

/// Takes in the answer to a question.
pub(super) fn answer(model: &mut Model, dialog: &Dialog, is_yes: bool) -> Vec<Command> {
    model.over.dialog = None;
    let commands = if is_yes { yes(model, dialog) } else { Vec::new() };
    pick::offer_next(model);
    commands
}

fn yes(model: &mut Model, dialog: &Dialog) -> Vec<Command> {
    match dialog {
        Dialog::Quit => vec![Command::Quit],
        Dialog::Cancel => checkout::cancel(model),
        Dialog::Offer { instead, .. } => {
            pick::take_offer(model, *instead);
            Vec::new()
        }
        Dialog::Leave => {
            let visit = model.visit.as_ref();
            let place = visit.and_then(|visit| Some((visit.event.event_id.clone(), visit.place.as_ref()?)));
            let leave = place.map(|(event, place)| Buy::Leave(event, place.session.session_id));
            leave.map(Command::Buy).into_iter().collect()
        }
        Dialog::Sale(action) => {
            let event = model.console.as_ref().map(|console| console.event.clone());
            event.map(|event| Command::Run(event, *action)).into_iter().collect()
        }
        Dialog::Capacity(capacity) => {
            let event = model.console.as_ref().map(|console| console.event.clone());
            event.map(|event| Command::SetCapacity(event, *capacity)).into_iter().collect()
        }
    }
}
