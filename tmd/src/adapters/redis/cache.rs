//! The cache in two tiers: this process's own, behind it Redis, behind that the source.
//!
//! Values lie under a name that holds their version ([`CacheKey::name`]). The version's own key is made by whoever looks
//! first and moved on by whoever changes something, so that what was read before the change is kept under a name that
//! nobody asks for any more (C3). Versions are instants of Redis' clock and never the same twice, also after FLUSHALL.
//!
//! One answer that comes late closes the way to Redis: from then on there is no second tier, which costs nothing, until
//! a new connection has answered in time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisResult, Script};
use sha2::{Digest, Sha256};
use tmcore::cache_key::CacheKey;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{Patience, Redis, within};
use crate::adapters::memory::cache::MemoryCache;
use crate::clock::{Clock, SystemClock};
use crate::ports::cache::{Body, Cache, Rebuild, Rebuilt};

mod value;

/// Larger values are built anew by each process: they would not come within the time that Redis has.
const MAX_VALUE_BYTES: usize = 256 << 10;
/// How long a version is kept that nobody asks for.
const VERSION_TTL: Duration = Duration::from_secs(86_400);
/// Changes of which Redis was not told yet. What does not fit is noticed when its time is over.
const MAX_OWED: usize = 4_096;
/// A way that was open for so long was well.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// Answers the version, which is made where there is none, and the value of it if there is one: one round trip.
const LOOK_UP: &str = r"
local version = redis.call('GET', KEYS[1])
if not version then
  local now = redis.call('TIME')
  version = string.format('%d', now[1] * 1000000 + now[2])
  redis.call('SET', KEYS[1], version, 'PX', ARGV[1])
  return {version, false}
end
return {version, redis.call('GET', ARGV[2] .. version .. ARGV[3])}";

/// Makes a newer version; never an older one, whatever is done to the clock.
const MOVE_ON: &str = r"
local now = redis.call('TIME')
local version = now[1] * 1000000 + now[2]
local old = tonumber(redis.call('GET', KEYS[1]) or '0')
if version <= old then version = old + 1 end
redis.call('SET', KEYS[1], string.format('%d', version), 'PX', ARGV[1])
return redis.status_reply('OK')";

/// Keeps a value if its version is still the one in force.
const KEEP: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1";

/// Values of this process, and of all.
pub struct RedisCache {
    first: MemoryCache,
    second: Arc<Second>,
}

impl RedisCache {
    /// Starts to look for Redis, until the draining. Reads go to one of `shards` copies of what is hot.
    #[must_use]
    pub fn start(redis: &Redis, first: MemoryCache, shards: u32) -> Self {
        let second = Arc::new(Second {
            redis: redis.clone(),
            shard: shard(&redis.node, shards),
            scripts: [LOOK_UP, MOVE_ON, KEEP].map(Script::new),
            connection: Mutex::default(),
            is_closed: Notify::new(),
            owed: Mutex::default(),
        });
        let (running, stop) = (Arc::clone(&second), redis.lifecycle.draining.clone());
        redis.lifecycle.spawn("cache", async move {
            stop.run_until_cancelled(running.keep_open()).await;
        });
        Self { first, second }
    }

    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        lock(&self.second.connection).is_some()
    }
}

/// Which copy a daemon reads: always the same, and others for other daemons.
fn shard(node: &str, shards: u32) -> u32 {
    let digest = Sha256::digest(node);
    let number = digest.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    number % shards.max(1)
}

