//! Orders. Every mutation takes the idempotency key it is known by.

use tmcore::{EventId, OrderId};

use super::call::{Call, segment};
use super::{Client, ClientError};
use crate::order::{CreateOrder, OrderView, SeatsAndPayment};

fn path(order: OrderId, verb: &str) -> String {
    format!("/api/orders/{}{verb}", segment(&order))
}

/// Every method answers [`ClientError`] as its variants tell.
#[allow(clippy::missing_errors_doc)]
impl Client {
    /// `POST /api/orders`.
    pub async fn create_order(&self, order: &CreateOrder, key: &str) -> Result<OrderView, ClientError> {
        self.call(Call::post("/api/orders".to_owned()).keyed(key)?.json(order)?).await
    }

    /// `GET /api/orders/{orderId}`.
    pub async fn order(&self, order: OrderId) -> Result<OrderView, ClientError> {
        self.call(Call::get(path(order, ""))).await
    }

    /// `POST /api/orders/{orderId}:confirm`: holds the seats and authorizes the payment. The order may come back
    /// AUTHORIZING: then the provider has not said yet.
    pub async fn confirm(
        &self,
        order: OrderId,
        payment: &SeatsAndPayment,
        key: &str,
    ) -> Result<OrderView, ClientError> {
        self.call(Call::post(path(order, ":confirm")).keyed(key)?.json(payment)?).await
    }

    /// `POST /api/orders/{orderId}:finalize`: takes the money and issues the tickets. The order may come back
    /// CAPTURING: then the provider has not said yet.
    pub async fn finalize(&self, order: OrderId, key: &str) -> Result<OrderView, ClientError> {
        self.call(Call::post(path(order, ":finalize")).keyed(key)?).await
    }

    /// `POST /api/orders/{orderId}:cancel`.
    pub async fn cancel(&self, order: OrderId, key: &str) -> Result<OrderView, ClientError> {
        self.call(Call::post(path(order, ":cancel")).keyed(key)?).await
    }

    /// `POST /api/bookings/{eventId}`: the three steps in one, for events sold without a waiting room.
    pub async fn book(
        &self,
        event: &EventId,
        payment: &SeatsAndPayment,
        key: &str,
    ) -> Result<OrderView, ClientError> {
        let path = format!("/api/bookings/{}", segment(event));
        self.call(Call::post(path).keyed(key)?.json(payment)?).await
    }
}
