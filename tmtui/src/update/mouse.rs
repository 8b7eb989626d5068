//! The mouse: click, drag, wheel.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::{act, dialog, pick};
use crate::action::Command;
use crate::house::raster::Cell;
use crate::keymap::Intent;
use crate::layout;
use crate::model::over::Dialog;
use crate::model::{Model, Screen};

/// Columns a turn of the wheel pans sideways.
const SIDEWAYS: i32 = 4;

pub(super) fn on(model: &mut Model, event: MouseEvent) -> Vec<Command> {
    let at = Position::new(event.column, event.row);
    if model.is_cramped() || model.over.prompt.is_some() {
        return Vec::new();
    }
    if let Some(question) = model.over.dialog.clone() {
        return ask(model, &question, event);
    }
    if model.over.help.is_some() {
        on_help(model, event);
        return Vec::new();
    }
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            model.over.drag = Some((at.x, at.y));
            click(model, at)
        }
        MouseEventKind::Drag(MouseButton::Left) => {
            drag(model, at);
            Vec::new()
        }
        MouseEventKind::Up(_) => {
            model.over.drag = None;
            Vec::new()
        }
        MouseEventKind::ScrollUp => wheel(model, -1, event.modifiers),
        MouseEventKind::ScrollDown => wheel(model, 1, event.modifiers),
        _ => Vec::new(),
    }
}

/// Over the help the wheel turns its pages, and a click closes it: nothing below it is meant.
fn on_help(model: &mut Model, event: MouseEvent) {
    let line = model.over.help.unwrap_or(0);
    model.over.help = match event.kind {
        MouseEventKind::ScrollUp => Some(line.saturating_sub(1)),
        MouseEventKind::ScrollDown => Some(line + 1),
        MouseEventKind::Down(_) => None,
        _ => Some(line),
    };
}

/// A click on a question: its left half says yes, its right half no.
fn ask(model: &mut Model, question: &Dialog, event: MouseEvent) -> Vec<Command> {
    let area = layout::dialog(model.look.size);
    let is_on_it = area.contains(Position::new(event.column, event.row)) && event.row + 2 >= area.bottom();
    if event.kind != MouseEventKind::Down(MouseButton::Left) || !is_on_it {
        return Vec::new();
    }
    dialog::answer(model, question, event.column < area.x + area.width / 2)
}

fn click(model: &mut Model, at: Position) -> Vec<Command> {
    let size = model.look.size;
    match model.screen {
        Screen::Events => {
            let list = layout::events(size);
            let count = model.catalogue.shown().count();
            let Some(line) = line_of(list, at) else { return Vec::new() };
            let row = layout::first_shown(model.catalogue.at, list.height, count) + line;
            if row >= count {
                return Vec::new();
            }
            let again = model.catalogue.at == row;
            model.catalogue.at = row;
            if again { act(model, Intent::Enter) } else { Vec::new() }
        }
        Screen::Venue => on_venue(model, at),
        Screen::Section | Screen::Seats => on_seats(model, at),
        _ => Vec::new(),
    }
}

fn line_of(area: Rect, at: Position) -> Option<usize> {
    area.contains(at).then(|| usize::from(at.y - area.y))
}

fn on_venue(model: &mut Model, at: Position) -> Vec<Command> {
    let size = model.look.size;
    let panes = layout::venue(size);
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let Some(house) = visit.house.clone() else { return Vec::new() };
    let list = layout::sections(size);
    let block = if panes.map.contains(at) {
        let raster = visit.walk.drawn.venue.as_ref();
        match raster.map(|raster| raster.get(at.x - panes.map.x, at.y - panes.map.y)) {
            Some(Cell::Block(block)) => Some(usize::from(block)),
            _ => None,
        }
    } else {
        let sorted = visit.walk.sorted(&house, visit.live.stock.as_ref());
        let here = sorted.iter().position(|block| *block == visit.walk.block).unwrap_or(0);
        let first = layout::first_shown(here, list.height, sorted.len());
        line_of(list, at).and_then(|line| sorted.get(first + line).copied())
    };
    let Some(block) = block else { return Vec::new() };
    let again = visit.walk.block == block;
    visit.walk.enter(&house, block, size);
    if again { act(model, Intent::Enter) } else { Vec::new() }
}

fn on_seats(model: &mut Model, at: Position) -> Vec<Command> {
    let size = model.look.size;
    let map = layout::seats(size).map;
    let is_section = model.screen == Screen::Section;
    let Some(visit) = &mut model.visit else { return Vec::new() };
    if !map.contains(at) {
        return Vec::new();
    }
    let (column, line) = (i32::from(at.x - map.x), i32::from(at.y - map.y));
    let Some(sheet) = &visit.walk.drawn.sheet else { return Vec::new() };
    let find = |column: i32, line: i32| {
        u16::try_from(column).ok().zip(u16::try_from(line).ok()).and_then(|(c, l)| sheet.seat_at(c, l))
    };
    let seat = if is_section {
        // A cell has two dots, one above the other, and each may begin at either of two columns.
        let (first, above) = visit.walk.dots(map);
        let at = |half: i32, odd: i32| find((first + column) * 2 + odd, above + line * 2 + half);
        [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().find_map(|(half, odd)| at(half, odd))
    } else {
        let origin = visit.walk.origin(map);
        find(column + origin.0, line + origin.1)
    };
    let Some(seat) = seat else { return Vec::new() };
    visit.walk.seat = Some(seat);
    if is_section {
        visit.walk.keep_in_view(size);
        model.screen = Screen::Seats;
        return Vec::new();
    }
    pick::toggle(model, seat)
}

fn drag(model: &mut Model, at: Position) {
    let size = model.look.size;
    if !matches!(model.screen, Screen::Section | Screen::Seats) {
        return;
    }
    if let (Some((x, y)), Some(visit)) = (model.over.drag, &mut model.visit) {
        let by = (i32::from(x) - i32::from(at.x), i32::from(y) - i32::from(at.y));
        visit.walk.pan(by, size, model.screen == Screen::Section);
    }
    model.over.drag = Some((at.x, at.y));
}

fn wheel(model: &mut Model, by: i32, modifiers: KeyModifiers) -> Vec<Command> {
    let size = model.look.size;
    let dots = model.screen == Screen::Section;
    match (model.screen, &mut model.visit) {
        (Screen::Section | Screen::Seats, Some(visit)) => {
            let sideways = modifiers.intersects(KeyModifiers::SHIFT | KeyModifiers::CONTROL);
            visit.walk.pan(if sideways { (by * SIDEWAYS, 0) } else { (0, by) }, size, dots);
            Vec::new()
        }
        (Screen::Venue, _) => act(model, if by < 0 { Intent::PreviousSection } else { Intent::NextSection }),
        _ => act(model, if by < 0 { Intent::Up } else { Intent::Down }),
    }
}
