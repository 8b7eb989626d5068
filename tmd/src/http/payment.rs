//! Payments laid side by side, for the organiser.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use tmapi::ProblemCode;
use tmapi::page::Page;
use tmapi::payment::{
    BalanceView, LedgerView, PaymentPage, PaymentStatus, PaymentView, ProviderOperationView, UnbalancedOrder,
};
use tmcore::payment::{Answer as ProviderAnswer, PaymentState, ProviderKey};

use super::Api;
use super::caller::Organiser;
use super::error::{ApiError, ApiResult};
use super::path::Query;
use crate::app::record::{DatedPayment, ProviderRecord};

/// Payments on a page.
const PAGE: u32 = 1000;
/// Orders out of balance that are shown at once.
const MAX_UNBALANCED: u32 = 100;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the page begins: `nextCursor` of the one before.
    cursor: Option<String>,
}

impl PageQuery {
    /// Where the page begins, as the list wrote it.
    pub fn read<T: std::str::FromStr>(self) -> ApiResult<Option<T>> {
        let read = |cursor: String| {
            let bad = "cursor: not one that this list gave";
            cursor.parse().map_err(|_| ApiError::new(ProblemCode::InvalidParameter, bad))
        };
        self.cursor.map(read).transpose()
    }
}

/// The office's payments, all of them, a page at a time.
#[utoipa::path(get, path = "/api/payments", tag = "organiser", params(PageQuery),
    responses((status = 200, body = PaymentPage), (status = "4XX", body = tmapi::Problem)))]
pub async fn list(
    State(api): State<Api>,
    _: Organiser,
    Query(query): Query<PageQuery>,
) -> ApiResult<Answer<PaymentPage>> {
    let page = api.office.payments_after(query.read::<ProviderKey>()?, PAGE).await?;
    let is_full = page.items.len() >= PAGE as usize;
    let next_cursor = page.items.last().filter(|_| is_full).map(|(last, _)| last.key.to_string());
    let view = |(payment, created_at): DatedPayment| PaymentView {
        provider_key: payment.key.to_string(),
        order_id: payment.order,
        operation: payment.operation,
        status: status(&payment.state),
        amount: payment.amount,
        created_at,
    };
    let items = page.items.into_iter().map(view).collect();
    Ok(Answer(PaymentPage { items, next_cursor, as_of: page.as_of }))
}

const fn status(state: &PaymentState) -> PaymentStatus {
    match state {
        PaymentState::Intent => PaymentStatus::Intent,
        PaymentState::Sent => PaymentStatus::Sent,
        PaymentState::Ok { .. } => PaymentStatus::Ok,
        PaymentState::Declined { .. } => PaymentStatus::Declined,
        PaymentState::Unknown => PaymentStatus::Unknown,
        PaymentState::NeverHappened => PaymentStatus::NeverHappened,
    }
}

/// The provider's own log, a page at a time, oldest first. It may name an operation twice.
#[utoipa::path(get, path = "/api/provider/operations", tag = "organiser", params(PageQuery),
    responses((status = 200, body = Page<ProviderOperationView>), (status = "4XX", body = tmapi::Problem),
        (status = 503, body = tmapi::Problem)))]
pub async fn provider_log(
    State(api): State<Api>,
    _: Organiser,
    Query(query): Query<PageQuery>,
) -> ApiResult<Answer<Page<ProviderOperationView>>> {
    let after = query.read::<u64>()?.unwrap_or_default();
    let records = api.office.provider_log(after, PAGE).await.map_err(|unknown| {
        ApiError::new(
            ProblemCode::PaymentUnavailable,
            format!("the provider's log cannot be read: {unknown}"),
        )
    })?;
    let next_cursor = records.last().map(|last| last.sequence.to_string());
    let view = |record: ProviderRecord| ProviderOperationView {
        provider_key: record.key.to_string(),
        order_id: record.order,
        operation: record.operation,
        done: matches!(record.answer, ProviderAnswer::Ok { .. }),
        amount: record.amount,
        at: record.at,
    };
    Ok(Answer(Page { items: records.into_iter().map(view).collect(), next_cursor }))
}

/// What the books say, and which orders are out of balance.
#[utoipa::path(get, path = "/api/ledger", tag = "organiser",
    responses((status = 200, body = LedgerView), (status = "4XX", body = tmapi::Problem)))]
pub async fn ledger(State(api): State<Api>, _: Organiser) -> ApiResult<Answer<LedgerView>> {
    let books = api.office.books(MAX_UNBALANCED).await?;
    let balances = books.balances.into_iter().map(|balance| BalanceView {
        sum: balance.sum,
        provider: balance.provider,
        sales: balance.sales,
    });
    let unbalanced = books.unbalanced.into_iter().map(|order| UnbalancedOrder {
        order_id: order.order,
        status: order.state.as_str().to_owned(),
        total: order.total,
        booked: order.booked,
        paid: order.paid,
    });
    Ok(Answer(LedgerView {
        balances: balances.collect(),
        unbalanced: unbalanced.collect(),
        as_of: books.as_of,
    }))
}
