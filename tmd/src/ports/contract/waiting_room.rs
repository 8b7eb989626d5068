//! What every waiting room's store keeps.

use tmcore::SessionId;
use tmcore::event::{EntryRefusal, SaleAction};
use tmcore::waiting_room::SessionState;
use uuid::Uuid;

use super::stage::{Stage, create, event, event_id, user};
use crate::ports::order::CommandRefusal;
use crate::ports::waiting_room::{Join, JoinRefusal, Place};

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    w2_places_are_given_in_the_order_of_the_batch(&make().await).await;
    w4_a_user_has_one_place(&make().await).await;
    a_refusal_concerns_its_own_join_alone(&make().await).await;
    w1_a_turn_lets_in_no_more_than_fit_and_the_first_first(&make().await).await;
    w10_only_who_was_let_in_may_order(&make().await).await;
    leaving_twice_changes_nothing(&make().await).await;
    who_leaves_from_inside_frees_the_slot(&make().await).await;
    w9_who_gives_no_sign_of_life_lapses_and_nobody_else(&make().await).await;
    live_sessions_are_paged_by_id(&make().await).await;
    w11_the_lobby_is_drawn_once_and_stands_before_the_line(&make().await).await;
}

fn session(n: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(n))
}

async fn w2_places_are_given_in_the_order_of_the_batch(stage: &Stage) {
    let id = stage.on_sale(event("E1"), 1).await;
    let joins = (1..=50).map(|n| Join { session: session(n), user: user(n), event: id.clone() });
    let joined = stage.store.join(joins.collect()).await;
    let places: Vec<_> = joined.into_iter().map(|joined| joined.unwrap().session.place).collect();
    for pair in places.windows(2) {
        assert!(matches!((pair[0], pair[1]), (Place::Line(a), Place::Line(b)) if a < b));
    }
}

async fn w4_a_user_has_one_place(stage: &Stage) {
    let id = stage.on_sale(event("E1"), 1).await;
    let twice = [session(1), session(2)].map(|session| Join { session, user: user(1), event: id.clone() });
    let joined: Vec<_> = stage.store.join(twice.into()).await.into_iter().map(Result::unwrap).collect();
    assert!(joined[0].new && !joined[1].new);
    assert_eq!(joined[0].session, joined[1].session);
}

async fn a_refusal_concerns_its_own_join_alone(stage: &Stage) {
    let id = stage.on_sale(event("E1"), 1).await;
    let free = stage.free_sale("free", 1).await;
    let over = stage.on_sale(event("over"), 1).await;
    stage.store.change_sale(&over, SaleAction::Close, [0; 32]).await.unwrap();
    let events = [event_id("nowhere"), id, free, over];
    let joins = (1..).zip(events).map(|(n, event)| Join { session: session(n), user: user(n), event });
    let answers = stage.store.join(joins.collect()).await;
    assert!(matches!(answers[0], Err(JoinRefusal::NotFound)));
    assert!(answers[1].is_ok());
    assert!(matches!(answers[2], Err(JoinRefusal::NoWaitingRoom)));
    assert!(matches!(answers[3], Err(JoinRefusal::Entry(EntryRefusal::Over))));
}

async fn w1_a_turn_lets_in_no_more_than_fit_and_the_first_first(stage: &Stage) {
    let mut record = event("E1");
    record.sale.rules.gate.capacity = 3;
    let id = stage.on_sale(record, 1).await;
    for n in 1..=5 {
        stage.join(&id, n).await;
    }
    let turn = stage.store.turn(&id).await.unwrap();
    assert_eq!(turn.admitted, 3);
    let admitted: Vec<_> = turn.changed.iter().map(|session| session.id).collect();
    assert_eq!(admitted, [session(1), session(2), session(3)]);
    assert_eq!(stage.store.turn(&id).await.unwrap().admitted, 0, "the room is full");
    assert_eq!(stage.session(4).await.state, SessionState::Waiting);
}

async fn w10_only_who_was_let_in_may_order(stage: &Stage) {
    let id = stage.on_sale(event("E1"), 1).await;
    assert!(matches!(stage.apply(create(&id, 1)).await, Err(CommandRefusal::NotAdmitted)));
    stage.join(&id, 1).await;
    assert!(matches!(stage.apply(create(&id, 1)).await, Err(CommandRefusal::NotAdmitted)));
    stage.store.turn(&id).await.unwrap();
    let outcome = stage.apply(create(&id, 1)).await.unwrap();
    assert_eq!(outcome.session.unwrap().state, SessionState::Ordering);
    assert_eq!(stage.session(1).await.inside.order, Some(outcome.record.order.id));
}

