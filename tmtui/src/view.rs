//! The screen, drawn from the model and from nothing else.

mod checkout;
mod console;
mod dialog;
mod events;
mod help;
mod line;
mod pen;
mod prompt;
mod qr;
mod seats;
mod section;
mod side;
mod tickets;
mod title;
mod venue;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::keymap::{self, Intent};
use crate::layout;
use crate::model::over::Mood;
use crate::model::visit::Visit;
use crate::model::{Model, SMALLEST, Screen};
use crate::palette::Role;
use pen::Pen;

/// Draws everything.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut pen = Pen::new(frame.buffer_mut(), &model.look);
    if model.is_cramped() {
        let (columns, lines) = SMALLEST;
        pen.text(
            area,
            0,
            &format!("{columns}x{lines} needed, this is {}x{}", area.width, area.height),
            Role::Plain,
        );
        return;
    }
    title::draw(model, &mut pen);
    match model.screen {
        Screen::Events => events::draw(model, &mut pen),
        Screen::Line => line::draw(model, &mut pen),
        Screen::Venue => venue::draw(model, &mut pen),
        Screen::Section => section::draw(model, &mut pen),
        Screen::Seats => seats::draw(model, &mut pen),
        Screen::Checkout => checkout::draw(model, &mut pen),
        Screen::Tickets => tickets::draw(model, &mut pen),
        Screen::Console => console::draw(model, &mut pen),
    }
    bar(model, &mut pen, area);
    toasts(model, &mut pen);
    if model.over.help.is_some() {
        help::draw(model, &mut pen);
    }
    if let Some(question) = &model.over.dialog {
        dialog::draw(model, question, &mut pen);
    }
    if let Some(typed) = &model.over.prompt {
        let cursor = prompt::draw(model, typed, &mut pen);
        frame.set_cursor_position(cursor);
    }
}

/// Keys that do something here, as many as fit; the last three always do.
fn bar(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let bar = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    let may_join = model.visit.as_ref().is_some_and(Visit::may_join);
    let hints = keymap::hints(model.screen).filter(|hint| may_join || hint.intent != Intent::Join);
    let hints: Vec<_> = hints.collect();
    let length = |hint: &&keymap::Binding| hint.keys.chars().count() + hint.hint.len() + 3;
    let last = hints.len().saturating_sub(3);
    let kept: usize = hints.iter().skip(last).map(&length).sum();
    let mut room = usize::from(bar.width).saturating_sub(kept);
    let mut column = 0;
    for (at, hint) in hints.iter().enumerate() {
        let needed = length(hint);
        if at < last {
            if needed > room {
                continue;
            }
            room -= needed;
        }
        column = pen.put(bar, (column, 0), hint.keys, Role::Key);
        column = pen.put(bar, (column + 1, 0), hint.hint, Role::Faint) + 2;
    }
}

/// Short messages, above the bar.
fn toasts(model: &Model, pen: &mut Pen<'_>) {
    let body = layout::body(model.look.size);
    for (up, toast) in (1..).zip(model.over.toasts.iter().rev()) {
        let Some(line) = body.height.checked_sub(up) else { return };
        let role = match toast.mood {
            Mood::Plain => Role::Plain,
            Mood::Good => Role::Good,
            Mood::Warn => Role::Warn,
            Mood::Bad => Role::Bad,
        };
        let mark = match toast.mood {
            Mood::Plain => "-",
            Mood::Good => "+",
            Mood::Warn => "!",
            Mood::Bad => "x",
        };
        let text = format!(" {mark} {} ", toast.text);
        let columns = crate::measure::cells(crate::text::width(&text)).min(body.width);
        let area = Rect::new(body.right() - columns, body.y + line, columns, 1);
        pen.clear(area);
        pen.text(area, 0, &text, role);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::drawn;
