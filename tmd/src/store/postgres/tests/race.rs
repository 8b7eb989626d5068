//! Two daemons on one database, at the same time.

use std::collections::HashSet;
use std::sync::Arc;

use tmcore::SessionId;
use tmcore::idempotency::Fingerprint;
use tmcore::waiting_room::SessionState;
use uuid::Uuid;

use super::{Database, PostgresStore, server};
use crate::ports::batch::{Batch, BatchStore};
use crate::ports::contract::stage::{Stage, create, event, hold, key, order_id, user};
use crate::ports::idempotency::{Claimed, IdempotencyStore, KeyClaim, Purpose};
use crate::ports::order::{CommandRefusal, OrderStore};
use crate::ports::waiting_room::{Join, Place, WaitingRoomStore};

/// A stage, and the stores of two daemons.
async fn two(server: String) -> (Stage, [Arc<PostgresStore>; 2]) {
    let database = Database::new(server).await;
    let stores = [Arc::new(database.store().await), Arc::new(database.store().await)];
    (Stage { store: stores[0].clone(), keep: Box::new(database) }, stores)
}

fn join(event: &tmcore::EventId, who: u128) -> Join {
    Join { session: SessionId::from_uuid(Uuid::from_u128(who)), user: user(who), event: event.clone() }
}

/// W1, W6: whoever is let in is let in once, and never more than fit, whichever daemon does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w1_two_daemons_let_in_as_many_as_fit_and_nobody_twice() {
    const FIT: u64 = 5;
    let Some(server) = server() else { return };
    let (stage, stores) = two(server).await;
    for round in 0..20_u128 {
        let mut record = event(&format!("E{round}"));
        record.sale.rules.gate.capacity = 5;
        let id = stage.on_sale(record, 1).await;
        let joined = stage.store.join((1..=30).map(|n| join(&id, round * 100 + n)).collect()).await;
        assert!(joined.iter().all(Result::is_ok));
        let start = Arc::new(tokio::sync::Barrier::new(6));
        let mut turns = tokio::task::JoinSet::new();
        for n in 0..6 {
            let (store, id, start) = (Arc::clone(&stores[n % 2]), id.clone(), Arc::clone(&start));
            turns.spawn(async move {
                start.wait().await;
                store.turn(&id).await.unwrap()
            });
        }
        let (mut admitted, mut ids) = (0, HashSet::new());
        for turn in turns.join_all().await {
            admitted += turn.admitted;
            for session in turn.changed.iter().filter(|session| session.state == SessionState::Active) {
                assert!(ids.insert(session.id), "{} was let in twice", session.id);
                assert!(matches!(session.place, Place::Line(place) if place < FIT), "{session:?}");
            }
        }
        assert_eq!((admitted, ids.len() as u64), (FIT, FIT), "round {round}");
    }
}

/// W2: whoever was answered before another asked has the smaller place, whichever daemon they asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w2_places_follow_real_time_over_daemons() {
    let Some(server) = server() else { return };
    let (stage, stores) = two(server).await;
    let id = stage.on_sale(event("E1"), 1).await;
    // What was answered last, and by whom, is the floor of what is asked next.
    let answered = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let mut crowd = tokio::task::JoinSet::new();
    for lane in 0..6_u128 {
        let (id, answered) = (id.clone(), Arc::clone(&answered));
        let store = Arc::clone(&stores[usize::from(lane % 2 == 0)]);
        crowd.spawn(async move {
            for n in 0..25 {
                let floor = answered.load(std::sync::atomic::Ordering::SeqCst);
                let joined = store.join(vec![join(&id, lane * 1_000 + n + 1)]).await.remove(0).unwrap();
                let Place::Line(place) = joined.session.place else { panic!("no place in line") };
                assert!(place + 1 > floor, "place {place} was given after {floor}");
                answered.fetch_max(place + 1, std::sync::atomic::Ordering::SeqCst);
            }
        });
    }
    crowd.join_all().await;
    let live = stage.store.live_sessions(None, 1_000).await.unwrap();
    let places: HashSet<_> = live.iter().map(|session| format!("{:?}", session.place)).collect();
    assert_eq!(places.len(), 150, "every place once");
}

/// W4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w4_a_user_who_joins_at_two_daemons_at_once_has_one_place() {
    let Some(server) = server() else { return };
    let (stage, stores) = two(server).await;
    let id = stage.on_sale(event("E1"), 1).await;
    for who in 1..=20_u128 {
        let other = Join { session: SessionId::from_uuid(Uuid::from_u128(who + 1_000)), ..join(&id, who) };
        let (a, b) = tokio::join!(stores[0].join(vec![join(&id, who)]), stores[1].join(vec![other]));
        let (a, b) = (a[0].as_ref().unwrap(), b[0].as_ref().unwrap());
        assert!(a.new != b.new, "{a:?} {b:?}");
        assert_eq!(a.session.id, b.session.id);
    }
}

