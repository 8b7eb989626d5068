//! A line that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{checkout, command, events};
use crate::action::Command;
use crate::model::Model;
use crate::model::over::{Dialog, Mood, Prompt, Purpose};

/// The longest line, characters.
const LONGEST: usize = 200;

pub(super) fn key(model: &mut Model, event: KeyEvent) -> Vec<Command> {
    let Some(prompt) = &mut model.over.prompt else { return Vec::new() };
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Esc => return give_up(model),
        KeyCode::Char('c') if control => return give_up(model),
        KeyCode::Char('u') if control => prompt.text.clear(),
        KeyCode::Char('w') if control => {
            let kept = prompt.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            prompt.text.truncate(kept);
        }
        KeyCode::Char(_) if control => {}
        KeyCode::Char(character) if prompt.text.chars().count() < LONGEST => prompt.text.push(character),
        KeyCode::Backspace if prompt.text.is_empty() => return give_up(model),
        KeyCode::Backspace => {
            prompt.text.pop();
        }
        KeyCode::Tab if prompt.purpose == Purpose::Command => {
            if let Some(whole) = command::completed(&prompt.text) {
                prompt.text = whole;
            }
        }
        KeyCode::Enter => {
            let prompt = model.over.prompt.take();
            return prompt.map_or_else(Vec::new, |prompt| done(model, &prompt));
        }
        _ => {}
    }
    searched(model);
    Vec::new()
}

pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Command> {
    if let Some(prompt) = &mut model.over.prompt {
        let room = LONGEST.saturating_sub(prompt.text.chars().count());
        prompt.text.extend(text.chars().filter(|c| !c.is_control()).take(room));
        searched(model);
    }
    Vec::new()
}

/// A search narrows the list down while it is typed.
fn searched(model: &mut Model) {
    if let Some(Prompt { purpose: Purpose::Search, text }) = &model.over.prompt {
        model.catalogue.search.clone_from(text);
        model.catalogue.at = 0;
    }
}

fn give_up(model: &mut Model) -> Vec<Command> {
    let prompt = model.over.prompt.take();
    let is_search = prompt.is_some_and(|prompt| prompt.purpose == Purpose::Search);
    if is_search && !model.catalogue.search.is_empty() {
        model.catalogue.search.clear();
        model.catalogue.at = 0;
    }
    Vec::new()
}

fn done(model: &mut Model, prompt: &Prompt) -> Vec<Command> {
    let text = prompt.text.trim();
    match prompt.purpose {
        Purpose::Search => {
            text.clone_into(&mut model.catalogue.search);
            vec![events::list(model, text.to_owned())]
        }
        Purpose::Command => command::run(model, text),
        Purpose::Card => {
            if text.is_empty() {
                return Vec::new();
            }
            let Some(visit) = &mut model.visit else { return Vec::new() };
            text.clone_into(&mut visit.checkout.card);
            if visit.checkout.is_authorized() { Vec::new() } else { checkout::confirm(model) }
        }
        Purpose::Capacity => {
            match text.parse() {
                Ok(capacity) => model.over.dialog = Some(Dialog::Capacity(capacity)),
                Err(_) => model.say(Mood::Warn, "expected a number such as 500"),
            }
            Vec::new()
        }
    }
}
