//! What was bought: a code to show at the door, and the seat it admits to.

use ratatui::layout::Rect;

use super::pen::Pen;
use super::qr::Code;
use crate::layout;
use crate::model::Model;
use crate::palette::Role;
use crate::text;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let body = layout::body(model.look.size);
    let area = Rect { x: 1, width: body.width.saturating_sub(2), ..body };
    let tickets = &model.tickets;
    let Some(ticket) = tickets.shown() else {
        pen.text(area, 1, "no tickets yet: they come here once an order is paid", Role::Faint);
        return;
    };
    let code = Code::new(&ticket.code);
    let size = code.as_ref().map(|code| code.size(pen.paint.ascii)).unwrap_or_default();
    // Beside the code must be room for a seat's name, below it for messages.
    let fits = size.0 + 24 <= area.width && size.1 <= area.height;
    let left = if fits { size.0 + 2 } else { 0 };
    if let Some(code) = code.filter(|_| fits) {
        code.draw(area, pen);
    }
    let side = Rect { x: area.x + left, width: area.width.saturating_sub(left), ..area };
    pen.text(side, 0, &format!("ticket {} of {}", tickets.at + 1, tickets.all.len()), Role::Faint);
    pen.text(side, 2, &pen.name(&ticket.section), Role::Title);
    let (row, number) = (pen.name(&ticket.row), pen.name(&ticket.number));
    pen.text(side, 3, &format!("row {row}, seat {number}"), Role::Title);
    if let Some(gate) = tickets.gate(ticket) {
        pen.text(side, 4, &pen.name(gate), Role::Title);
    }
    pen.text(side, 5, &format!("event {}", pen.name(ticket.event_id.as_str())), Role::Plain);
    pen.text(side, 6, &format!("seat  {}", pen.name(ticket.seat_id.as_str())), Role::Plain);
    pen.text(side, 7, &format!("since {}", text::time(ticket.issued_at, &model.look.zone)), Role::Plain);
    pen.text(side, 9, &ticket.ticket_id.to_string(), Role::Faint);
    let mut line = 11;
    for part in wrapped(&pen.name(&ticket.code), usize::from(side.width)) {
        pen.text(side, line, &part, Role::Plain);
        line += 1;
    }
    if !fits {
        let why = format!("the code needs {} columns and {} lines beside this", size.0 + 26, size.1 + 2);
        pen.text(side, line + 1, &why, Role::Faint);
    }
    if tickets.all.len() > 1 {
        pen.text(side, line + 1 + u16::from(!fits), "arrows: the other tickets", Role::Faint);
    }
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let characters: Vec<_> = text.chars().collect();
    characters.chunks(columns.max(1)).map(|part| part.iter().collect()).collect()
}
