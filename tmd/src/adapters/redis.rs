//! Redis behind the queue, the bus and the cache. It is a hint: whatever it forgets, delays or says twice costs time and
//! decides nothing (W5).

pub mod bus;
pub mod cache;
mod fact;
pub mod queue;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult};
use tmcore::retry::backoff;

use crate::clock::{Clock, SystemClock};
use crate::config::RedisConfig;
use crate::entropy::Entropy;
use crate::lifecycle::Lifecycle;

/// The first and the longest pause before a connection is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// With full jitter a pause may be none at all.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

/// The parts of the process that have a connection of their own.
const PARTS: [&str; 5] = ["queue reader", "queue writer", "bus listener", "bus writer", "cache"];

/// A Redis, and who asks it.
#[derive(Clone, Debug)]
pub struct Redis {
    client: Client,
    prefix: Arc<str>,
    node: Arc<str>,
    connect_timeout: Duration,
    command_timeout: Duration,
    cache_timeout: Duration,
    lifecycle: Lifecycle,
}

impl Redis {
    /// As configured; `node` names this daemon among those of the office. Nothing is asked yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(config: &RedisConfig, node: &str, lifecycle: &Lifecycle) -> RedisResult<Self> {
        let millis = |millis: u32| Duration::from_millis(millis.into());
        for part in PARTS {
            metrics::gauge!("redis_connected", "part" => part).set(0.0);
        }
        Ok(Self {
            client: Client::open(config.url.reveal())?,
            prefix: config.key_prefix.as_str().into(),
            node: node.into(),
            connect_timeout: millis(config.connect_timeout_milliseconds),
            command_timeout: millis(config.command_timeout_milliseconds),
            cache_timeout: millis(config.cache_timeout_milliseconds),
            lifecycle: lifecycle.clone(),
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// A new connection, of which every answer is waited for at most so long.
    async fn connect(&self, answer_timeout: Duration) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(answer_timeout));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    async fn connect_pubsub(&self) -> RedisResult<PubSub> {
        within(self.connect_timeout, self.client.get_async_pubsub()).await
    }
}

/// What takes too long has failed.
async fn within<T>(time: Duration, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = || RedisError::from((ErrorKind::Io, "no answer in time"));
    tokio::time::timeout(time, work).await.map_err(|_| late())?
}

/// Keeps a part of the process from asking all the time for a connection that is not to be had, and tells operators.
#[derive(Debug)]
struct Patience {
    part: &'static str,
    failures: u32,
}

impl Patience {
    const fn new(part: &'static str) -> Self {
        Self { part, failures: 0 }
    }

    /// Connected, and all is well.
    fn connected(&mut self) {
        self.opened();
        if self.failures > 0 {
            tracing::info!(part = self.part, "Redis answers again");
        }
        self.failures = 0;
    }

    /// Connected, which says little about how long it will last.
    fn opened(&self) {
        metrics::gauge!("redis_connected", "part" => self.part).set(1.0);
    }

    /// How long to wait after one more failure.
    fn failed(&mut self, error: &RedisError) -> Duration {
        metrics::gauge!("redis_connected", "part" => self.part).set(0.0);
        metrics::counter!("redis_failures_total", "part" => self.part).increment(1);
        if self.failures == 0 {
            tracing::warn!(part = self.part, %error, "Redis does not answer, going on without it");
        }
        let random = u64::from_be_bytes(Entropy.bytes());
        let pause = backoff(self.failures, FIRST_PAUSE, LONGEST_PAUSE, random);
        self.failures = self.failures.saturating_add(1);
        pause.max(LEAST_PAUSE)
    }
}

/// The connection of one task that writes: made when it is needed, thrown away when it fails, and not tried again before
/// its time. Meanwhile there is none, which is known at once.
struct Writer {
    redis: Redis,
    connection: Option<MultiplexedConnection>,
    patience: Patience,
    clock: SystemClock,
    not_before: Duration,
}

impl Writer {
    fn new(redis: Redis, part: &'static str) -> Self {
        let clock = SystemClock::new();
        Self { redis, connection: None, patience: Patience::new(part), clock, not_before: Duration::ZERO }
    }

    /// What Redis answers; `None` while it does not.
    async fn send<T: FromRedisValue>(&mut self, pipeline: &Pipeline) -> Option<T> {
        if self.connection.is_none() && self.clock.monotonic() < self.not_before {
            return None;
        }
        match self.try_send(pipeline).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.connection = None;
                self.not_before = self.clock.monotonic() + self.patience.failed(&error);
                None
            }
        }
    }

    async fn try_send<T: FromRedisValue>(&mut self, pipeline: &Pipeline) -> RedisResult<T> {
        let connection = if let Some(connection) = &mut self.connection {
            connection
        } else {
            let made = self.redis.connect(self.redis.command_timeout).await?;
            self.patience.connected();
            self.connection.insert(made)
        };
        pipeline.query_async(connection).await
    }
}
