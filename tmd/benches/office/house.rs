//! Events to sell: houses of as many seats as a measurement needs, and requests about them.

use serde_json::json;
use tmapi::client::SaleAction;
use tmapi::event::{EventPatch, ImportSeatingPlan, WaitingRoomMode};
use tmcore::EventId;

use super::daemon::Daemon;
use super::wire::request;

const SEATS_PER_ROW: usize = 50;
const SEATS_PER_SECTION: usize = 1_000;

/// The id of a seat of a house.
pub fn seat(index: usize) -> String {
    let (section, within) = (index / SEATS_PER_SECTION, index % SEATS_PER_SECTION);
    format!("{}-{}-{}", section + 1, within / SEATS_PER_ROW + 1, within % SEATS_PER_ROW + 1)
}

/// A seating plan of so many seats in sections of a thousand.
fn plan(seats: usize) -> serde_json::Value {
    let all: Vec<usize> = (0..seats).collect();
    let zones: Vec<_> = all
        .chunks(SEATS_PER_SECTION)
        .enumerate()
        .map(|(zone, seats)| {
            let rows: Vec<_> = seats.chunks(SEATS_PER_ROW).enumerate().map(|(n, row)| plan_row(n, row)).collect();
            json!({"name": format!("Block {}", zone + 1), "position": {"x": zone * 1_200, "y": 0}, "rows": rows})
        })
        .collect();
    json!({
        "name": "A house", "size": {"width": 100_000, "height": 2_000}, "zones": zones,
        "categories": [{"name": "Standard", "color": "#0072B2"}],
    })
}

fn plan_row(row: usize, seats: &[usize]) -> serde_json::Value {
    let seats: Vec<_> = seats
        .iter()
        .enumerate()
        .map(|(n, index)| {
            json!({"seat_guid": seat(*index), "seat_number": (n + 1).to_string(),
                "position": {"x": n * 20, "y": 0}, "category": "Standard"})
        })
        .collect();
    json!({"row_number": (row + 1).to_string(), "position": {"x": 0, "y": row * 20}, "seats": seats})
}

/// Puts an event of so many seats on sale.
pub async fn open(daemon: &Daemon, id: &str, seats: usize, patch: EventPatch) -> anyhow::Result<()> {
    let (event, organiser): (EventId, _) = (id.parse()?, daemon.organiser()?);
    let event_patch = EventPatch { starts_at: Some("2030-01-01T20:00:00Z".parse()?), ..patch };
    let prices = [("Standard".to_owned(), 4_500)].into_iter().collect();
    organiser
        .import(&event, &ImportSeatingPlan { seating_plan: plan(seats), prices, event: event_patch })
        .await?;
    organiser.sale_action(&event, SaleAction::Open).await?;
    Ok(())
}

/// Sold without a waiting room.
pub fn without_waiting_room() -> EventPatch {
    EventPatch { waiting_room: Some(WaitingRoomMode::Off), ..EventPatch::default() }
}

/// An order that was begun.
#[derive(Clone)]
pub struct Begun {
    /// Its id.
    pub order: String,
    /// Its buyer's credential.
    pub token: String,
}

/// `POST /api/orders` of a new guest.
pub fn create(event: &str, key: &str) -> Vec<u8> {
    request("POST", "/api/orders", &[("idempotency-key", key)], &json!({"eventId": event}).to_string())
}

/// Reads the answer to [`create`].
pub fn begun(body: &[u8]) -> anyhow::Result<Begun> {
    let body: serde_json::Value = serde_json::from_slice(body)?;
    let text = |name: &str| body[name].as_str().map(str::to_owned).ok_or_else(|| anyhow::anyhow!("{body}"));
    Ok(Begun { order: text("orderId")?, token: text("accessToken")? })
}

impl Begun {
    /// `POST /api/orders/{id}:confirm` for seats.
    pub fn confirm(&self, seats: &[String], key: &str) -> Vec<u8> {
        let body = json!({"seats": seats, "paymentToken": "tok_ok"}).to_string();
        self.step("confirm", key, &body)
    }

    /// `POST /api/orders/{id}:finalize`.
    pub fn finalize(&self, key: &str) -> Vec<u8> {
        self.step("finalize", key, "")
    }

    fn step(&self, verb: &str, key: &str, body: &str) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.token);
        let fields = [("authorization", bearer.as_str()), ("idempotency-key", key)];
        request("POST", &format!("/api/orders/{}:{verb}", self.order), &fields, body)
    }
}
