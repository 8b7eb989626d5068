//! Where things are on the screen, for drawing and for the mouse alike.

use ratatui::layout::Rect;

/// The map of a screen and what stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panes {
    /// The map.
    pub map: Rect,
    /// The list or legend.
    pub side: Rect,
}

/// Everything between the title and the hints.
pub fn body(size: (u16, u16)) -> Rect {
    Rect::new(0, 1, size.0, size.1.saturating_sub(2))
}

fn split(size: (u16, u16), side: u16, above: u16) -> Panes {
    let body = body(size);
    let map = Rect {
        y: body.y + above,
        width: body.width.saturating_sub(side + 1),
        height: body.height.saturating_sub(above),
        ..body
    };
    Panes { map, side: Rect { x: map.right() + 1, width: side.min(body.width), ..body } }
}

/// The whole house, the list of its sections beside it.
pub fn venue(size: (u16, u16)) -> Panes {
    split(size, (size.0 * 2 / 5).clamp(30, 46), 1)
}

/// The seats of a section, above them a line of numbers.
pub fn seats(size: (u16, u16)) -> Panes {
    split(size, if size.0 < 76 { 22 } else { 27 }, 1)
}

/// The small house beside a section.
pub fn minimap(size: (u16, u16)) -> Rect {
    let side = seats(size).side;
    Rect { height: (side.height / 3).clamp(4, 9), ..side }
}

/// The events, below a line that heads them.
pub fn events(size: (u16, u16)) -> Rect {
    let body = body(size);
    Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body }
}

/// The list of sections beside the house, below two lines that head it.
pub fn sections(size: (u16, u16)) -> Rect {
    let side = venue(size).side;
    Rect { y: side.y + 2, height: side.height.saturating_sub(2), ..side }
}

/// A question.
pub fn dialog(size: (u16, u16)) -> Rect {
    middle(size, 58, 8)
}

/// The first of `count` entries to show in so many lines for the one at the cursor to be seen.
pub fn first_shown(at: usize, lines: u16, count: usize) -> usize {
    let lines = usize::from(lines);
    at.saturating_sub(lines / 2).min(count.saturating_sub(lines))
}

/// A box in the middle of the screen.
pub fn middle(size: (u16, u16), width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(size.0), height.min(size.1));
    Rect::new((size.0 - width) / 2, (size.1 - height) / 2, width, height)
}
