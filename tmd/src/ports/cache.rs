//! The cache of encoded answers. It never decides a sale (C1).

use async_trait::async_trait;
use bytes::Bytes;
use tmcore::cache_key::CacheKey;

/// An answer as it goes out: encoded once, compressed once, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// A strong validator: a hash of what was encoded.
    pub etag: Bytes,
    /// The answer as it is.
    pub plain: Bytes,
    /// The answer compressed by gzip, where that makes it smaller.
    pub gzip: Option<Bytes>,
}

/// A value that could not be built, told to all who waited for it.
pub type Rebuilt = Result<Option<Body>, super::StoreError>;

/// What a value is built by when there is none.
pub type Rebuild<'a> = std::pin::Pin<Box<dyn Future<Output = Rebuilt> + Send + 'a>>;

/// A value is at most [`CacheKey::ttl`] old when served, and older by [`CacheKey::shared_ttl`] when another process built
/// it. While the source fails, or says nothing, a value that [may be stale](CacheKey::may_be_stale) is served for as long as configured.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The value, built by `rebuild` if there is none: once, however many ask at the same time (C4). `None` (there is
    /// no such thing) is remembered too. A failure is told for a tenth of a second to whoever asks, so that a source that
    /// fails is not asked by everybody.
    ///
    /// # Errors
    /// What the rebuild failed with.
    async fn get_or_build(&self, key: CacheKey, rebuild: Rebuild<'_>) -> Rebuilt;

    /// Forgets a value everywhere, after a change that its TTL should not hide: what is being built from what was read
    /// before is kept nowhere (C3).
    async fn forget(&self, key: &CacheKey);

    /// Forgets a value in this process, after a change that another process told of; `None` forgets all of them.
    async fn look_again(&self, key: Option<&CacheKey>);
}
