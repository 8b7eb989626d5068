//! What an organiser does: made as told, or refused by name with nothing changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tmapi::ProblemCode;
use tmapi::client::{ClientError, SaleAction};
use tmapi::event::{
    BlockSeats, CreateEvent, EventPatch, EventView, ImportSeatingPlan, SaleStatus, SeatTotals,
};
use tmapi::session::SessionStatus;

use crate::harness::{Daemon, event_id, eventually, key, plan, seats, until};
use crate::till::{Purchase, open, refusal};

fn block(ids: &[&str]) -> BlockSeats {
    BlockSeats { seats: seats(ids) }
}

/// Code and detail of a refusal.
fn explained<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (u16, ProblemCode, String) {
    let error = answer.unwrap_err();
    let problem = error.problem().unwrap();
    (problem.status, problem.code, problem.detail.clone())
}

/// Every rule has a range; what is out of it is refused by its name, and nothing of the request is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_out_of_range_is_named_and_nothing_is_changed() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 4, EventPatch::default()).await;
    let before = daemon.client().event(&event).await.unwrap();
    let patch = |field: &str, value: Value| -> EventPatch {
        serde_json::from_value(json!({"name": "Renamed", field: value})).unwrap()
    };
    let long = "x".repeat(201);
    for (field, value) in [
        ("capacity", json!(10_000_001)),
        ("admissionsPerMinute", json!(0)),
        ("admissionsPerMinute", json!(1_000_001)),
        ("lapseSeconds", json!(2)),
        ("lapseSeconds", json!(86_401)),
        ("activeSeconds", json!(0)),
        ("activeSeconds", json!(86_401)),
        ("lobbySeconds", json!(604_801)),
        ("holdTtlSeconds", json!(0)),
        ("holdTtlSeconds", json!(86_401)),
        ("seatsPerOrder", json!(0)),
        ("seatsPerOrder", json!(101)),
        ("seatsPerBuyer", json!(7)),
        ("seatsPerBuyer", json!(10_001)),
        ("venue", json!("")),
        ("city", json!(long)),
        ("performers", json!(["!"])),
        ("performers", json!(vec!["a"; 51])),
        ("performers", json!(["Ada Band", "ada  band!"])),
        ("currency", json!("USD")),
    ] {
        let (status, code, detail) =
            explained(daemon.organiser.patch_event(&event, &patch(field, value.clone())).await);
        assert_eq!((status, code), (422, ProblemCode::InvalidEvent), "{field}: {value}");
        assert!(detail.contains(field), "{field} is not named: {detail}");
    }
    for name in ["", &long, "a\u{7}b"] {
        let patch = EventPatch { name: Some(name.to_owned()), capacity: Some(1), ..EventPatch::default() };
        let (_, code, detail) = explained(daemon.organiser.patch_event(&event, &patch).await);
        assert!(code == ProblemCode::InvalidEvent && detail.contains("name"), "{detail}");
    }
    let shown = daemon.office.event(&event).await.unwrap().unwrap();
    assert_eq!(
        (shown.name.as_str(), shown.sale.rules.gate.capacity),
        (before.summary.name.as_str(), before.settings.capacity)
    );
    assert_eq!(daemon.client().event(&event).await.unwrap(), before);
}

/// A new event has the daemon's defaults where its organiser says nothing, and says what it must say.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_made_of_what_is_said_and_of_defaults() {
    let daemon = Daemon::start().await;
    let create = |event: EventPatch| CreateEvent { event_id: event_id("E1"), event };
    let name = Some("Hamlet".to_owned());
    let starts_at = Some("2030-01-01T20:00:00Z".parse().unwrap());
    for (patch, named) in [
        (EventPatch { name: name.clone(), ..EventPatch::default() }, "startsAt"),
        (EventPatch { starts_at, ..EventPatch::default() }, "name"),
    ] {
        let (status, code, detail) = explained(daemon.organiser.create_event(&create(patch)).await);
        assert!((status, code) == (422, ProblemCode::InvalidEvent) && detail.contains(named), "{detail}");
    }
    assert_eq!(daemon.count("SELECT COUNT(*) FROM events").await, 0);
    let patch = EventPatch { name, starts_at, capacity: Some(3), ..EventPatch::default() };
    let made = daemon.organiser.create_event(&create(patch.clone())).await.unwrap();
    let defaults = &daemon.office.config.event_defaults;
    assert_eq!((made.settings.capacity, made.settings.lapse_seconds), (3, defaults.lapse_seconds));
    assert_eq!((made.summary.sale_status, made.summary.seats.all()), (SaleStatus::Scheduled, 0));
    assert_eq!(made.summary.from_price, None);
    let exists = daemon.organiser.create_event(&create(patch)).await;
    assert_eq!(refusal(exists), (409, ProblemCode::EventExists));
    let noplan = daemon.organiser.sale_action(&event_id("E1"), SaleAction::Open).await;
    assert_eq!(refusal(noplan), (409, ProblemCode::EventState));
}

