//! What everything is drawn with: text that stays in its place, in a role's style.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::measure::cells;
use crate::model::Look;
use crate::palette::{Paint, Role};
use crate::text;

/// A buffer and how it is drawn on.
pub struct Pen<'b> {
    buffer: &'b mut Buffer,
    /// Colours and characters.
    pub paint: Paint,
    /// Sizes, times.
    pub look: &'b Look,
}

impl<'b> Pen<'b> {
    pub fn new(buffer: &'b mut Buffer, look: &'b Look) -> Self {
        Self { buffer, paint: look.paint, look }
    }

    /// Writes at a column and a line of an area; answers the column behind the text, counted in the area. What does
    /// not fit is cut.
    pub fn put(&mut self, area: Rect, at: (u16, u16), text: &str, role: Role) -> u16 {
        let style = self.paint.style(role);
        self.styled(area, at, text, style)
    }

    /// The same in a style of its own.
    pub fn styled(&mut self, area: Rect, (column, line): (u16, u16), text: &str, style: Style) -> u16 {
        if column >= area.width || line >= area.height {
            return column;
        }
        let fitted = text::fit(text, usize::from(area.width - column), self.paint.ascii);
        let (x, y) = (area.x + column, area.y + line);
        if self.buffer.area.contains((x, y).into()) {
            self.buffer.set_stringn(x, y, &fitted, usize::from(area.width - column), style);
        }
        column + cells(text::width(&fitted))
    }

    /// A whole line of an area.
    pub fn text(&mut self, area: Rect, line: u16, text: &str, role: Role) {
        self.put(area, (0, line), text, role);
    }

    /// A line whose end is at the right edge.
    pub fn right(&mut self, area: Rect, line: u16, text: &str, role: Role) {
        let column = area.width.saturating_sub(cells(text::width(text)));
        self.put(area, (column, line), text, role);
    }

    /// A word and what it is, beside each other.
    pub fn pair(&mut self, area: Rect, line: u16, (word, value): (&str, &str), role: Role) {
        self.put(area, (0, line), word, Role::Faint);
        self.put(area, (12, line), value, role);
    }

    /// One cell of an area.
    pub fn cell(&mut self, area: Rect, (column, line): (u16, u16), glyph: char, style: Style) {
        if column < area.width
            && line < area.height
            && let Some(cell) = self.buffer.cell_mut((area.x + column, area.y + line))
        {
            cell.set_char(glyph).set_style(style);
        }
    }

    /// Half a cell above half a cell: a colour each, or nothing.
    pub fn dots(&mut self, area: Rect, at: (u16, u16), upper: Option<Color>, lower: Option<Color>) {
        let (glyph, style) = match (upper, lower) {
            (None, None) => return,
            (Some(upper), None) => ('▀', Style::new().fg(upper)),
            (None, Some(lower)) => ('▄', Style::new().fg(lower)),
            (Some(upper), Some(lower)) if upper == lower => ('█', Style::new().fg(upper)),
            (Some(upper), Some(lower)) => ('▀', Style::new().fg(upper).bg(lower)),
        };
        self.cell(area, at, glyph, style);
    }

    /// Empties an area.
    pub fn clear(&mut self, area: Rect) {
        for line in 0..area.height {
            for column in 0..area.width {
                if let Some(cell) = self.buffer.cell_mut((area.x + column, area.y + line)) {
                    cell.reset();
                }
            }
        }
    }

    /// A frame around an area that is emptied; answers its inside.
    pub fn frame(&mut self, area: Rect, title: &str) -> Rect {
        self.clear(area);
        let ascii = self.paint.ascii;
        let (h, v) = if ascii { ("-", '|') } else { ("─", '│') };
        let corners = if ascii { ['+'; 4] } else { ['┌', '┐', '└', '┘'] };
        let edge = h.repeat(usize::from(area.width));
        let (right, bottom) = (area.width.saturating_sub(1), area.height.saturating_sub(1));
        let style = self.paint.style(Role::Faint);
        self.styled(area, (0, 0), &edge, style);
        self.styled(area, (0, bottom), &edge, style);
        for line in 0..area.height {
            self.cell(area, (0, line), v, style);
            self.cell(area, (right, line), v, style);
        }
        let places = [(0, 0), (right, 0), (0, bottom), (right, bottom)];
        places.into_iter().zip(corners).for_each(|(at, corner)| self.cell(area, at, corner, style));
        self.put(area, (2, 0), &format!(" {title} "), Role::Title);
        let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(2));
        Rect { x: area.x + 2, y: area.y + 1, width, height }
    }

    /// A name of somebody else's, as this terminal can show it.
    pub fn name(&self, text: &str) -> String {
        text::name(text, self.paint.ascii)
    }
}
