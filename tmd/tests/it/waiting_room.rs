//! Places in line: exact, fair, kept, and given up.

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::client::SaleAction;
use tmapi::event::EventPatch;
use tmapi::order::CreateOrder;
use tmapi::session::SessionStatus;
use tmcore::waiting_room::lobby;
use tmcore::{SessionId, Timestamp};

use crate::harness::{Daemon, database, event_id, eventually, key, plan, quick, until};

fn narrow(capacity: u32) -> EventPatch {
    EventPatch { capacity: Some(capacity), admissions_per_minute: Some(1_000_000), ..EventPatch::default() }
}

/// W1: the number inside is replayed edge by edge; it never passes the capacity, and lowering it sends nobody out.
#[tokio::test(flavor = "multi_thread")]
async fn w1_capacity_is_exact_at_every_instant_and_lowering_it_evicts_nobody() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, narrow(5)).await;
    let mut buyers = Vec::new();
    for _ in 0..20 {
        buyers.push(daemon.join(&event).await);
    }
    for (buyer, session) in &buyers[..10] {
        until(buyer, session.session_id, SessionStatus::Active).await;
        buyer.leave(session.session_id).await.unwrap();
    }
    eventually("five are inside", async || daemon.organiser.sale(&event).await.unwrap().active == 5).await;
    daemon.check_invariants().await;
    let most = "SELECT MAX(inside) FROM (SELECT SUM(CASE to_state WHEN 'ACTIVE' THEN 1 WHEN 'EXPIRED' THEN -1 ELSE 0 END)
        OVER (ORDER BY session_event_id) AS inside FROM session_events)";
    assert_eq!(daemon.count(most).await, 5);
    daemon.organiser.patch_event(&event, &narrow(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sale = daemon.organiser.sale(&event).await.unwrap();
    assert_eq!((sale.active, sale.waiting), (5, 5), "nobody was sent out, nobody let in");
}

/// W4: a second tab has the same place; who leaves and joins again is last.
#[tokio::test(flavor = "multi_thread")]
async fn w4_a_second_tab_has_the_same_place_and_who_comes_back_is_last() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, narrow(0)).await;
    let (first, session) = daemon.join(&event).await;
    daemon.join(&event).await;
    let again = first.join(&event).await.unwrap();
    assert_eq!((again.session.session_id, again.session.position), (session.session_id, Some(1)));
    assert!(again.access_token.is_none());
    first.leave(session.session_id).await.unwrap();
    let back = first.join(&event).await.unwrap();
    assert_ne!(back.session.session_id, session.session_id);
    assert_eq!(back.session.position, Some(2));
}

/// W7: while others leave, join and are let in, the place only ever shrinks.
#[tokio::test(flavor = "multi_thread")]
async fn w7_a_place_never_grows() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, narrow(0)).await;
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(daemon.join(&event).await);
    }
    let (me, mine) = daemon.join(&event).await;
    let mut last = mine.position.unwrap();
    assert_eq!(last, 21);
    for (n, (buyer, session)) in others.into_iter().enumerate() {
        if n % 2 == 0 {
            buyer.leave(session.session_id).await.unwrap();
        }
        daemon.join(&event).await;
        let view = me.session(mine.session_id).await.unwrap();
        let place = view.position.unwrap();
        assert!(place >= 1 && place <= last, "{place} after {last}");
        assert!(view.estimate.is_some());
        last = place;
        tokio::time::sleep(Duration::from_millis(110)).await;
    }
    assert_eq!(last, 11);
}

/// W8, E1: an open stream tells at once.
#[tokio::test(flavor = "multi_thread")]
async fn w8_who_is_let_in_hears_of_it_within_a_second() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, EventPatch::default()).await;
    for _ in 0..5 {
        let (buyer, session) = daemon.join(&event).await;
        let told = tokio::time::timeout(
            Duration::from_secs(1),
            until(&buyer, session.session_id, SessionStatus::Active),
        );
        assert!(told.await.unwrap().expires_at.is_some());
    }
}

/// W9: silence costs the place, an open stream keeps it, and who begins no order in time makes room within 2 s.
#[tokio::test(flavor = "multi_thread")]
async fn w9_silence_costs_the_place_and_dawdling_the_slot() {
    let daemon = Daemon::start().await;
    let patch = EventPatch { lapse_seconds: Some(3), active_seconds: Some(1), ..narrow(1) };
    let event = daemon.event("E1", 1, 1, patch).await;
    let (dawdler, slow) = daemon.join(&event).await;
    until(&dawdler, slow.session_id, SessionStatus::Active).await;
    let (next, waiting) = daemon.join(&event).await;
    let both = tokio::join!(
        until(&dawdler, slow.session_id, SessionStatus::Expired),
        tokio::time::timeout(Duration::from_secs(5), until(&next, waiting.session_id, SessionStatus::Active)),
    );
    both.1.unwrap();
    daemon.organiser.patch_event(&event, &narrow(0)).await.unwrap();
    let (silent, lost) = daemon.join(&event).await;
    let (listener, kept) = daemon.join(&event).await;
    let listening = tokio::time::timeout(
        Duration::from_secs(6),
        until(&listener, kept.session_id, SessionStatus::Active),
    );
    assert!(listening.await.is_err(), "nobody is let in");
    assert_eq!(silent.session(lost.session_id).await.unwrap().status, SessionStatus::Abandoned);
    assert_eq!(listener.session(kept.session_id).await.unwrap().status, SessionStatus::Waiting);
}