#[async_trait]
impl Cache for RedisCache {
    async fn get_or_build(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt {
        let asked = key.clone();
        self.first.get_or_build(key, Box::pin(self.second.get_or_build(asked, rebuild))).await
    }

    async fn forget(&self, key: &CacheKey) {
        self.second.move_on(key).await;
        self.first.forget(key).await;
    }

    async fn look_again(&self, key: Option<&CacheKey>) {
        self.first.look_again(key).await;
    }
}

/// The way to Redis: open, or known to be closed.
struct Second {
    redis: Redis,
    shard: u32,
    /// [`LOOK_UP`], [`MOVE_ON`], [`KEEP`].
    scripts: [Script; 3],
    connection: Mutex<Option<MultiplexedConnection>>,
    is_closed: Notify,
    owed: Mutex<HashSet<CacheKey>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Second {
    /// Opens the way whenever it is closed, with growing pauses unless it was well.
    async fn keep_open(&self) {
        let (mut patience, clock) = (Patience::new("cache"), SystemClock::new());
        loop {
            let began_at = clock.monotonic();
            let error = match self.open().await {
                Ok(()) => {
                    patience.opened();
                    self.is_closed.notified().await;
                    (redis::ErrorKind::Io, "an answer was late or failed").into()
                }
                Err(error) => error,
            };
            if clock.monotonic().saturating_sub(began_at) >= WELL_AFTER {
                patience.failures = 0;
            }
            sleep(patience.failed(&error)).await;
        }
    }

    /// A connection that has told what is owed, every answer in time.
    async fn open(&self) -> RedisResult<()> {
        let mut connection = self.redis.connect(self.redis.cache_timeout).await?;
        connection.ping::<()>().await?;
        let owed = std::mem::take(&mut *lock(&self.owed));
        for key in &owed {
            if let Err(error) = self.send_move_on(&mut connection, key).await {
                lock(&self.owed).extend(owed);
                return Err(error);
            }
        }
        *lock(&self.connection) = Some(connection);
        Ok(())
    }

    /// What Redis answers in time; `None` while it does not.
    async fn ask<T, F>(&self, question: impl FnOnce(MultiplexedConnection) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let connection = lock(&self.connection).clone()?;
        let answer = within(self.redis.cache_timeout, question(connection)).await;
        if let Err(error) = &answer {
            tracing::debug!(%error, "the second tier of the cache is left alone for a while");
            if lock(&self.connection).take().is_some() {
                self.is_closed.notify_one();
            }
        }
        answer.ok()
    }

    async fn get_or_build(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt {
        let looked_up = self.ask(|connection| self.look_up(connection, &key)).await;
        let Some((version, found)) = looked_up else {
            count("away");
            return rebuild.await;
        };
        if let Some(Ok(body)) = found.as_deref().map(value::decode) {
            count("hit");
            return Ok(body);
        }
        count("miss");
        let built = rebuild.await?;
        self.keep(&key, version, built.as_ref()).await;
        Ok(built)
    }

    /// The version in force, and the value if there is one.
    async fn look_up(
        &self,
        mut connection: MultiplexedConnection,
        key: &CacheKey,
    ) -> RedisResult<(u64, Option<Vec<u8>>)> {
        let [look_up, ..] = &self.scripts;
        let (before, after) = key.name_around_version(self.shard);
        let mut invocation = look_up.key(self.redis.key(&key.version_name()));
        invocation.arg(millis(VERSION_TTL)).arg(self.redis.key(&before)).arg(after);
        invocation.invoke_async(&mut connection).await
    }

    async fn keep(&self, key: &CacheKey, version: u64, built: Option<&Body>) {
        let value = value::encode(built);
        if value.len() > MAX_VALUE_BYTES {
            return;
        }
        let [.., keep] = &self.scripts;
        let mut invocation = keep.key(self.redis.key(&key.version_name()));
        invocation
            .key(self.redis.key(&key.name(version, self.shard)))
            .arg(version)
            .arg(value)
            .arg(millis(key.shared_ttl()));
        // A value that is not kept is built again.
        self.ask(async |mut connection| invocation.invoke_async::<()>(&mut connection).await).await;
    }

    /// Makes a newer version, now or as soon as Redis can be told.
    async fn move_on(&self, key: &CacheKey) {
        let told = self.ask(async |mut connection| self.send_move_on(&mut connection, key).await).await;
        if told.is_none() {
            let mut owed = lock(&self.owed);
            if owed.len() < MAX_OWED {
                owed.insert(key.clone());
            }
        }
    }

    async fn send_move_on(&self, connection: &mut MultiplexedConnection, key: &CacheKey) -> RedisResult<()> {
        let [_, move_on, _] = &self.scripts;
        let mut invocation = move_on.key(self.redis.key(&key.version_name()));
        invocation.arg(millis(VERSION_TTL)).invoke_async(connection).await
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("cache_shared_reads_total", "outcome" => outcome).increment(1);
}
