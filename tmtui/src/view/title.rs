//! The first line: where one is, and how fresh it is.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::model::visit::Link;
use crate::model::{Model, Screen};
use crate::palette::Role;
use crate::text;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let area = Rect::new(0, 0, model.look.size.0, 1);
    let chip = chip(model);
    let place = place(model, pen);
    let room = area.width.saturating_sub(u16::try_from(text::width(&chip.0) + 2).unwrap_or(0));
    let left = Rect { width: room, ..area };
    let column = pen.put(left, (0, 0), screen_name(model.screen), Role::Title);
    let column = pen.put(left, (column + 2, 0), &place, Role::Plain);
    if model.look.readonly {
        pen.put(left, (column + 2, 0), "read only", Role::Warn);
    }
    pen.right(area, 0, &chip.0, chip.1);
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
    let Some(visit) = &model.visit else { return (String::new(), Role::Faint) };
    let in_line = visit.place.as_ref().filter(|place| !place.session.status.is_terminal());
    let links = [Some(&visit.live.link), in_line.map(|place| &place.link)];
    let worst = links.into_iter().flatten().max_by_key(|link| badness(link));
    let now = model.look.now;
    match worst {
        None | Some(Link::Off) => (String::new(), Role::Faint),
        Some(Link::Opening) => ("CONNECTING".to_owned(), Role::Faint),
        Some(Link::Live) => ("LIVE".to_owned(), Role::Good),
        // The stream is called stale after 20 s of silence.
        Some(Link::Stale(since)) => {
            (format!("STALE {} s", 20 + text::seconds_until(*since, now)), Role::Warn)
        }
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
