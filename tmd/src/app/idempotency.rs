//! One effect a key: claims before the work, and answers kept after it.

use tmcore::idempotency::Fingerprint;

use super::Office;
use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::idempotency::{Claimed, KeyClaim, Purpose, StoredAnswer};
use crate::ports::order::KeyRef;

impl Office {
    /// Claims a key for a request, in a short transaction of its own (I6).
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

    /// Keeps the answer, or gives the key free for another try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_key(&self, key: KeyRef, answer: Option<StoredAnswer>) -> Result<(), StoreError> {
        self.commit.answers.commit((scoped(key), answer)).await?
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
