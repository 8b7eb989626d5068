//! What the payment provider tells by itself: another way to the same outcome, and often the first (M12).

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, StreamExt as _};

use super::Office;
use super::payment::{Waiting, about};
use crate::ports::StoreError;
use crate::ports::callback::{Known, Telling};
use crate::ports::gateway::{CallbackReceiver, ProviderEvent};
use crate::ports::order::{CommandRefusal, Verdict};
use crate::ports::payment::PaymentRecord;

/// Payments settled at once; they come together in one batch.
const AT_ONCE: usize = 64;

/// The office as a provider in the same process tells it.
pub struct Callbacks(pub Arc<Office>);

#[async_trait]
impl CallbackReceiver for Callbacks {
    async fn tell(&self, events: &[ProviderEvent]) -> Vec<bool> {
        let taken = self.0.take_callbacks(events).await;
        if let Err(error) = &taken {
            tracing::warn!(%error, events = events.len(), "failed to take what the provider told");
        }
        vec![taken.is_ok(); events.len()]
    }
}

impl Office {
    /// Takes in what the provider told. The same again, later than its consequences, or about something unknown changes
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError`]: it has to be told again.
    pub async fn take_callbacks(self: &Arc<Self>, events: &[ProviderEvent]) -> Result<(), StoreError> {
        let telling = |event: &ProviderEvent| Telling { event_id: event.id.clone(), key: event.record.key };
        let tellings: Vec<_> = events.iter().map(telling).collect();
        let known = self.store().known(&tellings).await?;
        let mut fresh = Vec::with_capacity(tellings.len());
        let mut open = Vec::new();
        for ((telling, known), event) in tellings.into_iter().zip(known).zip(events) {
            match known {
                Known::Heard => count("again"),
                Known::Stranger => {
                    count("stranger");
                    tracing::warn!(event = event.id, order = %event.record.order, "a callback about no payment of ours");
                    fresh.push(telling);
                }
                Known::About(payment) => {
                    count("new");
                    fresh.push(telling);
                    open.push((*payment, event.clone()));
                }
            }
        }
        let mut settling =
            stream::iter(open).map(|(payment, event)| self.believe(payment, event)).buffer_unordered(AT_ONCE);
        while let Some(settled) = settling.next().await {
            settled?;
        }
        if fresh.is_empty() { Ok(()) } else { self.store().keep(&fresh).await }
    }

    /// Settles a payment that is open by what the provider says of it, as any answer would.
    async fn believe(
        self: &Arc<Self>,
        payment: PaymentRecord,
        event: ProviderEvent,
    ) -> Result<(), StoreError> {
        if payment.state.is_settled() {
            return Ok(());
        }
        let Ok(answer) = about(&payment, event.record) else {
            count("contradictory");
            tracing::warn!(event = event.id, order = %payment.order, "a callback that contradicts what was asked");
            return Ok(());
        };
        match self.settle(&payment, Verdict::Answered(answer), &Waiting::default()).await {
            Ok(_) => Ok(()),
            Err(CommandRefusal::Store(error)) => Err(error),
            Err(refusal) => {
                tracing::warn!(event = event.id, order = %payment.order, %refusal, "a callback that settles nothing");
                Ok(())
            }
        }
    }
}

fn count(what: &'static str) {
    metrics::counter!("provider_callbacks_total", "what" => what).increment(1);
}
