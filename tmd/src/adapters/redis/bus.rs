//! The bus over Redis' pub/sub.
//!
//! Pub/sub keeps nothing: who is not listening hears nothing. So every message is numbered by its publisher, also those
//! that could not be sent; who hears a gap, and who subscribed anew, tells everybody here to look again at everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use redis::{Msg, Pipeline, RedisError, RedisResult};
use tmcore::Timestamp;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::fact::{Heard, Message, Told};
use super::{Patience, Redis, Writer, within};
use crate::entropy::Entropy;
use crate::ports::bus::{Bus, Fact};
use crate::telemetry::queue::QueueGauge;

/// Facts kept for a slow listener of this process before it loses the oldest.
const BACKLOG: usize = 4_096;
/// Facts that may wait to be sent; what does not fit is missed by the others, who are told so.
const OUTGOING: usize = 4_096;
/// The most facts of one message.
const MESSAGE_FACTS: usize = 64;
/// How often a silent subscription is asked whether it is still one.
const BEAT: Duration = Duration::from_secs(3);
/// The last message did not arrive: how soon another is sent, that shows the gap.
const SHOW_GAP_PAUSE: Duration = Duration::from_millis(500);

/// Facts reach everybody who listens, here at once and elsewhere through Redis.
#[derive(Debug)]
pub struct RedisBus {
    here: broadcast::Sender<Fact>,
    outgoing: mpsc::Sender<Fact>,
    /// Facts were turned away since the last message.
    is_short: Arc<AtomicBool>,
    shown: [QueueGauge; 2],
}

impl RedisBus {
    /// Starts to send and to listen, until the draining.
    #[must_use]
    pub fn start(redis: &Redis) -> Self {
        let here = broadcast::Sender::new(BACKLOG);
        let (outgoing, waiting) = mpsc::channel(OUTGOING);
        let shown = [QueueGauge::new("facts", BACKLOG), QueueGauge::new("facts_outgoing", OUTGOING)];
        let is_short = Arc::new(AtomicBool::new(false));
        let origin = Entropy.uuid_v7().simple().to_string();
        let channel = redis.key("facts:v1");
        let sender = Sender {
            writer: Writer::new(redis.clone(), "bus writer"),
            redis: redis.clone(),
            channel: channel.clone(),
            origin: origin.clone(),
            number: 0,
            is_short: Arc::clone(&is_short),
            shown: shown[1].clone(),
        };
        let listener =
            Listener { redis: redis.clone(), channel, origin, here: here.clone(), heard: Heard::default() };
        let stop = redis.lifecycle.draining.clone();
        redis.lifecycle.spawn("bus listener", async move {
            stop.run_until_cancelled(listener.run()).await;
        });
        // It ends with the last publisher: what is committed while draining is told too.
        redis.lifecycle.spawn("bus writer", sender.run(waiting));
        Self { here, outgoing, is_short, shown }
    }
}

impl Bus for RedisBus {
    fn publish(&self, fact: Fact) {
        if !matches!(fact, Fact::SessionsMoved { .. } | Fact::HoldMoved { .. }) {
            // Nobody listening is no failure.
            let _ = self.here.send(fact.clone());
            self.shown[0].set(self.here.len());
        }
        if self.outgoing.try_send(fact).is_err() {
            self.is_short.store(true, Ordering::Release);
            metrics::counter!("facts_dropped_total").increment(1);
        }
        self.shown[1].set_free(self.outgoing.capacity());
    }

    fn subscribe(&self) -> broadcast::Receiver<Fact> {
        self.here.subscribe()
    }
}

/// Sends what this process publishes.
struct Sender {
    writer: Writer,
    redis: Redis,
    channel: String,
    origin: String,
    number: u64,
    is_short: Arc<AtomicBool>,
    shown: QueueGauge,
}

impl Sender {
    async fn run(mut self, mut waiting: mpsc::Receiver<Fact>) {
        let mut is_gap_unseen = false;
        loop {
            let mut facts = Vec::with_capacity(MESSAGE_FACTS);
            tokio::select! {
                received = waiting.recv_many(&mut facts, MESSAGE_FACTS) => if received == 0 { return },
                () = sleep(SHOW_GAP_PAUSE), if is_gap_unseen => {}
            }
            self.shown.set(waiting.len());
            if self.is_short.swap(false, Ordering::AcqRel) {
                self.number += 1;
            }
            is_gap_unseen = !self.send(&facts).await;
        }
    }

    /// Sends a message; its number is used up whether or not it arrives.
    async fn send(&mut self, facts: &[Fact]) -> bool {
        self.number += 1;
        let mut pipeline = redis::pipe();
        for fact in facts {
            if let Fact::HoldMoved { event, order, until } = fact {
                mirror(&mut pipeline, self.redis.key(&format!("hold:v1:{event}:{order}")), *until);
            }
        }
        let facts = facts.iter().filter_map(Told::new).collect();
        let message = Message { origin: self.origin.clone(), number: self.number, facts };
        let Ok(text) = serde_json::to_string(&message) else { return false };
        pipeline.publish(&self.channel, text).ignore();
        self.writer.send::<()>(&pipeline).await.is_some()
    }
}

/// A hold for those outside to look up; it goes by itself when it lapses.
fn mirror(pipeline: &mut Pipeline, key: String, until: Option<Timestamp>) {
    match until.map(Timestamp::as_millis) {
        Some(until) => pipeline.cmd("SET").arg(key).arg(until).arg("PXAT").arg(until).ignore(),
        None => pipeline.del(key).ignore(),
    };
}

/// Hears what other processes publish.
struct Listener {
    redis: Redis,
    channel: String,
    origin: String,
    here: broadcast::Sender<Fact>,
    heard: Heard,
}

impl Listener {
    async fn run(mut self) {
        let mut patience = Patience::new("bus listener");
        loop {
            if let Err(error) = self.listen(&mut patience).await {
                sleep(patience.failed(&error)).await;
            }
        }
    }

    /// Listens until the connection is lost.
    async fn listen(&mut self, patience: &mut Patience) -> RedisResult<()> {
        let mut pubsub = self.redis.connect_pubsub().await?;
        within(self.redis.command_timeout, pubsub.subscribe(&self.channel)).await?;
        patience.connected();
        // Whatever was told before.
        self.tell(Fact::Missed);
        let (mut sink, mut messages) = pubsub.split();
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.take_in(&message),
                    None => return Err(RedisError::from((redis::ErrorKind::Io, "the subscription ended"))),
                },
                _ = beat.tick() => within(self.redis.command_timeout, sink.ping::<redis::Value>()).await.map(drop)?,
            }
        }
    }

    fn take_in(&mut self, message: &Msg) {
        let Ok(message) = serde_json::from_slice::<Message>(message.get_payload_bytes()) else {
            // Of a newer version, perhaps.
            return self.tell(Fact::Missed);
        };
        if message.origin == self.origin {
            return;
        }
        if self.heard.note(&message) {
            self.tell(Fact::Missed);
        }
        for told in message.facts {
            self.tell(told.into_fact());
        }
    }

    fn tell(&self, fact: Fact) {
        // Nobody listening is no failure.
        let _ = self.here.send(fact);
    }
}
