//! An order is paid exactly when every seat of it is sold to it and has its one ticket (M4).

use std::collections::BTreeSet;

use super::OrderCase;
use crate::Timestamp;
use crate::order::OrderState;
use crate::payment::Operation;
use crate::seat::SeatState;

/// Looks at an order.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    let (order, tickets) = (&case.order, case.valid_tickets().count());
    if order.state != OrderState::Finalized {
        let sold = case.hold.seats.iter().filter(|(_, state)| is_sold(*state, order.id)).count();
        let state = order.state.as_str();
        let wrong = tickets + sold > 0;
        return wrong
            .then(|| {
                format!("the order is {state}, with {tickets} valid tickets and {sold} seats sold to it")
            })
            .into_iter()
            .collect();
    }
    let mut said = Vec::new();
    if case.done(Operation::Capture).next().is_none() {
        said.push("the order is FINALIZED, and nothing was captured".to_owned());
    }
    if case.hold.seats.is_empty() {
        said.push("the order is FINALIZED, and has no seats".to_owned());
    }
    let mut left: BTreeSet<_> = case.valid_tickets().map(|ticket| ticket.id).collect();
    for (index, state) in &case.hold.seats {
        let ticket = match state {
            Some(SeatState::Sold { order: owner, ticket }) if *owner == order.id => *ticket,
            _ => {
                said.push(format!("the order is FINALIZED, and seat {index} is not sold to it"));
                continue;
            }
        };
        let is_good = case.valid_tickets().any(|found| {
            found.id == ticket
                && found.seat == (order.parties.event.clone(), *index)
                && found.user == order.parties.user
        });
        left.remove(&ticket);
        if !is_good {
            said.push(format!("the order is FINALIZED, and seat {index} has no valid ticket of its buyer"));
        }
    }
    said.extend(left.into_iter().map(|ticket| format!("{ticket} is valid, and for no seat of the order")));
    said
}

fn is_sold(state: Option<SeatState>, order: crate::OrderId) -> bool {
    matches!(state, Some(SeatState::Sold { order: owner, .. }) if owner == order)
}
