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

/// Serving old values is told of in the log at most this often.
const TELL_PAUSE: Duration = Duration::from_secs(10);

/// Values until their key's TTL is over; one rebuild a key at a time.
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
    body: Option<Body>,
    /// When it was built, by the cache's clock.
    built_at: Duration,
    /// How long that took.
    cost: Duration,
    /// Somebody builds it anew before its time.
    is_refreshed: AtomicBool,
}

struct KeyTtl;

impl Expiry<Place, Arc<Kept>> for KeyTtl {
    fn expire_after_create(&self, (key, _): &Place, _: &Arc<Kept>, _: Instant) -> Option<Duration> {
        Some(key.ttl())
    }

    fn expire_after_update(
        &self,
        (key, _): &Place,
        _: &Arc<Kept>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(key.ttl())
    }
}

fn weigh(_: &Place, kept: &Arc<Kept>) -> u32 {
    let bytes = kept
        .body
        .as_ref()
        .map_or(0, |body| body.plain.len() + body.gzip.as_ref().map_or(0, bytes::Bytes::len));
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
        let values = Moka::builder().max_capacity(MAX_BYTES).weigher(weigh).expire_after(KeyTtl).build();
        // What is in both is one allocation.
        let last = Moka::builder().max_capacity(MAX_BYTES).weigher(weigh).time_to_live(stale).build();
        let generations = std::array::from_fn(|_| AtomicU64::new(0));
        Self { values, last, generations, clock: SystemClock::new(), told_at_seconds: AtomicU64::new(0) }
    }

    fn generation(&self, key: &CacheKey) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let share = usize::try_from(hasher.finish() % SHARES as u64).unwrap_or(0);
        &self.generations[share]
    }

    async fn build(&self, place: &Place, rebuild: Rebuild<'_>) -> Result<Arc<Kept>, StoreError> {
        let began_at = self.clock.monotonic();
        let body = if self.last.contains_key(place) {
            tokio::time::timeout(PATIENCE, rebuild).await.unwrap_or(Err(StoreError::Busy))?
        } else {
            rebuild.await?
        };
        let built_at = self.clock.monotonic();
        let cost = built_at.saturating_sub(began_at);
        let kept = Arc::new(Kept { body, built_at, cost, is_refreshed: AtomicBool::new(false) });
        if place.0.may_be_stale() {
            self.last.insert(place.clone(), Arc::clone(&kept)).await;
        }
        Ok(kept)
    }

    /// Whether this reader is to build a value anew that is still good. Of several that draw so one does.
    fn is_to_refresh(&self, key: &CacheKey, kept: &Kept) -> bool {
        let age = self.clock.monotonic().saturating_sub(kept.built_at);
        let random = u32::from_be_bytes(Entropy.bytes());
        is_early(kept.cost, key.ttl().saturating_sub(age), random)
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
        Ok(kept.body.clone())
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get_or_build(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt {
        let generation = self.generation(&key).load(Ordering::SeqCst);
        let place = (key, generation);
        if let Some(kept) = self.values.get(&place).await {
            // A refresh that fails costs nothing: the value is still good.
            if self.is_to_refresh(&place.0, &kept)
                && let Ok(fresh) = self.build(&place, rebuild).await
            {
                self.values.insert(place, Arc::clone(&fresh)).await;
                return Ok(fresh.body.clone());
            }
            return Ok(kept.body.clone());
        }
        let built = self.values.try_get_with(place.clone(), self.build(&place, rebuild)).await;
        match built {
            Ok(kept) => Ok(kept.body.clone()),
            Err(error) => self.stale(&place, (*error).clone()).await,
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
