//! The waiting-room queue over a Redis stream: one consumer group of all granters of the office.
//!
//! ```text
//! announce -> XADD          next <- XREADGROUP, what a dead granter held by XAUTOCLAIM          done -> XACK
//! ```
//!
//! While Redis is away news are told within the process, as in the embedded profile. When the stream or its group is gone
//! (FLUSHALL, a restart without its data) whoever makes it anew hears [`Gate::All`] and announces every event.
//!
//! Source: <https://redis.io/docs/latest/develop/data-types/streams/>.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::streams::{
    StreamAutoClaimOptions, StreamAutoClaimReply, StreamId, StreamInfoGroupsReply, StreamPendingReply,
    StreamReadOptions, StreamReadReply,
};
use redis::{AsyncCommands, RedisError, RedisResult};
use tmcore::EventId;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Patience, Redis, Writer};
use crate::adapters::memory::queue::MemoryQueue;
use crate::clock::{Clock, SystemClock};
use crate::ports::queue::{Gate, News, Receipt, WaitingRoomQueue};
use crate::telemetry::queue::QueueGauge;

/// The stream, behind the prefix.
const STREAM: &str = "news:v1";
/// The group of all granters.
const GROUP: &str = "granters";
/// The one field of an entry: the event.
const FIELD: &str = "event";
/// Announcements and receipts that may wait to be sent. What does not fit is told here, or told again to somebody.
const OUTGOING: usize = 4_096;
/// The most that is sent together.
const BATCH: usize = 256;
/// The most entries read or claimed at once; the rest is left for other granters.
const READ: usize = 64;
/// How often the stream is shortened.
const TRIM_PAUSE: Duration = Duration::from_secs(10);

/// The rhythm of reading.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long Redis holds a read back that finds nothing, and so how often one looks for what others left behind.
    pub block: Duration,
    /// News that a granter has held for so long without being done are another's.
    pub idle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { block: Duration::from_secs(1), idle: Duration::from_secs(5) }
    }
}

enum Outgoing {
    Announce(EventId),
    Done(Receipt),
}

/// News for one of all granters.
pub struct RedisQueue {
    /// What was read from the stream, and what could not be sent to it.
    here: Arc<MemoryQueue>,
    outgoing: mpsc::Sender<Outgoing>,
    shown: QueueGauge,
}

impl RedisQueue {
    /// Starts to send and to read, until the draining.
    #[must_use]
    pub fn start(redis: &Redis, pace: Pace) -> Self {
        let here = Arc::new(MemoryQueue::default());
        let (outgoing, waiting) = mpsc::channel(OUTGOING);
        let shown = QueueGauge::new("news_outgoing", OUTGOING);
        let sender = Sender {
            writer: Writer::new(redis.clone(), "queue writer"),
            stream: redis.key(STREAM),
            here: Arc::clone(&here),
            shown: shown.clone(),
        };
        let reader = Reader::new(redis, pace, &here);
        let stop = redis.lifecycle.draining.clone();
        redis.lifecycle.spawn("queue reader", async move {
            stop.run_until_cancelled(reader.run()).await;
        });
        // It ends with the queue: what is committed while draining is announced too.
        redis.lifecycle.spawn("queue writer", sender.run(waiting));
        Self { here, outgoing, shown }
    }
}

#[async_trait]
impl WaitingRoomQueue for RedisQueue {
    fn announce(&self, event: &EventId) {
        if self.outgoing.try_send(Outgoing::Announce(event.clone())).is_err() {
            metrics::counter!("news_dropped_total").increment(1);
            self.here.announce(event);
        }
        self.shown.set_free(self.outgoing.capacity());
    }

    async fn next(&self) -> News {
        self.here.next().await
    }

    fn done(&self, news: News) {
        // What is not handed back is told again, when it was idle for long enough.
        if !news.receipt.0.is_empty() {
            let _ = self.outgoing.try_send(Outgoing::Done(news.receipt));
        }
    }
}

/// Sends announcements and receipts, many at a time.
struct Sender {
    writer: Writer,
    stream: String,
    here: Arc<MemoryQueue>,
    shown: QueueGauge,
}

impl Sender {
    async fn run(mut self, mut waiting: mpsc::Receiver<Outgoing>) {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            self.shown.set(waiting.len());
            self.send(batch.drain(..)).await;
        }
    }

    async fn send(&mut self, batch: impl Iterator<Item = Outgoing>) {
        let (mut events, mut done) = (BTreeSet::new(), Vec::new());
        for item in batch {
            match item {
                Outgoing::Announce(event) => drop(events.insert(event)),
                Outgoing::Done(receipt) => done.extend(receipt.0),
            }
        }
        let mut pipeline = redis::pipe();
        for event in &events {
            pipeline.xadd(&self.stream, "*", &[(FIELD, event.as_str())]).ignore();
        }
        if !done.is_empty() {
            pipeline.xack(&self.stream, GROUP, &done).ignore();
        }
        if self.writer.send::<()>(&pipeline).await.is_none() {
            for event in &events {
                self.here.announce(event);
            }
        }
    }
}

/// Reads the stream, on a connection of its own: a read may wait.
pub(super) struct Reader {
    redis: Redis,
    stream: String,
    pace: Pace,
    here: Arc<MemoryQueue>,
    clock: SystemClock,
    trimmed_at: Duration,
    claimed_at: Duration,
}

