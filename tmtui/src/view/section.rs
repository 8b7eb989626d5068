//! One section, a dot a seat: half a cell high, in the colour of its price level.

use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::pen::Pen;
use super::side;
use crate::house::House;
use crate::house::sheet::Sheet;
use crate::layout;
use crate::measure::place;
use crate::model::Model;
use crate::model::stock::Stock;
use crate::model::visit::Visit;
use crate::palette::{Kind, Role};

/// What half a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dot {
    Free(Color),
    Taken,
    Mine,
}

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let panes = layout::seats(model.look.size);
    let Some(visit) = &model.visit else { return };
    let (Some(house), Some(sheet)) = (&visit.house, &visit.walk.drawn.sheet) else { return };
    side::headline(visit, house, layout::body(model.look.size), pen);
    if let Some(stock) = &visit.live.stock {
        bitmap(visit, (house, stock), sheet, panes.map, pen);
    }
    side::draw(model, visit, house, pen);
}

fn bitmap(visit: &Visit, (house, stock): (&House, &Stock), sheet: &Sheet, map: Rect, pen: &mut Pen<'_>) {
    let (first, above) = visit.walk.dots(map);
    let (width, height) = (usize::from(map.width), usize::from(map.height) * 2);
    let mut dots: Vec<Option<Dot>> = vec![None; width * height];
    for (seat, column, line) in sheet.seats() {
        let (x, y) = (i32::from(column / 2) - first, i32::from(line) - above);
        if x < 0 || y < 0 || place(x) >= width || place(y) >= height {
            continue;
        }
        if let Some(dot) = dots.get_mut(place(y) * width + place(x)) {
            *dot = Some(look(visit, (house, stock), seat, pen));
        }
    }
    let at = |x: u16, y: u16| dots.get(usize::from(y) * width + usize::from(x)).copied().flatten();
    for line in 0..map.height {
        for column in 0..map.width {
            let (upper, lower) = (at(column, line * 2), at(column, line * 2 + 1));
            if pen.paint.kind == Kind::Mono || pen.paint.ascii {
                plain(map, (column, line), (upper, lower), pen);
            } else {
                let color = |dot: Dot| match dot {
                    Dot::Free(color) => color,
                    Dot::Taken => pen.paint.taken(),
                    Dot::Mine => pen.paint.mine(),
                };
                pen.dots(map, (column, line), upper.map(color), lower.map(color));
            }
        }
    }
    let cursor = visit.walk.seat.and_then(|seat| sheet.slot(seat));
    if let Some((column, line)) = cursor {
        let (x, y) = (i32::from(column / 2) - first, (i32::from(line) - above) / 2);
        if let (Ok(x), Ok(y)) = (u16::try_from(x), u16::try_from(y)) {
            pen.cell(map, (x, y), if pen.paint.ascii { 'X' } else { '✕' }, pen.paint.style(Role::Cursor));
        }
    }
}

fn look(visit: &Visit, (house, stock): (&House, &Stock), seat: usize, pen: &Pen<'_>) -> Dot {
    if visit.basket.has(seat) {
        return Dot::Mine;
    }
    let level = house.spots.get(seat).map_or(0, |spot| spot.level);
    let is_wanted = visit.walk.level.is_none_or(|wanted| wanted == level);
    if stock.is_free(seat) && is_wanted {
        let color = house.levels.get(usize::from(level)).map_or("", |level| level.color.as_str());
        return Dot::Free(pen.paint.level(usize::from(level), color));
    }
    Dot::Taken
}

/// Two dots as one character, for a terminal without colours or without blocks.
fn plain(map: Rect, at: (u16, u16), dots: (Option<Dot>, Option<Dot>), pen: &mut Pen<'_>) {
    let is_free = |dot: Option<Dot>| matches!(dot, Some(Dot::Free(_)));
    let ascii = pen.paint.ascii;
    let glyph = match dots {
        (None, None) => return,
        (Some(Dot::Mine), _) | (_, Some(Dot::Mine)) => pen.paint.picked(),
        (upper, lower) => match (is_free(upper), is_free(lower), ascii) {
            (true, true, true) => ':',
            (true, true, false) => '█',
            (true, false, true) => '\'',
            (true, false, false) => '▀',
            (false, true, true) => '.',
            (false, true, false) => '▄',
            (false, false, true) => '-',
            (false, false, false) => '·',
        },
    };
    let color = [dots.0, dots.1].into_iter().flatten().find_map(|dot| match dot {
        Dot::Free(color) => Some(color),
        _ => None,
    });
    let style = color.map_or_else(|| pen.paint.style(Role::Gone), |color| Style::new().fg(color));
    pen.cell(map, at, glyph, style);
}
