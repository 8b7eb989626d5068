//! The cache within one process.

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache as Moka;
use std::time::{Duration, Instant};
use tmcore::cache_key::CacheKey;

use crate::ports::StoreError;
use crate::ports::cache::{Body, Cache, Rebuild, Rebuilt};

/// The most bytes kept.
const MAX_BYTES: u64 = 64 << 20;

/// Values until their key's TTL is over; one rebuild a key at a time.
#[derive(Debug)]
pub struct MemoryCache {
    values: Moka<CacheKey, Option<Body>>,
}

struct KeyTtl;

impl Expiry<CacheKey, Option<Body>> for KeyTtl {
    fn expire_after_create(&self, key: &CacheKey, _: &Option<Body>, _: Instant) -> Option<Duration> {
        Some(key.ttl())
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        let weigh = |_: &CacheKey, body: &Option<Body>| {
            let bytes = body
                .as_ref()
                .map_or(0, |body| body.plain.len() + body.gzip.as_ref().map_or(0, bytes::Bytes::len));
            u32::try_from(bytes + 256).unwrap_or(u32::MAX)
        };
        Self { values: Moka::builder().max_capacity(MAX_BYTES).weigher(weigh).expire_after(KeyTtl).build() }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get_or_build(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt {
        self.values
            .try_get_with(key, rebuild)
            .await
            .map_err(|error: std::sync::Arc<StoreError>| (*error).clone())
    }

    async fn forget(&self, key: &CacheKey) {
        self.values.invalidate(key).await;
    }
}