/// A plan, and what is wrong with it: the place, in the words of the answer.
fn broken_plans() -> Vec<(&'static str, Value, &'static str)> {
    let with = |path: &str, value: Value| {
        let mut plan = plan(2, 3);
        *plan.pointer_mut(path).unwrap() = value;
        plan
    };
    let without = |path: &str, field: &str| {
        let mut plan = plan(2, 3);
        plan.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(field);
        plan
    };
    vec![
        (
            "a seat twice",
            with("/zones/0/rows/1/seats/2/seat_guid", json!("A-1")),
            "zones[0].rows[1].seats[2].seat_guid",
        ),
        (
            "an unknown category",
            with("/zones/0/rows/0/seats/1/category", json!("Box")),
            "zones[0].rows[0].seats[1].category",
        ),
        ("no seats", with("/zones/0/rows", json!([])), "zones"),
        ("no zones", with("/zones", json!([])), "zones"),
        ("a number for a name", with("/zones/0/rows/1/seats/0/seat_guid", json!(7)), "seatingPlan"),
        ("a text for a size", with("/size", json!("large")), "seatingPlan"),
        ("a list for a plan", json!([]), "seatingPlan"),
        ("no id", without("/zones/0/rows/0/seats/0", "seat_guid"), "zones[0].rows[0].seats[0].seat_guid"),
        (
            "an id no path can carry",
            with("/zones/0/rows/0/seats/0/seat_guid", json!("a/b")),
            "zones[0].rows[0].seats[0].seat_guid",
        ),
        ("an escape in a name", with("/zones/0/name", json!("\u{1b}[2J")), "zones[0].name"),
        (
            "a seat out in space",
            with("/zones/0/rows/0/seats/0/position", json!({"x": 1e12, "y": 0})),
            "zones[0].rows[0].seats[0].position",
        ),
        (
            "a category twice",
            with(
                "/categories",
                json!([{"name": "Standard", "color": "#000"}, {"name": "Standard", "color": "#000"}]),
            ),
            "categories[1]",
        ),
    ]
}

/// A plan with a fault, or prices that do not fit it, is refused where the fault is, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_a_fault_writes_nothing() {
    let daemon = Daemon::start().await;
    let old = event_id("OLD");
    daemon.import(&old, plan(1, 5), EventPatch::default()).await.unwrap();
    let rows = async || {
        daemon.count(
            "SELECT (SELECT COUNT(*) FROM events) * 1000000 + (SELECT COUNT(*) FROM seats) * 1000 + (SELECT COUNT(*) FROM seat_inventory)
               + (SELECT COUNT(*) FROM venues) + (SELECT COUNT(*) FROM price_levels) + (SELECT seq FROM seat_clocks)",
        )
        .await
    };
    let before = rows().await;
    let renamed = EventPatch { name: Some("Renamed".to_owned()), ..EventPatch::default() };
    let prices = |pairs: &[(&str, i64)]| -> BTreeMap<String, i64> {
        pairs.iter().map(|(name, price)| ((*name).to_owned(), *price)).collect()
    };
    let mut faults: Vec<(&str, Value, BTreeMap<String, i64>, &str)> = broken_plans()
        .into_iter()
        .map(|(what, plan, place)| (what, plan, prices(&[("Standard", 1)]), place))
        .collect();
    faults.push(("no price", plan(1, 1), prices(&[]), "prices.Standard"));
    faults.push(("an unknown price", plan(1, 1), prices(&[("Standard", 1), ("Box", 1)]), "prices.Box"));
    faults.push(("a negative price", plan(1, 1), prices(&[("Standard", -1)]), "prices.Standard"));
    for (what, seating_plan, prices, place) in faults {
        for id in ["OLD", "NEW"] {
            let starts_at = Some("2031-01-01T00:00:00Z".parse().unwrap());
            let event = EventPatch { starts_at, ..renamed.clone() };
            let request =
                ImportSeatingPlan { seating_plan: seating_plan.clone(), prices: prices.clone(), event };
            let (status, code, detail) = explained(daemon.organiser.import(&event_id(id), &request).await);
            assert_eq!((status, code), (422, ProblemCode::InvalidPlan), "{what}");
            assert!(detail.contains(place), "{what}: {detail}");
            // The request's lines are not those of anybody's file.
            assert!(!detail.contains("(line "), "{what}: {detail}");
        }
    }
    assert_eq!(rows().await, before);
    assert_eq!(daemon.office.event(&old).await.unwrap().unwrap().name, "A hall");
    assert_eq!(refusal(daemon.client().event(&event_id("NEW")).await), (404, ProblemCode::NotFound));
}

