//! Every payment is booked twice, once, and the books of an order, and so of the office, sum to zero (M11).

use super::OrderCase;
use crate::ledger::postings;
use crate::payment::{Operation, PaymentState};
use crate::{Money, Timestamp};

/// Looks at an order.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    let mut left = case.books.clone();
    let mut said = Vec::new();
    let done = case.payments.iter().filter(|payment| matches!(payment.state, PaymentState::Ok { .. }));
    for payment in done {
        for posting in postings(payment.operation, payment.amount) {
            match left.iter().position(|line| *line == (payment.key, posting)) {
                Some(at) => drop(left.swap_remove(at)),
                None => said.push(missing(payment.operation, posting.account.as_str(), posting.amount)),
            }
        }
    }
    said.extend(left.iter().map(|(key, posting)| {
        format!(
            "the books have {} on {} for {key}, of which no payment says so",
            posting.amount,
            posting.account.as_str()
        )
    }));
    let sum: i128 = case.books.iter().map(|(_, posting)| i128::from(posting.amount.amount)).sum();
    if sum != 0 {
        said.push(format!("the order's books sum to {sum} minor units"));
    }
    said
}

fn missing(operation: Operation, account: &str, amount: Money) -> String {
    format!("a {} went well, and the books lack {amount} on {account}", operation.as_str().to_lowercase())
}
