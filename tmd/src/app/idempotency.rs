//! One effect a key: claims before the work, and answers kept after it.

use std::sync::Arc;

use tmcore::idempotency::Fingerprint;

use super::Office;
use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::idempotency::{AnswerOf, Claimed, Keep, KeyClaim, Lease, Purpose, StoredAnswer};
use crate::ports::order::KeyRef;

/// A key that is claimed, and how the answer under it is kept.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The key.
    pub key: KeyRef,
    /// How long it is ours.
    pub lease: Lease,
    /// Keeps the answer with the command that ends the work; whoever works without a client has none to keep.
    pub keep: Option<Keep>,
}

impl Claim {
    /// A claim whose answer is kept as soon as a record has one.
    #[must_use]
    pub fn keeping(key: KeyRef, lease: Lease, answer: Arc<AnswerOf>) -> Self {
        let keep = Keep::new(lease.clone(), answer);
        Self { key, lease, keep: Some(keep) }
    }
}

impl From<Lease> for Claim {
    fn from(lease: Lease) -> Self {
        Self { key: lease.key.clone(), lease, keep: None }
    }
}

impl Office {
    /// Claims a key for a request, committed before its work begins (I6).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_key(
        &self,
        key: KeyRef,
        fingerprint: Fingerprint,
        purpose: Purpose,
    ) -> Result<Claimed, StoreError> {
        let lease_seconds = self.config.checkout.idempotency_lease_seconds;
        self.commit.claims.commit(KeyClaim { key: scoped(key), fingerprint, purpose, lease_seconds }).await?
    }

    /// Keeps the answer, or gives the key free for another try, unless somebody has taken it over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_key(&self, lease: Lease, answer: Option<StoredAnswer>) -> Result<(), StoreError> {
        self.commit.ends.commit((lease, answer)).await?
    }

    /// Forgets keys that are old enough (I11).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge_keys(&self) -> Result<u64, StoreError> {
        self.store().purge_keys(self.config.checkout.idempotency_keep_hours).await
    }
}

/// A key is its principal's alone (I3, I12).
fn scoped(key: KeyRef) -> KeyRef {
    if drill::mutant(Mutant::KeyWithoutPrincipal) {
        return KeyRef { user: tmcore::UserId::from_uuid(uuid::Uuid::nil()), ..key };
    }
    key
}
