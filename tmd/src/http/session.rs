//! Places in line: taken, looked at, given up.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use tmapi::session::{JoinWaitingRoom, JoinedSession, SessionStatus, SessionView, WaitEstimate};
use tmcore::waiting_room::SessionState;
use tmcore::{SessionId, UserId};

use super::Api;
use super::body::Json;
use super::caller::{Anybody, Buyer};
use super::encoded::{Freshness, encode, respond};
use super::error::{ApiError, ApiResult};
use super::path::Id;
use crate::app::record::Place;
use crate::app::room::Standing;

/// A place in line: 201 for a new one, 200 for the one the buyer has. Without a credential the buyer is a new guest, and
/// the answer holds the guest's token.
#[utoipa::path(post, path = "/api/waiting-room/sessions", tag = "waiting room", request_body = JoinWaitingRoom,
    responses((status = 201, body = JoinedSession), (status = 200, body = JoinedSession),
        (status = "4XX", body = tmapi::Problem)))]
pub async fn join(
    State(api): State<Api>,
    Anybody(user): Anybody,
    Json { value, .. }: Json<JoinWaitingRoom>,
) -> ApiResult<Response> {
    let (user, access_token) = known_or_guest(&api, user)?;
    let (standing, new) = api.office.join(user, value.event_id).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Answer(JoinedSession { session: view(&standing), access_token })).into_response())
}

/// The buyer's session, and where it stands. Looking keeps the place.
#[utoipa::path(get, path = "/api/waiting-room/sessions/{sessionId}", tag = "waiting room",
    params(("sessionId" = String, Path)),
    responses((status = 200, body = SessionView), (status = 304), (status = "4XX", body = tmapi::Problem)))]
pub async fn show(
    State(api): State<Api>,
    Buyer(user): Buyer,
    Id(session): Id<SessionId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let standing = api.office.standing(session).await?.filter(|standing| standing.session.user == user);
    let standing = standing.ok_or_else(ApiError::not_found)?;
    // Only who owns the place uses up its looks.
    api.limits.poll(session)?;
    api.office.rooms.touch(session);
    let view = view(&standing);
    let seen =
        (view.status, view.position, view.estimate, view.paused, view.lobby, view.expires_at, view.order_id);
    let body = encode(&view, &seen).map_err(ApiError::internal)?;
    respond(Some(body), Freshness::Private, &headers)
}

/// Gives the place up, also inside. Who has an order stays until it ends: cancel it first.
#[utoipa::path(delete, path = "/api/waiting-room/sessions/{sessionId}", tag = "waiting room",
    params(("sessionId" = String, Path)), responses((status = 204), (status = "4XX", body = tmapi::Problem)))]
pub async fn leave(
    State(api): State<Api>,
    Buyer(user): Buyer,
    Id(session): Id<SessionId>,
) -> ApiResult<StatusCode> {
    api.limits.leave(user)?;
    let left = api.office.leave(session, user).await?;
    left.map(|_| StatusCode::NO_CONTENT).ok_or_else(ApiError::not_found)
}

/// The buyer, or a new guest with a token.
///
/// # Errors
/// When no token can be made, which is a fault of ours.
pub fn known_or_guest(api: &Api, user: Option<UserId>) -> ApiResult<(UserId, Option<String>)> {
    match user {
        Some(user) => Ok((user, None)),
        None => guest(api, UserId::from_uuid(api.office.world().entropy.uuid_v7())),
    }
}

/// A guest of this id, with a token.
///
/// # Errors
/// When no token can be made, which is a fault of ours.
pub fn guest(api: &Api, user: UserId) -> ApiResult<(UserId, Option<String>)> {
    let token =
        api.office.access.welcome(user, api.office.world().clock.now()).map_err(ApiError::internal)?;
    Ok((user, Some(token)))
}

/// A session as its owner sees it.
#[must_use]
pub fn view(standing: &Standing) -> SessionView {
    let session = &standing.session;
    SessionView {
        session_id: session.id,
        event_id: session.event.clone(),
        status: status(session.state),
        position: standing.ahead.map(|ahead| ahead + 1),
        ahead: standing.ahead,
        waiting: standing.waiting,
        estimate: standing.estimate.map(|estimate| WaitEstimate {
            low_seconds: estimate.low_seconds,
            high_seconds: estimate.high_seconds,
        }),
        lobby: session.state == SessionState::Waiting && session.place == Place::Lobby,
        paused: standing.paused,
        joined_at: session.joined_at,
        expires_at: session.inside.deadline,
        order_id: session.inside.order,
    }
}

const fn status(state: SessionState) -> SessionStatus {
    match state {
        SessionState::Waiting => SessionStatus::Waiting,
        SessionState::Active => SessionStatus::Active,
        SessionState::Ordering => SessionStatus::Ordering,
        SessionState::Done => SessionStatus::Done,
        SessionState::Left => SessionStatus::Left,
        SessionState::Abandoned => SessionStatus::Abandoned,
        SessionState::Expired => SessionStatus::Expired,
    }
}
