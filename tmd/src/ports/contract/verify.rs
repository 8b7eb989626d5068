//! What every store shows to whoever checks its rows.

use std::collections::BTreeSet;

use tmcore::order::OrderState;
use tmcore::payment::{Answer, DeclineReason};
use tmcore::verify::life::{self, Subject};
use tmcore::verify::{Case, MAX_TOLD, OrderCase, Report};
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, SessionId, Timestamp};
use uuid::Uuid;

use super::stage::{Stage, create, event, event_id, hold, key, ok, order_id, pin, seat, settle, user};
use crate::ports::order::{OrderCommand, Verdict};
use crate::ports::verify::{Part, Passage};

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    a_store_with_nothing_in_it_has_no_cases(&make().await).await;
    everything_is_on_one_page_and_nothing_is_wrong_with_it(&make().await).await;
    who_is_let_in_is_shown_in_that_order(&make().await).await;
    who_is_inside_stays_when_the_capacity_is_lowered(&make().await).await;
    who_bought_without_a_waiting_room_has_when_there_is_one(&make().await).await;
    an_order_has_its_edges_each_with_its_hash(&make().await).await;
    lives_are_told_of_orders_users_and_seats(&make().await).await;
}

/// What a version before steps had hashes left behind: an order whose time is up, and its one step.
pub const EARLIER: &str = "
  INSERT INTO venues (venue_id, name, city) VALUES ('V1', 'The Hall', 'Ghent');
  INSERT INTO events (event_id, venue_id, name, starts_at, currency, sale_state, waiting_room, capacity, admissions_per_minute,
      lapse_seconds, active_seconds, lobby_seconds, hold_ttl_seconds, seats_per_order, seats_per_buyer, created_at)
    VALUES ('E1', 'V1', 'Event', 1, 'EUR', 'OPEN', 1, 1, 1, 1, 1, 1, 60, 4, 6, 1);
  INSERT INTO gates (event_id, next_place, credit, credited_at) VALUES ('E1', 1, 0, 1);
  INSERT INTO orders (order_id, event_id, user_id, state, expires_at, created_at, total, currency, is_open)
    VALUES ('ord_01h455vb4pex5vsknk084sn02q', 'E1', 'usr_01h455vb4pex5vsknk084sn02q', 'PENDING', 2, 1, 0, 'EUR', 1);
  INSERT INTO order_events (order_id, to_state, at) VALUES ('ord_01h455vb4pex5vsknk084sn02q', 'PENDING', 1);";

/// Steps of [`EARLIER`] are told as such; those taken since have hashes.
pub async fn steps_of_before_have_no_hash_and_those_since_have(stage: &Stage) {
    let case = orders(stage).await.remove(0);
    assert_eq!((case.history.head.edges, case.history.head.hash), (1, None));
    assert_eq!(stage.store.expire_due(10).await.unwrap().len(), 1);
    let case = orders(stage).await.remove(0);
    let hashed: Vec<_> =
        case.history.edges.iter().map(|(edge, hash)| (edge.number, hash.is_some())).collect();
    assert_eq!(hashed, [(1, false), (2, true)]);
    let report = report(stage).await;
    assert!(report.holds(), "{report:#?}");
    assert_eq!(report.unhashed, 1);
}

/// Every case of a part, read `limit` at a time, and the last clock.
async fn walk(stage: &Stage, part: Part, limit: u32) -> (Vec<Case>, Timestamp) {
    let (mut cases, mut from) = (Vec::new(), Passage::beginning(part));
    loop {
        let page = stage.store.cases(&from, limit).await.unwrap();
        assert!(page.cases.len() <= limit.try_into().unwrap(), "{part:?}");
        cases.extend(page.cases);
        let Some(next) = page.next else { return (cases, page.as_of) };
        // It goes to the client and comes back as a text.
        from = next.to_string().parse().unwrap();
    }
}

/// What came of looking at everything.
async fn report(stage: &Stage) -> Report {
    let mut report = Report::default();
    for part in Part::ALL {
        let (cases, now) = walk(stage, part, 100).await;
        for case in &cases {
            report.look(case, now);
        }
    }
    report
}

async fn orders(stage: &Stage) -> Vec<OrderCase> {
    let (cases, _) = walk(stage, Part::Orders, 100).await;
    let order = |case| if let Case::Order(order) = case { *order } else { panic!("{case:?}") };
    cases.into_iter().map(order).collect()
}

