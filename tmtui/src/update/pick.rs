//! Picking seats, and losing them to others.

use std::sync::Arc;

use tmapi::client::SeatState;
use tmcore::seating::Wish;

use crate::action::Command;
use crate::house::House;
use crate::keymap::Intent;
use crate::model::over::{Dialog, Mood};
use crate::model::visit::Visit;
use crate::model::walk::Party;
use crate::model::{Model, Screen};

pub(super) fn on(model: &mut Model, intent: Intent) -> Vec<Command> {
    match intent {
        Intent::Pick => {
            let seat = model.visit.as_ref().and_then(|visit| visit.walk.seat);
            return seat.map_or_else(Vec::new, |seat| toggle(model, seat));
        }
        Intent::Best => best(model),
        Intent::NextFree => next_free(model),
        Intent::Undo => undo(model),
        Intent::Filter => filter(model),
        Intent::Party(count) => {
            if let Some(visit) = &mut model.visit {
                visit.walk.party = Party(count);
            }
            model.say(Mood::Plain, format!("b picks the best {count} together"));
        }
        _ => {}
    }
    Vec::new()
}

/// Whether the seats can be chosen freely: not once an order holds some.
fn is_free_to_choose(model: &mut Model) -> bool {
    let holds = model.visit.as_ref().is_some_and(|visit| visit.checkout.holds());
    if holds {
        model.say(Mood::Warn, "an order holds your seats already: c goes on with it");
    }
    !holds
}

fn not_yet(model: &mut Model) {
    model.say(Mood::Plain, "one moment: what is free is not known yet");
}

/// Picks a seat, or puts it back.
pub(super) fn toggle(model: &mut Model, seat: usize) -> Vec<Command> {
    if !is_free_to_choose(model) {
        return Vec::new();
    }
    let Some(visit) = &mut model.visit else { return Vec::new() };
    let Some((house, stock)) = visit.seats() else {
        not_yet(model);
        return Vec::new();
    };
    let house = Arc::clone(house);
    let state = stock.state(seat);
    if visit.basket.has(seat) {
        visit.basket.toggle(seat);
        return Vec::new();
    }
    let refusal = match state {
        SeatState::Available if visit.basket.is_full() => {
            format!("an order may have {} seats", visit.basket.limit.unwrap_or(0))
        }
        SeatState::Available => {
            visit.basket.toggle(seat);
            return Vec::new();
        }
        SeatState::Reserved => format!("{} is held by somebody else: it may come back", called(&house, seat)),
        SeatState::Sold => format!("{} is sold", called(&house, seat)),
        SeatState::Blocked => format!("{} is not for sale", called(&house, seat)),
    };
    model.say(Mood::Warn, refusal);
    Vec::new()
}

/// A seat as messages speak of it.
fn called(house: &House, seat: usize) -> String {
    house.seat_id(seat).map_or_else(String::new, |id| format!("seat {}", crate::text::escape(id.as_str())))
}

/// What is looked for: so many, of a price level, in the section one is in or, from afar, in the whole house.
fn wish(visit: &Visit, house: &House, screen: Screen) -> Wish {
    let category = visit.walk.level.and_then(|level| house.levels.get(usize::from(level)));
    let is_inside = matches!(screen, Screen::Section | Screen::Seats);
    Wish {
        count: visit.walk.party.0,
        category: category.map(|level| level.name.clone()),
        section: is_inside.then(|| house.block_name(visit.walk.block).to_owned()),
    }
}

fn best(model: &mut Model) {
    if !is_free_to_choose(model) {
        return;
    }
    let (screen, size) = (model.screen, model.look.size);
    let Some(visit) = &mut model.visit else { return };
    let Some((house, stock)) = visit.house.clone().zip(visit.live.stock.as_ref()) else {
        return not_yet(model);
    };
    let wish = wish(visit, &house, screen);
    let Some(seats) = house.best(|seat| stock.is_free(seat), &wish) else {
        let place = if wish.section.is_some() { "in this section" } else { "here" };
        model.say(Mood::Warn, format!("no {} seats together are free {place}", wish.count));
        return;
    };
    if let Some(first) = seats.first() {
        visit.walk.go(&house, *first, size);
    }
    let section = house.block_name(visit.walk.block).to_owned();
    visit.basket.replace(seats);
    let text = format!("the best {} together: {}", wish.count, model.name(&section));
    model.say(Mood::Good, text);
}

