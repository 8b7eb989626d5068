//! Seats, prices, the card, and how far the order is.

use ratatui::layout::Rect;
use tmapi::order::OrderStatus;

use super::pen::Pen;
use crate::action::Trouble;
use crate::layout;
use crate::model::Model;
use crate::model::checkout::{Busy, Checkout};
use crate::model::visit::Visit;
use crate::palette::Role;
use crate::text;

pub(super) fn draw(model: &Model, pen: &mut Pen<'_>) {
    let body = layout::body(model.look.size);
    let Some(visit) = &model.visit else { return };
    let area = Rect { x: 2, y: body.y + 1, width: body.width.saturating_sub(4), height: body.height - 1 };
    let list = Rect { height: area.height.saturating_sub(11), ..area };
    let used = seats(visit, list, pen);
    let rest = Rect { y: area.y + used + 1, height: area.height.saturating_sub(used + 1), ..area };
    let card = masked(&visit.checkout.card);
    pen.pair(rest, 0, ("card", &card), Role::Plain);
    hold(model, visit, rest, pen);
    steps(&visit.checkout, Rect { y: rest.y + 3, height: rest.height.saturating_sub(3), ..rest }, pen);
    if let Some(trouble) = &visit.checkout.trouble {
        let area = Rect { y: rest.y + 7, height: rest.height.saturating_sub(7), ..rest };
        wrong(visit, trouble, area, pen);
    }
}

/// The seats and their sum; answers how many lines that took.
fn seats(visit: &Visit, area: Rect, pen: &mut Pen<'_>) -> u16 {
    let Some(house) = &visit.house else { return 0 };
    let seats = visit.basket.seats();
    let room = usize::from(area.height.saturating_sub(2)).max(1);
    let mut line = 0;
    for seat in seats.iter().take(room) {
        let Some(named) = house.named(*seat) else { continue };
        let price = house.price(*seat).map(|price| price.to_string()).unwrap_or_default();
        let (section, row) = (pen.name(named.section), pen.name(named.row));
        let (number, id) = (pen.name(&named.seat.number), pen.name(named.seat.id.as_str()));
        let text = format!("{section}, row {row}, seat {number}  ({id})");
        let width = area.width.min(70);
        pen.put(Rect { width: width.saturating_sub(14), ..area }, (0, line), &text, Role::Plain);
        pen.right(Rect { width, ..area }, line, &price, Role::Plain);
        line += 1;
    }
    if seats.len() > room {
        pen.text(area, line, &format!("and {} more", seats.len() - room), Role::Faint);
        line += 1;
    }
    let total = visit.total().map_or_else(|| "nothing picked".to_owned(), |total| total.to_string());
    pen.text(area, line, "total", Role::Title);
    pen.right(Rect { width: area.width.min(70), ..area }, line, &total, Role::Title);
    line + 1
}

/// The end of a payment token: enough to know it again.
fn masked(card: &str) -> String {
    if card.is_empty() {
        return "none yet: t types a payment token (the sandbox takes tok_ok)".to_owned();
    }
    let end: String = card.chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
    format!("****{}", text::escape(&end))
}

/// How long the seats stay held.
fn hold(model: &Model, visit: &Visit, area: Rect, pen: &mut Pen<'_>) {
    let Some(order) = visit.checkout.order.as_ref().filter(|order| order.status.is_open()) else {
        pen.pair(area, 1, ("order", "none yet"), Role::Faint);
        return;
    };
    let seconds = text::seconds_until(model.look.now, order.expires_at);
    let role = if seconds < 60 { Role::Bad } else { Role::Warn };
    pen.pair(area, 1, ("order", &order.order_id.to_string()), Role::Plain);
    let what = if order.seats.is_empty() { "to confirm and pay" } else { "the seats are held" };
    pen.pair(area, 2, ("time left", &format!("{}  {what}", text::countdown(seconds))), role);
}

fn steps(checkout: &Checkout, area: Rect, pen: &mut Pen<'_>) {
    let status = checkout.order.as_ref().map(|order| order.status);
    let held =
        matches!(status, Some(OrderStatus::Authorized | OrderStatus::Capturing | OrderStatus::Finalized));
    let authorizing = status == Some(OrderStatus::Authorizing);
    let capturing = status == Some(OrderStatus::Capturing);
    let first = match (held, checkout.busy) {
        (true, _) => ("[x]", "seats held, payment authorized", Role::Good),
        (_, Some(Busy::Confirming)) => ("[>]", "holding the seats, asking the bank ...", Role::Warn),
        _ if authorizing => ("[>]", "seats held; the bank has not answered yet ...", Role::Warn),
        _ => ("[ ]", "c: hold the seats and authorize the payment", Role::Plain),
    };
    let second = match checkout.busy {
        Some(Busy::Finalizing) => ("[>]", "taking the money, issuing the tickets ...", Role::Warn),
        _ if capturing => ("[>]", "the seats are yours; the bank has not answered yet ...", Role::Warn),
        Some(Busy::Cancelling) => ("[ ]", "giving the order up ...", Role::Warn),
        _ if held => ("[ ]", "f: pay, and get the tickets", Role::Title),
        _ => ("[ ]", "then f: pay, and get the tickets", Role::Faint),
    };
    for (line, (mark, text, role)) in (1..).zip([first, second]) {
        pen.put(area, (0, line), mark, role);
        pen.put(area, (4, line), text, role);
    }
}

/// What went wrong, and what is safe.
fn wrong(visit: &Visit, trouble: &Trouble, area: Rect, pen: &mut Pen<'_>) {
    let holds = visit.checkout.order.as_ref().is_some_and(|order| order.status.is_open());
    let safe = if trouble.is_open {
        "It may have happened all the same. Repeating it is safe: the same key is sent, nothing is done twice."
    } else if holds {
        "Nothing was paid. The order is still open: try again, or another card (t), before its time is up."
    } else {
        "Nothing was paid, and nothing is held."
    };
    let hint = trouble.hint.as_deref().unwrap_or_default();
    let parts =
        [(pen.name(&trouble.text), Role::Bad), (pen.name(hint), Role::Plain), (safe.to_owned(), Role::Plain)];
    let mut line = 0;
    for (part, role) in parts {
        for text in text::wrapped(&part, usize::from(area.width)) {
            pen.text(area, line, &text, role);
            line += 1;
        }
    }
}
