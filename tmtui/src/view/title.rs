//! The first line: where one is, and how fresh it is.

use ratatui::layout::Rect;
use tmapi::event::SaleStatus;

use super::pen::Pen;
use crate::measure::cells;
use crate::model::catalogue::Loading;
use crate::model::visit::Link;
use crate::model::{Model, Screen};
use crate::palette::Role;
use crate::text;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let area = Rect::new(0, 0, model.look.size.0, 1);
    let chip = chip(model);
    let place = place(model, pen);
    pen.right(area, 0, &chip.0, chip.1);
    let mut left = beside(area, &chip.0);
    if let Some((text, role)) = sale(model) {
        pen.right(left, 0, &text, role);
        left = beside(left, &text);
    }
    if model.look.readonly {
        pen.right(left, 0, "read only", Role::Warn);
        left = beside(left, "read only");
    }
    let column = pen.put(left, (0, 0), screen_name(model.screen), Role::Title);
    pen.put(left, (column + 2, 0), &place, Role::Plain);
}

/// What is left of a line beside a text at its right end.
fn beside(line: Rect, text: &str) -> Rect {
    let taken = if text.is_empty() { 0 } else { cells(text::width(text)) + 2 };
    Rect { width: line.width.saturating_sub(taken), ..line }
}

/// What keeps one from buying here, if anything does.
fn sale(model: &Model) -> Option<(String, Role)> {
    let is_elsewhere = matches!(model.screen, Screen::Events | Screen::Tickets | Screen::Console);
    let event = &model.visit.as_ref().filter(|_| !is_elsewhere)?.event;
    match (event.sale_status, event.sale_starts_at) {
        (SaleStatus::Open, _) => None,
        (SaleStatus::Paused, _) => Some(("SALE PAUSED".to_owned(), Role::Warn)),
        (SaleStatus::Closed, _) => Some(("SALE OVER".to_owned(), Role::Bad)),
        (SaleStatus::Scheduled, Some(at)) if at > model.look.now => {
            let left = text::duration(text::seconds_until(model.look.now, at));
            Some((format!("SALE IN {left}"), Role::Warn))
        }
        (SaleStatus::Scheduled, _) => Some(("NOT ON SALE YET".to_owned(), Role::Warn)),
    }
}

const fn screen_name(screen: Screen) -> &'static str {
    match screen {
        Screen::Events => "EVENTS",
        Screen::Line => "WAITING ROOM",
        Screen::Venue => "VENUE",
        Screen::Section => "SECTION",
        Screen::Seats => "SEATS",
        Screen::Checkout => "CHECKOUT",
        Screen::Tickets => "TICKETS",
        Screen::Console => "ORGANISER",
    }
}

fn place(model: &Model, pen: &Pen<'_>) -> String {
    let visit = model.visit.as_ref();
    match model.screen {
        Screen::Events => model.look.office.clone(),
        Screen::Tickets => pen.name(&model.tickets.event),
        Screen::Console => model.console.as_ref().map(|console| pen.name(&console.name)).unwrap_or_default(),
        Screen::Section | Screen::Seats => visit.map_or_else(String::new, |visit| {
            let house = visit.house.as_ref();
            let section = house.map(|house| pen.name(house.block_name(visit.walk.block))).unwrap_or_default();
            format!("{section} - {}", pen.name(&visit.event.name))
        }),
        Screen::Line | Screen::Venue | Screen::Checkout => {
            visit.map_or_else(String::new, |visit| pen.name(&visit.event.name))
        }
    }
}

/// How far what is shown can be trusted: of two streams the worse.
fn chip(model: &Model) -> (String, Role) {
    if model.screen == Screen::Events && matches!(model.catalogue.state, Loading::Failed(_)) {
        return ("NO ANSWER".to_owned(), Role::Bad);
    }
    let Some(visit) = &model.visit else { return (String::new(), Role::Faint) };
    let in_line = visit.place.as_ref().filter(|place| !place.session.status.is_terminal());
    let links = [Some(&visit.live.link), in_line.map(|place| &place.link)];
    let worst = links.into_iter().flatten().max_by_key(|link| badness(link));
    let now = model.look.now;
    match worst {
        None | Some(Link::Off) => (String::new(), Role::Faint),
        Some(Link::Opening) => ("CONNECTING".to_owned(), Role::Faint),
        Some(Link::Live) => ("LIVE".to_owned(), Role::Good),
        Some(Link::Stale(since)) => (format!("STALE {} s", text::seconds_until(*since, now)), Role::Warn),
        Some(Link::Reconnecting(at)) => match text::seconds_until(now, *at) {
            0 => ("RECONNECTING".to_owned(), Role::Bad),
            seconds => (format!("RECONNECT in {seconds} s"), Role::Bad),
        },
        Some(Link::Lost(why)) => (format!("LOST: {}", text::name(why, model.look.paint.ascii)), Role::Bad),
    }
}

const fn badness(link: &Link) -> u8 {
    match link {
        Link::Off => 0,
        Link::Live => 1,
        Link::Opening => 2,
        Link::Stale(_) => 3,
        Link::Reconnecting(_) => 4,
        Link::Lost(_) => 5,
    }
}
