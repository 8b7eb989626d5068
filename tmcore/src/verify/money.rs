//! One capture an order, of what it costs and never more than was authorized; captured less refunded is what the order's
//! state says (M1, M2, M3).

use super::OrderCase;
use crate::order::OrderState;
use crate::payment::Operation;
use crate::{Money, Timestamp};

/// Looks at an order.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    let total = case.order.total;
    let mut said = Vec::new();
    let captures = case.done(Operation::Capture).count();
    if captures > 1 {
        said.push(format!("{captures} captures went well"));
    }
    for capture in case.done(Operation::Capture) {
        if capture.amount != total {
            said.push(format!("{} was captured for an order of {total}", capture.amount));
        }
        let covers = |set_aside: Money| {
            set_aside.currency == capture.amount.currency && set_aside.amount >= capture.amount.amount
        };
        if !case.done(Operation::Authorize).any(|authorization| covers(authorization.amount)) {
            said.push(format!("{} was captured, and so much was never authorized", capture.amount));
        }
    }
    for refund in case.done(Operation::Refund).filter(|refund| refund.amount != total) {
        said.push(format!("{} was given back for an order of {total}", refund.amount));
    }
    let (paid, state) = (case.paid(), case.order.state);
    let kept = paid.captured - paid.refunded;
    let wanted = match state {
        OrderState::Finalized | OrderState::Refunding => i128::from(total.amount),
        _ => 0,
    };
    if kept != wanted {
        let (state, currency) = (state.as_str(), total.currency.code());
        said.push(format!(
            "the order is {state}, and captured less refunded is {kept} instead of {wanted} minor units of {currency}"
        ));
    }
    said
}
