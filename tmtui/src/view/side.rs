//! Beside a section: where it is in the house, the seat under the cursor, what is picked, what the signs mean.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use tmapi::client::SeatState;

use super::pen::Pen;
use super::venue::{level_style, raster_cells, swatch};
use crate::house::House;
use crate::house::raster::Cell;
use crate::house::sheet::Direction;
use crate::layout;
use crate::model::Model;
use crate::model::visit::Visit;
use crate::palette::Role;

/// The line above a section's dots.
pub(super) fn headline(visit: &Visit, house: &House, area: Rect, pen: &mut Pen<'_>) {
    let count = visit.live.stock.as_ref().map(|stock| stock.block(visit.walk.block, visit.walk.level));
    let name = pen.name(house.block_name(visit.walk.block));
    let text =
        count.map_or_else(|| name.clone(), |count| format!("{name}: {} of {} free", count.free, count.all));
    pen.put(Rect { height: 1, ..area }, (0, 0), &text, Role::Title);
}

pub(super) fn draw(model: &Model, visit: &Visit, house: &House, pen: &mut Pen<'_>) {
    let side = layout::seats(model.look.size).side;
    let small = layout::minimap(model.look.size);
    minimap(visit, house, small, pen);
    let mut rest = Rect { y: small.bottom(), height: side.bottom().saturating_sub(small.bottom()), ..side };
    stage(visit, house, &mut rest, pen);
    cursor(visit, house, &mut rest, pen);
    picked(visit, house, &mut rest, pen);
    levels(visit, house, &mut rest, pen);
    states(&mut rest, pen);
}

/// Writes a line and goes on to the next.
fn write(rest: &mut Rect, text: &str, role: Role, pen: &mut Pen<'_>) {
    if rest.height > 0 {
        pen.text(*rest, 0, text, role);
        *rest = Rect { y: rest.y + 1, height: rest.height - 1, ..*rest };
    }
}

fn minimap(visit: &Visit, house: &House, area: Rect, pen: &mut Pen<'_>) {
    let Some(raster) = &visit.walk.drawn.minimap else { return };
    raster_cells(visit, house, raster, area, pen);
    // Where one is, in whatever colours.
    for line in 0..raster.height.min(area.height) {
        for column in 0..raster.width.min(area.width) {
            if raster.get(column, line) == Cell::Block(u16::try_from(visit.walk.block).unwrap_or(u16::MAX)) {
                let glyph = if pen.paint.ascii { '@' } else { '█' };
                pen.cell(
                    area,
                    (column, line),
                    glyph,
                    Style::new().fg(pen.paint.mine()).add_modifier(Modifier::BOLD),
                );
            }
        }
    }
}

fn stage(visit: &Visit, house: &House, rest: &mut Rect, pen: &mut Pen<'_>) {
    let Some(sheet) = &visit.walk.drawn.sheet else { return };
    let (arrow, ascii) = match sheet.ahead {
        Direction::Up => ("↑ up", "^ up"),
        Direction::Down => ("↓ down", "v down"),
        Direction::Left => ("← left", "< left"),
        Direction::Right => ("→ right", "> right"),
    };
    let name = pen.name(house.focus().1);
    let arrow = pen.paint.either(arrow, ascii);
    write(rest, &format!("{name}: {arrow}"), Role::Faint, pen);
}

fn cursor(visit: &Visit, house: &House, rest: &mut Rect, pen: &mut Pen<'_>) {
    let Some((seat, named)) = visit.walk.seat.and_then(|seat| Some((seat, house.named(seat)?))) else {
        return;
    };
    let (row, number) = (pen.name(named.row), pen.name(&named.seat.number));
    let state = match visit.live.stock.as_ref().map(|stock| stock.state(seat)) {
        _ if visit.basket.has(seat) => "yours",
        Some(SeatState::Available) => "free",
        Some(SeatState::Reserved) => "held",
        Some(SeatState::Sold) => "sold",
        Some(SeatState::Blocked) => "not for sale",
        None => "",
    };
    write(rest, &format!("row {row} seat {number}: {state}"), Role::Title, pen);
    let level = house.spots.get(seat).and_then(|spot| house.levels.get(usize::from(spot.level)));
    let price = level.map(|level| format!("{} {}", level.price, pen.name(&level.name))).unwrap_or_default();
    let wheelchair = if named.seat.accessible { ", wheelchair" } else { "" };
    write(rest, &format!("{price}{wheelchair}"), Role::Plain, pen);
}

fn picked(visit: &Visit, house: &House, rest: &mut Rect, pen: &mut Pen<'_>) {
    let seats = visit.basket.seats();
    if seats.is_empty() {
        write(rest, &format!("b: best {} together", visit.walk.party.0), Role::Faint, pen);
        return;
    }
    let total = visit.total().map(|total| total.to_string()).unwrap_or_default();
    write(rest, &format!("{} picked, {total}", seats.len()), Role::Good, pen);
    // Room for what the signs mean must stay.
    let most = usize::from(rest.height / 3).max(2);
    for seat in seats.iter().take(most) {
        let id = house.seat_id(*seat).map(|id| pen.name(id.as_str())).unwrap_or_default();
        write(rest, &format!(" {} {id}", pen.paint.picked()), Role::Plain, pen);
    }
    if seats.len() > most {
        write(rest, &format!("   and {} more", seats.len() - most), Role::Faint, pen);
    }
}

fn levels(visit: &Visit, house: &House, rest: &mut Rect, pen: &mut Pen<'_>) {
    for (place, level) in house.levels.iter().enumerate() {
        if rest.height <= 2 {
            return;
        }
        let is_wanted = visit.walk.level.is_none_or(|wanted| usize::from(wanted) == place);
        let style = level_style(pen.paint, house, place);
        pen.styled(*rest, (0, 0), &swatch(pen.paint, place).to_string(), style);
        let price = level.price.to_string();
        let price = price.split(' ').next().unwrap_or_default().to_owned();
        let name = pen.name(&level.name);
        let role = if is_wanted { Role::Plain } else { Role::Gone };
        pen.put(Rect { width: rest.width.saturating_sub(10), ..*rest }, (2, 0), &name, role);
        let line = Rect { height: 1, ..*rest };
        pen.right(line, 0, &price, role);
        *rest = Rect { y: rest.y + 1, height: rest.height - 1, ..*rest };
    }
}

fn states(rest: &mut Rect, pen: &mut Pen<'_>) {
    let sign = |state| pen.paint.seat(state, 0, false);
    let (held, sold, blocked) = (sign(SeatState::Reserved), sign(SeatState::Sold), sign(SeatState::Blocked));
    let first = format!("{held} held  {sold} sold  {blocked} not sold");
    let mine = format!("{} yours", pen.paint.picked());
    write(rest, &first, Role::Faint, pen);
    write(rest, &mine, Role::Faint, pen);
}
