//! Every authorization is captured or voided, once its order is not open any more (M10).

use super::OrderCase;
use crate::Timestamp;
use crate::payment::{Operation, PaymentState};

/// Looks at an order. A void that is under way is one: that it ends is looked at with what is stuck.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    if case.order.state.is_open() {
        return Vec::new();
    }
    let mut said = Vec::new();
    for authorization in case.done(Operation::Authorize) {
        let PaymentState::Ok { reference } = &authorization.state else { continue };
        let is_its = |against: &Option<_>| against.as_ref() == Some(reference);
        let is_captured = case.done(Operation::Capture).any(|capture| is_its(&capture.against));
        let mut voids = case.asked(Operation::Void).filter(|void| is_its(&void.against));
        let never = |state: &PaymentState| {
            matches!(state, PaymentState::Declined { .. } | PaymentState::NeverHappened)
        };
        if !is_captured && !voids.any(|void| !never(&void.state)) {
            let state = case.order.state.as_str();
            said.push(format!(
                "{} is set aside on a card ({}), and the order is {state}",
                authorization.amount,
                reference.as_str()
            ));
        }
    }
    said
}