async fn w9_who_gives_no_sign_of_life_lapses_and_nobody_else(stage: &Stage) {
    let mut record = event("E1");
    record.sale.rules.gate.capacity = 0;
    record.sale.rules.lapse_seconds = 2;
    let id = stage.on_sale(record, 1).await;
    for n in 1..=3 {
        stage.join(&id, n).await;
    }
    // By the store's own clock.
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    stage.store.touch(&[session(2)]).await.unwrap();
    let lapsed: Vec<_> = stage.store.turn(&id).await.unwrap().changed;
    let lapsed: Vec<_> = lapsed.iter().map(|lapsed| (lapsed.id, lapsed.state)).collect();
    assert_eq!(lapsed, [1, 3].map(|n| (session(n), SessionState::Abandoned)));
    assert_eq!(stage.session(2).await.state, SessionState::Waiting);
}

async fn leaving_twice_changes_nothing(stage: &Stage) {
    let id = stage.on_sale(event("E1"), 1).await;
    stage.join(&id, 1).await;
    assert_eq!(stage.store.leave(session(1), user(2)).await.unwrap(), None, "somebody else's");
    for _ in 0..2 {
        let left = stage.store.leave(session(1), user(1)).await.unwrap().unwrap();
        assert_eq!(left.state, SessionState::Left);
    }
    let again = Join { session: session(9), user: user(1), event: id };
    assert!(stage.store.join(vec![again]).await.remove(0).unwrap().new, "who left joins anew");
}

async fn who_leaves_from_inside_frees_the_slot(stage: &Stage) {
    let mut record = event("E1");
    record.sale.rules.gate.capacity = 1;
    let id = stage.on_sale(record, 1).await;
    stage.join(&id, 1).await;
    stage.join(&id, 2).await;
    stage.store.turn(&id).await.unwrap();
    let left = stage.store.leave(session(1), user(1)).await.unwrap().unwrap();
    assert_eq!(left.state, SessionState::Expired);
    assert_eq!(stage.store.turn(&id).await.unwrap().admitted, 1);
    stage.apply(create(&id, 2)).await.unwrap();
    let stays = stage.store.leave(session(2), user(2)).await.unwrap().unwrap();
    assert_eq!(stays.state, SessionState::Ordering);
}

async fn live_sessions_are_paged_by_id(stage: &Stage) {
    let id = stage.on_sale(event("E1"), 1).await;
    for n in 1..=5 {
        stage.join(&id, n).await;
    }
    stage.store.leave(session(2), user(2)).await.unwrap();
    let first = stage.store.live_sessions(None, 3).await.unwrap();
    let rest = stage.store.live_sessions(Some(first[2].id), 3).await.unwrap();
    let ids: Vec<_> = first.iter().chain(&rest).map(|session| session.id).collect();
    assert_eq!(ids, [session(1), session(3), session(4), session(5)]);
}

async fn w11_the_lobby_is_drawn_once_and_stands_before_the_line(stage: &Stage) {
    let mut record = event("E1");
    record.sale.starts_at = Some(tmcore::Timestamp::from_millis(1));
    stage.store.put_event(&record, Some(&super::stage::inventory(1)), true).await.unwrap();
    let id = event_id("E1");
    for n in 1..=20 {
        assert_eq!(stage.join(&id, n).await.session.place, Place::Lobby);
    }
    assert_eq!(stage.store.turn(&id).await.unwrap().admitted, 0, "nobody is let in before the sale");
    let drawn = stage.store.change_sale(&id, SaleAction::Open, [5; 32]).await.unwrap();
    assert_eq!(drawn.len(), 20);
    let mut expected: Vec<_> = (1..=20).map(session).collect();
    tmcore::waiting_room::lobby::shuffle(&[5; 32], &mut expected);
    stage.join(&id, 21).await;
    let turn = stage.store.turn(&id).await.unwrap();
    let order: Vec<_> = turn.changed.iter().map(|session| session.id).collect();
    expected.push(session(21));
    assert_eq!(order, expected[..order.len()]);
}
