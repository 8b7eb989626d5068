//! A seat is one order's, and a running hold has all of its seats (S2, M7).
//!
//! A hold whose time has passed may have lost its seats to the next buyer, whether or not anybody wrote that down (S4).

use super::{OrderCase, SeatCase};
use crate::Timestamp;
use crate::order::OrderState;
use crate::seat::SeatState;

/// Looks at the seats on an order's list. `now` is later than the reading: a hold that runs at `now` ran then.
#[must_use]
pub fn of_order(case: &OrderCase, now: Timestamp) -> Vec<String> {
    let (order, fence) = (&case.order, case.hold.fence);
    let mut said = Vec::new();
    for (index, state) in &case.hold.seats {
        let Some(state) = state else {
            said.push(format!("seat {index} on its list is not of its event"));
            continue;
        };
        let is_held = matches!(state, SeatState::Held { order: owner, fence: held, .. }
            if (*owner, *held) == (order.id, fence));
        let is_pinned = matches!(state, SeatState::Pinned { order: owner, fence: pinned }
            if (*owner, *pinned) == (order.id, fence));
        let is_right = match order.state {
            OrderState::Pending | OrderState::Authorizing | OrderState::Authorized => {
                is_held || order.is_past(now)
            }
            OrderState::Capturing => is_pinned,
            // Those that are sold are looked at together with their tickets.
            OrderState::Finalized => true,
            OrderState::Refunding
            | OrderState::Refunded
            | OrderState::Expired
            | OrderState::Cancelled
            | OrderState::Failed => owner(*state) != Some(order.id),
        };
        if !is_right {
            let is = describe(*state);
            said.push(format!("the order is {}, and seat {index} on its list is {is}", order.state.as_str()));
        }
    }
    said
}

/// Looks at a seat and the order that has it.
#[must_use]
pub fn of_seat(case: &SeatCase) -> Vec<String> {
    let Some(owner) = owner(case.state) else { return Vec::new() };
    let is = describe(case.state);
    let Some(order) = &case.order else {
        return vec![format!("the seat is {is}, and there is no such order")];
    };
    if order.event != case.event || !order.seats.contains(&case.index) {
        return vec![format!("the seat is {is}, and does not stand on that order's list")];
    }
    let fits = match case.state {
        SeatState::Held { .. } => order.state.can_expire(),
        SeatState::Pinned { .. } => order.state == OrderState::Capturing,
        _ => order.state == OrderState::Finalized,
    };
    if fits { Vec::new() } else { vec![format!("the seat is {is}, and {owner} is {}", order.state.as_str())] }
}

/// Whose a seat is.
const fn owner(state: SeatState) -> Option<crate::OrderId> {
    match state {
        SeatState::Held { order, .. } | SeatState::Pinned { order, .. } | SeatState::Sold { order, .. } => {
            Some(order)
        }
        SeatState::Available | SeatState::Blocked => None,
    }
}

/// Whose a seat is, in words.
fn describe(state: SeatState) -> String {
    match state {
        SeatState::Available => "free".to_owned(),
        SeatState::Held { order, fence, .. } => format!("held by {order} (hold {})", fence.0),
        SeatState::Pinned { order, fence } => format!("pinned by {order} (hold {})", fence.0),
        SeatState::Sold { order, .. } => format!("sold to {order}"),
        SeatState::Blocked => "blocked".to_owned(),
    }
}
