//! Who the office is, as its database says.

use async_trait::async_trait;
use tmcore::identity::Identity;

use super::StoreError;

/// Who the office is. Of several that say so at the same time the first is believed, by all of them.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Writes `own` down where nobody has said who the office is; answers who it is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn identify(&self, own: &Identity) -> Result<Identity, StoreError>;

    /// Forgets who the office is: whoever comes next says it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_identity(&self) -> Result<(), StoreError>;
}
