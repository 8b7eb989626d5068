//! The organiser's side: events made, filled, opened, held, closed, looked at.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use tmapi::ProblemCode;
use tmapi::event::{
    BlockSeats, BlockedSeats, CreateEvent, EventPatch, EventView, ImportSeatingPlan, WaitingRoomMode,
};
use tmapi::sale::SaleView;
use tmcore::event::{Sale, SaleAction, SaleRules, SaleState, SeatLimits};
use tmcore::waiting_room::GateLimits;
use tmcore::{EventId, Money, PerformerId, Timestamp, VenueId};

use super::body::{Json, LargeJson, NoBody};
use super::caller::Organiser;
use super::error::{ApiError, ApiResult};
use super::event::{sale_status, totals, view};
use super::path::Id;
use super::{Api, import};
use crate::app::record::{EventRecord, VenueRecord};
use crate::config::EventDefaults;

/// The most seats blocked at once.
const MAX_BLOCKED: usize = 10_000;

/// A new event, without seats yet.
#[utoipa::path(post, path = "/api/events", tag = "organiser", request_body = CreateEvent,
    responses((status = 201, body = EventView), (status = "4XX", body = tmapi::Problem)))]
pub async fn create(
    State(api): State<Api>,
    _: Organiser,
    Json { value, .. }: Json<CreateEvent>,
) -> ApiResult<(StatusCode, Answer<EventView>)> {
    let blank = blank(value.event_id, &api.office.config.event_defaults);
    let record = patched(blank, value.event)?;
    let record = api.office.put_event(&record, None, true).await?;
    Ok((StatusCode::CREATED, Answer(view(&api.office, record).await?)))
}

/// Changes settings of an event. Lowering the capacity sends nobody out.
#[utoipa::path(patch, path = "/api/events/{eventId}", tag = "organiser", params(("eventId" = String, Path)),
    request_body = EventPatch, responses((status = 200, body = EventView), (status = "4XX", body = tmapi::Problem)))]
pub async fn change(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    Json { value, .. }: Json<EventPatch>,
) -> ApiResult<Answer<EventView>> {
    let _turn = api.organiser_turn.lock().await;
    let current = api.office.event(&event).await?.ok_or_else(ApiError::not_found)?;
    let record = api.office.put_event(&patched(current, value)?, None, false).await?;
    Ok(Answer(view(&api.office, record).await?))
}

/// The event's seats, from a seating plan; makes the event when there is none. A plan with a fault writes nothing.
#[utoipa::path(post, path = "/api/events/{eventId}/-/import", tag = "organiser", params(("eventId" = String, Path)),
    request_body = ImportSeatingPlan,
    responses((status = 200, body = EventView), (status = "4XX", body = tmapi::Problem)))]
pub async fn import(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    LargeJson(request): LargeJson<ImportSeatingPlan>,
) -> ApiResult<Answer<EventView>> {
    let _turn = api.organiser_turn.lock().await;
    let plan = import::read(&api, request.seating_plan).await?;
    let current = api.office.event(&event).await?;
    let new = current.is_none();
    let mut record = current.unwrap_or_else(|| blank(event.clone(), &api.office.config.event_defaults));
    if new && record.name.is_empty() {
        record.name.clone_from(&plan.name);
        record.venue.name.clone_from(&plan.name);
    }
    let mut record = patched(record, request.event)?;
    let inventory = import::inventory(&event, &plan, &request.prices, record.currency)?;
    record.price_levels.clone_from(&inventory.price_levels);
    let record = api.office.put_event(&record, Some(&inventory), new).await?;
    Ok(Answer(view(&api.office, record).await?))
}

/// Begins the sale.
#[utoipa::path(post, path = "/api/events/{eventId}/-/open", tag = "organiser", params(("eventId" = String, Path)),
    responses((status = 200, body = EventView), (status = "4XX", body = tmapi::Problem)))]
pub async fn open(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    _: NoBody,
) -> ApiResult<Answer<EventView>> {
    act(&api, &event, SaleAction::Open).await
}

