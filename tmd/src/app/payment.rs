//! Asking the provider, and making sense of the answer. No call happens inside a transaction (M7).

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tmcore::payment::{Answer, Operation, OutcomeUnknown, PaymentState, PaymentToken, ProviderKey};
use tmcore::ticket::TicketCode;
use tmcore::{OrderId, TicketId};

use super::Office;
use crate::drill::{self, Mutant, Step};
use crate::ports::StoreError;
use crate::ports::batch::Decided;
use crate::ports::gateway::{ProviderOperation, ProviderRecord, ProviderRequest};
use crate::ports::idempotency::Keep;
use crate::ports::order::{CommandRefusal, NewTicket, OrderCommand, OrderOutcome, OrderRecord, Verdict};
use crate::ports::payment::PaymentRecord;

/// How long whoever asks about our health waits for the provider's.
const PROBE_TIME: Duration = Duration::from_secs(1);
/// Between two tries to write down what the provider said.
const SETTLE_AGAIN_PAUSE: Duration = Duration::from_millis(200);
/// Payments that the provider is asked about at once. One that waits for its time-out holds up few others.
const RESOLVED_AT_ONCE: usize = 16;

/// What whoever waits for an outcome brings along; nothing where nobody waits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waiting<'a> {
    /// How the answer is kept.
    pub keep: Option<&'a Keep>,
    /// The order as it was just read: it need not be read again for its tickets.
    pub known: Option<&'a OrderRecord>,
}

impl Office {
    /// Brings an open payment to its outcome: asks the provider under the payment's key, which it acts on once however
    /// often it is asked, and writes down what it said. An authorization needs its token: [`Office::authorize`].
    ///
    /// # Errors
    /// [`CommandRefusal`] when the outcome cannot be written; the resolver will ask again.
    pub async fn drive(self: &Arc<Self>, payment: &PaymentRecord) -> Result<OrderOutcome, CommandRefusal> {
        let verdict = self.asked(payment).await;
        self.settle(payment, verdict, &Waiting::default()).await
    }

    /// The same for a capture that somebody waits for.
    ///
    /// # Errors
    /// As [`Office::drive`].
    pub async fn drive_capture(
        self: &Arc<Self>,
        payment: &PaymentRecord,
        waiting: &Waiting<'_>,
    ) -> Result<OrderOutcome, CommandRefusal> {
        let verdict = self.asked(payment).await;
        self.settle(payment, verdict, waiting).await
    }

    /// Asks for an authorization, as [`Office::drive`] does. Where the key was fenced meanwhile the provider declines and
    /// records nothing: then it never happened, and no card was declined (M6).
    ///
    /// # Errors
    /// As [`Office::drive`].
    pub async fn authorize(
        self: &Arc<Self>,
        payment: &PaymentRecord,
        token: &PaymentToken,
        keep: Option<&Keep>,
    ) -> Result<OrderOutcome, CommandRefusal> {
        let operation = ProviderOperation::Authorize { token: token.clone(), amount: payment.amount };
        let mut verdict = self.ask(payment, operation).await;
        if matches!(verdict, Verdict::Answered(Answer::Declined { .. })) {
            verdict = match self.question(Step::AskLookUp, self.ports.gateway.look_up(&payment.key)).await {
                Ok(Some(_)) => verdict,
                Ok(None) => Verdict::NeverHappened,
                Err(_) => Verdict::Unknown,
            };
        }
        self.settle(payment, verdict, &Waiting { keep, known: None }).await
    }

    /// Finds out what became of an authorization whose token is gone with the request that brought it: looks it up, and
    /// fences a key the provider has not seen, so that it never takes effect later (M6).
    ///
    /// # Errors
    /// As [`Office::drive`].
    pub async fn look_up(self: &Arc<Self>, payment: &PaymentRecord) -> Result<OrderOutcome, CommandRefusal> {
        let found = match self.question(Step::AskLookUp, self.ports.gateway.look_up(&payment.key)).await {
            Ok(Some(record)) => Ok(Some(record)),
            Ok(None) => self.question(Step::AskFence, self.ports.gateway.cancel(&payment.key)).await,
            Err(unknown) => Err(unknown),
        };
        let verdict = match found {
            Ok(Some(record)) => judge(payment, about(payment, record)),
            Ok(None) => Verdict::NeverHappened,
            Err(unknown) => judge(payment, Err(unknown)),
        };
        self.settle(payment, verdict, &Waiting::default()).await
    }