/// W10: without a session that was let in there is no order, nor with somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn w10_the_row_decides_who_may_order() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, narrow(1)).await;
    let (inside, session) = daemon.join(&event).await;
    until(&inside, session.session_id, SessionStatus::Active).await;
    let (waiting, mine) = daemon.join(&event).await;
    for session_id in [None, Some(mine.session_id), Some(session.session_id)] {
        let create = CreateOrder { event_id: event.clone(), session_id };
        let refused = waiting.create_order(&create, &key()).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (Some(403), Some(ProblemCode::NotAdmitted)));
    }
    let create = CreateOrder { event_id: event.clone(), session_id: Some(session.session_id) };
    inside.create_order(&create, &key()).await.unwrap();
    let free = daemon.open_event("E2", 1, 1).await;
    daemon.order(&free).await;
}

/// W11: who came before the sale draws a place by the seed that is kept; who comes later stands behind.
#[tokio::test(flavor = "multi_thread")]
async fn w11_the_lobby_is_drawn_once_by_a_seed_anybody_can_check() {
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    let far: Timestamp = "2035-01-01T00:00:00Z".parse().unwrap();
    let early = EventPatch { sale_starts_at: Some(far), lobby_seconds: Some(60), ..narrow(0) };
    daemon.import(&event, plan(1, 1), early).await.unwrap();
    let refused = daemon.client().join(&event).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(409), Some(ProblemCode::NotOnSale)));
    let soon = Timestamp::from_millis(daemon.office.world().clock.now().as_millis() + 30_000);
    let patch = EventPatch { sale_starts_at: Some(soon), ..EventPatch::default() };
    daemon.organiser.patch_event(&event, &patch).await.unwrap();
    let mut guests = Vec::new();
    for _ in 0..30 {
        let (client, session) = daemon.join(&event).await;
        assert!(session.lobby && session.position.is_none());
        guests.push((client, session.session_id));
    }
    daemon.organiser.sale_action(&event, SaleAction::Open).await.unwrap();
    let (_, late) = daemon.join(&event).await;
    assert_eq!(late.position, Some(31));
    let seed: Vec<u8> =
        sqlx::query_scalar("SELECT lobby_seed FROM gates").fetch_one(&daemon.db).await.unwrap();
    let mut drawn: Vec<SessionId> = guests.iter().map(|(_, session)| *session).collect();
    lobby::shuffle(&seed.try_into().unwrap(), &mut drawn);
    for (client, session) in &guests {
        let place = client.session(*session).await.unwrap().position.unwrap();
        assert_eq!(drawn[usize::try_from(place - 1).unwrap()], *session);
    }
    daemon.organiser.sale_action(&event, SaleAction::Close).await.unwrap();
    let over = daemon.client().join(&event).await.unwrap_err();
    assert_eq!((over.status(), over.code()), (Some(410), Some(ProblemCode::SaleOver)));
}

/// Paused, nobody is let in, and those inside go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sale_lets_nobody_in_and_goes_on_where_it_was() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, EventPatch::default()).await;
    let (inside, session) = daemon.join(&event).await;
    until(&inside, session.session_id, SessionStatus::Active).await;
    daemon.organiser.sale_action(&event, SaleAction::Pause).await.unwrap();
    let (waiting, mine) = daemon.join(&event).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let view = waiting.session(mine.session_id).await.unwrap();
    assert_eq!((view.status, view.paused, view.position), (SessionStatus::Waiting, true, Some(1)));
    let create = CreateOrder { event_id: event.clone(), session_id: None };
    inside.create_order(&create, &key()).await.unwrap();
    daemon.organiser.sale_action(&event, SaleAction::Resume).await.unwrap();
    until(&waiting, mine.session_id, SessionStatus::Active).await;
}

/// D1 for places: another daemon on the same data folder finds everybody where they were.
#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_their_place_after_a_restart() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 1, EventPatch { lapse_seconds: Some(3), ..narrow(0) }).await;
    let mut places = Vec::new();
    for _ in 0..10 {
        let joined = daemon.client().join(&event).await.unwrap();
        places.push((joined.access_token.unwrap(), joined.session));
    }
    // While nobody listens nobody can give a sign of life: it must cost no place.
    let data = daemon.stop().await;
    let db = database(data.path()).await;
    sqlx::query("UPDATE sessions SET seen_at = 0").execute(&db).await.unwrap();
    db.close().await;
    let daemon = Daemon::start_in(quick(), data).await;
    for (token, session) in &places {
        let buyer = daemon.client().with_token(token).unwrap();
        let view = buyer.session(session.session_id).await.unwrap();
        assert_eq!((view.status, view.position), (SessionStatus::Waiting, session.position));
    }
}
