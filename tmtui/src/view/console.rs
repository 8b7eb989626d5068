//! The organiser's console.

use ratatui::layout::Rect;
use tmapi::event::SaleStatus;
use tmapi::sale::SaleView;

use super::line::bars;
use super::pen::Pen;
use crate::layout;
use crate::model::Model;
use crate::model::console::{Console, Sample};
use crate::palette::Role;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let body = layout::body(model.look.size);
    let area = Rect { x: 2, y: body.y + 1, width: body.width.saturating_sub(4), height: body.height - 1 };
    let Some(console) = &model.console else { return };
    if let Some(trouble) = &console.trouble {
        let last = area.height.saturating_sub(2);
        pen.text(area, last, &pen.name(trouble), Role::Bad);
    }
    let Some(sale) = &console.sale else {
        if console.trouble.is_none() {
            pen.text(area, 0, "asking how the sale is going ...", Role::Faint);
        }
        return;
    };
    numbers(console, sale, area, pen);
    curves(console, Rect { y: area.y + 10, height: area.height.saturating_sub(12), ..area }, pen);
}

fn numbers(console: &Console, sale: &SaleView, area: Rect, pen: &mut Pen<'_>) {
    let half = area.width / 2;
    let left = Rect { width: half.saturating_sub(1), ..area };
    let right = Rect { x: area.x + half, width: area.width - half, ..area };
    let (status, role) = match sale.sale_status {
        SaleStatus::Scheduled => ("not begun", Role::Faint),
        SaleStatus::Open => ("open", Role::Good),
        SaleStatus::Paused => ("paused", Role::Warn),
        SaleStatus::Closed => ("closed", Role::Bad),
    };
    pen.pair(left, 0, ("sale", status), role);
    pen.pair(left, 1, ("sold", &format!("{} of {}", sale.seats.sold, sale.seats.all())), Role::Title);
    pen.pair(left, 2, ("holds", &sale.seats.reserved.to_string()), Role::Plain);
    pen.pair(left, 3, ("free", &sale.seats.available.to_string()), Role::Plain);
    pen.pair(left, 4, ("kept back", &sale.seats.blocked.to_string()), Role::Plain);
    pen.pair(left, 5, ("revenue", &sale.revenue.to_string()), Role::Title);
    pen.pair(right, 0, ("in line", &sale.waiting.to_string()), Role::Title);
    let inside = sale.active + sale.ordering;
    pen.pair(right, 1, ("inside", &format!("{inside} of {}", sale.capacity)), Role::Plain);
    pen.pair(right, 2, ("ordering", &sale.ordering.to_string()), Role::Plain);
    let tenths = sale.admitted_last_minute * 10 / 60;
    pen.pair(right, 3, ("let in", &format!("{}.{} a second", tenths / 10, tenths % 10)), Role::Plain);
    pen.pair(right, 4, ("orders", &sale.orders_finalized.to_string()), Role::Plain);
    let role = if console.failures > 0 { Role::Bad } else { Role::Plain };
    pen.pair(right, 5, ("errors", &format!("{} of our own questions", console.failures)), role);
    let width = area.width;
    pen.text(area, 7, &pen.paint.bar(sale.seats.sold, sale.seats.all(), width), Role::Bar);
}

/// Seats sold and buyers in line, from then to now.
fn curves(console: &Console, area: Rect, pen: &mut Pen<'_>) {
    let half = area.height / 2;
    let curve = |value: fn(&Sample) -> u64| console.samples.iter().map(value).collect::<Vec<_>>();
    for (place, (name, samples)) in
        (0..).zip([("sold", curve(|s| s.sold)), ("in line", curve(|s| s.waiting))])
    {
        let part = Rect { y: area.y + place * half, height: half, ..area };
        if part.height < 3 {
            return;
        }
        let (least, most) =
            (samples.iter().min().copied().unwrap_or(0), samples.iter().max().copied().unwrap_or(0));
        pen.text(part, 0, &format!("{name}: {least} to {most}"), Role::Faint);
        let plot = Rect { y: part.y + 1, height: part.height - 1, ..part };
        bars(&samples, most.max(1), plot, pen);
    }
}
