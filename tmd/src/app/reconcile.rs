//! Both lists of payments and the books, as whoever compares them reads them (M13).

use tmcore::payment::{OutcomeUnknown, ProviderKey};

use super::Office;
use crate::ports::StoreError;
use crate::ports::gateway::ProviderRecord;
use crate::ports::ledger::{Books, PaymentsPage};

impl Office {
    /// A page of our payments.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn payments_after(
        &self,
        after: Option<ProviderKey>,
        limit: u32,
    ) -> Result<PaymentsPage, StoreError> {
        self.store().payments_after(after, limit).await
    }

    /// A page of the provider's log.
    ///
    /// # Errors
    /// [`OutcomeUnknown`] when the provider cannot be asked.
    pub async fn provider_log(&self, after: u64, limit: u32) -> Result<Vec<ProviderRecord>, OutcomeUnknown> {
        self.within_time(self.ports.gateway.list(after, limit)).await
    }

    /// The books.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn books(&self, limit: u32) -> Result<Books, StoreError> {
        self.store().books(limit).await
    }
}
