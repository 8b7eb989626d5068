//! Every route, and a daemon with something behind each.

use tmapi::event::{EventPatch, WaitingRoomMode};
use tmcore::{Timestamp, UserId};
use tmd::config::Config;

use crate::harness::{Daemon, event_id, key, plan, quick};
use crate::wire::{Answer, Ask};

/// Whose credential a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody's: whatever comes along is not looked at.
    Public,
    /// A buyer's, or none.
    Anybody,
    /// The buyer's who owns the thing.
    Buyer,
    /// The organiser's.
    Organiser,
    /// None: what the payment provider sends is signed.
    Provider,
}

/// A route, who may call it, and a body it takes; of `-` it takes none.
#[derive(Clone, Copy, Debug)]
pub struct Route(pub &'static str, pub Caller, pub &'static str);

const SEATS_AND_PAYMENT: &str = r#"{"seats":["A-1"],"paymentToken":"tok_ok"}"#;
const SEATS: &str = r#"{"seats":["B-1"]}"#;
/// Stands for a plan, which is too long to be written here.
const PLAN: &str = "a plan";
const NEW_EVENT: &str = r#"{"eventId":"NEW","event":{"name":"New","startsAt":"2030-01-01T20:00:00Z"}}"#;

/// Every route, in an order in which the organiser's succeed one after the other.
pub const ROUTES: &[Route] = &[
    Route("GET /livez", Caller::Public, "-"),
    Route("GET /readyz", Caller::Public, "-"),
    Route("GET /openapi.json", Caller::Public, "-"),
    Route("GET /api/events", Caller::Public, "-"),
    Route("GET /api/events/search", Caller::Public, "-"),
    Route("GET /api/events/{eventId}", Caller::Public, "-"),
    Route("GET /api/events/{eventId}/seat-map", Caller::Public, "-"),
    Route("GET /api/events/{eventId}/availability", Caller::Public, "-"),
    Route("GET /api/sse/events/{eventId}/seats", Caller::Public, "-"),
    Route("POST /api/waiting-room/sessions", Caller::Anybody, r#"{"eventId":"E1"}"#),
    Route("GET /api/sse/waiting-room/sessions/{sessionId}", Caller::Anybody, "-"),
    Route("GET /api/waiting-room/sessions/{sessionId}", Caller::Buyer, "-"),
    Route("DELETE /api/waiting-room/sessions/{sessionId}", Caller::Buyer, "-"),
    Route("POST /api/orders", Caller::Anybody, r#"{"eventId":"E2"}"#),
    Route("GET /api/orders/{orderId}", Caller::Buyer, "-"),
    Route("POST /api/orders/{orderId}:confirm", Caller::Buyer, SEATS_AND_PAYMENT),
    Route("POST /api/orders/{orderId}:finalize", Caller::Buyer, ""),
    Route("POST /api/orders/{orderId}:cancel", Caller::Buyer, ""),
    Route("POST /api/bookings/{eventId}", Caller::Anybody, SEATS_AND_PAYMENT),
    Route("GET /api/tickets/{ticketId}", Caller::Buyer, "-"),
    Route("POST /api/ticket-checks", Caller::Organiser, r#"{"code":"X"}"#),
    Route("POST /api/orders/{orderId}:refund", Caller::Organiser, ""),
    Route("GET /api/payments", Caller::Organiser, "-"),
    Route("GET /api/provider/operations", Caller::Organiser, "-"),
    Route("GET /api/ledger", Caller::Organiser, "-"),
    Route("GET /api/verify", Caller::Organiser, "-"),
    Route("GET /api/history", Caller::Organiser, "-"),
    Route("POST /api/provider/callbacks", Caller::Provider, "-"),
    Route("POST /api/events", Caller::Organiser, NEW_EVENT),
    Route("PATCH /api/events/{eventId}", Caller::Organiser, r#"{"name":"Renamed"}"#),
    Route("GET /api/events/{eventId}/sale", Caller::Organiser, "-"),
    Route("POST /api/events/{eventId}:import", Caller::Organiser, PLAN),
    Route("POST /api/events/{eventId}:open", Caller::Organiser, ""),
    Route("POST /api/events/{eventId}:pause", Caller::Organiser, ""),
    Route("POST /api/events/{eventId}:resume", Caller::Organiser, ""),
    Route("POST /api/events/{eventId}:block", Caller::Organiser, SEATS),
    Route("POST /api/events/{eventId}:unblock", Caller::Organiser, SEATS),
    Route("POST /api/events/{eventId}:close", Caller::Organiser, ""),
];

impl Route {
    /// The body it takes; `None` when it reads none.
    pub fn body(&self) -> Option<String> {
        match self.2 {
            "-" => None,
            PLAN => Some(
                serde_json::json!({"prices": {"Standard": 1_000}, "seatingPlan": plan(3, 10)}).to_string(),
            ),
            body => Some(body.to_owned()),
        }
    }

    /// The route as it is asked with an id.
    pub fn at(&self, id: &str) -> Ask {
        at(self.0, id)
    }
}

/// A route of the table with an id in place of its parameter, and a fresh idempotency key.
pub fn at(route: &str, id: &str) -> Ask {
    assert!(ROUTES.iter().any(|known| known.0 == route), "{route} is not in the table");
    let target = match route.split_once('{') {
        Some((before, rest)) => format!("{before}{id}{}", rest.split_once('}').unwrap().1),
        None => route.to_owned(),
    };
    Ask::new(&target).key(&key())
}

/// A daemon with
/// `E1`, on sale with a waiting room; `E2`, on sale without one; `E9`, with seats but not on sale; and a buyer with a
/// session of `E1`, an order of `E2` and a ticket for its seat `C-1`.
pub struct Scene {
    pub daemon: Daemon,
    pub organiser: String,
    pub owner: String,
    pub other: String,
    pub session: String,
    pub order: String,
    pub ticket: String,
}

impl Scene {
    pub async fn set() -> Self {
        Self::set_with(quick()).await
    }

    pub async fn set_with(config: Config) -> Self {
        let daemon = Daemon::start_with(config).await;
        daemon.event("E1", 3, 10, EventPatch::default()).await;
        daemon.open_event("E2", 3, 10).await;
        let off = EventPatch { waiting_room: Some(WaitingRoomMode::Off), ..EventPatch::default() };
        daemon.import(&event_id("E9"), plan(3, 10), off).await.unwrap();
        let (organiser, owner) = (daemon.organiser_token(), token(&daemon, 1));
        let other = token(&daemon, 2);
        let mut scene = Self {
            daemon,
            organiser,
            owner: owner.clone(),
            other,
            session: String::new(),
            order: String::new(),
            ticket: String::new(),
        };
        let joined = scene
            .ask(at("POST /api/waiting-room/sessions", "").json(r#"{"eventId":"E1"}"#).token(&owner))
            .await;
        scene.session = joined.field("sessionId");
        let seat = r#"{"seats":["C-1"],"paymentToken":"tok_ok"}"#;
        let booked = scene.ask(at("POST /api/bookings/{eventId}", "E2").json(seat).token(&owner)).await;
        booked.json()["tickets"][0]["ticketId"].as_str().unwrap().clone_into(&mut scene.ticket);
        scene.order = scene.begin(&owner).await;
        scene
    }

    pub async fn ask(&self, ask: Ask) -> Answer {
        ask.send(&self.daemon.url).await
    }

    /// A new order of `E2`.
    pub async fn begin(&self, token: &str) -> String {
        let begun = self.ask(at("POST /api/orders", "").json(r#"{"eventId":"E2"}"#).token(token)).await;
        begun.field("orderId")
    }

    /// An id that the route knows, and that is the owner's where things have owners.
    pub fn id(&self, route: &Route) -> &str {
        match () {
            () if route.0.contains("{sessionId}") => &self.session,
            () if route.0.contains("{orderId}") => &self.order,
            () if route.0.contains("{ticketId}") => &self.ticket,
            () if route.0.contains("bookings") => "E2",
            () if route.1 == Caller::Organiser => "E9",
            () => "E1",
        }
    }

    /// A request with a credential and a body that the route takes.
    pub fn good_at(&self, route: &Route, id: &str) -> Ask {
        let ask = self.credited(route, id);
        match route.body().filter(|body| !body.is_empty()) {
            Some(body) => ask.json(body),
            None => ask,
        }
    }

    /// A request with a credential that the route takes, without a body.
    pub fn credited(&self, route: &Route, id: &str) -> Ask {
        let ask = route.at(id);
        match route.1 {
            Caller::Public | Caller::Provider => ask,
            Caller::Anybody | Caller::Buyer => ask.token(&self.owner),
            Caller::Organiser => ask.token(&self.organiser),
        }
    }
}

/// A good credential of a buyer who has done nothing yet.
pub fn token(daemon: &Daemon, buyer: u128) -> String {
    token_at(daemon, buyer, daemon.office.world().clock.now())
}

/// A credential that was issued at an instant.
pub fn token_at(daemon: &Daemon, buyer: u128, at: Timestamp) -> String {
    let user = UserId::from_uuid(uuid::Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 | buyer));
    daemon.office.access.issue(user, at).unwrap()
}