/// S2: of many who want one seat at two daemons at once, one has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_one_seat_has_one_winner_over_daemons() {
    let Some(server) = server() else { return };
    let (stage, stores) = two(server).await;
    let id = stage.free_sale("E1", 8).await;
    for n in 1..=24 {
        stage.order(&id, n).await;
    }
    let mut rivals = tokio::task::JoinSet::new();
    for n in 1..=24_u128 {
        let store = Arc::clone(&stores[usize::from(n % 2 == 0)]);
        rivals.spawn(async move { store.apply(vec![hold(n, &[3])]).await.remove(0) });
    }
    let answers = rivals.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let refused = |answer: &Result<_, _>| matches!(answer, Err(CommandRefusal::SeatsTaken(_)));
    assert_eq!(answers.iter().filter(|answer| refused(answer)).count(), 23, "{answers:?}");
    assert_eq!(stage.store.seat_snapshot(&id).await.unwrap().unwrap().codes, [0, 0, 0, 1, 0, 0, 0, 0]);
}

/// S8: baskets that overlap, asked for in opposite order, in batches of both daemons. Nobody waits for ever, nobody is
/// told to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_baskets_in_opposite_order_do_not_lock_each_other_out() {
    let Some(server) = server() else { return };
    let (stage, stores) = two(server).await;
    let id = stage.free_sale("E1", 4).await;
    let far = stage.free_sale("E2", 4).await;
    for n in 1..=40 {
        stage.order(&id, n).await;
        stage.order(&far, n + 100).await;
    }
    for round in 0..10_u128 {
        let four = (1..=4).map(|n| round * 4 + n);
        let up: Vec<_> = four.clone().flat_map(|n| [hold(n, &[0, 1, 2]), hold(n + 100, &[3, 2])]).collect();
        let down: Vec<_> =
            four.rev().flat_map(|n| [hold(n + 100, &[2, 3, 1]), hold(n, &[2, 1, 0, 3])]).collect();
        let (a, b) = tokio::join!(stores[0].apply(up), stores[1].apply(down));
        for answer in a.iter().chain(&b) {
            let is_decided =
                matches!(answer, Ok(_) | Err(CommandRefusal::SeatsTaken(_) | CommandRefusal::State(_)));
            assert!(is_decided, "{answer:?}");
        }
        for n in (1..=4).map(|n| round * 4 + n) {
            for (who, order) in [(n, order_id(n)), (n + 100, order_id(n + 100))] {
                let key = key(user(who), "cancel");
                let cancel = crate::ports::order::OrderCommand::Cancel { order, user: user(who), key };
                stores[1].apply(vec![cancel]).await.remove(0).unwrap();
            }
        }
    }
    assert_eq!(stage.store.seat_snapshot(&id).await.unwrap().unwrap().codes, [0; 4]);
}

/// I4, I6: of two daemons that are asked the same at once, one does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_a_key_claimed_at_two_daemons_at_once_is_fresh_for_one() {
    let Some(server) = server() else { return };
    let (_stage, stores) = two(server).await;
    let fingerprint = Fingerprint::of("POST", "/a", &serde_json::Value::Null);
    let claim = |name: String| KeyClaim {
        key: key(user(1), &name),
        fingerprint,
        purpose: Purpose::Step,
        lease_seconds: 30,
    };
    for round in 0..20 {
        let keys: Vec<_> = (0..8).map(|n| claim(format!("{round}-{n}"))).collect();
        let turned: Vec<_> = keys.iter().rev().cloned().collect();
        let (a, b) = tokio::join!(stores[0].claim(keys), stores[1].claim(turned));
        for (a, b) in a.into_iter().zip(b.into_iter().rev()) {
            let mut both = [a.unwrap(), b.unwrap()];
            both.sort_by_key(|claimed| *claimed == Claimed::InFlight);
            assert!(matches!(both, [Claimed::Fresh(_), Claimed::InFlight]), "{both:?}");
        }
    }
}

/// Of two daemons where one buyer begins an order at once, one has it, and the other says which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_buyer_has_one_open_order_over_daemons() {
    let Some(server) = server() else { return };
    let (stage, stores) = two(server).await;
    let id = stage.free_sale("E1", 1).await;
    for who in 1..=20_u128 {
        let second = crate::ports::order::OrderCommand::Create {
            order: order_id(who + 1_000),
            user: user(who),
            event: id.clone(),
            session: None,
            key: key(user(who), "second"),
        };
        let commands = |command| Batch { commands: vec![(command, None)], ..Batch::default() };
        let (mut a, mut b) =
            tokio::join!(stores[0].write(commands(create(&id, who))), stores[1].write(commands(second)));
        match (a.commands.remove(0).outcome, b.commands.remove(0).outcome) {
            (Ok(first), Err(CommandRefusal::OpenOrder(open)))
            | (Err(CommandRefusal::OpenOrder(open)), Ok(first)) => {
                assert_eq!(first.record.order.id, open);
            }
            other => panic!("{other:?}"),
        }
    }
}
