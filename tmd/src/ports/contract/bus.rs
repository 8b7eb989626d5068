//! What every bus keeps.

use std::sync::Arc;
use std::time::Duration;

use tmcore::waiting_room::SessionState;
use tmcore::{SessionId, Timestamp};
use tokio::sync::broadcast::Receiver;
use uuid::Uuid;

use super::stage::{event_id, user};
use crate::ports::bus::{Bus, Fact};
use crate::ports::waiting_room::{Inside, Place, SessionRecord};

const PATIENCE: Duration = Duration::from_secs(10);

/// The bus as two processes have it; of a bus within one process it is one and the same.
pub type Processes = [Arc<dyn Bus>; 2];

/// Runs the suite; `make` makes a fresh bus for every check, that reaches both processes.
pub async fn run(make: impl AsyncFn() -> Processes) {
    everybody_hears_everything_in_order(&make().await).await;
    of_sessions_only_other_processes_hear(&make().await).await;
    of_holds_no_listener_hears(&make().await).await;
    what_does_not_arrive_is_told_of(&make().await).await;
    nobody_listening_is_no_failure(&make().await);
}

/// The next fact that is not about loss.
async fn heard(listener: &mut Receiver<Fact>) -> Fact {
    loop {
        let fact = tokio::time::timeout(PATIENCE, listener.recv()).await.expect("a fact").expect("a bus");
        if fact != Fact::Missed {
            return fact;
        }
    }
}

fn moved() -> Fact {
    let record = |n| SessionRecord {
        id: SessionId::from_uuid(Uuid::from_u128(n)),
        event: event_id("E1"),
        user: user(n),
        state: SessionState::Active,
        place: Place::Line(7),
        joined_at: Timestamp::from_millis(1_000),
        inside: Inside { deadline: Some(Timestamp::from_millis(2_000)), order: None },
    };
    Fact::SessionsMoved { records: (1..4).map(record).collect(), admitted: 3 }
}

async fn everybody_hears_everything_in_order([one, other]: &Processes) {
    let mut listeners = [one.subscribe(), one.subscribe(), other.subscribe()];
    let facts: Vec<_> = (0..300)
        .map(|n| event_id(&format!("E{n}")))
        .flat_map(|event| [Fact::SeatsChanged(event.clone()), Fact::EventChanged(event)])
        .collect();
    for fact in &facts {
        one.publish(fact.clone());
    }
    for listener in &mut listeners {
        for fact in &facts {
            assert_eq!(heard(listener).await, *fact);
        }
    }
}

async fn of_sessions_only_other_processes_hear([one, other]: &Processes) {
    let (mut here, mut there) = (one.subscribe(), other.subscribe());
    one.publish(moved());
    one.publish(Fact::SeatsChanged(event_id("E1")));
    assert_eq!(heard(&mut here).await, Fact::SeatsChanged(event_id("E1")), "who committed knows");
    if !Arc::ptr_eq(one, other) {
        assert_eq!(heard(&mut there).await, moved());
    }
    assert_eq!(heard(&mut there).await, Fact::SeatsChanged(event_id("E1")));
}

async fn of_holds_no_listener_hears([one, other]: &Processes) {
    let mut listeners = [one.subscribe(), other.subscribe()];
    let order = tmcore::OrderId::from_uuid(Uuid::from_u128(1));
    for until in [Some(Timestamp::from_millis(1_000)), None] {
        one.publish(Fact::HoldMoved { event: event_id("E1"), order, until });
    }
    one.publish(Fact::SeatsChanged(event_id("E1")));
    for listener in &mut listeners {
        assert_eq!(heard(listener).await, Fact::SeatsChanged(event_id("E1")));
    }
}

/// More at once than any bus keeps: everything arrives, or the listener is told that something did not.
async fn what_does_not_arrive_is_told_of([one, other]: &Processes) {
    const BURST: usize = 50_000;
    let mut there = other.subscribe();
    let (before, after) = (Fact::EventChanged(event_id("before")), Fact::EventChanged(event_id("after")));
    one.publish(before.clone());
    while heard(&mut there).await != before {}
    for _ in 0..BURST {
        one.publish(Fact::SeatsChanged(event_id("E1")));
    }
    let (mut arrived, mut is_told) = (0, false);
    let listening = async {
        loop {
            match tokio::time::timeout(Duration::from_millis(100), there.recv()).await {
                Ok(Ok(Fact::Missed) | Err(_)) => is_told = true,
                Ok(Ok(fact)) if fact == after => return,
                Ok(Ok(_)) => arrived += 1,
                // It may be among what was lost.
                Err(_) => one.publish(after.clone()),
            }
        }
    };
    tokio::time::timeout(2 * PATIENCE, listening).await.expect("what comes after the burst");
    assert!(is_told || arrived == BURST, "{arrived} of {BURST}");
}

fn nobody_listening_is_no_failure([one, _]: &Processes) {
    for _ in 0..10_000 {
        one.publish(Fact::SeatsChanged(event_id("E1")));
    }
}
