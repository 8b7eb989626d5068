//! A real stadium of 39,417 seats, where its plan is at hand.
#![allow(clippy::disallowed_methods, reason = "the import has a time to keep")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method};
use tmapi::client::SaleAction;
use tmapi::event::{EventPatch, ImportSeatingPlan, WaitingRoomMode};
use tmapi::order::{OrderStatus, SeatsAndPayment};

use crate::harness::{Daemon, event_id, key};

const PLAN: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/metalist-stadium.seating-plan.json");
const SEATS: u32 = 39_417;
const SECTIONS: usize = 51;

/// Imports within 5 s, opens, sells from every section, and shows all seats in at most 64 KiB.
#[tokio::test(flavor = "multi_thread")]
async fn a_stadium_is_imported_and_sold_from_every_section() {
    let Ok(text) = std::fs::read(PLAN) else {
        // Nothing to import on this machine.
        return;
    };
    let daemon = Daemon::start().await;
    let event = event_id("STADIUM");
    let prices = ["Front", "Middle", "Upper", "Skybox"].map(|name| (name.to_owned(), 5_000));
    let patch = EventPatch {
        starts_at: Some("2030-01-01T20:00:00Z".parse().unwrap()),
        waiting_room: Some(WaitingRoomMode::Off),
        ..EventPatch::default()
    };
    let seating_plan = serde_json::from_slice(&text).unwrap();
    let request = ImportSeatingPlan { seating_plan, prices: BTreeMap::from(prices), event: patch };
    let began = Instant::now();
    daemon.organiser.import(&event, &request).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    daemon.organiser.sale_action(&event, SaleAction::Open).await.unwrap();

    let map = daemon.client().seat_map(&event).await.unwrap();
    assert_eq!((map.seat_count, map.sections.len()), (SEATS, SECTIONS));
    for section in &map.sections {
        let seats = vec![section.rows[0].ids[0].clone()];
        let booking = SeatsAndPayment { seats, payment_token: "tok_ok".to_owned() };
        let order = daemon.client().book(&event, &booking, &key()).await.unwrap();
        assert_eq!((order.status, order.tickets.len()), (OrderStatus::Finalized, 1), "{}", section.name);
    }
    let sale = daemon.organiser.sale(&event).await.unwrap();
    assert_eq!((sale.seats.sold, sale.orders_finalized), (51, 51));

    for coding in ["identity", "gzip"] {
        let headers =
            HeaderMap::from_iter([(http::header::ACCEPT_ENCODING, HeaderValue::from_static(coding))]);
        let (_, _, body) =
            daemon.client().raw(Method::GET, "/api/events/STADIUM/availability", headers, "").await.unwrap();
        assert!(body.len() <= 64 << 10, "{} bytes as {coding}", body.len());
    }
    daemon.check_invariants().await;
}
