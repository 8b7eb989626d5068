//! The whole house, and the list of its sections.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::pen::Pen;
use crate::house::House;
use crate::house::raster::{Cell, Raster, Run};
use crate::layout;
use crate::measure::cells;
use crate::model::Model;
use crate::model::stock::Stock;
use crate::model::visit::Visit;
use crate::palette::{Paint, Role, letter};
use crate::text;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let panes = layout::venue(model.look.size);
    let Some(visit) = &model.visit else { return };
    let Some(house) = &visit.house else {
        pen.text(panes.map, 1, "fetching the seats ...", Role::Faint);
        return;
    };
    prices(visit, house, Rect { height: 1, ..layout::body(model.look.size) }, pen);
    if let Some(raster) = &visit.walk.drawn.venue {
        map(visit, house, raster, panes.map, pen);
    }
    list(visit, house, model.look.size, pen);
}

/// What seats cost, and what is looked for.
fn prices(visit: &Visit, house: &House, area: Rect, pen: &mut Pen<'_>) {
    let half = Rect { width: layout::venue(pen.look.size).map.width, ..area };
    let mut column = 0;
    for (place, level) in house.levels.iter().enumerate() {
        let is_wanted = visit.walk.level.is_none_or(|wanted| usize::from(wanted) == place);
        if !is_wanted {
            continue;
        }
        let free = visit.live.stock.as_ref().map(|stock| stock.all(u16::try_from(place).ok()).free);
        let text = match visit.walk.level {
            Some(_) => {
                format!("{}  {}, {} free   p: next", pen.name(&level.name), level.price, free.unwrap_or(0))
            }
            None => pen.name(&level.name),
        };
        let style = level_style(pen.paint, house, place);
        column = pen.styled(half, (column, 0), &swatch(pen.paint, place).to_string(), style);
        column = pen.put(half, (column + 1, 0), &text, Role::Plain) + 2;
    }
}

/// What a price level is told by: its letter without colours, else a block of its colour.
pub(super) fn swatch(paint: Paint, level: usize) -> char {
    match (paint.kind, paint.ascii) {
        (crate::palette::Kind::Mono, _) | (_, true) => letter(level),
        _ => '■',
    }
}

/// The style of a price level.
pub(super) fn level_style(paint: Paint, house: &House, level: usize) -> Style {
    let color = house.levels.get(level).map_or("", |level| level.color.as_str());
    Style::new().fg(paint.level(level, color))
}

fn map(visit: &Visit, house: &House, raster: &Raster, area: Rect, pen: &mut Pen<'_>) {
    raster_cells(visit, house, raster, area, pen);
    let front = house.plan.front();
    for (at, shape) in (0_u16..).zip(&house.plan.areas) {
        let Some((label, run)) = shape.label.as_ref().zip(middle_run(raster, at)) else { continue };
        let label = pen.name(label);
        // What everybody looks at is named even where it is narrow.
        if text::width(&label) <= usize::from(run.columns) || front == Some(shape) {
            centred(area, run, &label, Role::Stage, pen);
        }
    }
    for (block, run) in raster.labels.iter().enumerate() {
        if let Some(run) = run {
            label(visit, house, (block, *run), (raster, area), pen);
        }
    }
}

/// The middle line of an area on the map.
fn middle_run(raster: &Raster, area: u16) -> Option<Run> {
    let is_it = |column: u16, line: u16| raster.get(column, line) == Cell::Area(area);
    let lines: Vec<_> =
        (0..raster.height).filter(|line| (0..raster.width).any(|column| is_it(column, *line))).collect();
    let line = *lines.get(lines.len() / 2)?;
    let from = (0..raster.width).find(|column| is_it(*column, line))?;
    let columns = (from..raster.width).take_while(|column| is_it(*column, line)).count();
    Some(Run { line, from, columns: cells(columns) })
}

/// Sections filled by what is free of them, in the colour of their cheapest seats.
pub(super) fn raster_cells(visit: &Visit, house: &House, raster: &Raster, area: Rect, pen: &mut Pen<'_>) {
    let paint = pen.paint;
    let looks: Vec<_> = (0..house.blocks.len()).map(|block| block_look(visit, house, block, paint)).collect();
    let stage = paint.style(Role::Stage);
    let seam = if paint.ascii { '|' } else { '│' };
    let boards = if paint.kind == crate::palette::Kind::Mono || paint.ascii { '/' } else { ' ' };
    for line in 0..raster.height.min(area.height) {
        for column in 0..raster.width.min(area.width) {
            match raster.get(column, line) {
                Cell::Empty => {}
                Cell::Area(_) => pen.cell(area, (column, line), boards, stage),
                Cell::Block(_) if raster.is_seam(column, line) => {
                    pen.cell(area, (column, line), seam, paint.style(Role::Faint));
                }
                Cell::Block(block) => {
                    if let Some((glyph, style)) = looks.get(usize::from(block)) {
                        pen.cell(area, (column, line), *glyph, *style);
                    }
                }
            }
        }
    }
}

