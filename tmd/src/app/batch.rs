//! Natural batches: writes wait in bounded channels, and the committer takes whatever is waiting into one transaction.
//!
//! There is no timer. Alone, a write costs one commit; under load the batch grows with what arrives during a commit. All
//! kinds of writes share a commit: waiting for the disk is what it costs.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::config::StoreConfig;
use crate::lifecycle::Lifecycle;
use crate::ports::batch::{Batch, Decided};
use crate::ports::idempotency::{Claimed, Keep, KeyClaim, Lease, StoredAnswer};
use crate::ports::order::OrderCommand;
use crate::ports::waiting_room::{Join, JoinRefusal, Joined};
use crate::ports::{Store, StoreError};
use crate::telemetry::queue::QueueGauge;

/// One kind of write, and what each is answered.
type Waiting<T, R> = (T, oneshot::Sender<R>);

/// Where one kind of write waits.
#[derive(Debug)]
pub struct Queue<T, R> {
    waiting: mpsc::Sender<Waiting<T, R>>,
    bell: watch::Sender<()>,
    name: &'static str,
    shown: QueueGauge,
}

impl<T, R> Queue<T, R> {
    fn new(name: &'static str, limits: &StoreConfig, bell: &watch::Sender<()>) -> (Self, Intake<T, R>) {
        let (waiting, queue) = mpsc::channel(limits.batch_queue_items);
        let shown = QueueGauge::new(name, limits.batch_queue_items);
        let intake = Intake { queue, name, most: limits.batch_items, shown: shown.clone() };
        (Self { waiting, bell: bell.clone(), name, shown }, intake)
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
        self.bell.send_replace(());
        self.shown.set_free(self.waiting.capacity());
        answer.await.map_err(|_| StoreError::failed("the committer ended"))
    }
}

/// The committer's end of a queue.
struct Intake<T, R> {
    queue: mpsc::Receiver<Waiting<T, R>>,
    name: &'static str,
    most: usize,
    shown: QueueGauge,
}

impl<T, R> Intake<T, R> {
    /// Whatever is waiting, within the limit.
    fn take(&mut self) -> (Vec<T>, Vec<oneshot::Sender<R>>) {
        let waiting = self.queue.len().min(self.most);
        let taken = std::iter::from_fn(|| self.queue.try_recv().ok()).take(waiting).unzip();
        if waiting > 0 {
            self.shown.set(self.queue.len());
            metrics::histogram!("store_batch_items", "kind" => self.name)
                .record(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
        }
        taken
    }
}

fn reply<R>(replies: Vec<oneshot::Sender<R>>, answers: Vec<R>) {
    for (reply, answer) in replies.into_iter().zip(answers) {
        // Whoever asked may be gone; what was written stands.
        let _ = reply.send(answer);
    }
}

/// The writes that are hot enough to be batched.
pub struct Committer {
    /// Claims of idempotency keys.
    pub claims: Queue<KeyClaim, Result<Claimed, StoreError>>,
    /// Places in line.
    pub joins: Queue<Join, Result<Joined, JoinRefusal>>,
    /// Orders.
    pub orders: Queue<(OrderCommand, Option<Keep>), Decided>,
    /// Ends of claims that no order ended.
    pub ends: Queue<(Lease, Option<StoredAnswer>), Result<(), StoreError>>,
}

impl Committer {
    /// Starts the task that writes.
    #[must_use]
    pub fn start(lifecycle: &Lifecycle, store: &Arc<dyn Store>, limits: &StoreConfig) -> Self {
        let (bell, mut rung) = watch::channel(());
        let (claims, mut claim_intake) = Queue::new("claims", limits, &bell);
        let (joins, mut join_intake) = Queue::new("joins", limits, &bell);
        let (orders, mut order_intake) = Queue::new("orders", limits, &bell);
        let (ends, mut end_intake) = Queue::new("answers", limits, &bell);
        let store = Arc::clone(store);
        lifecycle.spawn("committer", async move {
            while rung.changed().await.is_ok() {
                loop {
                    let (claims, claimed) = claim_intake.take();
                    let (joins, joined) = join_intake.take();
                    let (commands, ordered) = order_intake.take();
                    let (ends, ended) = end_intake.take();
                    let batch = Batch { claims, joins, commands, ends };
                    if batch.is_empty() {
                        break;
                    }
                    let written = store.write(batch).await;
                    reply(claimed, written.claims);
                    reply(joined, written.joins);
                    reply(ordered, written.commands);
                    reply(ended, written.ends);
                }
            }
        });
        Self { claims, joins, orders, ends }
    }
}
