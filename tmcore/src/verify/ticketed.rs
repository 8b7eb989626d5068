//! No seat has two valid tickets; a sold one has its own (S1).

use super::SeatCase;
use crate::seat::SeatState;

/// Looks at a seat.
#[must_use]
pub fn of_seat(case: &SeatCase) -> Vec<String> {
    let mut said = Vec::new();
    if case.tickets.len() > 1 {
        let all: Vec<_> = case.tickets.iter().map(|(ticket, order)| format!("{ticket} of {order}")).collect();
        said.push(format!("the seat has {} valid tickets: {}", all.len(), all.join(", ")));
    }
    match case.state {
        SeatState::Sold { order, ticket } if !case.tickets.contains(&(ticket, order)) => {
            said.push(format!("the seat is sold by {ticket} of {order}, which is no valid ticket for it"));
        }
        SeatState::Sold { .. } => {}
        _ => said.extend(case.tickets.first().map(|(ticket, order)| {
            format!("{ticket} of {order} is a valid ticket for it, and the seat is not sold")
        })),
    }
    said
}