impl Reader {
    pub(super) fn new(redis: &Redis, pace: Pace, here: &Arc<MemoryQueue>) -> Self {
        Self {
            redis: redis.clone(),
            stream: redis.key(STREAM),
            pace,
            here: Arc::clone(here),
            clock: SystemClock::new(),
            trimmed_at: Duration::ZERO,
            claimed_at: Duration::ZERO,
        }
    }

    async fn run(mut self) {
        let mut patience = Patience::new("queue reader");
        loop {
            if let Err(error) = self.read_on(&mut patience).await {
                sleep(patience.failed(&error)).await;
            }
        }
    }

    /// Reads until the connection is lost.
    async fn read_on(&mut self, patience: &mut Patience) -> RedisResult<()> {
        let mut connection = self.redis.connect(self.pace.block + self.redis.command_timeout).await?;
        self.make_group(&mut connection).await?;
        patience.connected();
        self.read_left(&mut connection).await?;
        loop {
            // As long as there is something to do here others may have what comes.
            self.here.emptied().await;
            match self.read_once(&mut connection).await {
                Err(error) if is_gone(&error) => self.make_group(&mut connection).await?,
                done => done?,
            }
        }
    }

    async fn read_once(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.claim(connection).await?;
        self.trim(connection).await?;
        self.read(connection, ">").await.map(drop)
    }

    /// Makes the group, and the stream with it. Where there was none everything is to be told anew.
    pub(super) async fn make_group(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        match connection.xgroup_create_mkstream(&self.stream, GROUP, "0").await {
            Ok(()) => {
                self.here.put(Gate::All, Receipt::default());
                Ok(())
            }
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What this daemon had read and not done when it ended, or lost its connection.
    async fn read_left(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let mut after = "0".to_owned();
        while let Some(last) = self.read(connection, &after).await? {
            after = last;
        }
        Ok(())
    }

    /// Reads what nobody has (`>`), or what this daemon has after an entry; answers the last entry.
    async fn read(&self, connection: &mut MultiplexedConnection, after: &str) -> RedisResult<Option<String>> {
        let block = usize::try_from(self.pace.block.as_millis()).unwrap_or(1_000);
        let options = StreamReadOptions::default().group(GROUP, &*self.redis.node).count(READ).block(block);
        let reply: Option<StreamReadReply> =
            connection.xread_options(&[&self.stream], &[after], &options).await?;
        let entries: Vec<_> =
            reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect();
        let last = entries.last().map(|entry| entry.id.clone());
        self.take_in(entries);
        Ok(last)
    }

    /// Takes over what a granter that is gone, or cut off, has read and not done.
    async fn claim(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let now = self.clock.monotonic();
        if now.saturating_sub(self.claimed_at) < self.pace.block {
            return Ok(());
        }
        self.claimed_at = now;
        let idle = usize::try_from(self.pace.idle.as_millis()).unwrap_or(5_000);
        let options = StreamAutoClaimOptions::default().count(READ);
        let claimed: StreamAutoClaimReply = connection
            .xautoclaim_options(&self.stream, GROUP, &*self.redis.node, idle, "0-0", options)
            .await?;
        if !claimed.claimed.is_empty() {
            let count = u64::try_from(claimed.claimed.len()).unwrap_or(u64::MAX);
            metrics::counter!("news_claimed_total").increment(count);
        }
        self.take_in(claimed.claimed);
        Ok(())
    }

    fn take_in(&self, entries: Vec<StreamId>) {
        for entry in entries {
            let event = entry.get::<String>(FIELD).and_then(|event| event.parse().ok());
            // What is not of ours, or was cut out of the stream, is done with a look at everything.
            let gate = event.map_or(Gate::All, Gate::Of);
            self.here.put(gate, Receipt(vec![entry.id]));
        }
    }

    async fn trim(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let now = self.clock.monotonic();
        if now.saturating_sub(self.trimmed_at) < TRIM_PAUSE {
            return Ok(());
        }
        self.trimmed_at = now;
        self.trim_now(connection).await
    }

    /// Drops what is done: everything before the oldest entry that is held and the newest that was delivered. Read in
    /// this order: what is delivered between the two looks is newer than both.
    pub(super) async fn trim_now(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let mut pipeline = redis::pipe();
        pipeline.xinfo_groups(&self.stream).xpending(&self.stream, GROUP);
        let (groups, pending): (StreamInfoGroupsReply, StreamPendingReply) =
            pipeline.query_async(connection).await?;
        let delivered = groups.groups.into_iter().find(|group| group.name == GROUP);
        let oldest = match pending {
            StreamPendingReply::Data(pending) => Some(pending.start_id),
            _ => None,
        };
        let Some(delivered) = delivered.map(|group| group.last_delivered_id) else { return Ok(()) };
        let keep = oldest.filter(|oldest| number(oldest) < number(&delivered)).unwrap_or(delivered);
        redis::cmd("XTRIM").arg(&self.stream).arg("MINID").arg(keep).exec_async(connection).await
    }
}

/// The stream or its group is no more: destroyed while nobody read, or under a read that waited.
fn is_gone(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
}

/// An entry's id in numbers: milliseconds and a count.
fn number(id: &str) -> (u64, u64) {
    let (millis, count) = id.split_once('-').unwrap_or((id, "0"));
    (millis.parse().unwrap_or(0), count.parse().unwrap_or(0))
}
