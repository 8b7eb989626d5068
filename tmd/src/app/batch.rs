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
    pub orders: Queue<Command, Decided>,
    /// Ends of claims that no order ended.
    pub ends: Queue<End, Result<(), StoreError>>,
}

impl Committer {
    /// Starts the tasks that write: one for everything, or one for each kind where the store writes them side by side. A
    /// hot event's orders wait for each other; keys and places in line need not wait for them.
    #[must_use]
    pub fn start(lifecycle: &Lifecycle, store: &Arc<dyn Store>, limits: &StoreConfig) -> Self {
        let bells: [_; LANES] = std::array::from_fn(|_| watch::Sender::new(()));
        let lane = |kind: usize| if store.writes_side_by_side() { kind } else { 0 };
        let mut lanes: [_; LANES] = std::array::from_fn(|_| Intakes::default());
        let (claims, intake) = Queue::new("claims", limits, &bells[lane(0)]);
        lanes[lane(0)].claims = Some(intake);
        let (ends, intake) = Queue::new("answers", limits, &bells[lane(0)]);
        lanes[lane(0)].ends = Some(intake);
        let (joins, intake) = Queue::new("joins", limits, &bells[lane(1)]);
        lanes[lane(1)].joins = Some(intake);
        let (orders, intake) = Queue::new("orders", limits, &bells[lane(2)]);
        lanes[lane(2)].orders = Some(intake);
        for (intakes, bell) in lanes.into_iter().zip(&bells) {
            if !intakes.is_empty() {
                lifecycle.spawn("committer", commit(intakes, bell.subscribe(), Arc::clone(store)));
            }
        }
        Self { claims, joins, orders, ends }
    }
}

/// How a claim ends.
type End = (Lease, Option<StoredAnswer>);
/// A command, and the answer to be kept with it.
type Command = (OrderCommand, Option<Keep>);

/// Keys, places in line, orders.
const LANES: usize = 3;

/// What one task commits.
#[derive(Default)]
struct Intakes {
    claims: Option<Intake<KeyClaim, Result<Claimed, StoreError>>>,
    joins: Option<Intake<Join, Result<Joined, JoinRefusal>>>,
    orders: Option<Intake<Command, Decided>>,
    ends: Option<Intake<End, Result<(), StoreError>>>,
}

impl Intakes {
    const fn is_empty(&self) -> bool {
        self.claims.is_none() && self.joins.is_none() && self.orders.is_none()
    }

    /// Writes whatever waits and answers it. Answers whether there was any.
    async fn commit(&mut self, store: &dyn Store) -> bool {
        let (claims, claimed) = take(&mut self.claims);
        let (joins, joined) = take(&mut self.joins);
        let (commands, ordered) = take(&mut self.orders);
        let (ends, ended) = take(&mut self.ends);
        let batch = Batch { claims, joins, commands, ends };
        if batch.is_empty() {
            return false;
        }
        let written = store.write(batch).await;
        reply(claimed, written.claims);
        reply(joined, written.joins);
        reply(ordered, written.commands);
        reply(ended, written.ends);
        true
    }
}

fn take<T, R>(intake: &mut Option<Intake<T, R>>) -> (Vec<T>, Vec<oneshot::Sender<R>>) {
    intake.as_mut().map(Intake::take).unwrap_or_default()
}

async fn commit(mut intakes: Intakes, mut rung: watch::Receiver<()>, store: Arc<dyn Store>) {
    while rung.changed().await.is_ok() {
        while intakes.commit(&*store).await {}
    }
}
