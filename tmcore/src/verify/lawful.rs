//! An order took only edges that there are, one after the other, to the state that it is in.

use super::OrderCase;
use crate::Timestamp;
use crate::order::OrderState;

/// Looks at an order's history.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    let mut said = Vec::new();
    let mut state: Option<OrderState> = None;
    for (edge, _) in &case.history.edges {
        let (from, to) = (name(edge.from), edge.to.as_str());
        if edge.from != state {
            said.push(format!("edge {} leaves {from}, and the order was {}", edge.number, name(state)));
        }
        let is_edge = match edge.from {
            None => edge.number == 1 && edge.to == OrderState::Pending,
            Some(before) => before.may_become(edge.to),
        };
        if !is_edge {
            said.push(format!("edge {} leads from {from} to {to}, and there is no such edge", edge.number));
        }
        state = Some(edge.to);
    }
    if state != Some(case.order.state) {
        let (is, was) = (case.order.state.as_str(), name(state));
        said.push(format!("the order is {is}, and its history ends with {was}"));
    }
    said
}

fn name(state: Option<OrderState>) -> &'static str {
    state.map_or("nothing", OrderState::as_str)
}
