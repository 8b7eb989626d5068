//! Orders: begun, confirmed, finalized, cancelled, looked at.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use tmapi::order::{CreateOrder, OrderSeat, OrderStatus, OrderView, SeatsAndPayment};
use tmcore::OrderId;
use tmcore::order::OrderState;
use tmcore::payment::PaymentToken;

use super::Api;
use super::body::{Json, NoBody, malformed};
use super::caller::{Anybody, Buyer, Organiser};
use super::error::ApiResult;
use super::guest;
use super::idempotency::{Done, Ending, Keyed, once};
use super::path::Id;
use super::ticket;
use crate::app::checkout::Step;
use crate::app::record::{OrderRecord, SeatLine};

/// Begins an order. It needs a session that was let in, unless the event is sold without a waiting room.
#[utoipa::path(post, path = "/api/orders", tag = "orders", request_body = CreateOrder,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = OrderView), (status = "4XX", body = tmapi::Problem)))]
pub async fn create(
    State(api): State<Api>,
    Anybody(user): Anybody,
    keyed: Keyed,
    Json { value, raw }: Json<CreateOrder>,
) -> ApiResult<Response> {
    let (user, access_token) = guest::known_or_named(&api, user, &keyed, &raw)?;
    let office = Arc::clone(&api.office);
    let answer = move |record: &_| {
        let view = OrderView { access_token: access_token.clone(), ..view(record) };
        Done { status: StatusCode::CREATED, view, last: true }
    };
    let ending = Ending { goal: OrderState::Pending, answer };
    once(&api, user, (keyed, &raw), ending, move |claim, begun| async move {
        office.create_order(&claim, value.event_id, value.session_id, begun.order()).await
    })
    .await
}

/// Holds the seats, all or none, and asks whether the card is good. 202 AUTHORIZED: finalize next. 202 AUTHORIZING: the
/// provider has not said yet.
#[utoipa::path(post, path = "/api/orders/{orderId}/-/confirm", tag = "orders", request_body = SeatsAndPayment,
    params(("orderId" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = OrderView), (status = "4XX", body = tmapi::Problem)))]
pub async fn confirm(
    State(api): State<Api>,
    Buyer(user): Buyer,
    Id(order): Id<OrderId>,
    keyed: Keyed,
    Json { value, raw }: Json<SeatsAndPayment>,
) -> ApiResult<Response> {
    let token = payment_token(&value)?;
    let office = Arc::clone(&api.office);
    let answer = |record: &OrderRecord| {
        let last = record.order.state != OrderState::Authorizing;
        Done { status: StatusCode::ACCEPTED, view: view(record), last }
    };
    let ending = Ending { goal: OrderState::Authorized, answer };
    once(&api, user, (keyed, &raw), ending, move |claim, begun| async move {
        let step = Step { order, claim };
        office.confirm_order(&step, &value.seats, &token, begun.is_resumed()).await
    })
    .await
}

/// Takes the money and issues the tickets. 202 CAPTURING: the provider has not said yet; the seats stay the buyer's.
#[utoipa::path(post, path = "/api/orders/{orderId}/-/finalize", tag = "orders",
    params(("orderId" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = OrderView), (status = 202, body = OrderView),
        (status = "4XX", body = tmapi::Problem)))]
pub async fn finalize(
    State(api): State<Api>,
    Buyer(user): Buyer,
    Id(order): Id<OrderId>,
    keyed: Keyed,
    _: NoBody,
) -> ApiResult<Response> {
    let office = Arc::clone(&api.office);
    let ending = Ending { goal: OrderState::Finalized, answer: |record: &_| paid(record, None) };
    once(&api, user, (keyed, &Value::Null), ending, move |claim, _| async move {
        office.finalize_order(&Step { order, claim }).await
    })
    .await
}

/// Gives the order up: its seats are free at once, and nothing is charged.
#[utoipa::path(post, path = "/api/orders/{orderId}/-/cancel", tag = "orders",
    params(("orderId" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = OrderView), (status = "4XX", body = tmapi::Problem)))]