fn block_look(visit: &Visit, house: &House, block: usize, paint: Paint) -> (char, Style) {
    let Some(stock) = &visit.live.stock else { return (paint.fill(0, 1), paint.style(Role::Faint)) };
    let count = stock.block(block, visit.walk.level);
    let level = visit.walk.level.map(usize::from).or_else(|| stock.cheapest(house, block)).unwrap_or(0);
    let style = if count.free == 0 { paint.style(Role::Gone) } else { level_style(paint, house, level) };
    if visit.walk.block == block {
        return (paint.fill(count.free, count.all), style.fg(paint.mine()).add_modifier(Modifier::BOLD));
    }
    (paint.fill(count.free, count.all), style)
}

/// The section's name, or the end of it; below it, where there is room, its cheapest price and what is free.
fn label(
    visit: &Visit,
    house: &House,
    (block, run): (usize, Run),
    (raster, area): (&Raster, Rect),
    pen: &mut Pen<'_>,
) {
    let is_here = visit.walk.block == block;
    let role = if is_here { Role::Cursor } else { Role::Plain };
    let name = pen.name(house.block_name(block));
    let short = name.split_whitespace().last().unwrap_or_default().to_owned();
    let room = usize::from(run.columns);
    let Some(name) = [name, short].into_iter().find(|name| text::width(name) <= room) else {
        if is_here {
            let glyph = if pen.paint.ascii { 'X' } else { '◆' };
            pen.cell(area, (run.from + run.columns / 2, run.line), glyph, pen.paint.style(role));
        }
        return;
    };
    centred(area, run, &name, role, pen);
    let Some((level, count)) = below(visit, house, block) else { return };
    for (down, text) in (1..).zip([level, count]) {
        let line = run.line + down;
        let width = cells(text::width(&text));
        let from = run.from + run.columns.saturating_sub(width) / 2;
        let fits = width < run.columns
            && (from.saturating_sub(1)..=from + width).all(|column| {
                raster.get(column, line) == Cell::Block(u16::try_from(block).unwrap_or(u16::MAX))
            });
        if fits && raster.get(from, line + 1) != Cell::Empty {
            centred(area, Run { line, ..run }, &text, Role::Plain, pen);
        }
    }
}

fn below(visit: &Visit, house: &House, block: usize) -> Option<(String, String)> {
    let stock = visit.live.stock.as_ref()?;
    let level = house.levels.get(stock.cheapest(house, block)?)?;
    Some((level.price.to_string(), format!("{} free", stock.block(block, visit.walk.level).free)))
}

fn centred(area: Rect, run: Run, text: &str, role: Role, pen: &mut Pen<'_>) {
    let width = cells(text::width(text));
    let middle = run.from + run.columns / 2;
    let from = if width <= run.columns {
        run.from + (run.columns - width) / 2
    } else {
        middle.saturating_sub(width / 2)
    };
    pen.put(area, (from, run.line), text, role);
}

fn list(visit: &Visit, house: &House, size: (u16, u16), pen: &mut Pen<'_>) {
    let side = layout::venue(size).side;
    let stock = visit.live.stock.as_ref();
    let all = stock.map(|stock| stock.all(visit.walk.level));
    let all = all.map_or_else(
        || "counting the seats ...".to_owned(),
        |all| format!("{} of {} free", all.free, all.all),
    );
    pen.text(side, 0, &all, Role::Title);
    let picked = visit.basket.seats().len();
    if picked > 0 {
        pen.right(side, 0, &format!("{picked} picked"), Role::Mine);
    }
    pen.put(side, (2, 1), "SECTION", Role::Faint);
    pen.right(side, 1, &format!("FROM  FREE  by {}", visit.walk.order.label()), Role::Faint);
    let area = layout::sections(size);
    let sorted = visit.walk.sorted(house, stock);
    let here = sorted.iter().position(|block| *block == visit.walk.block).unwrap_or(0);
    let first = layout::first_shown(here, area.height, sorted.len());
    for (line, block) in (0..area.height).zip(sorted.iter().skip(first)) {
        let row = Rect { y: area.y + line, height: 1, ..area };
        entry(visit, house, (*block, stock), row, pen);
    }
}

fn entry(
    visit: &Visit,
    house: &House,
    (block, stock): (usize, Option<&Stock>),
    row: Rect,
    pen: &mut Pen<'_>,
) {
    let is_here = visit.walk.block == block;
    let role = if is_here { Role::Cursor } else { Role::Plain };
    if is_here {
        pen.text(row, 0, &" ".repeat(usize::from(row.width)), role);
        pen.text(row, 0, ">", role);
    }
    let (glyph, style) = block_look(visit, house, block, pen.paint);
    pen.cell(row, (1, 0), glyph, if is_here { pen.paint.style(role) } else { style });
    let name = Rect { width: row.width.saturating_sub(17), ..row };
    pen.put(name, (2, 0), &pen.name(house.block_name(block)), role);
    let Some(stock) = stock else { return };
    let level = stock.cheapest(house, block).and_then(|level| house.levels.get(level));
    // The currency is the same everywhere: the amount will do.
    let price = level.map(|level| level.price.to_string()).unwrap_or_default();
    let price = price.split(' ').next().unwrap_or_default();
    let free = stock.block(block, visit.walk.level).free;
    pen.right(row, 0, &format!("{price:>9} {free:>5} "), role);
}
