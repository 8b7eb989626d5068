//! Seats to pick from: two columns each.

use ratatui::layout::Rect;
use ratatui::style::Style;
use tmapi::client::SeatState;

use super::pen::Pen;
use super::side;
use super::venue::level_style;
use crate::house::House;
use crate::house::sheet::{Direction, MOST_LABEL, Sheet};
use crate::layout;
use crate::measure::cells;
use crate::model::Model;
use crate::model::stock::Stock;
use crate::model::visit::Visit;
use crate::palette::Role;
use crate::text;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let size = model.look.size;
    let map = layout::seats(size).map;
    let Some(visit) = &model.visit else { return };
    let (Some(house), Some(sheet)) = (&visit.house, &visit.walk.drawn.sheet) else { return };
    let origin = visit.walk.origin(map);
    labels(visit, house, (sheet, origin), map, pen);
    if let Some(stock) = &visit.live.stock {
        seats(visit, (house, stock), (sheet, origin), map, pen);
    }
    ruler(visit, house, (sheet, origin), map, pen);
    stage(house, (sheet, origin), map, pen);
    side::draw(model, visit, house, pen);
}

/// A place of the sheet on the map, if it is seen.
fn on_map((column, line): (u16, u16), origin: (i32, i32), map: Rect) -> Option<(u16, u16)> {
    let x = u16::try_from(i32::from(column) - origin.0).ok().filter(|x| *x < map.width)?;
    let y = u16::try_from(i32::from(line) - origin.1).ok().filter(|y| *y < map.height)?;
    Some((x, y))
}

fn seats(
    visit: &Visit,
    (house, stock): (&House, &Stock),
    (sheet, origin): (&Sheet, (i32, i32)),
    map: Rect,
    pen: &mut Pen<'_>,
) {
    for (seat, column, line) in sheet.seats() {
        let Some(at) = on_map((column, line), origin, map) else { continue };
        let (glyph, style) = look(visit, (house, stock), seat, pen);
        if visit.walk.seat == Some(seat) {
            let pointer = if pen.paint.ascii { '<' } else { '◂' };
            pen.cell(map, at, glyph, pen.paint.style(Role::Cursor));
            pen.cell(map, (at.0 + 1, at.1), pointer, pen.paint.style(Role::Key));
        } else {
            pen.cell(map, at, glyph, style);
        }
    }
}

fn look(visit: &Visit, (house, stock): (&House, &Stock), seat: usize, pen: &Pen<'_>) -> (char, Style) {
    let paint = pen.paint;
    if visit.basket.has(seat) {
        return (paint.picked(), paint.style(Role::Mine));
    }
    let Some(spot) = house.spots.get(seat) else { return (' ', Style::new()) };
    let (state, level) = (stock.state(seat), usize::from(spot.level));
    let is_wanted = visit.walk.level.is_none_or(|wanted| wanted == spot.level);
    let style = match state {
        SeatState::Available if is_wanted => level_style(paint, house, level),
        SeatState::Reserved => paint.style(Role::Plain),
        _ => paint.style(Role::Gone),
    };
    let glyph = if is_wanted || state != SeatState::Available {
        paint.seat(state, level, spot.accessible)
    } else if paint.ascii {
        ','
    } else {
        '▪'
    };
    (glyph, style)
}

fn labels(visit: &Visit, house: &House, (sheet, origin): (&Sheet, (i32, i32)), map: Rect, pen: &mut Pen<'_>) {
    let rows =
        house.plan.sections.get(visit.walk.block).map(|section| section.rows.as_slice()).unwrap_or_default();
    let here = visit.walk.seat.and_then(|seat| house.spots.get(seat)).map(|spot| usize::from(spot.row));
    for (line, end, row) in &sheet.labels {
        let Some(label) = rows.get(*row).map(|row| pen.name(&row.label)) else { continue };
        let label = text::fit(&label, MOST_LABEL, pen.paint.ascii).into_owned();
        let from = end.saturating_sub(cells(text::width(&label)));
        if let Some((x, y)) = on_map((from, *line), origin, map) {
            pen.put(map, (x, y), &label, if here == Some(*row) { Role::Key } else { Role::Faint });
        }
    }
}

/// Numbers of the cursor's row, above the map, where they fit.
fn ruler(visit: &Visit, house: &House, (sheet, origin): (&Sheet, (i32, i32)), map: Rect, pen: &mut Pen<'_>) {
    let line = Rect { y: map.y - 1, height: 1, ..map };
    let Some(cursor) = visit.walk.seat else { return };
    let Some(spot) = house.spots.get(cursor) else { return };
    let rows = house.blocks.get(usize::from(spot.block)).map(|block| &block.shape.rows);
    let Some(row) = rows.and_then(|rows| rows.get(usize::from(spot.row))) else { return };
    let mut taken: Vec<(u16, u16)> = Vec::new();
    let mut write = |seat: usize, role: Role, pen: &mut Pen<'_>| {
        let number = house.named(seat).map(|named| pen.name(&named.seat.number)).unwrap_or_default();
        let width = cells(text::width(&number));
        // Only the column matters here.
        let column = sheet.slot(seat).and_then(|slot| u16::try_from(i32::from(slot.0) - origin.0).ok());
        let Some(from) = column.filter(|from| from + width <= map.width) else { return };
        if taken.iter().all(|(a, b)| from > *b || from + width < *a) {
            taken.push((from, from + width));
            pen.put(line, (from, 0), &number, role);
        }
    };
    write(cursor, Role::Title, pen);
    let is_round = |seat: usize| {
        let number = house.named(seat).and_then(|named| named.seat.number.parse::<u32>().ok());
        number.is_none_or(|number| number % 5 == 0)
    };
    for seat in row.clone().filter(|seat| is_round(*seat)).chain([row.start, row.end.saturating_sub(1)]) {
        write(seat, Role::Faint, pen);
    }
}

/// Where everybody looks, at the edge of the map where there is room.
fn stage(house: &House, (sheet, origin): (&Sheet, (i32, i32)), map: Rect, pen: &mut Pen<'_>) {
    let name = format!(" {} ", pen.name(house.focus().1));
    let width = cells(text::width(&name));
    let below = i32::from(map.height) - (i32::from(sheet.height) - origin.1);
    let beside = i32::from(map.width) - (i32::from(sheet.width) - origin.0);
    let (middle_x, middle_y) = (map.width.saturating_sub(width) / 2, map.height / 2);
    let at = match sheet.ahead {
        Direction::Up if origin.1 < 0 => (middle_x, 0),
        Direction::Down if below > 0 => (middle_x, map.height - 1),
        Direction::Left if origin.0 <= -i32::from(width) => (0, middle_y),
        Direction::Right if beside >= i32::from(width) => (map.width - width, middle_y),
        _ => return,
    };
    pen.put(map, (at.0, at.1), &name, Role::Stage);
}