async fn a_store_with_nothing_in_it_has_no_cases(stage: &Stage) {
    for part in Part::ALL {
        assert_eq!(walk(stage, part, 10).await.0, [], "{part:?}");
    }
    assert!(stage.store.record(&Subject::Order(order_id(1)), 10).await.unwrap().is_none());
    assert!(stage.store.record(&Subject::User(user(1)), 10).await.unwrap().is_none());
    let nowhere = Subject::Seat(event_id("E1"), seat(0));
    assert!(stage.store.record(&nowhere, 10).await.unwrap().is_none());
}

/// Sells the seats to `who`.
async fn sell(stage: &Stage, who: u128, seats: &[u32]) {
    let held = stage.apply(hold(who, seats)).await.unwrap();
    settle(stage, &held, ok(&format!("auth{who}"))).await.unwrap();
    let pinned = stage.apply(pin(who)).await.unwrap();
    let sold = settle(stage, &pinned, ok(&format!("cap{who}"))).await.unwrap();
    assert_eq!(sold.record.order.state, OrderState::Finalized);
}

/// One order in each of many states, of two events; answers how many.
async fn a_day(stage: &Stage) -> usize {
    let event = stage.free_sale("E1", 9).await;
    stage.free_sale("E2", 3).await;
    for who in 1..=7 {
        stage.order(&event, who).await;
    }
    sell(stage, 1, &[0, 1]).await;
    let declined = stage.apply(hold(2, &[2])).await.unwrap();
    let no = Verdict::Answered(Answer::Declined { reason: DeclineReason::from("no") });
    settle(stage, &declined, no).await.unwrap();
    stage.apply(hold(3, &[3, 4])).await.unwrap();
    let held = stage.apply(hold(4, &[5])).await.unwrap();
    settle(stage, &held, ok("auth4")).await.unwrap();
    stage.apply(pin(4)).await.unwrap();
    let held = stage.apply(hold(5, &[6])).await.unwrap();
    settle(stage, &held, ok("auth5")).await.unwrap();
    let cancel = OrderCommand::Cancel { order: order_id(5), user: user(5), key: key(user(5), "cancel") };
    stage.apply(cancel).await.unwrap();
    sell(stage, 6, &[7]).await;
    let refund = OrderCommand::Refund { order: order_id(6), key: key(user(6), "refund") };
    stage.apply(refund).await.unwrap();
    stage.store.block_seats(&event, &[seat(8)], true).await.unwrap();
    7
}

async fn everything_is_on_one_page_and_nothing_is_wrong_with_it(stage: &Stage) {
    let orders = a_day(stage).await;
    for (part, count) in [(Part::Events, 2), (Part::Seats, 12), (Part::Orders, orders)] {
        let (all, _) = walk(stage, part, 100).await;
        assert_eq!(all.len(), count, "{part:?}");
        for limit in [1, 2, 3, 7] {
            assert_eq!(walk(stage, part, limit).await.0, all, "{part:?} by {limit}");
        }
    }
    let states: BTreeSet<_> =
        self::orders(stage).await.iter().map(|case| case.order.state.as_str()).collect();
    let expected = ["AUTHORIZING", "CANCELLED", "CAPTURING", "FINALIZED", "PENDING", "REFUNDING"];
    assert_eq!(states.into_iter().collect::<Vec<_>>(), expected);
    let report = report(stage).await;
    assert!(report.holds(), "{report:#?}");
    assert_eq!(report.unhashed, 0);
    assert!(report.findings.values().all(|found| found.first.len() <= MAX_TOLD));
}

/// Lets `count` of a line in; answers their numbers.
async fn line(stage: &Stage, event: &EventId, count: u128) {
    for who in 1..=count {
        stage.join(event, who).await;
    }
    while stage.session(count).await.state == SessionState::Waiting {
        stage.store.turn(event).await.unwrap();
    }
}

