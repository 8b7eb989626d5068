//! No order, payment, session or key is open past its time (I7, M9, W9).
//!
//! Everything that is begun ends by itself: at its own time, or [`BOUND_SECONDS`] after the provider was asked. While the
//! provider is away, what it was asked is stuck, and told.

use super::{KeyCase, OrderCase, SessionCase};
use crate::Timestamp;
use crate::order::OrderState;
use crate::payment::Operation;
use crate::reconcile::BOUND_SECONDS;
use crate::waiting_room::SessionState;

fn overdue(now: Timestamp, since: Timestamp) -> bool {
    now > since.plus_seconds(BOUND_SECONDS)
}

/// Looks at an order and its payments.
#[must_use]
pub fn of_order(case: &OrderCase, now: Timestamp) -> Vec<String> {
    let order = &case.order;
    let mut said = Vec::new();
    if order.state.can_expire() && overdue(now, order.expires_at) {
        said.push(format!(
            "the order is {}, and its time was up at {}",
            order.state.as_str(),
            order.expires_at
        ));
    }
    for payment in case.payments.iter().filter(|payment| !payment.state.is_settled()) {
        if overdue(now, payment.created_at) {
            let (operation, state) = (payment.operation.as_str(), payment.state.as_str());
            said.push(format!("a {operation} was asked for at {}, and is {state}", payment.created_at));
        }
    }
    let awaited = match order.state {
        OrderState::Authorizing => Some(Operation::Authorize),
        OrderState::Capturing => Some(Operation::Capture),
        OrderState::Refunding => Some(Operation::Refund),
        _ => None,
    };
    if let Some(awaited) = awaited
        && case.asked(awaited).all(|payment| payment.state.is_settled())
    {
        let state = order.state.as_str();
        said.push(format!("the order is {state}, and waits for no {}", awaited.as_str()));
    }
    said
}

/// Looks at a session: who is inside has time left, or an open order.
#[must_use]
pub fn of_session(case: &SessionCase, now: Timestamp) -> Vec<String> {
    match (case.state, case.deadline, &case.order) {
        (SessionState::Active, Some(deadline), _) if overdue(now, deadline) => {
            vec![format!("the session is ACTIVE, and its time was up at {deadline}")]
        }
        (SessionState::Ordering, _, Some(order))
            if order.state.is_open() && order.session == Some(case.session) =>
        {
            Vec::new()
        }
        (SessionState::Ordering, _, Some(order)) => {
            vec![format!("the session is ORDERING, and its order is {}", order.state.as_str())]
        }
        (SessionState::Ordering, _, None) => vec!["the session is ORDERING, and has no order".to_owned()],
        _ => Vec::new(),
    }
}

/// Looks at a key. One whose lease is over waits for its buyer, but a booking's is the office's to end.
#[must_use]
pub fn of_key(case: &KeyCase, now: Timestamp) -> Vec<String> {
    let order = case.order.map_or_else(String::new, |order| format!(" of {order}"));
    match case.lease_until {
        Some(lease) if case.is_booking && overdue(now, lease) => {
            vec![format!("the booking{order} was left at {lease}, and is not ended")]
        }
        None if !case.is_answered => vec![format!("a key{order} is done, and has no answer")],
        _ => Vec::new(),
    }
}
