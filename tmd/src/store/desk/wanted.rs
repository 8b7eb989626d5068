//! What a store has to lay on the desk, in the order in which it can be known.

use std::collections::BTreeSet;

use tmcore::payment::ProviderKey;
use tmcore::{EventId, OrderId, SeatId, SessionId, UserId};

use crate::ports::order::OrderCommand;

use super::{Desk, Rows};

/// What the commands themselves name.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Payments, and with them their orders.
    pub payments: Vec<ProviderKey>,
    /// Orders.
    pub orders: BTreeSet<OrderId>,
    /// Buyers who begin an order: their open order and their session are wanted.
    pub newcomers: Vec<(EventId, UserId)>,
    /// Seats wanted for an order.
    pub seats: Vec<(OrderId, Vec<SeatId>)>,
}

impl Wanted {
    /// What these commands name.
    #[must_use]
    pub fn by<'a>(commands: impl Iterator<Item = &'a OrderCommand>) -> Self {
        let mut wanted = Self::default();
        for command in commands {
            match command {
                OrderCommand::Create { user, event, .. } => wanted.newcomers.push((event.clone(), *user)),
                OrderCommand::Hold { order, seats, .. } => {
                    wanted.orders.insert(*order);
                    wanted.seats.push((*order, seats.clone()));
                }
                OrderCommand::Settle { payment, .. } => wanted.payments.push(*payment),
                OrderCommand::Pin { order, .. }
                | OrderCommand::Cancel { order, .. }
                | OrderCommand::Refund { order, .. } => {
                    wanted.orders.insert(*order);
                }
            }
        }
        wanted
    }

    /// The events of the orders on the desk and of the newcomers.
    #[must_use]
    pub fn events(&self, rows: &Rows) -> BTreeSet<EventId> {
        let of_orders = rows.orders.values().map(|row| &row.order.parties.event);
        of_orders.chain(self.newcomers.iter().map(|(event, _)| event)).cloned().collect()
    }

    /// Whose seats have to be counted: those of everybody who may come to more.
    #[must_use]
    pub fn owners(&self, rows: &Rows) -> BTreeSet<(EventId, UserId)> {
        let holders = self.seats.iter().filter_map(|(order, _)| rows.orders.get(order));
        let holders = holders.map(|row| (row.order.parties.event.clone(), row.order.parties.user));
        holders.chain(self.newcomers.iter().cloned()).collect()
    }

    /// Seats by name, in ascending order.
    #[must_use]
    pub fn seat_ids(&self, rows: &Rows) -> BTreeSet<(EventId, SeatId)> {
        let of_orders = self.seats.iter().filter_map(|(order, ids)| {
            let event = &rows.orders.get(order)?.order.parties.event;
            Some(ids.iter().map(move |id| (event.clone(), id.clone())))
        });
        of_orders.flatten().collect()
    }
}

impl Rows {
    /// The sessions of the orders on the desk.
    #[must_use]
    pub fn sessions_of_orders(&self) -> Vec<SessionId> {
        self.orders.values().filter_map(|row| row.order.parties.session).collect()
    }

    /// The seats of the orders on the desk, in ascending order (S8).
    #[must_use]
    pub fn seats_of_orders(&self) -> BTreeSet<(EventId, u32)> {
        let of_order = |row: &super::OrderRow| {
            let event = row.order.parties.event.clone();
            row.seats.iter().map(move |index| (event.clone(), *index)).collect::<Vec<_>>()
        };
        self.orders.values().flat_map(of_order).collect()
    }
}

impl Desk {
    /// The orders on the desk, ascending.
    #[must_use]
    pub fn order_ids(&self) -> Vec<OrderId> {
        let mut ids: Vec<_> = self.rows.orders.keys().copied().collect();
        ids.sort_unstable();
        ids
    }
}
