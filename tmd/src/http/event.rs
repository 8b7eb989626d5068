//! Events: listed, searched, shown.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use tmapi::ProblemCode;
use tmapi::event::{
    EventSettingsView, EventSummary, EventView, PerformerView, PriceLevelView, SaleStatus, SeatTotals,
    VenueView, WaitingRoomMode,
};
use tmapi::page::{Page, SearchPage};
use tmcore::cache_key::CacheKey;
use tmcore::event::SaleState;
use tmcore::{EventId, Money, Timestamp};

use super::Api;
use super::encoded::{Freshness, encode, respond};
use super::error::{ApiError, ApiResult};
use super::path::{Id, Query};
use crate::app::Office;
use crate::app::availability::Counts;
use crate::app::record::{Body, EventRecord, PriceLevel, SearchQuery};
use crate::app::refusal::StoreError;

const DEFAULT_PAGE: u32 = 20;
const MAX_PAGE: u32 = 100;
const MAX_KEYWORDS: usize = 10;
const MAX_KEYWORD_CHARS: usize = 200;

/// Which page of events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Where the page begins: `nextCursor` of the one before.
    cursor: Option<String>,
    /// The most events on it, 1 to 100; 20 if left out.
    limit: Option<u32>,
}

/// What to search for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct SearchParams {
    /// Words that all have to occur in name, venue, town or performers.
    keyword: Option<String>,
    /// Events that begin at or after, RFC 3339.
    #[param(value_type = Option<String>)]
    start: Option<Timestamp>,
    /// Events that begin before, RFC 3339.
    #[param(value_type = Option<String>)]
    end: Option<Timestamp>,
    /// Hits a page, 1 to 100; 20 if left out.
    page_size: Option<u32>,
    /// Which page, from 1.
    page: Option<u32>,
}

/// The events that are on, in order of their start.
#[utoipa::path(get, path = "/api/events", tag = "catalogue", params(ListQuery),
    responses((status = 200, body = Page<EventSummary>), (status = 304), (status = "4XX", body = tmapi::Problem)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let limit = page_size(query.limit, "limit")?;
    let after = match query.cursor {
        Some(cursor) => Some(read_cursor(&api.office, &cursor).await?),
        None => None,
    };
    let key = CacheKey::EventPage { after: after.clone(), limit };
    let build = build_page(&api.office, after, limit);
    let page = api.office.cached(key, Box::pin(build)).await?;
    respond(page, Freshness::Seconds(1), &headers)
}

/// Events that match, best first.
#[utoipa::path(get, path = "/api/events/search", tag = "catalogue", params(SearchParams),
    responses((status = 200, body = SearchPage<EventSummary>), (status = "4XX", body = tmapi::Problem)))]
pub async fn search(
    State(api): State<Api>,
    Query(params): Query<SearchParams>,
) -> ApiResult<axum::Json<SearchPage<EventSummary>>> {
    let keyword = params.keyword.unwrap_or_default();
    // LIKE ends at a NUL, and what ends early finds more than was asked for.
    if keyword.contains('\0') {
        return Err(invalid("keyword: must not hold NUL".to_owned()));
    }
    let keywords: Vec<_> = keyword.split_whitespace().map(str::to_owned).collect();
    if keywords.len() > MAX_KEYWORDS || keyword.chars().count() > MAX_KEYWORD_CHARS {
        return Err(invalid(format!(
            "keyword: at most {MAX_KEYWORDS} words and {MAX_KEYWORD_CHARS} characters"
        )));
    }
    let page_size = page_size(params.page_size, "pageSize")?;
    let page = params.page.unwrap_or(1);
    let offset = page.checked_sub(1).and_then(|before| before.checked_mul(page_size));
    let offset = offset.ok_or_else(|| invalid("page: must be 1 or more".to_owned()))?;
    let query = SearchQuery { keywords, from: params.start, until: params.end, offset, limit: page_size };
    let (hits, total) = api.office.search(&query).await?;
    let items = summaries(&api.office, hits).await?;
    Ok(axum::Json(SearchPage { items, page, page_size, total }))
}

/// An event with venue, performers, price levels and rules.
#[utoipa::path(get, path = "/api/events/{eventId}", tag = "catalogue", params(("eventId" = String, Path)),
    responses((status = 200, body = EventView), (status = 304), (status = "4XX", body = tmapi::Problem)))]
pub async fn show(State(api): State<Api>, Id(event): Id<EventId>, headers: HeaderMap) -> ApiResult<Response> {
    let build = build_event(&api.office, event.clone());
    let body = api.office.cached(CacheKey::Event(event), Box::pin(build)).await?;
    respond(body, Freshness::Seconds(1), &headers)
}

