//! Orders: begin, confirm (hold and authorize), finalize (pin, capture, ticket), cancel.
//!
//! Every step can be asked again after a crash: what the order's row says is where it goes on.

use std::sync::Arc;

use tmcore::order::OrderState;
use tmcore::payment::{Operation, PaymentToken};
use tmcore::{EventId, OrderId, SeatId, SessionId, UserId};

use super::Office;
use super::idempotency::Claim;
use super::payment::Waiting;
use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, OrderCommand, OrderOutcome, OrderRecord};
use crate::ports::payment::PaymentRecord;

/// Why a step of an order does not end as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CheckoutError {
    /// No seats, or a seat named twice.
    #[error("{0}")]
    Seats(&'static str, Vec<SeatId>),
    /// The rules or the rows say no.
    #[error(transparent)]
    Refused(#[from] CommandRefusal),
    /// The provider does not answer: nothing was held, and the order is as it was.
    #[error("the payment provider does not answer; nothing was held and nothing was charged")]
    PaymentUnavailable {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The provider said no; the hold stays for another card.
    #[error("the payment was declined: {0}")]
    Declined(String),
    /// The provider said no, and with it the order is over.
    #[error("the payment was declined: {0}")]
    DeclinedForGood(String),
}

impl From<StoreError> for CheckoutError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// Who asks, about which order, under which key.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which order.
    pub order: OrderId,
    /// Under which key.
    pub claim: Claim,
}

impl Step {
    const fn user(&self) -> UserId {
        self.claim.key.user
    }
}

impl Office {
    /// Begins an order, or finds the one that this key began before it was cut off.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn create_order(
        self: &Arc<Self>,
        claim: &Claim,
        event: EventId,
        session: Option<SessionId>,
        begun: Option<OrderId>,
    ) -> Result<OrderRecord, CheckoutError> {
        let key = claim.key.clone();
        if let Some(record) = self.own_order(begun, key.user).await? {
            return Ok(record);
        }
        let order = OrderId::from_uuid(self.world().entropy.uuid_v7());
        let command = OrderCommand::Create { order, user: key.user, event, session, key };
        Ok(self.order_command(command, claim.keep.as_ref()).await?.record)
    }

    /// Holds seats and asks for the card. An answer that is AUTHORIZING means that the provider has not said yet.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn confirm_order(
        self: &Arc<Self>,
        step: &Step,
        seats: &[SeatId],
        token: &PaymentToken,
        resumed: bool,
    ) -> Result<OrderRecord, CheckoutError> {
        self.admit_hold(Some(step.order), step.user()).await?;
        self.hold_and_authorize(step, seats, token, resumed).await
    }

    /// Nothing new is begun while the provider does not answer. An order that is further than that goes on.
    ///
    /// # Errors
    /// [`CheckoutError::PaymentUnavailable`]; for somebody else's order that there is none.
    pub(super) async fn admit_hold(&self, order: Option<OrderId>, user: UserId) -> Result<(), CheckoutError> {
        let Err(held_back) = self.ports.gateway.admit() else { return Ok(()) };
        if let Some(order) = order {
            let record = self.own_order_or_refuse(order, user).await?;
            if record.order.state_at(record.as_of) != OrderState::Pending {
                return Ok(());
            }
        }
        let retry_after_seconds =
            u32::try_from(held_back.wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        Err(CheckoutError::PaymentUnavailable { retry_after_seconds })
    }

    /// As [`Office::confirm_order`], for whoever was let through already.
    pub(super) async fn hold_and_authorize(
        self: &Arc<Self>,
        step: &Step,
        seats: &[SeatId],
        token: &PaymentToken,
        resumed: bool,
    ) -> Result<OrderRecord, CheckoutError> {
        check_seats(seats)?;
        let (order, user) = (step.order, step.user());
        let command = OrderCommand::Hold { order, user, seats: seats.to_vec(), key: step.claim.key.clone() };
        let payment = match self.order_command(command, step.claim.keep.as_ref()).await {
            Ok(OrderOutcome { record, payment: None, .. }) => return Ok(record),
            Ok(OrderOutcome { payment: Some(payment), .. }) => payment,
            Err(CommandRefusal::State(OrderState::Authorizing)) if resumed => {
                match self.open_payment(order, Operation::Authorize).await? {
                    Some(payment) => payment,
                    None => return self.confirmed(step, seats).await,
                }
            }
            Err(CommandRefusal::State(
                OrderState::Authorized | OrderState::Capturing | OrderState::Finalized,
            )) => {
                return self.confirmed(step, seats).await;
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let outcome = self.authorize(&payment, token, step.claim.keep.as_ref()).await?;
        if outcome.record.order.state == OrderState::Pending && self.never_happened(&payment).await? {
            return Box::pin(self.confirm_order(step, seats, token, false)).await;
        }
        self.after_authorization(outcome, &payment).await
    }

    /// Takes the money and issues the tickets. An answer that is CAPTURING means that the provider has not said yet.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn finalize_order(self: &Arc<Self>, step: &Step) -> Result<OrderRecord, CheckoutError> {
        let (order, user) = (step.order, step.user());
        if drill::mutant(Mutant::ProcessClock)
            && self
                .own_order_or_refuse(order, user)
                .await?
                .order
                .is_past(self.world().clock.now().plus_seconds(3_600))
        {
            return Err(CommandRefusal::Expired.into());
        }
        let command = OrderCommand::Pin { order, user, key: step.claim.key.clone() };
        let (payment, known) = match self.order_command(command, None).await {
            Ok(outcome) if outcome.record.order.state == OrderState::Expired => {
                return Err(CommandRefusal::Expired.into());
            }
            Ok(OrderOutcome { record, payment: None, .. }) => return Ok(record),
            Ok(OrderOutcome { record, payment: Some(payment), .. }) => (payment, Some(record)),
            Err(CommandRefusal::State(OrderState::Capturing)) => {
                match self.open_payment(order, Operation::Capture).await? {
                    Some(payment) => (payment, None),
                    None => return self.own_order_or_refuse(order, user).await,
                }
            }
            Err(CommandRefusal::State(OrderState::Finalized)) => {
                return self.own_order_or_refuse(order, user).await;
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let waiting = Waiting { keep: step.claim.keep.as_ref(), known: known.as_ref() };
        let outcome = self.drive_capture(&payment, &waiting).await?;
        match outcome.record.order.state {
            OrderState::Failed => {
                Err(CheckoutError::DeclinedForGood(self.decline_reason(payment.key, order).await?))
            }
            // The money was taken and goes back: there is nothing left to sell it for.
            OrderState::Refunding | OrderState::Refunded => Err(CommandRefusal::FenceLost.into()),
            _ => Ok(outcome.record),
        }
    }

    /// Gives an order up.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn cancel_order(self: &Arc<Self>, step: &Step) -> Result<OrderRecord, CheckoutError> {
        let command =
            OrderCommand::Cancel { order: step.order, user: step.user(), key: step.claim.key.clone() };
        let outcome = self.order_command(command, step.claim.keep.as_ref()).await?;
        match outcome.record.order.state {
            OrderState::Expired => Err(CommandRefusal::Expired.into()),
            _ => Ok(outcome.record),
        }
    }

    /// Gives the money of a finalized order back; its tickets end at once. An answer that is REFUNDING means that the
    /// provider has not said yet.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn refund_order(self: &Arc<Self>, step: &Step) -> Result<OrderRecord, CheckoutError> {
        let command = OrderCommand::Refund { order: step.order, key: step.claim.key.clone() };
        Ok(self.order_command(command, None).await?.record)
    }

    /// The user's order; somebody else's is none.
    ///
    /// # Errors
    /// [`CheckoutError`] with `NotFound`.
    pub async fn own_order_or_refuse(
        &self,
        order: OrderId,
        user: UserId,
    ) -> Result<OrderRecord, CheckoutError> {
        self.own_order(Some(order), user).await?.ok_or_else(|| CommandRefusal::NotFound.into())
    }

    async fn own_order(
        &self,
        order: Option<OrderId>,
        user: UserId,
    ) -> Result<Option<OrderRecord>, StoreError> {
        let Some(order) = order else { return Ok(None) };
        let found = self.store().order(order).await?;
        Ok(found.filter(|record| record.order.parties.user == user))
    }

    /// A card that is known to be good already: the same seats answer the order as it stands, others do not fit its state
    /// (I11).
    async fn confirmed(&self, step: &Step, seats: &[SeatId]) -> Result<OrderRecord, CheckoutError> {
        let record = self.own_order_or_refuse(step.order, step.user()).await?;
        let same =
            record.seats.len() == seats.len() && record.seats.iter().all(|line| seats.contains(&line.id));
        if same { Ok(record) } else { Err(CommandRefusal::State(record.order.state).into()) }
    }

    async fn after_authorization(
        &self,
        outcome: OrderOutcome,
        payment: &PaymentRecord,
    ) -> Result<OrderRecord, CheckoutError> {
        match outcome.record.order.state {
            OrderState::Authorized | OrderState::Authorizing => Ok(outcome.record),
            OrderState::Pending => {
                Err(CheckoutError::Declined(self.decline_reason(payment.key, payment.order).await?))
            }
            OrderState::Cancelled if outcome.record.order.cards.declines >= tmcore::order::MAX_DECLINES => {
                Err(CheckoutError::DeclinedForGood(self.decline_reason(payment.key, payment.order).await?))
            }
            OrderState::Expired => Err(CommandRefusal::Expired.into()),
            other => Err(CommandRefusal::State(other).into()),
        }
    }
}

/// Seats as a request may name them: at least one, none twice.
fn check_seats(seats: &[SeatId]) -> Result<(), CheckoutError> {
    if seats.is_empty() {
        return Err(CheckoutError::Seats("no seats are named", Vec::new()));
    }
    let mut sorted: Vec<_> = seats.iter().collect();
    sorted.sort_unstable();
    let twice: Vec<_> =
        sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    if twice.is_empty() { Ok(()) } else { Err(CheckoutError::Seats("seats are named twice", twice)) }
}
