//! The HTTP side of the daemon: every route on one page.
#![allow(
    clippy::missing_errors_doc,
    reason = "the comment on a handler is its route's description, which lists the refusals"
)]

pub mod accept;
pub mod admin;
pub mod body;
pub mod booking;
pub mod callback;
pub mod caller;
pub mod describe;
pub mod encoded;
pub mod error;
pub mod event;
pub mod guest;
pub mod hardening;
pub mod idempotency;
pub mod import;
pub mod limit;
pub mod order;
pub mod organiser;
pub mod overload;
pub mod path;
pub mod payment;
pub mod probe;
pub mod seat;
pub mod session;
pub mod sse;
pub mod ticket;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Office;
use limit::Limits;
use sse::Listening;
use sse::seat::Hubs;

const LIMITS_TIDIED_EVERY: Duration = Duration::from_secs(60);

/// What every handler has at hand.
#[derive(Clone)]
pub struct Api {
    /// The use cases.
    pub office: Arc<Office>,
    /// How often one may do what.
    pub limits: Arc<Limits>,
    /// Who listens to which seats.
    pub hubs: Arc<Hubs>,
    /// Places and heartbeats of streams.
    pub listening: Arc<Listening>,
    /// Organisers change one thing after the other.
    pub organiser_turn: Arc<Mutex<()>>,
    /// Names guests who book in one step.
    pub guest_key: Arc<[u8; 32]>,
    /// The API's description.
    pub openapi: Bytes,
}

#[derive(OpenApi)]
#[openapi(info(title = "tmd", description = "The ticket office: catalogue, waiting room, orders, tickets."))]
struct Description;

/// Every route.
fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(event::list, organiser::create))
        .routes(routes!(event::search))
        .routes(routes!(event::show, organiser::change))
        .routes(routes!(seat::seat_map))
        .routes(routes!(seat::availability))
        .routes(routes!(organiser::sale))
        .routes(routes!(organiser::import))
        .routes(routes!(organiser::open))
        .routes(routes!(organiser::pause))
        .routes(routes!(organiser::resume))
        .routes(routes!(organiser::close))
        .routes(routes!(organiser::block))
        .routes(routes!(organiser::unblock))
        .routes(routes!(sse::seat::stream))
        .routes(routes!(session::join))
        .routes(routes!(session::show, session::leave))
        .routes(routes!(sse::session::stream))
        .routes(routes!(order::create))
        .routes(routes!(order::show))
        .routes(routes!(order::confirm))
        .routes(routes!(order::finalize))
        .routes(routes!(order::cancel))
        .routes(routes!(booking::book))
        .routes(routes!(ticket::show))
        .routes(routes!(ticket::check))
        .routes(routes!(order::refund))
        .routes(routes!(payment::list))
        .routes(routes!(payment::provider_log))
        .routes(routes!(payment::ledger))
        .routes(routes!(verify::verify))
        .routes(routes!(verify::history))
        .routes(routes!(callback::take))
        .routes(routes!(probe::livez))
        .routes(routes!(probe::readyz))
        .routes(routes!(probe::openapi))
}

/// The router of the public listener.
///
/// # Errors
/// When the API cannot be described, which is a fault of ours.
pub fn router(office: Arc<Office>, guest_key: [u8; 32]) -> Result<Router, serde_json::Error> {
    let (router, description) = routes().split_for_parts();
    let api = Api {
        limits: Arc::new(Limits::new(&office.config)),
        hubs: Arc::default(),
        listening: Listening::start(&office.config, office.lifecycle()),
        organiser_turn: Arc::default(),
        guest_key: Arc::new(guest_key),
        openapi: describe::describe(&description)?,
        office,
    };
    let draining = api.office.lifecycle().draining.clone();
    api.office.lifecycle().spawn("limits", forget_quiet_clients(Arc::clone(&api.limits), draining));
    Ok(router.with_state(api))
}

/// Without it whoever once came near a limit would be remembered for ever.
async fn forget_quiet_clients(limits: Arc<Limits>, draining: CancellationToken) {
    let mut minutes = tokio::time::interval(LIMITS_TIDIED_EVERY);
    while draining.run_until_cancelled(minutes.tick()).await.is_some() {
        limits.tidy();
    }
}
