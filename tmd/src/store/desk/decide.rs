//! A whole batch, decided on the desk.

use tmcore::OrderId;

use super::Desk;
use crate::ports::StoreError;
use crate::ports::batch::{Batch, Decided, Written};
use crate::ports::idempotency::Keep;
use crate::ports::order::{CommandRefusal, OrderCommand, OrderOutcome, OrderRecord};

impl Desk {
    /// Carries everything out: claims, joins, commands, ends, each kind in the order given.
    ///
    /// # Errors
    /// [`StoreError`] when the rows are not what they have to be; nothing of the batch may be written then.
    pub fn decide(&mut self, batch: &Batch) -> Result<Written, StoreError> {
        let claims = batch.claims.iter().map(|claim| Ok(self.claim(claim))).collect();
        let joins = self.join_all(&batch.joins);
        let commands = self.run_all(&batch.commands)?;
        for (lease, answer) in &batch.ends {
            self.end(lease.clone(), answer.clone());
        }
        Ok(Written { claims, joins, commands, ends: batch.ends.iter().map(|_| Ok(())).collect() })
    }

    /// Carries every command out; what ends a claim is kept with it.
    fn run_all(&mut self, commands: &[(OrderCommand, Option<Keep>)]) -> Result<Vec<Decided>, StoreError> {
        let mut all = Vec::with_capacity(commands.len());
        for (command, keep) in commands {
            let is_held = keep.as_ref().is_none_or(|keep| self.is_held(&keep.lease));
            let outcome = self.run_as(command, is_held);
            if let Err(CommandRefusal::Store(error)) = outcome {
                return Err(error);
            }
            let mut kept = None;
            if let Some(keep) = keep.as_ref().filter(|_| is_held) {
                kept = keep.answer(outcome.as_ref().map(|outcome| &outcome.record));
                if kept.is_some() {
                    self.end(keep.lease.clone(), kept.clone());
                }
            }
            all.push(Decided { outcome, kept });
        }
        Ok(all)
    }

    /// What is done for a request is done by whoever holds its key; what the provider said is written down by anybody.
    fn run_as(&mut self, command: &OrderCommand, is_held: bool) -> Result<OrderOutcome, CommandRefusal> {
        if !is_held && command.key().is_some() {
            return Err(CommandRefusal::ClaimLost);
        }
        self.run(command)
    }

    /// Ends every order on the desk whose time is up.
    ///
    /// # Errors
    /// [`StoreError`] when one cannot be ended; nothing may be written then.
    pub fn expire_all(&mut self) -> Result<Vec<OrderOutcome>, StoreError> {
        let ended = self.order_ids().into_iter().map(|order| self.expire(order)).collect::<Result<_, _>>();
        ended.map_err(|refusal| match refusal {
            CommandRefusal::Store(error) => error,
            other => StoreError::failed(other),
        })
    }

    /// An order on the desk, in full.
    ///
    /// # Errors
    /// [`StoreError`] when a seat of it is not there.
    pub fn order(&self, order: OrderId) -> Result<Option<OrderRecord>, StoreError> {
        self.rows.orders.get(&order).map(|row| self.record(row)).transpose()
    }
}
