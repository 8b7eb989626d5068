//! Text that people read: what must not be in it.

/// Whether a terminal or a line of text would obey the character instead of showing it: C0 and C1 controls, line and
/// paragraph separators, changes of the writing direction, the byte order mark.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}