    /// Whether the provider answers, and soon.
    pub async fn gateway_is_up(&self) -> bool {
        tokio::time::timeout(PROBE_TIME, self.ports.gateway.list(0, 1))
            .await
            .is_ok_and(|answer| answer.is_ok())
    }

    /// Looks after payments nobody is waiting for any more. Answers how many.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be found.
    pub async fn resolve_payments(self: &Arc<Self>, limit: u32) -> Result<usize, StoreError> {
        let lease = self.config.checkout.payment_lease_seconds();
        let due = self.store().due_payments(limit, lease).await?;
        let asked = stream::iter(&due).for_each_concurrent(RESOLVED_AT_ONCE, |payment| self.resolve(payment));
        asked.await;
        Ok(due.len())
    }

    async fn resolve(self: &Arc<Self>, payment: &PaymentRecord) {
        let outcome = match payment.operation {
            Operation::Authorize => self.look_up(payment).await,
            Operation::Capture | Operation::Void | Operation::Refund => self.drive(payment).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(order = %payment.order, operation = payment.operation.as_str(), %error, "failed to resolve a payment");
        }
    }

    async fn asked(&self, payment: &PaymentRecord) -> Verdict {
        match operation(payment) {
            Some(operation) => self.ask(payment, operation).await,
            None => Verdict::Unknown,
        }
    }

    async fn ask(&self, payment: &PaymentRecord, operation: ProviderOperation) -> Verdict {
        let key = if drill::mutant(Mutant::NewKeyPerTry) {
            ProviderKey::derive(OrderId::from_uuid(self.world().entropy.uuid_v7()), payment.operation, 1)
        } else {
            payment.key
        };
        let request = ProviderRequest { key, order: payment.order, operation };
        let step = Step::ask(payment.operation);
        let answer = self.question(step, self.ports.gateway.submit(&request)).await;
        judge(payment, answer)
    }

    async fn question<T>(
        &self,
        step: Step,
        call: impl Future<Output = Result<T, OutcomeUnknown>>,
    ) -> Result<T, OutcomeUnknown> {
        drill::before(step);
        let answer = self.within_time(call).await;
        drill::after(step);
        answer
    }

    pub(super) async fn within_time<T>(
        &self,
        call: impl Future<Output = Result<T, OutcomeUnknown>>,
    ) -> Result<T, OutcomeUnknown> {
        let limit = Duration::from_secs(self.config.checkout.gateway_timeout_seconds.into());
        tokio::time::timeout(limit, call).await.unwrap_or(Err(OutcomeUnknown::TimedOut))
    }

    /// Writes down what is known of a payment now, and what follows.
    ///
    /// # Errors
    /// [`CommandRefusal`].
    pub(super) async fn settle(
        self: &Arc<Self>,
        payment: &PaymentRecord,
        verdict: Verdict,
        waiting: &Waiting<'_>,
    ) -> Result<OrderOutcome, CommandRefusal> {
        let captured = payment.operation == Operation::Capture
            && matches!(verdict, Verdict::Answered(Answer::Ok { .. }));
        let tickets = match waiting.known {
            _ if !captured => Vec::new(),
            Some(record) => self.print_tickets(record),
            None => {
                let record = self.store().order(payment.order).await?;
                self.print_tickets(&record.ok_or(CommandRefusal::NotFound)?)
            }
        };
        let command = OrderCommand::Settle { payment: payment.key, verdict, tickets };
        let outcome = self.order_command(command.clone(), waiting.keep).await;
        if let Err(CommandRefusal::Store(error)) = &outcome {
            tracing::warn!(order = %payment.order, %error, "failed to write down what the provider said, will try again");
            self.settle_later(command);
        }
        outcome
    }

    /// Tries on for as long as the payment is this request's to send: once the store can be written again the order goes
    /// on at once, and not only when the resolver may ask.
    fn settle_later(self: &Arc<Self>, command: OrderCommand) {
        let office = Arc::clone(self);
        let lease = Duration::from_secs(self.config.checkout.payment_lease_seconds().into());
        self.lifecycle().spawn("settlement", async move {
            let attempt = || async {
                !matches!(office.order_command(command.clone(), None).await, Err(CommandRefusal::Store(_)))
            };
            // What is not written by then is found out by the resolver.
            office.lifecycle().try_on(SETTLE_AGAIN_PAUSE, lease, attempt).await;
        });
    }

