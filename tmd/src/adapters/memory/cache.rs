//! The cache within one process.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache as Moka;
use tmcore::cache_key::{CacheKey, is_early};

use crate::clock::{Clock, SystemClock};
use crate::entropy::Entropy;
use crate::ports::StoreError;
use crate::ports::cache::{Body, Cache, Rebuild, Rebuilt};

/// The most bytes kept.
const MAX_BYTES: u64 = 64 << 20;

/// How long a value that may be stale is built before the last one is served instead: a source that says nothing fails
/// as well.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keys are forgotten by shares of this many; to forget more than was asked costs a rebuild.
const SHARES: usize = 64;

/// How long whoever asks is told of a failure without the source being asked again.
const FAILURE_TTL: Duration = Duration::from_millis(100);

/// Serving old values is told of in the log at most this often.
const TELL_PAUSE: Duration = Duration::from_secs(10);

/// Values until their key's TTL is over, failures for a moment; one rebuild a key at a time, also of one that is built
/// anew before its time.
///
/// A value is kept under its key and the key's generation, and to forget a key begins a new generation: what was being
/// built from what was read before is kept under the old one, where nobody looks any more (C3).
#[derive(Debug)]
pub struct MemoryCache {
    values: Moka<Place, Arc<Kept>>,
    /// The last value of each key that may be stale, for when there is no other.
    last: Moka<Place, Arc<Kept>>,
    generations: [AtomicU64; SHARES],
    clock: SystemClock,
    told_at_seconds: AtomicU64,
}

/// A key and its generation.
type Place = (CacheKey, u64);

#[derive(Debug)]
struct Kept {
    outcome: Rebuilt,
    /// When it was built, by the cache's clock.
    built_at: Duration,
    /// How long that took.
    cost: Duration,
    /// Somebody builds it anew before its time.
    is_refreshed: AtomicBool,
}

impl Kept {
    /// For how long it is still good.
    fn left(&self, key: &CacheKey, now: Duration) -> Duration {
        let ttl = if self.outcome.is_ok() { key.ttl() } else { FAILURE_TTL };
        (self.built_at + ttl).saturating_sub(now)
    }
}

/// By the cache's clock.
struct KeyTtl(SystemClock);

impl Expiry<Place, Arc<Kept>> for KeyTtl {
    fn expire_after_create(&self, (key, _): &Place, kept: &Arc<Kept>, _: Instant) -> Option<Duration> {
        Some(kept.left(key, self.0.monotonic()))
    }

    fn expire_after_update(
        &self,
        place: &Place,
        kept: &Arc<Kept>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(place, kept, now)
    }
}

fn weigh(_: &Place, kept: &Arc<Kept>) -> u32 {
    let bytes = |body: &Body| body.plain.len() + body.gzip.as_ref().map_or(0, bytes::Bytes::len);
    let bytes = kept.outcome.as_ref().ok().and_then(Option::as_ref).map_or(0, bytes);
    u32::try_from(bytes + 256).unwrap_or(u32::MAX)
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new(Duration::ZERO)
    }
}

impl MemoryCache {
    /// An empty one, that serves what may be stale for `stale` while its source fails.
    #[must_use]
    pub fn new(stale: Duration) -> Self {
        let clock = SystemClock::new();
        let values =
            Moka::builder().max_capacity(MAX_BYTES).weigher(weigh).expire_after(KeyTtl(clock)).build();
        // What is in both is one allocation.
        let last = Moka::builder().max_capacity(MAX_BYTES).weigher(weigh).time_to_live(stale).build();
        let generations = std::array::from_fn(|_| AtomicU64::new(0));
        Self { values, last, generations, clock, told_at_seconds: AtomicU64::new(0) }
    }

    fn generation(&self, key: &CacheKey) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let share = usize::try_from(hasher.finish() % SHARES as u64).unwrap_or(0);
        &self.generations[share]
    }

    /// What is built, in place of what was there before; while that is good a failure costs nothing.
    async fn build(&self, place: &Place, before: Option<&Arc<Kept>>, rebuild: Rebuild<'_>) -> Arc<Kept> {
        let began_at = self.clock.monotonic();
        let outcome = if self.last.contains_key(place) {
            tokio::time::timeout(PATIENCE, rebuild).await.unwrap_or(Err(StoreError::Busy))
        } else {
            rebuild.await
        };
        let built_at = self.clock.monotonic();
        if outcome.is_err()
            && let Some(good) = before.filter(|before| !before.left(&place.0, built_at).is_zero())
        {
            return Arc::clone(good);
        }
        let cost = built_at.saturating_sub(began_at);
        let kept = Arc::new(Kept { outcome, built_at, cost, is_refreshed: AtomicBool::new(false) });
        if kept.outcome.is_ok() && place.0.may_be_stale() {
            self.last.insert(place.clone(), Arc::clone(&kept)).await;
        }
        kept
    }

    /// Whether this reader is to build a value anew that is still good. Of several that draw so one does.
    fn is_to_refresh(&self, key: &CacheKey, kept: &Kept) -> bool {
        let left = kept.left(key, self.clock.monotonic());
        let random = u32::from_be_bytes(Entropy.bytes());
        kept.outcome.is_ok()
            && is_early(kept.cost, left, random)
            && !kept.is_refreshed.swap(true, Ordering::Relaxed)
    }

    /// What was served last, when the source fails.
    async fn stale(&self, place: &Place, error: StoreError) -> Rebuilt {
        let Some(kept) = self.last.get(place).await else { return Err(error) };
        metrics::counter!("cache_stale_served_total").increment(1);
        let now = self.clock.monotonic().as_secs() + TELL_PAUSE.as_secs();
        let told_at = self.told_at_seconds.load(Ordering::Relaxed);
        if now >= told_at + TELL_PAUSE.as_secs() {
            self.told_at_seconds.store(now, Ordering::Relaxed);
            let age_seconds = self.clock.monotonic().saturating_sub(kept.built_at).as_secs();
            tracing::warn!(key = %place.0, age_seconds, %error, "the source fails: old answers are served for a while");
        }
        kept.outcome.clone()
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get_or_build(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt {
        let generation = self.generation(&key).load(Ordering::SeqCst);
        let place = (key, generation);
        let kept = match self.values.get(&place).await {
            Some(kept) if !self.is_to_refresh(&place.0, &kept) => kept,
            // Whoever finds nothing while somebody refreshes waits for that.
            before => {
                let build = self.build(&place, before.as_ref(), rebuild);
                let is_old = |kept: &Arc<Kept>| before.as_ref().is_some_and(|old| Arc::ptr_eq(old, kept));
                self.values.entry(place.clone()).or_insert_with_if(build, is_old).await.into_value()
            }
        };
        match &kept.outcome {
            Ok(body) => Ok(body.clone()),
            Err(error) => self.stale(&place, error.clone()).await,
        }
    }

    async fn forget(&self, key: &CacheKey) {
        let old = self.generation(key).fetch_add(1, Ordering::SeqCst);
        self.values.invalidate(&(key.clone(), old)).await;
    }

    async fn look_again(&self, key: Option<&CacheKey>) {
        if let Some(key) = key {
            return self.forget(key).await;
        }
        for generation in &self.generations {
            generation.fetch_add(1, Ordering::SeqCst);
        }
        self.values.invalidate_all();
    }
}
