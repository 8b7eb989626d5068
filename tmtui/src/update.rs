//! What becomes of the model when something happens, and what is to be done about it. No clock, no I/O: what time it is
//! comes with the tick.

mod checkout;
mod command;
mod console;
mod copy;
mod dialog;
mod events;
mod inside;
mod line;
mod mouse;
mod news;
mod pick;
mod prompt;
mod ticket;
mod venue;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use tmcore::{EventId, Timestamp};

use crate::action::{Action, Command, Fetch};
use crate::keymap::{self, Intent};
use crate::model::catalogue::Loading;
use crate::model::over::{Dialog, Mood, Prompt, Purpose};
use crate::model::visit::Visit;
use crate::model::{Model, Screen};

/// How often the organiser's console asks, milliseconds.
const CONSOLE_MILLIS: u64 = 2_000;
/// How often an event, or the list of them, is asked for anew, milliseconds.
const EVENT_MILLIS: u64 = 10_000;
/// How often the list is where something is awaited: an answer at all, or the beginning of a sale.
const AWAITED_MILLIS: u64 = 3_000;

/// The commands that may be typed: verb, what follows it, what it does.
pub fn verbs() -> &'static [(&'static str, &'static str, &'static str)] {
    command::VERBS
}

/// Those of them that begin so.
pub fn verbs_like(text: &str) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    command::matching(text)
}

/// What is done at the start.
pub fn start(model: &mut Model, event: Option<EventId>) -> Vec<Command> {
    let mut commands = vec![events::list(model, String::new()), Command::Fetch(Fetch::CutOff)];
    model.catalogue.wanted.clone_from(&event);
    commands.extend(event.map(|event| Command::Fetch(Fetch::Event(event))));
    commands
}

