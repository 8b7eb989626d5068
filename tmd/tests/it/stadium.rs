//! A real stadium of 39,417 seats, where its plan is at hand.
#![allow(clippy::disallowed_methods, reason = "the import has a time to keep, the plan may lie elsewhere")]
#![allow(clippy::print_stderr, reason = "who runs the tests is told what was left out")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tmapi::client::SaleAction;
use tmapi::event::{EventPatch, ImportSeatingPlan, WaitingRoomMode};
use tmapi::order::{OrderStatus, SeatsAndPayment};

use crate::harness::{Daemon, Dice, event_id, key};
use crate::wire::Ask;

const PLAN: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/metalist-stadium.seating-plan.json");
const SEATS: u32 = 39_417;
const SECTIONS: usize = 51;

/// How many bytes the availability is on the wire; a client would decompress them.
async fn availability(daemon: &Daemon, event: &str, coding: &str) -> usize {
    let ask = Ask::new(&format!("GET /api/events/{event}/availability")).header("accept-encoding", coding);
    let answer = ask.send(&daemon.url).await;
    let coded = answer.headers.get("content-encoding").map_or("identity", |value| value.to_str().unwrap());
    assert_eq!((answer.status, coded), (200, coding));
    answer.body.len()
}

/// Imports within 5 s, opens, sells from every section, and shows all seats in at most 64 KiB.
#[tokio::test(flavor = "multi_thread")]
async fn a_stadium_is_imported_and_sold_from_every_section() {
    let path = std::env::var_os("TMD_IT_STADIUM_PLAN").unwrap_or_else(|| PLAN.into());
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("left out: no plan at {}; TMD_IT_STADIUM_PLAN names another place", path.display());
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
    let plan = tmcore::seating::parse(&text).unwrap();
    let seating_plan = serde_json::from_slice(&text).unwrap();
    let request = ImportSeatingPlan { seating_plan, prices: BTreeMap::from(prices), event: patch };
    let began = Instant::now();
    daemon.organiser.import(&event, &request).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    daemon.organiser.sale_action(&event, SaleAction::Open).await.unwrap();

    let map = daemon.client().seat_map(&event).await.unwrap();
    assert_eq!((map.seat_count, map.sections.len()), (SEATS, SECTIONS));
    assert_eq!(map.plan(), Ok(tmcore::seating::SeatingPlan { name: "STADIUM".to_owned(), ..plan }));
    for section in &map.sections {
        let seats = vec![section.rows[0].ids[0].clone()];
        let booking = SeatsAndPayment { seats, payment_token: "tok_ok".to_owned() };
        let order = daemon.client().book(&event, &booking, &key()).await.unwrap();
        assert_eq!((order.status, order.tickets.len()), (OrderStatus::Finalized, 1), "{}", section.name);
    }
    let sale = daemon.organiser.sale(&event).await.unwrap();
    assert_eq!((sale.seats.sold, sale.orders_finalized), (51, 51));

    let plain = availability(&daemon, "STADIUM", "identity").await;
    let gzip = availability(&daemon, "STADIUM", "gzip").await;
    assert!(gzip < plain && plain <= 64 << 10, "{gzip} and {plain} bytes");
    daemon.check_invariants().await;
}

/// 20,000 seats, each in a state of its own by lot, fit into 8 KiB compressed.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_seats_at_their_worst_are_8_kibibytes() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("ARENA", 25, 800).await;
    daemon.organiser.sale_action(&event, SaleAction::Open).await.unwrap();
    let mut dice = Dice::new(20_000);
    let states: String = (0..20_000).map(|_| ['0', '2', '3', '4'][dice.below(4)]).collect();
    // The digit of each seat.
    let digit = "substr($1, CAST(seat_index AS INTEGER) + 1, 1)";
    let scatter = format!(
        "UPDATE seat_inventory SET status = CAST({digit} AS INTEGER),
           order_id = CASE WHEN {digit} IN ('2', '3') THEN 'x' END, ticket_id = CASE WHEN {digit} = '3' THEN 'x' END"
    );
    sqlx::query(sqlx::AssertSqlSafe(scatter)).bind(states).execute(&daemon.db).await.unwrap();
    sqlx::query("UPDATE seat_clocks SET seq = seq + 1").execute(&daemon.db).await.unwrap();
    daemon.office.tell_event(&event).await;
    let look = daemon.client().availability(&event).await.unwrap();
    let totals = look.totals;
    let each = [totals.available, totals.reserved, totals.sold, totals.blocked];
    assert!(each.iter().all(|seats| (4_700..5_300).contains(seats)), "{each:?}");
    let gzip = availability(&daemon, "ARENA", "gzip").await;
    assert!(gzip <= 8 << 10, "{gzip} bytes");
}