pub async fn cancel(
    State(api): State<Api>,
    Buyer(user): Buyer,
    Id(order): Id<OrderId>,
    keyed: Keyed,
    _: NoBody,
) -> ApiResult<Response> {
    let office = Arc::clone(&api.office);
    let answer = |record: &_| Done { status: StatusCode::OK, view: view(record), last: true };
    let ending = Ending { goal: OrderState::Cancelled, answer };
    once(&api, user, (keyed, &Value::Null), ending, move |claim, _| async move {
        office.cancel_order(&Step { order, claim }).await
    })
    .await
}

/// Gives the money of a finalized order back: its tickets end at once and its seats are for sale again. 202 REFUNDING:
/// the provider has not said yet. To ask again is harmless.
#[utoipa::path(post, path = "/api/orders/{orderId}/-/refund", tag = "organiser",
    params(("orderId" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = OrderView), (status = 202, body = OrderView),
        (status = "4XX", body = tmapi::Problem)))]
pub async fn refund(
    State(api): State<Api>,
    organiser: Organiser,
    Id(order): Id<OrderId>,
    keyed: Keyed,
    _: NoBody,
) -> ApiResult<Response> {
    let office = Arc::clone(&api.office);
    let answer = |record: &OrderRecord| {
        let last = record.order.state == OrderState::Refunded;
        let status = if last { StatusCode::OK } else { StatusCode::ACCEPTED };
        Done { status, view: view(record), last }
    };
    let ending = Ending { goal: OrderState::Refunded, answer };
    once(&api, organiser.principal(), (keyed, &Value::Null), ending, move |claim, _| async move {
        office.refund_order(&Step { order, claim }).await
    })
    .await
}

/// The buyer's order.
#[utoipa::path(get, path = "/api/orders/{orderId}", tag = "orders", params(("orderId" = String, Path)),
    responses((status = 200, body = OrderView), (status = "4XX", body = tmapi::Problem)))]
pub async fn show(State(api): State<Api>, Buyer(user): Buyer, Id(order): Id<OrderId>) -> ApiResult<Response> {
    let record = api.office.own_order_or_refuse(order, user).await?;
    let mut response = Answer(view(&record)).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The answer of a step that takes money.
#[must_use]
pub fn paid(record: &OrderRecord, access_token: Option<String>) -> Done {
    let last = record.order.state == OrderState::Finalized;
    let status = if last { StatusCode::OK } else { StatusCode::ACCEPTED };
    Done { status, view: OrderView { access_token, ..view(record) }, last }
}

/// The card token of a request.
///
/// # Errors
/// 400 without the token's text.
pub fn payment_token(request: &SeatsAndPayment) -> ApiResult<PaymentToken> {
    request.payment_token.parse().map_err(|error| malformed(format!("paymentToken: {error}")))
}

/// An order as its owner sees it, at the instant it was read.
#[must_use]
pub fn view(record: &OrderRecord) -> OrderView {
    let order = &record.order;
    let state = order.state_at(record.as_of);
    let keeps_seats = state.is_open() || !record.tickets.is_empty();
    let seats = record.seats.iter().filter(|_| keeps_seats).map(seat).collect();
    OrderView {
        order_id: order.id,
        user_id: order.parties.user,
        event_id: order.parties.event.clone(),
        session_id: order.parties.session,
        status: status(state),
        expires_at: order.expires_at,
        created_at: order.created_at,
        seats,
        total: order.total,
        tickets: record.tickets.iter().map(ticket::view).collect(),
        access_token: None,
    }
}

fn seat(line: &SeatLine) -> OrderSeat {
    OrderSeat {
        seat_id: line.id.clone(),
        section: line.section.clone(),
        row: line.row.clone(),
        number: line.number.clone(),
        price_level: line.price.0.clone(),
        price: line.price.1,
    }
}

const fn status(state: OrderState) -> OrderStatus {
    match state {
        OrderState::Pending => OrderStatus::Pending,
        OrderState::Authorizing => OrderStatus::Authorizing,
        OrderState::Authorized => OrderStatus::Authorized,
        OrderState::Capturing => OrderStatus::Capturing,
        OrderState::Finalized => OrderStatus::Finalized,
        OrderState::Refunding => OrderStatus::Refunding,
        OrderState::Refunded => OrderStatus::Refunded,
        OrderState::Expired => OrderStatus::Expired,
        OrderState::Cancelled => OrderStatus::Cancelled,
        OrderState::Failed => OrderStatus::Failed,
    }
}