async fn build_page(office: &Office, after: Option<EventId>, limit: u32) -> Result<Option<Body>, StoreError> {
    let mut records = office.events(after.as_ref(), limit + 1).await?;
    let more = records.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = records.last().filter(|_| more).map(|last| hex::encode(last.sale.event.as_str()));
    let page = Page { items: summaries(office, records).await?, next_cursor };
    encode(&page, &page).map(Some).map_err(StoreError::failed)
}

async fn build_event(office: &Office, event: EventId) -> Result<Option<Body>, StoreError> {
    let Some(record) = office.event(&event).await? else { return Ok(None) };
    let view = view(office, record).await?;
    encode(&view, &view).map(Some).map_err(StoreError::failed)
}

/// The whole event, as its organiser and buyers see it.
///
/// # Errors
/// [`StoreError`] when its seats cannot be counted.
pub async fn view(office: &Office, record: EventRecord) -> Result<EventView, StoreError> {
    let rules = record.sale.rules;
    let currency = record.currency;
    let price_levels = record.price_levels.iter().map(|level| price_level(level, currency)).collect();
    let settings = EventSettingsView {
        hold_ttl_seconds: rules.hold_ttl_seconds,
        capacity: rules.gate.capacity,
        admissions_per_minute: rules.gate.admissions_per_minute,
        seats_per_order: rules.seats.per_order,
        seats_per_buyer: rules.seats.per_buyer,
        lapse_seconds: rules.lapse_seconds,
        active_seconds: rules.active_seconds,
        lobby_seconds: rules.lobby_seconds,
    };
    Ok(EventView { summary: summary(office, record).await?, price_levels, settings })
}

/// A price level as it is shown.
#[must_use]
pub fn price_level(level: &PriceLevel, currency: tmcore::money::Currency) -> PriceLevelView {
    PriceLevelView {
        name: level.name.clone(),
        color: level.color.clone(),
        price: Money::new(level.price, currency),
        seats: level.seats,
    }
}

/// Counters as they are shown.
#[must_use]
pub const fn totals([available, reserved, sold, blocked]: Counts) -> SeatTotals {
    SeatTotals { available, reserved, sold, blocked }
}

/// Where a sale stands, as it is shown.
#[must_use]
pub const fn sale_status(state: SaleState) -> SaleStatus {
    match state {
        SaleState::Scheduled => SaleStatus::Scheduled,
        SaleState::Open => SaleStatus::Open,
        SaleState::Paused => SaleStatus::Paused,
        SaleState::Closed => SaleStatus::Closed,
    }
}

async fn summaries(office: &Office, records: Vec<EventRecord>) -> Result<Vec<EventSummary>, StoreError> {
    let mut items = Vec::with_capacity(records.len());
    for record in records {
        items.push(summary(office, record).await?);
    }
    Ok(items)
}

async fn summary(office: &Office, record: EventRecord) -> Result<EventSummary, StoreError> {
    let counts =
        office.availability(&record.sale.event).await?.map(|seats| seats.totals()).unwrap_or_default();
    let cheapest = record.price_levels.iter().filter(|level| level.seats > 0).map(|level| level.price).min();
    let waiting_room =
        if record.sale.rules.waiting_room { WaitingRoomMode::On } else { WaitingRoomMode::Off };
    let performers =
        record.performers.into_iter().map(|(performer_id, name)| PerformerView { performer_id, name });
    let venue = VenueView { venue_id: record.venue.id, name: record.venue.name, city: record.venue.city };
    Ok(EventSummary {
        event_id: record.sale.event,
        name: record.name,
        starts_at: record.starts_at,
        venue,
        performers: performers.collect(),
        sale_status: sale_status(record.sale.state),
        sale_starts_at: record.sale.starts_at,
        waiting_room,
        from_price: cheapest.map(|price| Money::new(price, record.currency)),
        seats: totals(counts),
    })
}

async fn read_cursor(office: &Office, cursor: &str) -> ApiResult<EventId> {
    let bad = || invalid("cursor: not one that this list gave".to_owned());
    let text = hex::decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
    let event: EventId = text.parse().map_err(|_| bad())?;
    office.event(&event).await?.map(|_| event).ok_or_else(bad)
}

fn page_size(wanted: Option<u32>, name: &str) -> ApiResult<u32> {
    match wanted.unwrap_or(DEFAULT_PAGE) {
        size @ 1..=MAX_PAGE => Ok(size),
        _ => Err(invalid(format!("{name}: must be from 1 to {MAX_PAGE}"))),
    }
}

fn invalid(detail: String) -> ApiError {
    ApiError::new(ProblemCode::InvalidParameter, detail)
}
