//! Bookings: order, confirm and finalize in one request, for events sold without a waiting room.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tmapi::order::{OrderView, SeatsAndPayment};
use tmcore::{EventId, UserId};

use super::Api;
use super::body::Json;
use super::caller::Anybody;
use super::error::{ApiError, ApiResult};
use super::idempotency::{Keyed, once};
use super::order::{paid, payment_token};
use super::path::Id;
use super::session::guest;

/// Buys seats in one step. 202: the provider has not said yet; ask again with the same key, or look at the order.
#[utoipa::path(post, path = "/api/bookings/{eventId}", tag = "orders", request_body = SeatsAndPayment,
    params(("eventId" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = OrderView), (status = 202, body = OrderView),
        (status = "4XX", body = tmapi::Problem)))]
pub async fn book(
    State(api): State<Api>,
    Anybody(user): Anybody,
    Id(event): Id<EventId>,
    keyed: Keyed,
    Json { value, raw }: Json<SeatsAndPayment>,
) -> ApiResult<Response> {
    let token = payment_token(&value)?;
    let (user, access_token) = match user {
        Some(user) => (user, None),
        None => guest(&api, guest_of(&api, &event, &keyed, &raw)?)?,
    };
    let office = Arc::clone(&api.office);
    once(&api, user, keyed.for_booking(), &raw, move |key, begun| async move {
        let order = office.book(key, event, (&value.seats, &token), begun.order()).await?;
        Ok(paid(&order, access_token))
    })
    .await
}

/// A guest who sends the same booking under the same key is the same guest: trying again never pays twice. The name is
/// a keyed hash, so nobody can find a guest without knowing the key, the seats and the card.
fn guest_of(api: &Api, event: &EventId, keyed: &Keyed, body: &Value) -> ApiResult<UserId> {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(api.guest_key.as_slice()).map_err(ApiError::internal)?;
    for part in [event.as_str(), keyed.key.as_str(), &body.to_string()] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    let hash = mac.finalize().into_bytes();
    let bytes: [u8; 16] = hash[..16].try_into().map_err(ApiError::internal)?;
    Ok(UserId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
}
