//! Bookings: the three steps of an order in one, for events sold without a waiting room.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use tmcore::order::OrderState;
use tmcore::payment::PaymentToken;
use tmcore::{EventId, OrderId, SeatId};

use super::Office;
use super::checkout::{CheckoutError, Step};
use super::idempotency::Claim;
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, OrderRecord};

/// Bookings completed at once.
const COMPLETED_AT_ONCE: usize = 16;

impl Office {
    /// Begins an order, confirms and finalizes it. After a crash the key's order goes on where it stood. An order whose
    /// card was declined is given up: a booking holds nothing behind.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn book(
        self: &Arc<Self>,
        claim: Claim,
        event: EventId,
        (seats, token): (&[SeatId], &PaymentToken),
        begun: Option<OrderId>,
    ) -> Result<OrderRecord, CheckoutError> {
        self.admit_hold(begun, claim.key.user).await?;
        let record = self.create_order(&claim, event, None, begun).await?;
        let step = Step { order: record.order.id, claim };
        match record.order.state_at(record.as_of) {
            OrderState::Pending | OrderState::Authorizing => {
                let confirmed = self.hold_and_authorize(&step, seats, token, begun.is_some()).await;
                self.finish_booking(&step, confirmed).await
            }
            OrderState::Authorized | OrderState::Capturing | OrderState::Finalized => {
                self.finalize_order(&step).await
            }
            OrderState::Expired => Err(CommandRefusal::Expired.into()),
            other => Err(CommandRefusal::State(other).into()),
        }
    }

    /// Goes on with bookings whose request died, or was answered before the provider had said: one request asked for all
    /// of it, so nobody will ask for the rest (I7, I10). The card is known to be good; the money is taken and the tickets
    /// are issued. The claim is given back, so that the client finds the outcome under its key.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be found.
    pub async fn complete_bookings(self: &Arc<Self>, limit: u32) -> Result<(), StoreError> {
        let lease = self.config.checkout.idempotency_lease_seconds;
        let lapsed = self.store().lapsed_bookings(limit, lease).await?;
        let completed =
            stream::iter(lapsed).for_each_concurrent(COMPLETED_AT_ONCE, |(lease, order)| async move {
                let step = Step { order, claim: lease.into() };
                if let Err(error) = self.finalize_order(&step).await {
                    tracing::warn!(%order, %error, "failed to complete a booking");
                }
                if let Err(error) = self.finish_key(step.claim.lease, None).await {
                    tracing::warn!(%order, %error, "failed to end the claim of a key; its lease will");
                }
            });
        completed.await;
        Ok(())
    }

    async fn finish_booking(
        self: &Arc<Self>,
        step: &Step,
        confirmed: Result<OrderRecord, CheckoutError>,
    ) -> Result<OrderRecord, CheckoutError> {
        match confirmed {
            Ok(record) if record.order.state == OrderState::Authorized => self.finalize_order(step).await,
            Ok(record) => Ok(record),
            Err(error) => {
                if let Err(left) = self.cancel_order(step).await {
                    tracing::debug!(order = %step.order, %left, "a refused booking's order ends by its time");
                }
                Err(match error {
                    CheckoutError::Declined(reason) => CheckoutError::DeclinedForGood(reason),
                    error => error,
                })
            }
        }
    }
}
