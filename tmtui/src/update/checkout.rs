//! Seats, card, payment.

use tmapi::ProblemCode;
use tmapi::order::{OrderStatus, OrderView};
use tmcore::SeatId;

use super::{ask, may_change, pick};
use crate::action::{Buy, Command, Confirm, Trouble};
use crate::keymap::Intent;
use crate::model::checkout::Busy;
use crate::model::over::{Dialog, Mood, Purpose};
use crate::model::visit::Visit;
use crate::model::{Model, Screen};

/// Goes to the checkout.
pub(super) fn open(model: &mut Model) -> Vec<Command> {
    let Some(visit) = &model.visit else { return Vec::new() };
    if visit.basket.seats().is_empty() && !visit.checkout.is_open() {
        model.say(Mood::Plain, "pick seats first: Space picks, b picks the best together");
    } else {
        model.screen = Screen::Checkout;
    }
    Vec::new()
}

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    let Some(visit) = &model.visit else { return Vec::new() };
    let is_authorized = visit.checkout.is_authorized();
    match intent {
        Intent::Back => {
            model.screen = Screen::Seats;
            Vec::new()
        }
        Intent::Confirm if !is_authorized => {
            step_by_step(model);
            confirm(model)
        }
        Intent::Card => ask(model, Purpose::Card, ""),
        Intent::Enter if is_authorized => finalize(model),
        Intent::Enter | Intent::Confirm => confirm(model),
        Intent::Finalize => finalize(model),
        Intent::CancelOrder => {
            let is_open = visit.checkout.is_open() && visit.checkout.busy.is_none();
            if !is_open {
                model.say(Mood::Plain, "there is no order to give up");
            } else if may_change(model) {
                model.over.dialog = Some(Dialog::Cancel);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Whoever confirms by hand pays by hand.
fn step_by_step(model: &mut Model) {
    if let Some(visit) = &mut model.visit {
        visit.checkout.is_booking = false;
    }
}

/// Holds the seats and has the card authorized.
pub(super) fn confirm(model: &mut Model) -> Vec<Command> {
    if !may_change(model) {
        return Vec::new();
    }
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let refusal = if visit.checkout.busy.is_some() {
        Some("one moment: the daemon has not answered yet")
    } else if visit.checkout.is_authorized() {
        Some("the seats are held already: f pays")
    } else if visit.basket.seats().is_empty() {
        Some("no seat is picked")
    } else if !visit.may_order() {
        Some("the waiting room has not let you in yet: J stands in line")
    } else {
        None
    };
    if let Some(refusal) = refusal {
        model.say(Mood::Warn, refusal);
        return Vec::new();
    }
    if visit.checkout.card.is_empty() {
        return ask(model, Purpose::Card, "");
    }
    let Some(house) = &visit.house else { return Vec::new() };
    let seats: Vec<SeatId> =
        visit.basket.seats().iter().filter_map(|seat| house.seat_id(*seat).cloned()).collect();
    let order = visit.checkout.order.as_ref().filter(|order| order.status.is_open());
    let confirm = Confirm {
        event: visit.event.event_id.clone(),
        session: visit.place.as_ref().map(|place| place.session.session_id),
        order: order.map(|order| order.order_id),
        seats,
        card: visit.checkout.card.clone(),
    };
    visit.checkout.busy = Some(Busy::Confirming);
    visit.checkout.trouble = None;
    vec![Command::Buy(Buy::Confirm(Box::new(confirm)))]
}

/// Pays.
pub(super) fn finalize(model: &mut Model) -> Vec<Command> {
    if !may_change(model) {
        return Vec::new();
    }
    let Some(visit) = &mut model.visit else { return Vec::new() };
    if visit.checkout.busy.is_some() || !visit.checkout.is_authorized() {
        model.say(Mood::Plain, "confirm first: c holds the seats");
        return Vec::new();
    }
    let Some(order) = &visit.checkout.order else { return Vec::new() };
    let command = Command::Buy(Buy::Finalize(order.event_id.clone(), order.order_id));
    visit.checkout.busy = Some(Busy::Finalizing);
    visit.checkout.trouble = None;
    vec![command]
}

/// Gives the order up.
pub(super) fn cancel(model: &mut Model) -> Vec<Command> {
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let Some(order) = &visit.checkout.order else { return Vec::new() };
    let command = Command::Buy(Buy::Cancel(order.event_id.clone(), order.order_id));
    visit.checkout.busy = Some(Busy::Cancelling);
    vec![command]
}

/// An order was begun; the seats are not held yet.
pub(super) fn begun(model: &mut Model, order: OrderView) {
    if let Some(visit) = &mut model.visit {
        visit.checkout.order = Some(order);
    }
}

/// A step of the order was answered.
pub(super) fn answered(model: &mut Model, answer: Result<Box<OrderView>, Trouble>) -> Vec<Command> {
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let was = visit.checkout.busy.take();
    match answer {
        Ok(order) => settled(model, *order, was),
        Err(trouble) => refused(model, trouble),
    }
}

/// How an order stands was asked in passing: of no interest while something about it is under way.
pub(super) fn seen(model: &mut Model, answer: Result<Box<OrderView>, Trouble>) -> Vec<Command> {
    let is_busy = model.visit.as_ref().is_some_and(|visit| visit.checkout.busy.is_some());
    match answer {
        Ok(order) if !is_busy => settled(model, *order, None),
        Err(trouble) if !is_busy && trouble.code == Some(ProblemCode::NotFound) => refused(model, trouble),
        _ => Vec::new(),
    }
}

fn settled(model: &mut Model, order: OrderView, was: Option<Busy>) -> Vec<Command> {
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let before = visit.checkout.order.as_ref().map(|order| order.status);
    let status = order.status;
    let is_news = before != Some(status);
    visit.checkout.order = Some(order.clone());
    adopt(visit, &order);
    let over =
        |text: &str| Trouble { hint: Some("nothing was paid; pick again".to_owned()), ..Trouble::new(text) };
    let trouble = match status {
        OrderStatus::Finalized => return paid(model, order),
        OrderStatus::Authorized if std::mem::take(&mut visit.checkout.is_booking) => return finalize(model),
        OrderStatus::Authorized if is_news => {
            model.say(Mood::Good, "the seats are held and the card is good: f pays");
            return vec![Command::Bell];
        }
        OrderStatus::Pending if was == Some(Busy::Confirming) => Trouble {
            hint: Some("the order is still open: try another card".to_owned()),
            ..Trouble::new("the payment did not come about")
        },
        OrderStatus::Expired => over("the order's time is up: its seats went back"),
        OrderStatus::Failed => over("the payment was refused: the seats went back"),
        OrderStatus::Cancelled => over("the order was given up: its seats went back"),
        _ => return Vec::new(),
    };
    visit.checkout.is_booking = false;
    if !status.is_open() {
        visit.checkout.order = None;
        if status == OrderStatus::Cancelled {
            visit.basket.clear();
            model.screen = Screen::Seats;
        }
    }
    if let Some(visit) = &mut model.visit
        && status != OrderStatus::Cancelled
    {
        visit.checkout.trouble = Some(trouble.clone());
    }
    model.say(if status == OrderStatus::Cancelled { Mood::Plain } else { Mood::Bad }, trouble.text);
    // The order is not in the way of the map any more: what it held may have gone to others.
    pick::notice_losses(model);
    Vec::new()
}

/// What an open order holds is what is picked, also when an earlier run picked it.
fn adopt(visit: &mut Visit, order: &OrderView) {
    let Some(house) = &visit.house else { return };
    let held: Vec<_> = order.seats.iter().filter_map(|seat| house.find(&seat.seat_id)).collect();
    let is_same = held.len() == visit.basket.seats().len() && held.iter().all(|seat| visit.basket.has(*seat));
    if order.status.is_open() && !held.is_empty() && !is_same {
        visit.basket.replace(held);
    }
}

fn paid(model: &mut Model, order: OrderView) -> Vec<Command> {
    let Some(visit) = &mut model.visit else { return Vec::new() };
    visit.basket.clear();
    visit.checkout.order = None;
    visit.checkout.trouble = None;
    visit.checkout.card.clear();
    let gate = |seat: &SeatId| Some((seat.clone(), visit.house.as_ref()?.gate(seat)?.to_owned()));
    model.tickets.gates = order.tickets.iter().filter_map(|ticket| gate(&ticket.seat_id)).collect();
    model.tickets.event = visit.event.name.clone();
    model.tickets.all = order.tickets;
    model.tickets.at = 0;
    model.screen = Screen::Tickets;
    model.say(Mood::Good, "paid: these are your tickets");
    vec![Command::Bell]
}

fn refused(model: &mut Model, trouble: Trouble) -> Vec<Command> {
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let is_gone = matches!(trouble.code, Some(ProblemCode::OrderExpired | ProblemCode::NotFound));
    if is_gone {
        visit.checkout.order = None;
    }
    let house = visit.house.clone();
    visit.checkout.is_booking = false;
    let text = trouble.text.clone();
    let lost: Vec<_> = match (&house, trouble.code) {
        (Some(house), Some(ProblemCode::SeatsUnavailable)) => trouble
            .seats
            .iter()
            .filter_map(|id| house.find(id))
            .filter(|seat| visit.basket.has(*seat))
            .collect(),
        _ => Vec::new(),
    };
    visit.checkout.trouble = Some(trouble);
    if lost.is_empty() {
        let text = model.name(&text);
        model.say(Mood::Bad, text);
        pick::notice_losses(model);
    } else {
        pick::lose(model, &lost);
    }
    Vec::new()
}
