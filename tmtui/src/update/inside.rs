//! Inside of a section: as dots, and as seats.

use super::{checkout, events, line, pick};
use crate::action::Command;
use crate::house::sheet::Direction;
use crate::keymap::Intent;
use crate::measure::moved;
use crate::model::visit::Visit;
use crate::model::{Model, Screen};

/// Sections a page of the list has.
const PAGE: i32 = 10;
/// Lines a page of seats has.
const LINES: i32 = 8;

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    let screen = model.screen;
    match (intent, screen) {
        (Intent::Back | Intent::ZoomOut, Screen::Seats) => model.screen = Screen::Section,
        (Intent::Back | Intent::ZoomOut, _) => model.screen = Screen::Venue,
        (Intent::Enter | Intent::ZoomIn, Screen::Section) => model.screen = Screen::Seats,
        (Intent::Checkout, _) => return checkout::open(model),
        (Intent::Join, _) => return events::join(model),
        (Intent::Leave, _) => return line::ask_to_leave(model),
        (
            Intent::Pick | Intent::Best | Intent::NextFree | Intent::Undo | Intent::Filter | Intent::Party(_),
            _,
        ) => return pick::on(model, intent),
        _ => walk(model, intent),
    }
    Vec::new()
}

fn walk(model: &mut Model, intent: Intent) {
    let size = model.look.size;
    let Some(visit) = &mut model.visit else { return };
    match intent {
        Intent::NextSection => step(visit, size, true),
        Intent::PreviousSection => step(visit, size, false),
        Intent::Up => go(visit, size, Direction::Up),
        Intent::Down => go(visit, size, Direction::Down),
        Intent::Left => go(visit, size, Direction::Left),
        Intent::Right => go(visit, size, Direction::Right),
        Intent::PageUp => (0..LINES).for_each(|_| go(visit, size, Direction::Up)),
        Intent::PageDown => (0..LINES).for_each(|_| go(visit, size, Direction::Down)),
        Intent::First | Intent::Last => end_of_row(visit, size, intent == Intent::First),
        _ => {}
    }
}

/// The cursor to the seat beside.
fn go(visit: &mut Visit, size: (u16, u16), direction: Direction) {
    let walk = &mut visit.walk;
    let beside = walk.seat.and_then(|seat| walk.drawn.sheet.as_ref()?.beside(seat, direction));
    if beside.is_some() {
        walk.seat = beside;
        walk.keep_in_view(size);
    }
}

fn end_of_row(visit: &mut Visit, size: (u16, u16), is_first: bool) {
    let Some(house) = &visit.house else { return };
    let Some(spot) = visit.walk.seat.and_then(|seat| house.spots.get(seat)) else { return };
    let rows = house.blocks.get(usize::from(spot.block)).map(|block| &block.shape.rows);
    if let Some(row) = rows.and_then(|rows| rows.get(usize::from(spot.row))) {
        let seat = if is_first { row.start } else { row.end.saturating_sub(1) };
        visit.walk.seat = Some(seat);
        visit.walk.keep_in_view(size);
    }
}

/// To the next section of the list, or to the one before; after the last comes the first.
pub(super) fn step(visit: &mut Visit, size: (u16, u16), is_forward: bool) {
    let Some(house) = visit.house.clone() else { return };
    let sorted = visit.walk.sorted(&house, visit.live.stock.as_ref());
    let count = sorted.len();
    let at = sorted.iter().position(|block| *block == visit.walk.block).unwrap_or(0);
    let next = if is_forward { at + 1 } else { at + count.saturating_sub(1) };
    if let Some(block) = next.checked_rem(count).and_then(|next| sorted.get(next)) {
        visit.walk.enter(&house, *block, size);
    }
}

/// Far along the list of sections.
pub(super) fn jump(visit: &mut Visit, size: (u16, u16), intent: Intent) {
    let Some(house) = visit.house.clone() else { return };
    let sorted = visit.walk.sorted(&house, visit.live.stock.as_ref());
    let at = sorted.iter().position(|block| *block == visit.walk.block).unwrap_or(0);
    let to = match intent {
        Intent::First => 0,
        Intent::Last => sorted.len().saturating_sub(1),
        Intent::PageUp => moved(at, -PAGE, sorted.len()),
        _ => moved(at, PAGE, sorted.len()),
    };
    if let Some(block) = sorted.get(to) {
        visit.walk.enter(&house, *block, size);
    }
}