fn next_free(model: &mut Model) {
    let size = model.look.size;
    let Some(visit) = &mut model.visit else { return };
    let Some((house, stock)) = visit.house.clone().zip(visit.live.stock.as_ref()) else {
        return not_yet(model);
    };
    let (count, after) = (house.seat_count(), visit.walk.seat.map_or(0, |seat| seat + 1));
    let fits = |seat: &usize| {
        let level = house.spots.get(*seat).map(|spot| spot.level);
        stock.is_free(*seat)
            && !visit.basket.has(*seat)
            && (visit.walk.level.is_none() || visit.walk.level == level)
    };
    // Here first, then in what comes after, then from the beginning.
    let here = house.blocks.get(visit.walk.block).map_or(0..0, |block| block.shape.seats.clone());
    let in_section = (after..here.end).chain(here.start..after.min(here.end)).find(fits);
    let found = in_section.or_else(|| (after..count).chain(0..after.min(count)).find(fits));
    match found {
        Some(seat) => visit.walk.go(&house, seat, size),
        None => model.say(Mood::Warn, "no such seat is free"),
    }
}

fn undo(model: &mut Model) {
    if !is_free_to_choose(model) {
        return;
    }
    let Some(visit) = &mut model.visit else { return };
    let undone = visit.basket.undo();
    // What was picked then may have gone meanwhile.
    if let Some(stock) = &visit.live.stock {
        let gone: Vec<_> =
            visit.basket.seats().iter().copied().filter(|seat| !stock.is_free(*seat)).collect();
        for seat in gone {
            visit.basket.lose(seat);
        }
    }
    if !undone {
        model.say(Mood::Plain, "nothing to undo");
    }
}

fn filter(model: &mut Model) {
    let Some(visit) = &mut model.visit else { return };
    let Some(house) = &visit.house else { return };
    let next = visit.walk.level.map_or(0, |level| level + 1);
    visit.walk.level = Some(next).filter(|level| usize::from(*level) < house.levels.len());
}

/// Drops what somebody else took from the basket, and offers something like it.
pub(super) fn notice_losses(model: &mut Model) {
    let Some(visit) = &mut model.visit else { return };
    if visit.checkout.holds() {
        return;
    }
    let Some(stock) = &visit.live.stock else { return };
    let lost: Vec<_> = visit.basket.seats().iter().copied().filter(|seat| !stock.is_free(*seat)).collect();
    if !lost.is_empty() {
        lose(model, &lost);
    }
    let instead = match model.over.dialog {
        Some(Dialog::Offer { lost, instead }) => Some((lost, instead)),
        _ => None,
    };
    // What is offered may be taken while somebody thinks about it.
    if let (Some((lost, instead)), Some(visit)) = (instead, &model.visit)
        && visit.live.stock.as_ref().is_some_and(|stock| !stock.is_free(instead))
    {
        model.over.dialog = None;
        model.over.lost.insert(0, lost);
        offer_next(model);
    }
}

/// Loses seats to somebody else.
pub(super) fn lose(model: &mut Model, seats: &[usize]) {
    let Some(visit) = &mut model.visit else { return };
    let Some(house) = visit.house.clone() else { return };
    for seat in seats {
        visit.basket.lose(*seat);
    }
    for seat in seats {
        model.say(Mood::Warn, format!("{} was taken by somebody else", called(&house, *seat)));
    }
    model.over.lost.extend(seats);
    offer_next(model);
}

/// Offers a seat for the next one that was lost, unless something else is being asked.
pub(super) fn offer_next(model: &mut Model) {
    while model.over.dialog.is_none() && !model.over.lost.is_empty() {
        let lost = model.over.lost.remove(0);
        let Some(instead) = model.visit.as_ref().and_then(|visit| alternative(visit, lost)) else {
            model.say(Mood::Warn, "nothing like it is free any more");
            continue;
        };
        model.over.dialog = Some(Dialog::Offer { lost, instead });
    }
}

fn alternative(visit: &Visit, lost: usize) -> Option<usize> {
    let (house, stock): (&Arc<House>, _) = visit.seats()?;
    house.alternative(|seat| stock.is_free(seat), lost, visit.basket.seats())
}

/// Takes what was offered.
pub(super) fn take_offer(model: &mut Model, instead: usize) {
    let size = model.look.size;
    let Some(visit) = &mut model.visit else { return };
    let Some((house, stock)) = visit.house.clone().zip(visit.live.stock.as_ref()) else { return };
    if stock.is_free(instead) && !visit.basket.has(instead) {
        visit.basket.toggle(instead);
        visit.walk.go(&house, instead, size);
    }
}
