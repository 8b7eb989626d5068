//! What every store keeps of a batch.

use std::sync::Arc;

use tmcore::SessionId;
use tmcore::idempotency::Fingerprint;
use tmcore::order::OrderState;
use uuid::Uuid;

use super::stage::{Stage, create, event, hold, key, ok, order_id, user};
use crate::ports::StoreError;
use crate::ports::batch::Batch;
use crate::ports::idempotency::{Claimed, Keep, KeyClaim, Lease, Purpose, StoredAnswer};
use crate::ports::order::{CommandRefusal, OrderCommand, OrderRecord};
use crate::ports::waiting_room::Join;

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    every_kind_is_written_and_answered_in_order(&make().await).await;
    what_the_store_fails_at_takes_no_other_with_it(&make().await).await;
    i4_an_answer_is_kept_with_the_command_that_ends_its_claim(&make().await).await;
    i8_a_command_that_is_refused_keeps_no_answer_but_a_final_one(&make().await).await;
    i9_what_lapsed_and_was_taken_over_is_done_by_who_took_it(&make().await).await;
    i9_what_the_provider_said_is_written_down_whoever_has_the_claim(&make().await).await;
    nothing_to_write_is_no_fault(&make().await).await;
}

fn claim(who: u128, name: &str) -> KeyClaim {
    let fingerprint = Fingerprint::of("POST", "/a", &serde_json::Value::Null);
    KeyClaim { key: key(user(who), name), fingerprint, purpose: Purpose::Step, lease_seconds: 30 }
}

async fn claimed(stage: &Stage, who: u128, name: &str) -> Claimed {
    stage.store.claim(vec![claim(who, name)]).await.remove(0).unwrap()
}

fn answer(status: u16) -> StoredAnswer {
    StoredAnswer { status, body: format!("{{\"status\":{status}}}").into_bytes().into() }
}

async fn held(stage: &Stage, who: u128, name: &str) -> Lease {
    claimed(stage, who, name).await.lease().unwrap().clone()
}

fn keep(lease: Lease, goal: OrderState) -> Keep {
    let at_the_goal = move |outcome: Result<&OrderRecord, &CommandRefusal>| match outcome {
        Ok(record) => (record.order.state == goal).then(|| answer(201)),
        Err(CommandRefusal::SeatsTaken(_)) => Some(answer(409)),
        Err(_) => None,
    };
    Keep::new(lease, Arc::new(at_the_goal))
}

async fn every_kind_is_written_and_answered_in_order(stage: &Stage) {
    let free = stage.free_sale("E1", 4).await;
    let queued = stage.on_sale(event("E2"), 1).await;
    let earlier = held(stage, 9, "earlier").await;
    stage.order(&free, 1).await;
    let join = |who: u128| Join {
        session: SessionId::from_uuid(Uuid::from_u128(who)),
        user: user(who),
        event: queued.clone(),
    };
    let batch = Batch {
        claims: vec![claim(1, "a"), claim(1, "b"), claim(1, "a")],
        joins: vec![join(1), join(2), join(1)],
        commands: vec![(create(&free, 3), None), (hold(1, &[0]), None), (hold(2, &[1]), None)],
        ends: vec![(earlier, Some(answer(200)))],
    };
    let written = stage.store.write(batch).await;
    let claims: Vec<_> = written.claims.into_iter().map(Result::unwrap).collect();
    assert!(matches!(claims[..], [Claimed::Fresh(_), Claimed::Fresh(_), Claimed::InFlight]), "{claims:?}");
    let new: Vec<_> = written.joins.into_iter().map(|joined| joined.unwrap().new).collect();
    assert_eq!(new, [true, true, false]);
    let states: Vec<_> =
        written.commands.iter().map(|one| one.outcome.as_ref().ok().map(|o| o.record.order.state)).collect();
    assert_eq!(states, [Some(OrderState::Pending), Some(OrderState::Authorizing), None]);
    assert!(matches!(written.commands[2].outcome, Err(CommandRefusal::NotFound)));
    assert!(written.ends.iter().all(Result::is_ok));
    assert_eq!(claimed(stage, 9, "earlier").await, Claimed::Replay(answer(200)));
    assert_eq!(claimed(stage, 1, "b").await, Claimed::InFlight);
    let order = stage.store.order(order_id(1)).await.unwrap().unwrap();
    assert_eq!((order.order.state, order.seats.len()), (OrderState::Authorizing, 1));
}

async fn what_the_store_fails_at_takes_no_other_with_it(stage: &Stage) {
    let free = stage.free_sale("E1", 1).await;
    let (text, other) = (held(stage, 1, "text").await, held(stage, 1, "other").await);
    let no_text = StoredAnswer { status: 200, body: [0xFF].as_slice().into() };
    let batch = Batch {
        claims: vec![claim(1, "a")],
        commands: vec![(create(&free, 1), None)],
        ends: vec![(text, Some(no_text)), (other, Some(answer(200)))],
        ..Batch::default()
    };
    let written = stage.store.write(batch).await;
    assert!(matches!(written.ends[0], Err(StoreError::Failed(_))), "{:?}", written.ends);
    assert!(written.ends[1].is_ok() && written.claims[0].is_ok() && written.commands[0].outcome.is_ok());
    assert_eq!(claimed(stage, 1, "other").await, Claimed::Replay(answer(200)));
    assert_eq!(claimed(stage, 1, "text").await, Claimed::InFlight);
    assert!(stage.store.order(order_id(1)).await.unwrap().is_some());
}

