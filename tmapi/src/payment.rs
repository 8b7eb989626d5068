//! Payments laid side by side, for the organiser: ours, the provider's, and the books.

use serde::{Deserialize, Serialize};
use tmcore::payment::Operation;
use tmcore::{Money, OrderId, Timestamp};
use utoipa::ToSchema;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// Written down, not asked yet.
    Intent,
    /// Asked, no answer yet.
    Sent,
    /// Done.
    Ok,
    /// Refused.
    Declined,
    /// Asked, and nobody knows what became of it.
    Unknown,
    /// Fenced before it took effect.
    NeverHappened,
}

/// One payment as the office has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// Its name here and at the provider.
    pub provider_key: String,
    /// The order it is for.
    #[schema(value_type = String)]
    pub order_id: OrderId,
    /// What was asked: AUTHORIZE, CAPTURE, VOID, REFUND.
    #[schema(value_type = String)]
    pub operation: Operation,
    /// Where it stands.
    pub status: PaymentStatus,
    /// How much.
    #[schema(value_type = Object)]
    pub amount: Money,
    /// When it was written down.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
}

/// `GET /api/payments` (organiser): a page, in no order that means anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentPage {
    /// The payments on this page.
    pub items: Vec<PaymentView>,
    /// Passed as `cursor` it gets the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// When it was read, by the clock that payments are dated with.
    #[schema(value_type = String)]
    pub as_of: Timestamp,
}

/// One line of the provider's own log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderOperationView {
    /// The key it was asked under.
    pub provider_key: String,
    /// The order it was for.
    #[schema(value_type = String)]
    pub order_id: OrderId,
    /// What was asked.
    #[schema(value_type = String)]
    pub operation: Operation,
    /// Whether it was done; refused otherwise.
    pub done: bool,
    /// The amount it was about.
    #[schema(value_type = Object)]
    pub amount: Money,
    /// When, by the provider's clock.
    #[schema(value_type = String)]
    pub at: Timestamp,
}

/// What the books say of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BalanceView {
    /// Everything, debits and credits: zero, or the books are wrong.
    #[schema(value_type = Object)]
    pub sum: Money,
    /// What the provider has taken for the office and not given back.
    #[schema(value_type = Object)]
    pub provider: Money,
    /// What buyers paid and were not given back; a credit, so it is negative.
    #[schema(value_type = Object)]
    pub sales: Money,
}

/// An order whose books are not what was captured and not refunded, or not what its status says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnbalancedOrder {
    /// The order.
    #[schema(value_type = String)]
    pub order_id: OrderId,
    /// Its status.
    pub status: String,
    /// What its seats cost.
    #[schema(value_type = Object)]
    pub total: Money,
    /// What the books say the provider has for it.
    #[schema(value_type = Object)]
    pub booked: Money,
    /// What was captured and not refunded.
    #[schema(value_type = Object)]
    pub paid: Money,
}

/// `GET /api/ledger` (organiser).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerView {
    /// By currency.
    pub balances: Vec<BalanceView>,
    /// Orders that are out of balance, at most 100.
    pub unbalanced: Vec<UnbalancedOrder>,
    /// When it was read.
    #[schema(value_type = String)]
    pub as_of: Timestamp,
}
