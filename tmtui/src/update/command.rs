//! Commands that are typed: the verbs of the command line.

use tmcore::SeatId;

use super::{act, checkout, console, events, pick};
use crate::action::{Buy, Command, Fetch};
use crate::keymap::Intent;
use crate::model::over::{Dialog, Mood};
use crate::model::walk::Party;
use crate::model::{Model, Screen};

/// A verb, what follows it, and what it does.
pub const VERBS: &[(&str, &str, &str)] = &[
    ("events", "", "the list of events"),
    ("show", "EVENT", "look at an event"),
    ("search", "WORDS", "find events"),
    ("seats", "[SECTION]", "the seats of a section, or the house"),
    ("seat", "SEAT", "go to a seat"),
    ("best", "[N]", "pick the best N together"),
    ("join", "[EVENT]", "stand in line"),
    ("wait", "", "the place in line"),
    ("status", "", "where the order or the place stands"),
    ("leave", "", "give the place up"),
    ("book", "[TOKEN]", "all steps in one: the best, unless some are picked"),
    ("order", "", "the checkout"),
    ("confirm", "[TOKEN]", "hold the seats, authorize the payment"),
    ("finalize", "", "pay"),
    ("cancel", "", "give the order up"),
    ("tickets", "", "what was bought"),
    ("resume", "", "finish what was cut off"),
    ("sale", "", "the organiser's console"),
    ("event", "open|pause|resume|close|capacity N", "run the sale"),
    ("refresh", "", "fetch anew"),
    ("help", "", "keys"),
    ("quit", "", "end"),
];

/// The verbs that begin so.
pub fn matching(text: &str) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    let word = text.split_whitespace().next().unwrap_or_default().to_owned();
    let is_whole = text.contains(' ');
    VERBS.iter().filter(move |(verb, ..)| if is_whole { *verb == word } else { verb.starts_with(&word) })
}

/// A command, its verb completed, if only one verb begins so.
pub(super) fn completed(text: &str) -> Option<String> {
    if text.contains(' ') {
        return None;
    }
    let mut all = matching(text);
    let (verb, rest, _) = all.next()?;
    let gap = if rest.is_empty() { "" } else { " " };
    all.next().is_none().then(|| format!("{verb}{gap}"))
}

/// Does what was typed.
pub(super) fn run(model: &mut Model, text: &str) -> Vec<Command> {
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match verb {
        "" => Vec::new(),
        "events" => go(model, Screen::Events),
        "show" => show(model, rest, false),
        "join" if !rest.is_empty() => show(model, rest, true),
        "join" => events::join(model),
        "search" => {
            rest.clone_into(&mut model.catalogue.search);
            model.screen = Screen::Events;
            vec![events::list(model, rest.to_owned())]
        }
        "seats" => section(model, rest),
        "seat" => seat(model, rest),
        "best" => best(model, rest),
        "wait" => go(model, Screen::Line),
        "status" => status(model),
        "book" => book(model, rest),
        "resume" => resume(model),
        "event" => organise(model, rest),
        "leave" => super::line::ask_to_leave(model),
        "order" => checkout::open(model),
        "confirm" => confirm(model, rest),
        "finalize" => checkout::finalize(model),
        "cancel" => checkout::on(model, Intent::CancelOrder),
        "tickets" => act(model, Intent::Tickets),
        "sale" => console::open(model),
        "refresh" => act(model, Intent::Refresh),
        "help" => act(model, Intent::Help),
        "quit" | "q" => act(model, Intent::Quit),
        _ => {
            let text = match matching(verb).next() {
                Some((close, ..)) => format!("no command is called {verb}; did you mean {close}?"),
                None => format!("no command is called {verb}: ? lists them"),
            };
            let text = model.name(&text);
            model.say(Mood::Warn, text);
            Vec::new()
        }
    }
}

fn go(model: &mut Model, screen: Screen) -> Vec<Command> {
    if screen == Screen::Events || model.visit.is_some() {
        model.screen = screen;
    } else {
        model.say(Mood::Plain, "go to an event first");
    }
    Vec::new()
}

