//! Every capture has its tickets, or a refund (M9).

use super::OrderCase;
use crate::Timestamp;
use crate::order::OrderState;
use crate::payment::{Operation, PaymentState};

/// Looks at an order.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    let Some(capture) = case.done(Operation::Capture).next() else { return Vec::new() };
    let declined = |state: &PaymentState| matches!(state, PaymentState::Declined { .. });
    let is_refunded = case.asked(Operation::Refund).any(|refund| !declined(&refund.state));
    let tickets = case.valid_tickets().count();
    let is_ticketed = case.order.state == OrderState::Finalized && tickets == case.hold.seats.len();
    if is_refunded || is_ticketed && tickets > 0 {
        return Vec::new();
    }
    let (state, seats) = (case.order.state.as_str(), case.hold.seats.len());
    vec![format!(
        "{} was captured, the order is {state} with {tickets} valid tickets for {seats} seats, and no refund is asked for",
        capture.amount
    )]
}
