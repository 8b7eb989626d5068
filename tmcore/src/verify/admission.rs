//! Nobody ordered without having been let in (W10).

use super::OrderCase;
use crate::Timestamp;
use crate::waiting_room::SessionState;

/// Looks at an order and the session that it names. A session takes part in one order: ORDERING while that is open, DONE
/// afterwards.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    let order = &case.order;
    let Some(id) = order.parties.session else {
        let said = "the order was begun without a session, and its event is sold by the waiting room";
        return if case.admission.is_needed { vec![said.to_owned()] } else { Vec::new() };
    };
    let Some((user, event, state, named)) = &case.admission.session else {
        return vec![format!("the order came in by {id}, which is not there")];
    };
    if (*user, event) != (order.parties.user, &order.parties.event) {
        return vec![format!("the order came in by {id}, which is another buyer's or of another event")];
    }
    let wanted = if order.state.is_open() { SessionState::Ordering } else { SessionState::Done };
    if (*state, *named) == (wanted, Some(order.id)) {
        return Vec::new();
    }
    let named = named.map_or_else(|| "no order".to_owned(), |named| named.to_string());
    let (order, state) = (order.state.as_str(), state.as_str());
    vec![format!("the order is {order}, and {id}, by which it came in, is {state} with {named}")]
}
