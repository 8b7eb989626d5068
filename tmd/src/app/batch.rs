//! Natural batches: writes wait in a bounded channel, and a committer takes whatever is waiting into one transaction.
//!
//! There is no timer. Alone, a write costs one commit; under load the batch grows with what arrives during a commit.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::config::StoreConfig;
use crate::lifecycle::Lifecycle;
use crate::ports::idempotency::{Claimed, KeyClaim, StoredAnswer};
use crate::ports::order::{CommandRefusal, KeyRef, OrderCommand, OrderOutcome};
use crate::ports::waiting_room::{Join, JoinRefusal, Joined};
use crate::ports::{Store, StoreError};
use crate::telemetry::queue::QueueGauge;

/// Accepts one kind of write.
#[derive(Debug)]
pub struct Committer<T, R> {
    waiting: mpsc::Sender<(T, oneshot::Sender<R>)>,
    name: &'static str,
    shown: QueueGauge,
}

impl<T: Send + 'static, R: Send + 'static> Committer<T, R> {
    /// Starts the task that calls `write` with whatever is waiting. `write` answers every item, in order.
    pub fn start<W, F>(lifecycle: &Lifecycle, name: &'static str, limits: &StoreConfig, write: W) -> Self
    where
        W: Fn(Vec<T>) -> F + Send + 'static,
        F: Future<Output = Vec<R>> + Send,
    {
        let (waiting, mut queue) = mpsc::channel::<(T, oneshot::Sender<R>)>(limits.batch_queue_items);
        let shown = QueueGauge::new(name, limits.batch_queue_items);
        let (most, taking) = (limits.batch_items, shown.clone());
        lifecycle.spawn(name, async move {
            let mut taken = Vec::with_capacity(most);
            while queue.recv_many(&mut taken, most).await > 0 {
                taking.set(queue.len());
                metrics::histogram!("store_batch_items", "kind" => name)
                    .record(f64::from(u32::try_from(taken.len()).unwrap_or(u32::MAX)));
                let (items, replies): (Vec<T>, Vec<oneshot::Sender<R>>) = taken.drain(..).unzip();
                for (reply, answer) in replies.into_iter().zip(write(items).await) {
                    // Whoever asked may be gone; what was written stands.
                    let _ = reply.send(answer);
                }
            }
        });
        Self { waiting, name, shown }
    }

    /// Has one item written with the next batch.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many are waiting already; [`StoreError::Failed`] when the committer is gone.
    pub async fn commit(&self, item: T) -> Result<R, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.waiting.try_send((item, reply)).map_err(|_| {
            metrics::counter!("store_batch_refused_total", "kind" => self.name).increment(1);
            StoreError::Busy
        })?;
        self.shown.set_free(self.waiting.capacity());
        answer.await.map_err(|_| StoreError::failed("the committer ended"))
    }
}

/// The writes that are hot enough to be batched.
pub struct Committers {
    /// Places in line.
    pub joins: Committer<Join, Result<Joined, JoinRefusal>>,
    /// Orders.
    pub orders: Committer<OrderCommand, Result<OrderOutcome, CommandRefusal>>,
    /// Claims of idempotency keys.
    pub claims: Committer<KeyClaim, Result<Claimed, StoreError>>,
    /// Ends of those claims.
    pub answers: Committer<(KeyRef, Option<StoredAnswer>), Result<(), StoreError>>,
}

impl Committers {
    /// Starts one committer a kind of write.
    #[must_use]
    pub fn start(lifecycle: &Lifecycle, store: &Arc<dyn Store>, limits: &StoreConfig) -> Self {
        let writer = || Arc::clone(store);
        let (joins, orders, claims, answers) = (writer(), writer(), writer(), writer());
        Self {
            joins: Committer::start(lifecycle, "joins", limits, move |items| {
                let store = Arc::clone(&joins);
                async move { store.join(items).await }
            }),
            orders: Committer::start(lifecycle, "orders", limits, move |items| {
                let store = Arc::clone(&orders);
                async move { store.apply(items).await }
            }),
            claims: Committer::start(lifecycle, "claims", limits, move |items| {
                let store = Arc::clone(&claims);
                async move { store.claim(items).await }
            }),
            answers: Committer::start(lifecycle, "answers", limits, move |items| {
                let store = Arc::clone(&answers);
                async move { store.finish(items).await }
            }),
        }
    }
}