/// Lets nobody in for now; who is in goes on.
#[utoipa::path(post, path = "/api/events/{eventId}/-/pause", tag = "organiser", params(("eventId" = String, Path)),
    responses((status = 200, body = EventView), (status = "4XX", body = tmapi::Problem)))]
pub async fn pause(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    _: NoBody,
) -> ApiResult<Answer<EventView>> {
    act(&api, &event, SaleAction::Pause).await
}

/// Lets buyers in again.
#[utoipa::path(post, path = "/api/events/{eventId}/-/resume", tag = "organiser", params(("eventId" = String, Path)),
    responses((status = 200, body = EventView), (status = "4XX", body = tmapi::Problem)))]
pub async fn resume(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    _: NoBody,
) -> ApiResult<Answer<EventView>> {
    act(&api, &event, SaleAction::Resume).await
}

/// Ends the sale for good.
#[utoipa::path(post, path = "/api/events/{eventId}/-/close", tag = "organiser", params(("eventId" = String, Path)),
    responses((status = 200, body = EventView), (status = "4XX", body = tmapi::Problem)))]
pub async fn close(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    _: NoBody,
) -> ApiResult<Answer<EventView>> {
    act(&api, &event, SaleAction::Close).await
}

/// Keeps seats back.
#[utoipa::path(post, path = "/api/events/{eventId}/-/block", tag = "organiser", params(("eventId" = String, Path)),
    request_body = BlockSeats, responses((status = 200, body = BlockedSeats), (status = "4XX", body = tmapi::Problem)))]
pub async fn block(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    Json { value, .. }: Json<BlockSeats>,
) -> ApiResult<Answer<BlockedSeats>> {
    set_blocked(&api, &event, value, true).await
}

/// Puts kept seats on sale again.
#[utoipa::path(post, path = "/api/events/{eventId}/-/unblock", tag = "organiser", params(("eventId" = String, Path)),
    request_body = BlockSeats, responses((status = 200, body = BlockedSeats), (status = "4XX", body = tmapi::Problem)))]
pub async fn unblock(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
    Json { value, .. }: Json<BlockSeats>,
) -> ApiResult<Answer<BlockedSeats>> {
    set_blocked(&api, &event, value, false).await
}

/// How the sale is going.
#[utoipa::path(get, path = "/api/events/{eventId}/sale", tag = "organiser", params(("eventId" = String, Path)),
    responses((status = 200, body = SaleView), (status = "4XX", body = tmapi::Problem)))]
pub async fn sale(
    State(api): State<Api>,
    _: Organiser,
    Id(event): Id<EventId>,
) -> ApiResult<Answer<SaleView>> {
    let report = api.office.sale_report(&event).await?.ok_or_else(ApiError::not_found)?;
    let seats = api.office.availability(&event).await?;
    let (orders_finalized, revenue) = report.takings;
    Ok(Answer(SaleView {
        sale_status: sale_status(report.event.sale.state),
        as_of: seats.as_ref().map_or_else(|| api.office.world().clock.now(), |seats| seats.snapshot.as_of),
        seats: seats.map(|seats| totals(seats.totals())).unwrap_or_default(),
        waiting: report.census.waiting,
        active: report.census.active,
        ordering: report.census.ordering,
        capacity: report.event.sale.rules.gate.capacity,
        admitted_last_minute: report.census.admitted_last_minute,
        orders_finalized,
        revenue: Money::new(revenue, report.event.currency),
        event_id: event,
    }))
}

async fn act(api: &Api, event: &EventId, action: SaleAction) -> ApiResult<Answer<EventView>> {
    let _turn = api.organiser_turn.lock().await;
    let record = api.office.change_sale(event, action).await?;
    Ok(Answer(view(&api.office, record).await?))
}

async fn set_blocked(
    api: &Api,
    event: &EventId,
    request: BlockSeats,
    blocked: bool,
) -> ApiResult<Answer<BlockedSeats>> {
    if request.seats.is_empty() || request.seats.len() > MAX_BLOCKED {
        let detail = format!("seats: name 1 to {MAX_BLOCKED} seats");
        return Err(ApiError::new(ProblemCode::InvalidSeats, detail));
    }
    let changed = api.office.block_seats(event, &request.seats, blocked).await?;
    Ok(Answer(BlockedSeats { changed }))
}

