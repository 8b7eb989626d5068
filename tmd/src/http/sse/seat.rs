//! The stream of an event's seats: a snapshot first, then deltas.
//!
//! One hub an event looks at the seats and encodes each change once, for all who listen. A reader that falls behind
//! gets a new snapshot instead of what it missed (E4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use tmapi::stream::seat_event;
use tmcore::EventId;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch as latest};

use super::bounds::{StreamKind, StreamPlace};
use super::{HEARTBEAT, address, check_accept, frame, goodbye, respond};
use crate::app::availability::Availability;
use crate::app::record::Fact;
use crate::drill::{self, Mutant};
use crate::http::Api;
use crate::http::accept::Peer;
use crate::http::error::{ApiError, ApiResult};
use crate::http::path::Id;
use crate::http::seat::{delta, view};
use crate::telemetry::queue::QueueGauge;

/// Deltas kept for a slow reader before it gets a snapshot.
const BACKLOG: usize = 64;
/// How often a hub looks although it was told nothing: holds end without anybody writing it down (S4).
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Tells which seats change hands, live.
#[utoipa::path(get, path = "/api/sse/events/{eventId}/seats", tag = "catalogue", params(("eventId" = String, Path)),
    responses((status = 200, body = tmapi::availability::SeatDelta, content_type = "text/event-stream"),
        (status = "4XX", body = tmapi::Problem)))]
pub async fn stream(
    State(api): State<Api>,
    Id(event): Id<EventId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    check_accept(&api, &headers)?;
    let hub = api.hubs.of(&api, &event).await?.ok_or_else(ApiError::not_found)?;
    let is_back = headers.contains_key("last-event-id");
    let stage = if drill::mutant(Mutant::NoSnapshot) && is_back {
        Stage::Deltas { after: 0 }
    } else {
        Stage::Snapshot
    };
    let place = api.listening.streams.enter(StreamKind::Seats, address(peer))?;
    let state = Telling {
        frames: hub.frames.subscribe(),
        hub,
        beats: api.listening.beats.listen(),
        api,
        stage,
        _place: place,
    };
    Ok(respond(futures::stream::unfold(state, |mut state| async move {
        state.next().await.map(|frame| (frame, state))
    })))
}

/// The hubs of events that somebody listens to.
#[derive(Default)]
pub struct Hubs {
    hubs: Mutex<HashMap<EventId, Weak<Hub>>>,
}

/// The last look at the seats.
#[derive(Clone)]
struct Latest {
    seats: Arc<Availability>,
    /// Looks at the same `seq` that saw a change: holds end without anybody writing it down, and ids never repeat.
    looks: u32,
}

/// What is known of one event's seats, and whom to tell.
pub struct Hub {
    event: EventId,
    latest: Mutex<Latest>,
    frames: broadcast::Sender<(u64, Bytes)>,
    shown: QueueGauge,
}

impl Hubs {
    /// The event's hub, begun when nobody listened before; `None` for an event without seats.
    async fn of(&self, api: &Api, event: &EventId) -> ApiResult<Option<Arc<Hub>>> {
        if let Some(hub) = self.running(event) {
            return Ok(Some(hub));
        }
        let Some(latest) = api.office.availability(event).await? else { return Ok(None) };
        let frames = broadcast::Sender::new(BACKLOG);
        let latest = Mutex::new(Latest { seats: Arc::new(latest), looks: 0 });
        let shown = QueueGauge::new("seat_frames", BACKLOG);
        let hub = Arc::new(Hub { event: event.clone(), latest, frames, shown });
        let mut hubs = self.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = hubs.get(event).and_then(Weak::upgrade) {
            return Ok(Some(other));
        }
        hubs.retain(|_, hub| hub.strong_count() > 0);
        hubs.insert(event.clone(), Arc::downgrade(&hub));
        drop(hubs);
        api.office.lifecycle().spawn("seat hub", watch(api.clone(), Arc::downgrade(&hub), event.clone()));
        Ok(Some(hub))
    }

