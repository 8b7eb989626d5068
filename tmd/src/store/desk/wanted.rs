//! What a store has to lay on the desk, and to lock.

use std::collections::BTreeSet;

use tmcore::payment::ProviderKey;
use tmcore::{EventId, OrderId, SeatId, UserId};

use crate::ports::batch::Batch;
use crate::ports::order::{KeyRef, OrderCommand};

use super::Desk;

/// What the writes of a batch name. Laid are
///
/// - the keys;
/// - the orders that are named, those of the payments, and the open ones of the newcomers;
/// - all payments, tickets and seats of those orders, the sessions they were begun with, and the sales of their events;
/// - of the newcomers and those who join the sales of their events, and their live sessions;
/// - the seats that are named;
/// - how many seats the newcomers own, and those who want seats.
///
/// What does not exist is not laid.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Keys that are claimed, or under whose claim something is done.
    pub keys: Vec<KeyRef>,
    /// Payments, and with them their orders.
    pub payments: Vec<ProviderKey>,
    /// Orders.
    pub orders: BTreeSet<OrderId>,
    /// Buyers who begin an order: their open order and their session are wanted.
    pub newcomers: Vec<(EventId, UserId)>,
    /// Seats wanted for an order.
    pub seats: Vec<(OrderId, SeatId)>,
    /// Who joins: the sale and their session are wanted.
    pub joins: Vec<(EventId, UserId)>,
    /// Keys that are written without being laid: recovery points and the ends of claims.
    pub written_keys: Vec<KeyRef>,
}

impl Wanted {
    /// What the writes of a batch name.
    #[must_use]
    pub fn by(batch: &Batch) -> Self {
        let keys = batch.claims.iter().map(|claim| claim.key.clone()).collect();
        let joins = batch.joins.iter().map(|join| (join.event.clone(), join.user)).collect();
        let written_keys = batch.ends.iter().map(|(lease, _)| lease.key.clone()).collect();
        let mut wanted = Self { keys, joins, written_keys, ..Self::default() };
        for (command, keep) in &batch.commands {
            wanted.add(command);
            wanted.written_keys.extend(command.key().cloned());
            wanted.keys.extend(keep.iter().map(|keep| keep.lease.key.clone()));
        }
        wanted
    }

    fn add(&mut self, command: &OrderCommand) {
        match command {
            OrderCommand::Create { user, event, .. } => self.newcomers.push((event.clone(), *user)),
            OrderCommand::Hold { order, seats, .. } => {
                self.orders.insert(*order);
                self.seats.extend(seats.iter().map(|seat| (*order, seat.clone())));
            }
            OrderCommand::Settle { payment, .. } => self.payments.push(*payment),
            OrderCommand::Pin { order, .. }
            | OrderCommand::Cancel { order, .. }
            | OrderCommand::Refund { order, .. } => {
                self.orders.insert(*order);
            }
        }
    }

    /// Whether nothing has to be laid.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.payments.is_empty()
            && self.orders.is_empty()
            && self.newcomers.is_empty()
            && self.seats.is_empty()
            && self.joins.is_empty()
    }
}

impl Desk {
    /// The orders on the desk, ascending.
    #[must_use]
    pub fn order_ids(&self) -> Vec<OrderId> {
        let mut ids: Vec<_> = self.rows.orders.keys().collect();
        ids.sort_unstable();
        ids
    }
}
