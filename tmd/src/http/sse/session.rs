//! The stream of one session: a snapshot first, then whatever changes, until the session ends.
//!
//! A stream remembers what it told last and compares: a reader that is slow skips to the newest state (E4).

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tmapi::ProblemCode;
use tmapi::session::SessionView;
use tmapi::stream::session_event_name;
use tmcore::SessionId;
use tokio::sync::watch;
use tokio::time::sleep;

use super::bounds::{StreamKind, StreamPlace};
use super::{HEARTBEAT, address, check_accept, frame, goodbye, respond};
use crate::app::room::Standing;
use crate::http::Api;
use crate::http::accept::Peer;
use crate::http::caller::Anybody;
use crate::http::error::{ApiError, ApiResult};
use crate::http::path::Id;
use crate::http::session::view;

/// Places are told at most this often; being let in is told at once.
const POSITION_PAUSE: Duration = Duration::from_millis(200);

/// Tells where a session stands, live. Whoever knows the session's id may listen, for browsers and curl send no
/// credential here; somebody else's credential is refused.
#[utoipa::path(get, path = "/api/sse/waiting-room/sessions/{sessionId}", tag = "waiting room",
    params(("sessionId" = String, Path)),
    responses((status = 200, body = SessionView, content_type = "text/event-stream"), (status = 204),
        (status = "4XX", body = tmapi::Problem)))]
pub async fn stream(
    State(api): State<Api>,
    Anybody(user): Anybody,
    Id(session): Id<SessionId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    check_accept(&api, &headers)?;
    let standing = api.office.standing(session).await?;
    let standing = standing.filter(|standing| user.is_none_or(|user| user == standing.session.user));
    let standing = standing.ok_or_else(ApiError::not_found)?;
    let room = api.office.room(&standing.session.event).await?.ok_or_else(ApiError::not_found)?;
    if !standing.session.state.is_live() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let place = api.listening.streams.enter(StreamKind::Session, address(peer))?;
    let open = OpenStream::new(&api, session, place)?;
    let state = Telling {
        open,
        news: room.news(),
        beats: api.listening.beats.listen(),
        told: Told { last: None, at: Duration::ZERO },
        is_over: false,
    };
    Ok(respond(futures::stream::unfold(state, |mut state| async move {
        state.next().await.map(|frame| (frame, state))
    })))
}

/// A stream that counts as a sign of life while it is open (E5, W9).
struct OpenStream {
    api: Api,
    session: SessionId,
    _place: StreamPlace,
}

impl OpenStream {
    fn new(api: &Api, session: SessionId, place: StreamPlace) -> ApiResult<Self> {
        let most = api.office.config.waiting_room.streams_per_session;
        if api.office.rooms.heartbeats.open(session, most) {
            return Ok(Self { api: api.clone(), session, _place: place });
        }
        Err(ApiError::new(ProblemCode::TooManyStreams, format!("a session has at most {most} streams"))
            .retry_after(5))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.api.office.rooms.heartbeats.close(self.session);
    }
}

struct Told {
    last: Option<SessionView>,
    /// By the process's monotonic clock.
    at: Duration,
}

struct Telling {
    open: OpenStream,
    news: watch::Receiver<u64>,
    beats: watch::Receiver<()>,
    told: Told,
    is_over: bool,
}

impl Telling {
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        if self.told.last.is_none() {
            self.news.mark_unchanged();
            return self.tell().await;
        }
        let streams = self.open.api.office.lifecycle().streams.clone();
        loop {
            tokio::select! {
                () = streams.cancelled() => {
                    self.is_over = true;
                    return Some(goodbye(&self.open.api));
                }
                _ = self.beats.changed() => return Some(HEARTBEAT),
                news = self.news.changed() => {
                    if news.is_err() {
                        return None;
                    }
                    if let Some(frame) = self.tell().await {
                        return Some(frame);
                    }
                }
            }
        }
    }

    /// The newest state, if it is another than was told last.
    async fn tell(&mut self) -> Option<Bytes> {
        let mut standing = self.look().await?;
        let pause = (self.told.at + POSITION_PAUSE).saturating_sub(self.monotonic());
        if standing.ahead.is_some() && self.told.last.is_some() && !pause.is_zero() {
            sleep(pause).await;
            self.news.mark_unchanged();
            standing = self.look().await?;
        }
        let now = view(&standing);
        if self.told.last.as_ref().is_some_and(|last| is_old_news(last, &now)) {
            return None;
        }
        self.is_over = now.status.is_terminal();
        self.told.at = self.monotonic();
        let id = format!("{}.{}", standing.session.state.as_str(), now.position.unwrap_or(0));
        let frame = frame(session_event_name(now.status), &id, &now);
        self.told.last = Some(now);
        Some(frame)
    }

    fn monotonic(&self) -> Duration {
        self.open.api.office.world().clock.monotonic()
    }

    async fn look(&mut self) -> Option<Standing> {
        match self.open.api.office.standing(self.open.session).await {
            Ok(standing) => standing,
            Err(error) => {
                tracing::warn!(session = %self.open.session, %error, "failed to look at a session for its stream");
                None
            }
        }
    }
}

/// An estimate that moved is no news by itself, nor is the length of the line behind.
fn is_old_news(last: &SessionView, now: &SessionView) -> bool {
    let told = |view: &SessionView| (view.status, view.position, view.lobby, view.paused, view.order_id);
    told(last) == told(now)
}
