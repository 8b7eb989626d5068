//! The cache within one process.

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache as Moka;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tmcore::cache_key::CacheKey;

use crate::ports::StoreError;
use crate::ports::cache::{Body, Cache, Rebuild, Rebuilt};

/// The most bytes kept.
const MAX_BYTES: u64 = 64 << 20;

/// Keys are forgotten by shares of this many; to forget more than was asked costs a rebuild.
const SHARES: usize = 64;

/// Values until their key's TTL is over; one rebuild a key at a time.
///
/// A value is kept under its key and the key's generation, and to forget a key begins a new generation: what was being
/// built from what was read before is kept under the old one, where nobody looks any more (C3).
#[derive(Debug)]
pub struct MemoryCache {
    values: Moka<(CacheKey, u64), Option<Body>>,
    generations: [AtomicU64; SHARES],
}

struct KeyTtl;

impl Expiry<(CacheKey, u64), Option<Body>> for KeyTtl {
    fn expire_after_create(
        &self,
        (key, _): &(CacheKey, u64),
        _: &Option<Body>,
        _: Instant,
    ) -> Option<Duration> {
        Some(key.ttl())
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        let weigh = |_: &(CacheKey, u64), body: &Option<Body>| {
            let bytes = body
                .as_ref()
                .map_or(0, |body| body.plain.len() + body.gzip.as_ref().map_or(0, bytes::Bytes::len));
            u32::try_from(bytes + 256).unwrap_or(u32::MAX)
        };
        let values = Moka::builder().max_capacity(MAX_BYTES).weigher(weigh).expire_after(KeyTtl).build();
        Self { values, generations: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl MemoryCache {
    fn generation(&self, key: &CacheKey) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let share = usize::try_from(hasher.finish() % SHARES as u64).unwrap_or(0);
        &self.generations[share]
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get_or_build(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt {
        let generation = self.generation(&key).load(Ordering::SeqCst);
        self.values
            .try_get_with((key, generation), rebuild)
            .await
            .map_err(|error: std::sync::Arc<StoreError>| (*error).clone())
    }

    async fn forget(&self, key: &CacheKey) {
        let old = self.generation(key).fetch_add(1, Ordering::SeqCst);
        self.values.invalidate(&(key.clone(), old)).await;
    }
}
