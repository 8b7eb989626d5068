//! What goes to the clipboard: the id of what one looks at, or the command that would do the same.

use crate::action::Command;
use crate::model::over::Mood;
use crate::model::{Model, Screen};

/// Copies the id.
pub(super) fn id(model: &mut Model) -> Vec<Command> {
    let visit = model.visit.as_ref();
    let text = match model.screen {
        Screen::Events => model.catalogue.chosen().map(|event| event.event_id.to_string()),
        Screen::Line => {
            visit.and_then(|visit| visit.place.as_ref()).map(|place| place.session.session_id.to_string())
        }
        Screen::Venue => visit.map(|visit| visit.event.event_id.to_string()),
        Screen::Section | Screen::Seats => {
            visit.and_then(|visit| Some(visit.house.as_ref()?.seat_id(visit.walk.seat?)?.to_string()))
        }
        Screen::Checkout => {
            visit.and_then(|visit| visit.checkout.order.as_ref()).map(|order| order.order_id.to_string())
        }
        Screen::Tickets => model.tickets.shown().map(|ticket| ticket.ticket_id.to_string()),
        Screen::Console => model.console.as_ref().map(|console| console.event.to_string()),
    };
    copied(model, text)
}

/// Copies the equivalent command of the command line. Never a payment token.
pub(super) fn command(model: &mut Model) -> Vec<Command> {
    let visit = model.visit.as_ref();
    let event = visit.map(|visit| visit.event.event_id.to_string());
    let text = match model.screen {
        Screen::Events => model.catalogue.chosen().map(|event| format!("tmctl show {}", event.event_id)),
        Screen::Line => match visit.and_then(|visit| visit.place.as_ref()) {
            Some(place) => Some(format!("tmctl wait {}", place.session.session_id)),
            None => event.map(|event| format!("tmctl join {event}")),
        },
        Screen::Venue => event.map(|event| format!("tmctl seats {event}")),
        Screen::Section | Screen::Seats => visit.and_then(|visit| {
            let section = visit.house.as_ref()?.block_name(visit.walk.block);
            Some(format!("tmctl seats {} --section {}", visit.event.event_id, quoted(section)))
        }),
        Screen::Checkout => visit.map(checkout_command),
        Screen::Tickets => {
            model.tickets.shown().map(|ticket| format!("tmctl tickets {} --qr", ticket.order_id))
        }
        Screen::Console => {
            model.console.as_ref().map(|console| format!("tmctl sale status {}", console.event))
        }
    };
    copied(model, text)
}

fn checkout_command(visit: &crate::model::visit::Visit) -> String {
    match &visit.checkout.order {
        Some(order) if visit.checkout.is_authorized() => format!("tmctl finalize {}", order.order_id),
        order => {
            let ids = visit.basket.seats().iter().filter_map(|seat| visit.house.as_ref()?.seat_id(*seat));
            let ids: Vec<_> = ids.map(ToString::to_string).collect();
            let order = order.as_ref().map(|order| format!(" {}", order.order_id)).unwrap_or_default();
            format!("tmctl confirm{order} --seats {} --payment-token TOKEN", quoted(&ids.join(",")))
        }
    }
}

/// One word to a POSIX shell, whatever is in it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ',');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let harmless: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", harmless.replace('\'', r"'\''"))
}

fn copied(model: &mut Model, text: Option<String>) -> Vec<Command> {
    let Some(text) = text else { return Vec::new() };
    let shown = model.name(&text);
    model.say(Mood::Plain, format!("copied: {shown}"));
    vec![Command::Copy(text)]
}