fn show(model: &mut Model, id: &str, joins: bool) -> Vec<Command> {
    let known = model.catalogue.events.iter().find(|event| event.event_id.as_str() == id).cloned();
    match (known, id.parse()) {
        (Some(event), _) => events::enter(model, event, joins),
        (None, Ok(event)) => {
            model.catalogue.wanted = Some(event);
            let wanted = model.catalogue.wanted.clone();
            wanted.map(|event| Command::Fetch(Fetch::Event(event))).into_iter().collect()
        }
        (None, Err(_)) => {
            model.say(Mood::Warn, "expected an event's id, such as E1");
            Vec::new()
        }
    }
}

fn section(model: &mut Model, name: &str) -> Vec<Command> {
    let size = model.look.size;
    if let Some(visit) = &mut model.visit
        && let Some(house) = visit.house.clone()
        && let Some(block) = house.find_block(name)
    {
        visit.walk.enter(&house, block, size);
        model.screen = Screen::Seats;
        return Vec::new();
    }
    if !name.is_empty() {
        model.say(Mood::Warn, "no section has that name");
    }
    go(model, Screen::Venue)
}

fn seat(model: &mut Model, id: &str) -> Vec<Command> {
    let size = model.look.size;
    if let Ok(id) = id.parse::<SeatId>()
        && let Some(visit) = &mut model.visit
        && let Some(house) = visit.house.clone()
        && let Some(seat) = house.find(&id)
    {
        visit.walk.go(&house, seat, size);
        model.screen = Screen::Seats;
    } else {
        model.say(Mood::Warn, "no seat has that id here");
    }
    Vec::new()
}

fn best(model: &mut Model, count: &str) -> Vec<Command> {
    if let (Ok(count @ 1..), Some(visit)) = (count.parse(), &mut model.visit) {
        visit.walk.party = Party(count);
    }
    pick::on(model, Intent::Best)
}

fn confirm(model: &mut Model, card: &str) -> Vec<Command> {
    if let Some(visit) = &mut model.visit
        && !card.is_empty()
    {
        card.clone_into(&mut visit.checkout.card);
    }
    if model.visit.is_some() {
        model.screen = Screen::Checkout;
    }
    checkout::confirm(model)
}

fn status(model: &mut Model) -> Vec<Command> {
    match &model.visit {
        Some(visit) if visit.checkout.is_open() => model.screen = Screen::Checkout,
        Some(visit) if visit.place.is_some() => model.screen = Screen::Line,
        _ => model.say(Mood::Plain, "there is neither a place in line nor an order"),
    }
    Vec::new()
}

/// Everything up to the tickets: what is picked, else the best.
fn book(model: &mut Model, card: &str) -> Vec<Command> {
    if model.visit.as_ref().is_some_and(|visit| visit.basket.seats().is_empty()) {
        pick::on(model, Intent::Best);
    }
    if let Some(visit) = &mut model.visit {
        visit.checkout.is_booking = true;
    }
    confirm(model, card)
}

fn resume(model: &mut Model) -> Vec<Command> {
    if super::may_change(model) { vec![Command::Buy(Buy::Resume)] } else { Vec::new() }
}

/// The organiser's verbs, each in the console, which asks first.
fn organise(model: &mut Model, text: &str) -> Vec<Command> {
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let intent = match verb {
        "open" => Intent::OpenSale,
        "pause" => Intent::PauseSale,
        "resume" => Intent::ResumeSale,
        "close" => Intent::CloseSale,
        "capacity" => Intent::Capacity,
        _ => {
            model.say(Mood::Warn, "expected open, pause, resume, close or capacity N");
            return Vec::new();
        }
    };
    let mut commands = if model.screen == Screen::Console { Vec::new() } else { console::open(model) };
    match rest.trim().parse() {
        Ok(capacity) if intent == Intent::Capacity => {
            if super::may_change(model) {
                model.over.dialog = Some(Dialog::Capacity(capacity));
            }
        }
        _ => commands.extend(console::on(model, intent)),
    }
    commands
}
