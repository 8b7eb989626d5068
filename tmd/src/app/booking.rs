//! Bookings: the three steps of an order in one, for events sold without a waiting room.

use std::sync::Arc;

use tmcore::order::OrderState;
use tmcore::payment::PaymentToken;
use tmcore::{EventId, OrderId, SeatId};

use super::Office;
use super::checkout::{CheckoutError, Step};
use crate::ports::order::{CommandRefusal, KeyRef, OrderRecord};

impl Office {
    /// Begins an order, confirms and finalizes it. After a crash the key's order goes on where it stood. An order whose
    /// card was declined is given up: a booking holds nothing behind.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn book(
        self: &Arc<Self>,
        key: KeyRef,
        event: EventId,
        (seats, token): (&[SeatId], &PaymentToken),
        begun: Option<OrderId>,
    ) -> Result<OrderRecord, CheckoutError> {
        self.admit_hold(begun, key.user).await?;
        let record = self.create_order(key.clone(), event, None, begun).await?;
        let step = Step { order: record.order.id, key };
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
