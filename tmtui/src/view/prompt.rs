//! A line that is being typed, in the place of the hints.

use ratatui::layout::{Position, Rect};

use super::pen::Pen;
use crate::measure::cells;
use crate::model::Model;
use crate::model::over::{Prompt, Purpose};
use crate::palette::Role;
use crate::text;

/// Draws it and answers where the cursor is.
pub(super) fn draw(model: &Model, prompt: &Prompt, pen: &mut Pen<'_>) -> Position {
    let (columns, lines) = model.look.size;
    let line = Rect::new(0, lines - 1, columns, 1);
    pen.clear(line);
    let lead = match prompt.purpose {
        Purpose::Search => "/",
        Purpose::Command => ":",
        Purpose::Card => "payment token: ",
        Purpose::Capacity => "how many may be inside at once: ",
    };
    let column = pen.put(line, (0, 0), lead, Role::Key);
    // Of a long line its end is shown.
    let room = usize::from(columns.saturating_sub(column + 1));
    let safe = pen.name(&prompt.text);
    let mut shown = safe.as_str();
    while text::width(shown) > room {
        let mut rest = shown.chars();
        rest.next();
        shown = rest.as_str();
    }
    let end = pen.put(line, (column, 0), shown, Role::Plain);
    if prompt.purpose == Purpose::Command {
        suggestions(prompt, line, pen);
    }
    Position::new(end.min(columns.saturating_sub(1)), lines - 1)
}

/// The verbs that begin so, above the line.
fn suggestions(prompt: &Prompt, line: Rect, pen: &mut Pen<'_>) {
    const MOST: usize = 8;
    let all: Vec<_> = crate::update::verbs_like(&prompt.text).take(MOST).collect();
    let height = cells(all.len());
    let area = Rect { y: line.y.saturating_sub(height), height, width: line.width.min(64), ..line };
    pen.clear(area);
    for (at, (verb, rest, what)) in (0..).zip(all) {
        let column = pen.put(area, (0, at), &format!(":{verb}"), Role::Key);
        pen.put(area, (column + 1, at), rest, Role::Faint);
        pen.put(area, (22, at), what, Role::Plain);
    }
}