    fn print_tickets(&self, record: &OrderRecord) -> Vec<NewTicket> {
        record.seats.iter().map(|seat| self.print_ticket(record, &seat.id)).collect()
    }

    fn print_ticket(&self, record: &OrderRecord, seat: &tmcore::SeatId) -> NewTicket {
        let id = TicketId::from_uuid(self.world().entropy.uuid_v7());
        let code = TicketCode::issue(&self.ticket_key, id, &record.order.parties.event, seat).to_string();
        NewTicket { id, seat: seat.clone(), code }
    }

    /// Carries out one command with the next batch, keeps the answer if it ends a claim, and tells of it.
    ///
    /// # Errors
    /// [`CommandRefusal`].
    pub async fn order_command(
        self: &Arc<Self>,
        command: OrderCommand,
        keep: Option<&Keep>,
    ) -> Result<OrderOutcome, CommandRefusal> {
        let Decided { outcome, kept } = self.commit.orders.commit((command, keep.cloned())).await?;
        if let (Some(keep), Some(answer)) = (keep, kept) {
            keep.committed(answer);
        }
        let outcome = outcome?;
        self.tell_order(&outcome);
        Ok(outcome)
    }

    /// Ends orders whose time is up, and gives their slots free. Seats were free before (S5).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(self: &Arc<Self>, limit: u32) -> Result<(), StoreError> {
        for outcome in self.store().expire_due(limit).await? {
            self.tell_order(&outcome);
        }
        Ok(())
    }

    /// The payment of an order that is open, if one is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_payment(
        &self,
        order: OrderId,
        operation: Operation,
    ) -> Result<Option<PaymentRecord>, StoreError> {
        let payments = self.store().payments(order).await?;
        Ok(payments.into_iter().rev().find(|paid| paid.operation == operation && !paid.state.is_settled()))
    }

    /// Whether it is settled that a payment never happened.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn never_happened(&self, payment: &PaymentRecord) -> Result<bool, StoreError> {
        let payments = self.store().payments(payment.order).await?;
        Ok(payments.iter().any(|paid| paid.key == payment.key && paid.state == PaymentState::NeverHappened))
    }

    /// The reason of the order's last decline.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decline_reason(&self, key: ProviderKey, order: OrderId) -> Result<String, StoreError> {
        let payments = self.store().payments(order).await?;
        let declined = payments.into_iter().find(|paid| paid.key == key);
        Ok(declined.and_then(|paid| paid.state.detail().map(str::to_owned)).unwrap_or_default())
    }
}

/// What an answer means, counted.
fn judge(payment: &PaymentRecord, answer: Result<Answer, OutcomeUnknown>) -> Verdict {
    let outcome = match &answer {
        Ok(Answer::Ok { .. }) => "ok",
        Ok(Answer::Declined { .. }) => "declined",
        Err(_) => "unknown",
    };
    metrics::counter!("payments_total", "operation" => payment.operation.as_str(), "outcome" => outcome)
        .increment(1);
    match answer {
        Ok(answer) => Verdict::Answered(answer),
        Err(unknown) if drill::mutant(Mutant::TimeOutIsDecline) => {
            Verdict::Answered(Answer::Declined { reason: unknown.to_string().as_str().into() })
        }
        Err(unknown) => {
            tracing::warn!(order = %payment.order, operation = payment.operation.as_str(), %unknown, "payment outcome unknown");
            Verdict::Unknown
        }
    }
}

/// What to ask for again; `None` for an authorization, whose token nobody keeps.
fn operation(payment: &PaymentRecord) -> Option<ProviderOperation> {
    let amount = payment.amount;
    let against = payment.against.clone();
    Some(match payment.operation {
        Operation::Authorize => return None,
        Operation::Capture => ProviderOperation::Capture { authorization: against?, amount },
        Operation::Void => ProviderOperation::Void { authorization: against? },
        Operation::Refund => ProviderOperation::Refund { authorization: against?, amount },
    })
}

/// What the provider has on record of a payment, if the record is of this payment at all (M6).
pub(super) fn about(payment: &PaymentRecord, record: ProviderRecord) -> Result<Answer, OutcomeUnknown> {
    let same = record.order == payment.order
        && record.operation == payment.operation
        && (record.amount == payment.amount || matches!(record.answer, Answer::Declined { .. }));
    if same { Ok(record.answer) } else { Err(OutcomeUnknown::Contradictory) }
}
