//! What the provider said, and what follows for the order.

use tmcore::ledger;
use tmcore::order::{Effect, Order, Transition};
use tmcore::payment::{Answer, Operation, PaymentState, ProviderKey};

use super::{Desk, LedgerEntry, OrderRow};
use crate::drill::{self, Mutant, Step};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, NewTicket, OrderOutcome, Verdict};

impl Desk {
    /// Settles the payment and moves its order along. A payment that is settled stays so: telling it again answers the
    /// order as it stands.
    pub(super) fn settle(
        &mut self,
        key: ProviderKey,
        verdict: &Verdict,
        tickets: &[NewTicket],
    ) -> Result<OrderOutcome, CommandRefusal> {
        let paid = self.rows.payments.get(&key).ok_or(CommandRefusal::NotFound)?.record.clone();
        drill::mark(Step::settle(paid.operation));
        let row = self.rows.orders.get(&paid.order).cloned().ok_or(CommandRefusal::NotFound)?;
        if paid.state.is_settled() {
            return self.unchanged(&row);
        }
        let Some(state) = definite(paid.operation, verdict) else {
            self.put_off(key);
            return self.unchanged(&row);
        };
        let mut transition = self.follow(&row, paid.operation, &state);
        if drill::mutant(Mutant::LateAuthorizationKept) {
            transition.effects.retain(|effect| *effect != Effect::Void);
        }
        if drill::mutant(Mutant::DeclineReleases) && matches!(state, PaymentState::Declined { .. }) {
            transition.effects.push(Effect::ReleaseSeats);
        }
        // What follows may act on the authorization that is good only now.
        self.set_payment(key, state.clone());
        let outcome = self.carry_out(row, transition, tickets);
        if outcome.is_err() {
            self.set_payment(key, paid.state);
            return outcome;
        }
        if matches!(state, PaymentState::Ok { .. }) {
            let sides = if drill::mutant(Mutant::OneSidedBooks) { 1 } else { usize::MAX };
            let lines = ledger::postings(paid.operation, paid.amount).into_iter().take(sides);
            self.changes.ledger.extend(lines.map(|posting| LedgerEntry { key, order: paid.order, posting }));
        }
        self.changes.payments.settled.push(key);
        outcome
    }

    fn put_off(&mut self, key: ProviderKey) {
        self.set_payment(key, PaymentState::Unknown);
        self.changes.payments.put_off.push(key);
    }

    fn set_payment(&mut self, key: ProviderKey, state: PaymentState) {
        if let Some(row) = self.rows.payments.get_mut(&key) {
            row.record.state = state;
        }
    }

    fn follow(&self, row: &OrderRow, operation: Operation, state: &PaymentState) -> Transition {
        let order: Order = row.order.clone();
        match (operation, state) {
            (Operation::Authorize, PaymentState::Ok { .. }) => order.authorized(self.at),
            (Operation::Authorize, PaymentState::Declined { .. }) => order.declined(self.at),
            (Operation::Authorize, _) => order.authorization_never_happened(self.at),
            (Operation::Capture, PaymentState::Ok { .. }) if self.has_its_seats(row) => order.captured(),
            (Operation::Capture, PaymentState::Ok { .. }) => order.captured_in_vain(),
            (Operation::Capture, PaymentState::Declined { .. }) => order.capture_refused(),
            (Operation::Refund, PaymentState::Ok { .. }) => order.refunded(),
            _ => Transition { order, through: None, effects: Vec::new() },
        }
    }

    fn unchanged(&self, row: &OrderRow) -> Result<OrderOutcome, CommandRefusal> {
        let record = self.record(row).map_err(|error: StoreError| CommandRefusal::Store(error))?;
        Ok(OrderOutcome { record, payment: None, session: None, seats_changed: false })
    }
}

/// What the verdict settles; `None` where it settles nothing. A capture that never was is asked for again under its
/// key: the seats are pinned for it. So are a void and a refund.
fn definite(operation: Operation, verdict: &Verdict) -> Option<PaymentState> {
    match verdict {
        Verdict::Unknown => None,
        Verdict::NeverHappened if operation != Operation::Authorize => None,
        Verdict::NeverHappened => Some(PaymentState::NeverHappened),
        Verdict::Answered(Answer::Ok { reference }) => {
            Some(PaymentState::Ok { reference: reference.clone() })
        }
        Verdict::Answered(Answer::Declined { reason }) => {
            Some(PaymentState::Declined { reason: reason.clone() })
        }
    }
}
