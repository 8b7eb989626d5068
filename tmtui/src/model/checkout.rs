//! An order on its way to tickets.

use tmapi::order::{OrderStatus, OrderView};

use crate::action::Trouble;

/// Seats, card, payment.
#[derive(Clone, Debug, Default)]
pub struct Checkout {
    /// The order, once begun.
    pub order: Option<OrderView>,
    /// What is being asked of the daemon right now.
    pub busy: Option<Busy>,
    /// The payment token.
    pub card: String,
    /// Whether it is to be paid as soon as the seats are held.
    pub is_booking: bool,
    /// What went wrong last.
    pub trouble: Option<Trouble>,
}

/// What is being asked of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// To hold the seats and authorize the payment.
    Confirming,
    /// To take the money and issue the tickets.
    Finalizing,
    /// To give the order up.
    Cancelling,
}

impl Checkout {
    /// Whether the order holds seats, or may: then they are the buyer's, whatever the map says.
    pub fn holds(&self) -> bool {
        self.busy.is_some()
            || self.order.as_ref().is_some_and(|order| order.status.is_open() && !order.seats.is_empty())
    }

    /// Whether there is an order that could still be paid or given up.
    pub fn is_open(&self) -> bool {
        self.order.as_ref().is_some_and(|order| order.status.is_open())
    }

    /// Whether the seats are held and the card is good.
    pub fn is_authorized(&self) -> bool {
        self.order.as_ref().is_some_and(|order| order.status == OrderStatus::Authorized)
    }
}
