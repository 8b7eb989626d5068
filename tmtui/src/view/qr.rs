//! QR codes in half blocks: two modules a character, one above the other.

use qrcode::{Color as Module, EcLevel, QrCode};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::pen::Pen;
use crate::measure::cells;
use crate::palette::Kind;

/// Light modules around the code that scanners need (ISO/IEC 18004).
const QUIET: usize = 4;

/// A code's modules, its quiet zone included; true is dark.
pub struct Code {
    side: usize,
    dark: Vec<bool>,
}

impl Code {
    /// The code of a text; nothing when it fits none.
    pub fn new(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let dark = code.to_colors().into_iter().map(|module| module == Module::Dark).collect();
        Some(Self { side: code.width(), dark })
    }

    fn is_dark(&self, column: usize, line: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.side);
        let place = inside(column).zip(inside(line));
        place.is_some_and(|(column, line)| self.dark.get(line * self.side + column).copied().unwrap_or(false))
    }

    fn whole(&self) -> usize {
        self.side + 2 * QUIET
    }

    /// Columns and lines it takes.
    pub fn size(&self, ascii: bool) -> (u16, u16) {
        let whole = self.whole();
        if ascii { (cells(whole * 2), cells(whole)) } else { (cells(whole), cells(whole.div_ceil(2))) }
    }

    /// Draws it: dark on light with colours, which scanners like best; without, its light modules are drawn and a dark
    /// background is taken for granted. In ASCII a module is two columns of a line.
    pub fn draw(&self, area: Rect, pen: &mut Pen<'_>) {
        let (columns, lines) = self.size(pen.paint.ascii);
        let painted = Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(231));
        for line in 0..lines {
            for column in 0..columns {
                let (at, glyph, style) = ((column, line), ' ', Style::new());
                let (x, y) = (usize::from(column), usize::from(line));
                let (glyph, style) = if pen.paint.ascii {
                    (if self.is_dark(x / 2, y) { glyph } else { '#' }, style)
                } else {
                    let (upper, lower) = (self.is_dark(x, y * 2), self.is_dark(x, y * 2 + 1));
                    match pen.paint.kind {
                        Kind::Mono => (half_block((!upper, !lower && y * 2 + 1 < self.whole())), style),
                        _ => (half_block((upper, lower)), painted),
                    }
                };
                pen.cell(area, at, glyph, style);
            }
        }
    }
}

const fn half_block(halves: (bool, bool)) -> char {
    match halves {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}