    fn running(&self, event: &EventId) -> Option<Arc<Hub>> {
        self.hubs.lock().unwrap_or_else(PoisonError::into_inner).get(event).and_then(Weak::upgrade)
    }
}

impl Latest {
    fn id(&self) -> String {
        format!("{}.{}", self.seats.snapshot.seq, self.looks)
    }
}

impl Hub {
    fn latest(&self) -> Latest {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes in a new look: whoever subscribes sees either it or the frame that leads to it.
    fn take_in(&self, seats: Availability) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let same_plan = seats.snapshot.codes.len() == latest.seats.snapshot.codes.len();
        let change = seats.since(&latest.seats).filter(|_| same_plan);
        if same_plan && change.is_none() {
            return;
        }
        let seq = seats.snapshot.seq;
        let looks = if seq == latest.seats.snapshot.seq { latest.looks + 1 } else { 0 };
        *latest = Latest { seats: Arc::new(seats), looks };
        let frame = match change {
            Some(change) => frame(seat_event::DELTA, &latest.id(), &delta(&self.event, change)),
            // Places in the geometry mean other seats now.
            None => frame(seat_event::SNAPSHOT, &latest.id(), &view(&self.event, &latest.seats)),
        };
        // Nobody listening is no failure.
        let _ = self.frames.send((seq, frame));
        self.shown.set(self.frames.len());
    }
}

/// Looks at the seats as long as somebody listens: when told of a change, and every second anyway.
async fn watch(api: Api, hub: Weak<Hub>, event: EventId) {
    let mut facts = api.office.ports.bus.subscribe();
    let pause = Duration::from_millis(api.office.config.availability.refresh_milliseconds.into());
    let stop = api.office.lifecycle().streams.clone();
    loop {
        let told = tokio::time::timeout(LOOK_ANYWAY, told_of(&mut facts, &event));
        if stop.run_until_cancelled(told).await.is_none() {
            return;
        }
        let Some(hub) = hub.upgrade() else { return };
        match api.office.availability(&event).await {
            Ok(Some(seats)) => hub.take_in(seats),
            Ok(None) => return,
            Err(error) => tracing::warn!(%event, %error, "failed to look at seats for their stream"),
        }
        drop(hub);
        tokio::time::sleep(pause).await;
    }
}

/// Returns when the event's seats may have changed.
async fn told_of(facts: &mut broadcast::Receiver<Fact>, event: &EventId) {
    loop {
        match facts.recv().await {
            Ok(Fact::SeatsChanged(other) | Fact::EventChanged(other)) if other != *event => {}
            Ok(Fact::SessionsMoved { .. } | Fact::HoldMoved { .. }) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

enum Stage {
    Snapshot,
    Deltas { after: u64 },
    Over,
}

struct Telling {
    api: Api,
    hub: Arc<Hub>,
    frames: broadcast::Receiver<(u64, Bytes)>,
    beats: latest::Receiver<()>,
    stage: Stage,
    _place: StreamPlace,
}

impl Telling {
    async fn next(&mut self) -> Option<Bytes> {
        let streams = self.api.office.lifecycle().streams.clone();
        loop {
            let after = match self.stage {
                Stage::Snapshot => return Some(self.snapshot()),
                Stage::Deltas { after } => after,
                Stage::Over => return None,
            };
            tokio::select! {
                () = streams.cancelled() => {
                    self.stage = Stage::Over;
                    return Some(goodbye(&self.api));
                }
                _ = self.beats.changed() => return Some(HEARTBEAT),
                frame = self.frames.recv() => match frame {
                    // What the snapshot holds already is not told again.
                    Ok((seq, _)) if seq < after => {}
                    Ok((_, frame)) => return Some(frame),
                    Err(RecvError::Lagged(_)) => self.stage = Stage::Snapshot,
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn snapshot(&mut self) -> Bytes {
        // Subscribed anew before looking: between the two nothing is lost.
        self.frames = self.hub.frames.subscribe();
        let latest = self.hub.latest();
        self.stage = Stage::Deltas { after: latest.seats.snapshot.seq };
        frame(seat_event::SNAPSHOT, &latest.id(), &view(&self.hub.event, &latest.seats))
    }
}
