//! A payment gateway that notices when its provider does not answer, and then advises against beginning anything new.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tmcore::breaker::{Breaker, BreakerRules, BreakerState, CallKind, CallOutcome, HeldBack};
use tmcore::payment::{Answer, Operation, OutcomeUnknown, ProviderKey};

use crate::clock::Clock;
use crate::ports::gateway::{PaymentGateway, ProviderRecord, ProviderRequest};

/// Watches every call to the gateway inside. Whatever is submitted goes through, whatever the state.
pub struct BreakerGateway {
    inner: Arc<dyn PaymentGateway>,
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
}

impl BreakerGateway {
    /// Watches `inner`, by these rules.
    #[must_use]
    pub fn new(inner: Arc<dyn PaymentGateway>, rules: BreakerRules, clock: Arc<dyn Clock>) -> Self {
        show(BreakerState::Closed);
        Self { inner, breaker: Mutex::new(Breaker::new(rules)), clock }
    }

    fn step<T>(&self, step: impl FnOnce(Breaker, Duration) -> (Breaker, T)) -> T {
        let now = self.clock.monotonic();
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.state();
        let (after, answer) = step(*breaker, now);
        *breaker = after;
        drop(breaker);
        if before.as_str() != after.state().as_str() {
            tracing::warn!(from = before.as_str(), to = after.state().as_str(), "payment breaker");
            show(after.state());
        }
        answer
    }

    async fn watch<T>(
        &self,
        kind: CallKind,
        call: impl Future<Output = Result<T, OutcomeUnknown>>,
    ) -> Result<T, OutcomeUnknown> {
        let mut watched = Watched { gateway: self, kind, outcome: CallOutcome::Failed };
        let answer = call.await;
        if answer.as_ref().err().is_none_or(|unknown| !unknown.is_outage()) {
            watched.outcome = CallOutcome::Through;
        }
        answer
    }
}

/// A call under way. Given up by whoever asked, it is one that did not get through.
struct Watched<'a> {
    gateway: &'a BreakerGateway,
    kind: CallKind,
    outcome: CallOutcome,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.gateway.step(|breaker, now| (breaker.record(self.kind, self.outcome, now), ()));
    }
}

/// For operators, as a number.
fn show(state: BreakerState) {
    let level = match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen { .. } => 1.0,
        BreakerState::Open { .. } => 2.0,
    };
    metrics::gauge!("payment_breaker_state").set(level);
}

#[async_trait]
impl PaymentGateway for BreakerGateway {
    async fn submit(&self, request: &ProviderRequest) -> Result<Answer, OutcomeUnknown> {
        let kind = match request.operation.kind() {
            Operation::Authorize => CallKind::New,
            Operation::Capture | Operation::Void | Operation::Refund => CallKind::Begun,
        };
        self.watch(kind, self.inner.submit(request)).await
    }

    async fn look_up(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        self.watch(CallKind::Begun, self.inner.look_up(key)).await
    }

    async fn cancel(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        self.watch(CallKind::Begun, self.inner.cancel(key)).await
    }

    async fn list(&self, after: u64, limit: u32) -> Result<Vec<ProviderRecord>, OutcomeUnknown> {
        self.watch(CallKind::Begun, self.inner.list(after, limit)).await
    }

    fn admit(&self) -> Result<(), HeldBack> {
        let admitted = self.step(Breaker::admit);
        if admitted.is_err() {
            metrics::counter!("payment_breaker_refused_total").increment(1);
        }
        admitted
    }

    fn health(&self) -> BreakerState {
        self.step(|breaker, _| (breaker, breaker.state()))
    }
}

#[cfg(test)]
mod tests;
