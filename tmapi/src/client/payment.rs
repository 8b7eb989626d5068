//! Payments and books, for the organiser.

use tmcore::OrderId;

use super::call::{Call, segment};
use super::{Client, ClientError};
use crate::order::OrderView;
use crate::page::Page;
use crate::payment::{LedgerView, PaymentPage, ProviderOperationView};

fn page(path: &str, cursor: Option<&str>) -> String {
    cursor.map_or_else(|| path.to_owned(), |cursor| format!("{path}?cursor={}", segment(&cursor)))
}

/// Every method answers [`ClientError`] as its variants tell.
#[allow(clippy::missing_errors_doc)]
impl Client {
    /// `POST /api/orders/{orderId}:refund` (organiser). The order may come back REFUNDING: then the provider has not said
    /// yet.
    pub async fn refund(&self, order: OrderId, key: &str) -> Result<OrderView, ClientError> {
        self.call(Call::post(format!("/api/orders/{}:refund", segment(&order))).keyed(key)?).await
    }

    /// `GET /api/payments` (organiser).
    pub async fn payments(&self, cursor: Option<&str>) -> Result<PaymentPage, ClientError> {
        self.call(Call::get(page("/api/payments", cursor))).await
    }

    /// `GET /api/provider/operations` (organiser).
    pub async fn provider_operations(
        &self,
        cursor: Option<&str>,
    ) -> Result<Page<ProviderOperationView>, ClientError> {
        self.call(Call::get(page("/api/provider/operations", cursor))).await
    }

    /// `GET /api/ledger` (organiser).
    pub async fn ledger(&self) -> Result<LedgerView, ClientError> {
        self.call(Call::get("/api/ledger".to_owned())).await
    }
}
