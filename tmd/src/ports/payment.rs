//! Payments as the office knows them: what was asked of the provider, and what came of it.

use async_trait::async_trait;
use tmcore::payment::{Operation, PaymentState, ProviderKey, ProviderReference};
use tmcore::{Money, OrderId};

use super::StoreError;

/// A payment as it is kept. The row is committed before the call leaves (M5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRecord {
    /// The order it is for.
    pub order: OrderId,
    /// What is asked.
    pub operation: Operation,
    /// Its name, here and at the provider.
    pub key: ProviderKey,
    /// Where it stands.
    pub state: PaymentState,
    /// How much.
    pub amount: Money,
    /// The authorization or capture it acts on.
    pub against: Option<ProviderReference>,
}

/// The list of what is not settled is the provider's outbox: nothing asked for is forgotten by a crash.
#[async_trait]
pub trait PaymentStore: Send + Sync {
    /// At most `limit` payments that are not settled and due by the database's clock. Each is put off by
    /// `lease_seconds` in the same transaction, so a second caller does not get it meanwhile.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn due_payments(&self, limit: u32, lease_seconds: u32) -> Result<Vec<PaymentRecord>, StoreError>;

    /// All payments of an order, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn payments(&self, order: OrderId) -> Result<Vec<PaymentRecord>, StoreError>;
}