async fn i4_an_answer_is_kept_with_the_command_that_ends_its_claim(stage: &Stage) {
    let free = stage.free_sale("E1", 1).await;
    for (name, command, goal) in
        [("create", create(&free, 1), OrderState::Pending), ("hold", hold(1, &[0]), OrderState::Authorized)]
    {
        let lease = held(stage, 1, name).await;
        let commands = vec![(command, Some(keep(lease, goal)))];
        let mut written = stage.store.write(Batch { commands, ..Batch::default() }).await;
        let decided = written.commands.remove(0);
        let outcome = decided.outcome.unwrap();
        // Only what reaches its goal ends its claim.
        let kept = (outcome.record.order.state == goal).then(|| answer(201));
        assert_eq!((name == "create").then(|| answer(201)), kept);
        assert_eq!(decided.kept, kept);
        assert_eq!(claimed(stage, 1, name).await, kept.map_or(Claimed::InFlight, Claimed::Replay));
    }
}

async fn i8_a_command_that_is_refused_keeps_no_answer_but_a_final_one(stage: &Stage) {
    let free = stage.free_sale("E1", 1).await;
    stage.order(&free, 1).await;
    let again = held(stage, 1, "again").await;
    let commands = vec![(create(&free, 1), Some(keep(again, OrderState::Pending)))];
    let written = stage.store.write(Batch { commands, ..Batch::default() }).await;
    assert!(matches!(written.commands[0].outcome, Err(CommandRefusal::OpenOrder(_))));
    assert_eq!(claimed(stage, 1, "again").await, Claimed::InFlight);
    // Unless the refusal is the last word.
    stage.apply(hold(1, &[0])).await.unwrap();
    stage.order(&free, 2).await;
    let taken = held(stage, 2, "taken").await;
    let commands = vec![(hold(2, &[0]), Some(keep(taken, OrderState::Authorized)))];
    let written = stage.store.write(Batch { commands, ..Batch::default() }).await;
    assert!(matches!(written.commands[0].outcome, Err(CommandRefusal::SeatsTaken(_))));
    assert_eq!(claimed(stage, 2, "taken").await, Claimed::Replay(answer(409)));
}

/// A claim that lapses at once, and the same one taken over.
async fn taken_over(stage: &Stage, who: u128, name: &str) -> (Lease, Lease) {
    let lapsing = KeyClaim { lease_seconds: 0, ..claim(who, name) };
    let late = stage.store.claim(vec![lapsing]).await.remove(0).unwrap();
    let now = claimed(stage, who, name).await;
    assert!(matches!(now, Claimed::Resume(..)), "{now:?}");
    (late.lease().unwrap().clone(), now.lease().unwrap().clone())
}

async fn i9_what_lapsed_and_was_taken_over_is_done_by_who_took_it(stage: &Stage) {
    let free = stage.free_sale("E1", 1).await;
    let (late, now) = taken_over(stage, 1, "create").await;
    // One alone, and both at once.
    for leases in [vec![&late], vec![&late, &now]] {
        let commands =
            leases.iter().map(|lease| (create(&free, 1), Some(keep((*lease).clone(), OrderState::Pending))));
        let written = stage.store.write(Batch { commands: commands.collect(), ..Batch::default() }).await;
        let late = &written.commands[0];
        assert!(matches!(late.outcome, Err(CommandRefusal::ClaimLost)), "{late:?}");
        assert_eq!(late.kept, None);
        let is_begun = stage.store.order(order_id(1)).await.unwrap().is_some();
        assert_eq!(is_begun, leases.len() == 2, "{leases:?}");
    }
    assert_eq!(claimed(stage, 1, "create").await, Claimed::Replay(answer(201)));
    // A key that was answered is nobody's any more.
    let commands = vec![(hold(1, &[0]), Some(keep(now, OrderState::Authorized)))];
    let written = stage.store.write(Batch { commands, ..Batch::default() }).await;
    assert!(matches!(written.commands[0].outcome, Err(CommandRefusal::ClaimLost)));
}

async fn i9_what_the_provider_said_is_written_down_whoever_has_the_claim(stage: &Stage) {
    let free = stage.free_sale("E1", 1).await;
    stage.order(&free, 1).await;
    let outcome = stage.apply(hold(1, &[0])).await.unwrap();
    let (late, now) = taken_over(stage, 1, "hold").await;
    let payment = outcome.payment.unwrap().key;
    let settle = OrderCommand::Settle { payment, verdict: ok("auth"), tickets: Vec::new() };
    let commands = vec![(settle, Some(keep(late, OrderState::Authorized)))];
    let decided = stage.store.write(Batch { commands, ..Batch::default() }).await.commands.remove(0);
    assert_eq!(decided.outcome.unwrap().record.order.state, OrderState::Authorized);
    assert_eq!(decided.kept, None, "the answer is for {now:?} to give");
    assert_eq!(claimed(stage, 1, "hold").await, Claimed::InFlight);
}

async fn nothing_to_write_is_no_fault(stage: &Stage) {
    let written = stage.store.write(Batch::default()).await;
    assert!(written.claims.is_empty() && written.commands.is_empty());
}