/// Until the sale begins, a plan replaces the one before as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_plan_replaces_the_old_until_the_sale_begins() {
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    daemon.import(&event, plan(1, 5), EventPatch::default()).await.unwrap();
    daemon.organiser.block(&event, &block(&["A-1"])).await.unwrap();
    daemon.client().seat_map(&event).await.unwrap();
    daemon.client().availability(&event).await.unwrap();
    let view = daemon.import(&event, plan(2, 4), EventPatch::default()).await.unwrap();
    assert_eq!(view.summary.seats, SeatTotals { available: 8, ..SeatTotals::default() });
    let (map, look) = (
        daemon.client().seat_map(&event).await.unwrap(),
        daemon.client().availability(&event).await.unwrap(),
    );
    assert_eq!((map.seat_count, look.seat_count, look.totals.available), (8, 8, 8));
    assert_eq!(view.price_levels[0].seats, 8);
    for action in [SaleAction::Open, SaleAction::Pause, SaleAction::Close] {
        daemon.organiser.sale_action(&event, action).await.unwrap();
        let late = daemon.import(&event, plan(1, 1), EventPatch::default()).await;
        assert_eq!(refusal(late), (409, ProblemCode::EventState), "{action:?}");
    }
    assert_eq!(daemon.client().seat_map(&event).await.unwrap().seat_count, 8);
}

/// A sale goes on and off as its states allow, and a closed one stays closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_moves_only_along_its_states() {
    use SaleAction::{Close, Open, Pause, Resume};
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    daemon.import(&event, plan(1, 1), EventPatch::default()).await.unwrap();
    let wrong = (409, ProblemCode::EventState);
    for (action, expected) in [
        (Pause, Err(wrong)),
        (Resume, Err(wrong)),
        (Open, Ok(SaleStatus::Open)),
        (Open, Ok(SaleStatus::Open)),
        (Resume, Ok(SaleStatus::Open)),
        (Pause, Ok(SaleStatus::Paused)),
        (Pause, Ok(SaleStatus::Paused)),
        (Open, Err(wrong)),
        (Resume, Ok(SaleStatus::Open)),
        (Close, Ok(SaleStatus::Closed)),
        (Close, Ok(SaleStatus::Closed)),
        (Open, Err(wrong)),
        (Pause, Err(wrong)),
        (Resume, Err(wrong)),
    ] {
        let answer = daemon.organiser.sale_action(&event, action).await;
        let answer: Result<EventView, _> =
            answer.map_err(|error| (error.status().unwrap(), error.code().unwrap()));
        assert_eq!(answer.map(|view| view.summary.sale_status), expected, "{action:?}");
    }
}

