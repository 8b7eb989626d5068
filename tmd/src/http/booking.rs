//! Bookings: order, confirm and finalize in one request, for events sold without a waiting room.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use tmapi::order::{OrderView, SeatsAndPayment};
use tmcore::EventId;
use tmcore::order::OrderState;

use super::Api;
use super::body::Json;
use super::caller::Anybody;
use super::error::ApiResult;
use super::guest;
use super::idempotency::{Ending, Keyed, once};
use super::order::{paid, payment_token};
use super::path::Id;

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
    let (user, access_token) = guest::known_or_named(&api, user, &keyed, &raw)?;
    let office = Arc::clone(&api.office);
    let ending =
        Ending { goal: OrderState::Finalized, answer: move |record: &_| paid(record, access_token.clone()) };
    once(&api, user, (keyed.for_booking(), &raw), ending, move |claim, begun| async move {
        office.book(claim, event, (&value.seats, &token), begun.order()).await
    })
    .await
}
