//! What the provider said of a payment, and what follows for its order.

use sqlx::SqliteConnection;
use tmcore::Timestamp;
use tmcore::order::Transition;
use tmcore::payment::{Answer, Operation, PaymentState, ProviderKey};

use super::{Stored, effect};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, NewTicket, OrderOutcome, Verdict};
use crate::store::sqlite::payment;

/// Settles the payment and moves its order along. A payment that is settled stays so: telling it again answers the
/// order as it stands.
pub(super) async fn run(
    tx: &mut SqliteConnection,
    key: &ProviderKey,
    verdict: &Verdict,
    tickets: &[NewTicket],
    at: Timestamp,
) -> Result<OrderOutcome, CommandRefusal> {
    let paid = payment::load(tx, key).await?.ok_or(CommandRefusal::NotFound)?;
    drill::mark(Step::settle(paid.operation));
    let stored = Stored::load(tx, paid.order).await?.ok_or(CommandRefusal::NotFound)?;
    let state = match verdict {
        _ if paid.state.is_settled() => None,
        Verdict::Unknown => {
            payment::put_off(tx, key, at).await?;
            None
        }
        // A capture that never was is asked for again under its key: the seats are pinned for it.
        Verdict::NeverHappened if paid.operation != Operation::Authorize => {
            payment::put_off(tx, key, at).await?;
            None
        }
        Verdict::NeverHappened => Some(PaymentState::NeverHappened),
        Verdict::Answered(Answer::Ok { reference }) => {
            Some(PaymentState::Ok { reference: reference.clone() })
        }
        Verdict::Answered(Answer::Declined { reason }) => {
            Some(PaymentState::Declined { reason: reason.clone() })
        }
    };
    let Some(state) = state else { return unchanged(tx, stored, at).await };
    payment::settle(tx, key, &state).await?;
    let transition = follow(stored.order.clone(), paid.operation, &state, at);
    effect::carry_out(tx, stored, transition, tickets, at).await
}

fn follow(
    order: tmcore::order::Order,
    operation: Operation,
    state: &PaymentState,
    at: Timestamp,
) -> Transition {
    match (operation, state) {
        (Operation::Authorize, PaymentState::Ok { .. }) => order.authorized(at),
        (Operation::Authorize, PaymentState::Declined { .. }) => order.declined(at),
        (Operation::Authorize, _) => order.authorization_never_happened(at),
        (Operation::Capture, PaymentState::Ok { .. }) => order.captured(),
        (Operation::Capture, PaymentState::Declined { .. }) => order.capture_refused(),
        _ => Transition { order, effects: Vec::new() },
    }
}

async fn unchanged(
    tx: &mut SqliteConnection,
    stored: Stored,
    at: Timestamp,
) -> Result<OrderOutcome, CommandRefusal> {
    let record =
        stored.into_record(tx, at).await.map_err(|error: StoreError| CommandRefusal::Store(error))?;
    Ok(OrderOutcome { record, payment: None, session: None, seats_changed: false })
}