/// Kept back are all seats or none, never one that is held or sold; what is kept back is not sold.
#[tokio::test(flavor = "multi_thread")]
async fn seats_are_kept_back_all_or_none() {
    let daemon = Daemon::start().await;
    let event = daemon
        .event("E1", 1, 6, open(EventPatch { hold_ttl_seconds: Some(600), ..EventPatch::default() }))
        .await;
    let client = daemon.client();
    let (holder, owner) = (Purchase::begin(&client, &event).await, Purchase::begin(&client, &event).await);
    holder.confirm(&["A-1"], "tok_ok").await.unwrap();
    owner.confirm(&["A-2"], "tok_ok").await.unwrap();
    owner.finalize().await.unwrap();
    let before = daemon.seat_rows().await;
    for taken in ["A-1", "A-2"] {
        let error = daemon.organiser.block(&event, &block(&["A-3", taken, "A-4"])).await.unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!((problem.status, problem.code), (409, ProblemCode::SeatsUnavailable));
        assert_eq!(problem.seats, seats(&[taken]));
    }
    let error = daemon.organiser.block(&event, &block(&["A-3", "Z-9"])).await.unwrap_err();
    assert_eq!(error.problem().unwrap().seats, seats(&["Z-9"]));
    assert_eq!(refusal(daemon.organiser.block(&event, &block(&[])).await), (422, ProblemCode::InvalidSeats));
    assert_eq!(daemon.seat_rows().await, before, "nothing was kept back");

    assert_eq!(daemon.organiser.block(&event, &block(&["A-3", "A-4"])).await.unwrap().changed, 2);
    assert_eq!(daemon.organiser.block(&event, &block(&["A-4", "A-5"])).await.unwrap().changed, 1);
    let late = Purchase::begin(&client, &event).await;
    assert_eq!(refusal(late.confirm(&["A-4"], "tok_ok").await), (409, ProblemCode::SeatsUnavailable));
    // Of held and sold seats there is nothing to give back.
    let changed =
        daemon.organiser.unblock(&event, &block(&["A-1", "A-2", "A-4", "A-6"])).await.unwrap().changed;
    assert_eq!(changed, 1);
    assert_eq!((daemon.seats_of(holder.order).await, daemon.seats_of(owner.order).await), (1, 1));
    late.confirm(&["A-4"], "tok_ok").await.unwrap();
    // What was held and lapsed is free, also to be kept back.
    daemon.lapse(holder.order).await;
    assert_eq!(daemon.organiser.block(&event, &block(&["A-1"])).await.unwrap().changed, 1);
    assert_eq!(refusal(holder.finalize().await).0, 410);
    daemon.check_money().await;
}

/// How a sale is going: seats, people and money, each counted once.
#[tokio::test(flavor = "multi_thread")]
async fn the_sale_is_counted() {
    let daemon = Daemon::start().await;
    let patch = EventPatch { capacity: Some(3), ..EventPatch::default() };
    let event = daemon.event("E1", 1, 10, patch).await;
    let mut buyers = Vec::new();
    for _ in 0..3 {
        let (buyer, session) = daemon.join(&event).await;
        until(&buyer, session.session_id, SessionStatus::Active).await;
        buyers.push((buyer, session));
    }
    daemon
        .organiser
        .patch_event(&event, &EventPatch { capacity: Some(2), ..EventPatch::default() })
        .await
        .unwrap();
    for _ in 0..4 {
        daemon.join(&event).await;
    }
    let create = tmapi::order::CreateOrder { event_id: event.clone(), session_id: None };
    let mut orders = Vec::new();
    for (buyer, _) in &buyers[..2] {
        orders.push(buyer.create_order(&create, &key()).await.unwrap().order_id);
    }
    let pay = |ids: &[&str]| crate::till::pay(ids, "tok_ok");
    buyers[0].0.confirm(orders[0], &pay(&["A-1", "A-2", "A-3"]), &key()).await.unwrap();
    buyers[1].0.confirm(orders[1], &pay(&["A-4"]), &key()).await.unwrap();
    daemon.organiser.block(&event, &block(&["A-9", "A-10"])).await.unwrap();
    buyers[0].0.finalize(orders[0], &key()).await.unwrap();
    until(&buyers[0].0, buyers[0].1.session_id, SessionStatus::Done).await;
    let sale = daemon.organiser.sale(&event).await.unwrap();
    assert_eq!(sale.seats, SeatTotals { available: 4, reserved: 1, sold: 3, blocked: 2 });
    assert_eq!((sale.waiting, sale.active, sale.ordering, sale.capacity), (4, 1, 1, 2));
    assert_eq!((sale.orders_finalized, sale.revenue.amount, sale.revenue.currency.code()), (1, 3_000, "EUR"));
    assert_eq!((sale.admitted_last_minute, sale.sale_status), (3, SaleStatus::Open));
    buyers[1].0.cancel(orders[1], &key()).await.unwrap();
    eventually("the next is let in", async || {
        let sale = daemon.organiser.sale(&event).await.unwrap();
        (sale.waiting, sale.active, sale.ordering, sale.admitted_last_minute) == (3, 2, 0, 4)
    })
    .await;
}
