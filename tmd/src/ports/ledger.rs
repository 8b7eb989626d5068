//! The books, and the list of payments, as they are laid side by side with the provider's.

use async_trait::async_trait;
use tmcore::order::OrderState;
use tmcore::payment::ProviderKey;
use tmcore::{Money, OrderId, Timestamp};

use super::StoreError;
use super::payment::PaymentRecord;

/// What the books say of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Everything: zero.
    pub sum: Money,
    /// What the provider has for the office.
    pub provider: Money,
    /// What buyers paid; a credit.
    pub sales: Money,
}

/// An order whose books are not what they have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// The order.
    pub order: OrderId,
    /// Where it stands.
    pub state: OrderState,
    /// What its seats cost.
    pub total: Money,
    /// What the books say the provider has for it.
    pub booked: Money,
    /// What was captured and not refunded.
    pub paid: Money,
}

/// The books at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// By currency.
    pub balances: Vec<Balance>,
    /// Orders out of balance: booked and paid differ, a FINALIZED one is not paid in full, one that has ended without
    /// tickets is paid (M1).
    pub unbalanced: Vec<Unbalanced>,
    /// The database's clock.
    pub as_of: Timestamp,
}

/// A payment, and when it was written down.
pub type DatedPayment = (PaymentRecord, Timestamp);

/// A page of payments, and when each was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentsPage {
    /// In the order of their keys.
    pub items: Vec<DatedPayment>,
    /// The database's clock.
    pub as_of: Timestamp,
}

/// Reads what was written with the payments. A page shows everything that was committed before its `as_of`.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// At most `limit` payments with keys greater than `after`, ascending.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn payments_after(
        &self,
        after: Option<ProviderKey>,
        limit: u32,
    ) -> Result<PaymentsPage, StoreError>;

    /// The books, with at most `limit` orders that are out of balance.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn books(&self, limit: u32) -> Result<Books, StoreError>;
}