/// An event that nothing is known of but its id.
#[must_use]
pub fn blank(event: EventId, defaults: &EventDefaults) -> EventRecord {
    let gate =
        GateLimits { capacity: defaults.capacity, admissions_per_minute: defaults.admissions_per_minute };
    let seats = SeatLimits { per_order: defaults.seats_per_order, per_buyer: defaults.seats_per_buyer };
    let rules = SaleRules {
        waiting_room: true,
        gate,
        lapse_seconds: defaults.lapse_seconds,
        active_seconds: defaults.active_seconds,
        lobby_seconds: defaults.lobby_seconds,
        hold_ttl_seconds: defaults.hold_ttl_seconds,
        seats,
    };
    // One venue an event: two plans of one house may differ.
    let id = venue_id(&event);
    EventRecord {
        sale: Sale { event, state: SaleState::Scheduled, starts_at: None, rules },
        name: String::new(),
        starts_at: Timestamp::from_millis(0),
        venue: VenueRecord { id, name: String::new(), city: String::new() },
        performers: Vec::new(),
        currency: defaults.currency,
        price_levels: Vec::new(),
    }
}

#[allow(clippy::expect_used, reason = "an event's id is a venue's id: both have the same rule")]
fn venue_id(event: &EventId) -> VenueId {
    event.as_str().parse().expect("the same rule")
}

/// The event with a patch applied.
///
/// # Errors
/// 422 for what is missing on a new event, or cannot be changed any more.
pub fn patched(mut event: EventRecord, patch: EventPatch) -> ApiResult<EventRecord> {
    let rules = &mut event.sale.rules;
    set(&mut rules.gate.capacity, patch.capacity);
    set(&mut rules.gate.admissions_per_minute, patch.admissions_per_minute);
    set(&mut rules.lapse_seconds, patch.lapse_seconds);
    set(&mut rules.active_seconds, patch.active_seconds);
    set(&mut rules.lobby_seconds, patch.lobby_seconds);
    set(&mut rules.hold_ttl_seconds, patch.hold_ttl_seconds);
    set(&mut rules.seats.per_order, patch.seats_per_order);
    // Who allows larger orders, and says no more, means that a buyer may have one.
    let per_buyer =
        patch.seats_per_buyer.or(patch.seats_per_order.filter(|wanted| *wanted > rules.seats.per_buyer));
    set(&mut rules.seats.per_buyer, per_buyer);
    set(&mut rules.waiting_room, patch.waiting_room.map(|mode| mode == WaitingRoomMode::On));
    set(&mut event.name, patch.name);
    set(&mut event.starts_at, patch.starts_at);
    set(&mut event.venue.city, patch.city);
    let venue = patch.venue.or_else(|| event.venue.name.is_empty().then(|| event.name.clone()));
    set(&mut event.venue.name, venue);
    event.sale.starts_at = patch.sale_starts_at.or(event.sale.starts_at);
    if let Some(names) = patch.performers {
        event.performers = names.into_iter().map(performer).collect::<ApiResult<_>>()?;
    }
    if let Some(code) = patch.currency {
        let currency = code.parse().map_err(|_| invalid("currency: not an ISO 4217 code"))?;
        if event.currency != currency && !event.price_levels.is_empty() {
            return Err(invalid("currency: fixed since seats have prices in it"));
        }
        event.currency = currency;
    }
    if event.starts_at == Timestamp::from_millis(0) {
        return Err(invalid("startsAt: a new event needs the time it begins"));
    }
    Ok(event)
}

fn set<T>(value: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *value = wanted;
    }
}

/// A performer's id is the name, as far as an id can hold it.
fn performer(name: String) -> ApiResult<(PerformerId, String)> {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String =
        words.collect::<Vec<_>>().join("-").to_lowercase().chars().take(PerformerId::MAX_CHARS).collect();
    let id = slug.parse().map_err(|_| invalid("performers: a name needs letters or digits"))?;
    Ok((id, name))
}

fn invalid(detail: &str) -> ApiError {
    ApiError::new(ProblemCode::InvalidEvent, detail)
}