async fn who_is_let_in_is_shown_in_that_order(stage: &Stage) {
    let event = stage.on_sale(event("E1"), 3).await;
    line(stage, &event, 5).await;
    let (all, _) = walk(stage, Part::Admissions, 100).await;
    let place = |case: &Case| if let Case::Admission(one) = case { one.place } else { panic!("{case:?}") };
    let places: Vec<_> = all.iter().map(place).collect();
    assert_eq!(places.len(), 5);
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(walk(stage, Part::Admissions, 2).await.0, all);
    assert_eq!(walk(stage, Part::Sessions, 2).await.0.len(), 5);
    let session = SessionId::from_uuid(Uuid::from_u128(2));
    let OrderCommand::Create { order, user, event, key, .. } = create(&event, 2) else { panic!() };
    let create = OrderCommand::Create { order, user, event, key, session: Some(session) };
    stage.apply(create).await.unwrap();
    sell(stage, 2, &[0]).await;
    let report = report(stage).await;
    assert!(report.holds(), "{report:#?}");
    let case = orders(stage).await.remove(0);
    assert!(case.admission.is_needed);
    assert_eq!(case.admission.session.unwrap().2, SessionState::Done);
}

async fn who_is_inside_stays_when_the_capacity_is_lowered(stage: &Stage) {
    let id = stage.on_sale(event("E1"), 3).await;
    line(stage, &id, 4).await;
    let mut lowered = event("E1");
    lowered.sale.rules.gate.capacity = 1;
    stage.store.put_event(&lowered, None, false).await.unwrap();
    let report = report(stage).await;
    assert!(report.holds(), "{report:#?}");
    let Case::Event(case) = walk(stage, Part::Events, 9).await.0.remove(0) else { panic!() };
    assert_eq!((case.inside, case.capacity), (4, 100));
}

async fn who_bought_without_a_waiting_room_has_when_there_is_one(stage: &Stage) {
    let id = stage.free_sale("E1", 3).await;
    stage.order(&id, 1).await;
    stage.store.put_event(&event("E1"), None, false).await.unwrap();
    assert!(!orders(stage).await.remove(0).admission.is_needed);
    let report = report(stage).await;
    assert!(report.holds(), "{report:#?}");
}

async fn an_order_has_its_edges_each_with_its_hash(stage: &Stage) {
    let event = stage.free_sale("E1", 3).await;
    stage.order(&event, 1).await;
    sell(stage, 1, &[0]).await;
    let case = orders(stage).await.remove(0);
    let states: Vec<_> = case.history.edges.iter().map(|(edge, _)| edge.to.as_str()).collect();
    assert_eq!(states, ["PENDING", "AUTHORIZING", "AUTHORIZED", "CAPTURING", "FINALIZED"]);
    let (mut before, mut number) = (None, 0);
    for (edge, hash) in &case.history.edges {
        number += 1;
        assert_eq!((edge.number, *hash), (number, Some(edge.hash(case.order.id, before))));
        before = *hash;
    }
    assert_eq!((case.history.head.edges, case.history.head.hash), (5, before));
}

async fn lives_are_told_of_orders_users_and_seats(stage: &Stage) {
    a_day(stage).await;
    let told = async |subject: Subject| {
        let (record, as_of) = stage.store.record(&subject, 10).await.unwrap().unwrap();
        let told = life::tell(&record);
        assert!(told.iter().all(|happening| happening.at <= as_of));
        (told, life::stands(&record))
    };
    let (order, stands) = told(Subject::Order(order_id(1))).await;
    // Five edges, two payments, two tickets.
    assert_eq!(order.len(), 9, "{order:#?}");
    assert!(stands.unwrap().contains("FINALIZED"));
    assert_eq!(told(Subject::User(user(1))).await.0, order);
    let (of_seat, stands) = told(Subject::Seat(event_id("E1"), seat(1))).await;
    assert_eq!(of_seat, order);
    assert!(stands.unwrap().contains("sold to"));
    let (refunded, stands) = told(Subject::Seat(event_id("E1"), seat(7))).await;
    assert!(refunded.iter().any(|happening| happening.said.contains("REFUNDING")));
    assert_eq!(stands.unwrap(), "S-7 of E1 is free");
    assert_eq!(told(Subject::Seat(event_id("E1"), seat(8))).await.0, []);
    let joined = stage.on_sale(event("E3"), 1).await;
    line(stage, &joined, 1).await;
    let (waited, _) = told(Subject::User(user(1))).await;
    assert_eq!(waited.len(), order.len() + 2);
    assert!(waited.iter().any(|happening| happening.said.contains("WAITING -> ACTIVE")));
}
