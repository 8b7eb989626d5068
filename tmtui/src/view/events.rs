//! The list of events.

use ratatui::layout::Rect;
use tmapi::event::{EventSummary, SaleStatus};

use super::pen::Pen;
use crate::layout;
use crate::model::Model;
use crate::model::catalogue::Loading;
use crate::palette::Role;
use crate::text;

/// Columns of the table: date, from-price, availability, sale. The name takes what is left, the venue two fifths of it.
const DATE: u16 = 17;
const PRICE: u16 = 11;
const LEFT: u16 = 12;
const SALE: u16 = 13;

/// First column and width of name, venue, date, price, bar, sale.
fn columns(width: u16) -> [(u16, u16); 6] {
    let rest = width.saturating_sub(DATE + PRICE + LEFT + SALE + 1);
    // A narrow screen leaves the venue out.
    let venue = if rest < 34 { 0 } else { rest * 2 / 5 };
    let name = rest - venue;
    let mut at = 1;
    [name, venue, DATE, PRICE, LEFT, SALE].map(|width| {
        let column = (at, width);
        at += width;
        column
    })
}

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let list = layout::events(model.look.size);
    let head = Rect { y: list.y - 1, height: 1, ..list };
    let names = ["EVENT", "VENUE", "DATE", "FROM", "AVAILABLE", "SALE"];
    for ((column, width), name) in columns(list.width).into_iter().zip(names) {
        if width > 0 {
            pen.put(head, (column, 0), name, Role::Faint);
        }
    }
    let shown: Vec<_> = model.catalogue.shown().collect();
    let first = layout::first_shown(model.catalogue.at, list.height, shown.len());
    for (line, (at, event)) in (0..list.height).zip(shown.iter().enumerate().skip(first)) {
        row(model, event, (list, line), at == model.catalogue.at, pen);
    }
    let say = match &model.catalogue.state {
        Loading::Asked => "asking the office ...".to_owned(),
        Loading::Failed(why) => format!("no answer: {}   (R asks again)", pen.name(why)),
        Loading::Ready if model.catalogue.events.is_empty() => "nothing is on".to_owned(),
        Loading::Ready if shown.is_empty() => format!("nothing fits `{}`", pen.name(&model.catalogue.search)),
        Loading::Ready => return,
    };
    if shown.is_empty() {
        pen.put(
            list,
            (1, 1),
            &say,
            if matches!(model.catalogue.state, Loading::Failed(_)) { Role::Bad } else { Role::Faint },
        );
    }
}

fn row(model: &Model, event: &EventSummary, (list, line): (Rect, u16), is_chosen: bool, pen: &mut Pen<'_>) {
    let role = if is_chosen { Role::Cursor } else { Role::Plain };
    let cells = columns(list.width);
    let city = pen.name(&event.venue.city);
    let venue = format!("{}{}{city}", pen.name(&event.venue.name), if city.is_empty() { "" } else { ", " });
    let price = event.from_price.map(|price| price.to_string()).unwrap_or_default();
    let texts = [pen.name(&event.name), venue, text::time(event.starts_at, &model.look.zone), price];
    if is_chosen {
        pen.text(Rect { y: list.y + line, height: 1, ..list }, 0, &" ".repeat(usize::from(list.width)), role);
        pen.put(list, (0, line), ">", role);
    }
    for ((column, width), text) in cells.into_iter().zip(texts) {
        // A gap between columns.
        let room = Rect { x: list.x + column, width: width.saturating_sub(1), ..list };
        pen.put(room, (0, line), &text, role);
    }
    let (bar, _) = cells[4];
    let full = pen.paint.bar(event.seats.available, event.seats.all(), 6);
    pen.put(list, (bar, line), &full, if is_chosen { role } else { Role::Bar });
    pen.put(list, (bar + 7, line), &short(event.seats.available), role);
    let (sale, _) = cells[5];
    let (text, sale_role) = sale_text(model, event);
    pen.put(list, (sale, line), &text, if is_chosen { role } else { sale_role });
}

fn short(count: u32) -> String {
    match count {
        0..100_000 => count.to_string(),
        _ => format!("{}k", count / 1000),
    }
}

fn sale_text(model: &Model, event: &EventSummary) -> (String, Role) {
    match event.sale_status {
        SaleStatus::Open if event.seats.available == 0 => ("sold out".to_owned(), Role::Gone),
        SaleStatus::Open => ("open".to_owned(), Role::Good),
        SaleStatus::Paused => ("paused".to_owned(), Role::Warn),
        SaleStatus::Closed => ("over".to_owned(), Role::Gone),
        SaleStatus::Scheduled => match event.sale_starts_at {
            Some(at) if at > model.look.now => {
                (format!("in {}", text::duration(text::seconds_until(model.look.now, at))), Role::Warn)
            }
            Some(_) => ("opens now".to_owned(), Role::Warn),
            None => ("not yet open".to_owned(), Role::Faint),
        },
    }
}