/// Takes in what happened.
pub fn update(model: &mut Model, action: Action) -> Vec<Command> {
    match action {
        Action::Key(event) => key(model, event),
        Action::Mouse(event) => mouse::on(model, event),
        Action::Paste(text) => prompt::paste(model, &text),
        Action::Resize(columns, lines) => {
            model.look.size = (columns, lines);
            survey(model);
            Vec::new()
        }
        Action::Tick(now) => tick(model, now),
        Action::Told(news) => news::told(model, news),
    }
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Command> {
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if model.over.prompt.is_some() {
        return prompt::key(model, event);
    }
    let intent = keymap::resolve(model.screen, event);
    // These work whatever lies over the screen.
    if matches!(intent, Some(Intent::Suspend | Intent::Redraw)) {
        return intent.map_or_else(Vec::new, |intent| act(model, intent));
    }
    if model.over.dialog.is_some() {
        return dialog::key(model, event);
    }
    if let Some(line) = model.over.help {
        model.over.help = match event.code {
            KeyCode::Down | KeyCode::Char('j') => Some(line + 1),
            KeyCode::Up | KeyCode::Char('k') => Some(line.saturating_sub(1)),
            _ => None,
        };
        return Vec::new();
    }
    intent.map_or_else(Vec::new, |intent| act(model, intent))
}

/// Does what a key, a click or a command means.
fn act(model: &mut Model, intent: Intent) -> Vec<Command> {
    match intent {
        Intent::Quit => quit(model),
        Intent::Help => {
            model.over.help = Some(0);
            Vec::new()
        }
        Intent::Palette => ask(model, Purpose::Command, ""),
        Intent::Suspend => vec![Command::Suspend],
        Intent::Redraw => vec![Command::Redraw],
        Intent::Tickets => ticket::open(model),
        Intent::CopyId => copy::id(model),
        Intent::CopyCommand => copy::command(model),
        Intent::Mouse => {
            model.look.mouse = !model.look.mouse;
            let text = if model.look.mouse {
                "the mouse picks"
            } else {
                "the mouse is the terminal's: m takes it back"
            };
            model.say(Mood::Plain, text);
            vec![Command::Mouse(model.look.mouse)]
        }
        Intent::Refresh => refresh(model),
        _ => match model.screen {
            Screen::Events => events::on(model, intent),
            Screen::Line => line::on(model, intent),
            Screen::Venue => venue::on(model, intent),
            Screen::Section | Screen::Seats => inside::on(model, intent),
            Screen::Checkout => checkout::on(model, intent),
            Screen::Tickets => ticket::on(model, intent),
            Screen::Console => console::on(model, intent),
        },
    }
}

fn quit(model: &mut Model) -> Vec<Command> {
    let would_lose =
        |visit: &Visit| visit.checkout.is_open() || visit.checkout.busy.is_some() || visit.would_lapse();
    if model.visit.as_ref().is_some_and(would_lose) {
        model.over.dialog = Some(Dialog::Quit);
        return Vec::new();
    }
    vec![Command::Quit]
}

/// Opens a line to type in.
fn ask(model: &mut Model, purpose: Purpose, text: &str) -> Vec<Command> {
    model.over.prompt = Some(Prompt { purpose, text: text.to_owned() });
    Vec::new()
}

/// Whether something may be changed; says so if not.
fn may_change(model: &mut Model) -> bool {
    if model.look.readonly {
        model.say(Mood::Warn, "read only: start without --readonly to buy or change anything");
    }
    !model.look.readonly
}

fn refresh(model: &mut Model) -> Vec<Command> {
    if model.screen == Screen::Events {
        let words = model.catalogue.search.clone();
        return vec![events::list(model, words)];
    }
    let visit = model.visit.as_ref().map(|visit| visit.event.event_id.clone());
    let fetch = match (model.screen, visit) {
        (Screen::Tickets, _) => Some(Fetch::Tickets),
        (Screen::Console, _) => model.console.as_ref().map(|console| Fetch::Sale(console.event.clone())),
        (Screen::Venue | Screen::Section | Screen::Seats, Some(event)) => Some(Fetch::Availability(event)),
        (_, event) => event.map(Fetch::Event),
    };
    fetch.map(Command::Fetch).into_iter().collect()
}

/// Measures the house anew.
fn survey(model: &mut Model) {
    let size = model.look.size;
    if let Some(visit) = &mut model.visit
        && let Some(house) = &visit.house
    {
        visit.walk.survey(house, size);
    }
}

fn tick(model: &mut Model, now: Timestamp) -> Vec<Command> {
    model.look.now = now;
    model.over.toasts.retain(|toast| toast.until > now);
    let mut commands = Vec::new();
    if model.screen == Screen::Console
        && let Some(console) = &mut model.console
        && now.millis_since(console.asked) >= CONSOLE_MILLIS
    {
        console.asked = now;
        commands.push(Command::Fetch(Fetch::Sale(console.event.clone())));
    }
    commands.extend(look_again(model, now));
    if let Some(visit) = &model.visit
        && let Some(order) = &visit.checkout.order
        && visit.checkout.busy.is_none()
    {
        let is_late = order.status.is_open() && order.expires_at <= now;
        // Now and then, until the daemon says what became of it.
        if (is_late || order.status.is_with_provider()) && (now.as_millis() / 1000) % 3 == 0 {
            commands.push(Command::Fetch(Fetch::Order(order.event_id.clone(), order.order_id)));
        }
    }
    commands
}

/// Asks again, now and then, for what no stream tells: the list, and whether the sale one is at goes on.
fn look_again(model: &mut Model, now: Timestamp) -> Option<Command> {
    if model.screen == Screen::Events {
        let catalogue = &model.catalogue;
        let is_awaited = matches!(catalogue.state, Loading::Failed(_)) || catalogue.is_due(now);
        let pause = if is_awaited { AWAITED_MILLIS } else { EVENT_MILLIS };
        let is_time = catalogue.asked.at.is_none_or(|at| now.millis_since(at) >= pause);
        let words = catalogue.asked.words.clone();
        return is_time.then(|| events::list(model, words));
    }
    let visit = model.visit.as_mut().filter(|_| model.screen != Screen::Console)?;
    let is_time = visit.live.asked.is_none_or(|at| now.millis_since(at) >= EVENT_MILLIS);
    is_time.then(|| {
        visit.live.asked = Some(now);
        Command::Fetch(Fetch::Event(visit.event.event_id.clone()))
    })
}

#[cfg(test)]
mod tests;
