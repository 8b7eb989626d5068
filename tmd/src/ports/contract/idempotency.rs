//! What every idempotency ledger keeps.

use tmcore::idempotency::Fingerprint;

use super::stage::{Stage, create, hold, key, ok, order_id, settle, user};
use crate::ports::idempotency::{Claimed, KeyClaim, Lease, Purpose, StoredAnswer};

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    i4_i5_i6_a_key_is_claimed_once(&make().await).await;
    i7_a_lease_that_is_over_is_taken_over_from_the_recovery_point(&make().await).await;
    i7_a_booking_whose_claim_lapsed_is_taken_over_by_one(&make().await).await;
    i7_what_the_dead_were_at_is_free_to_whoever_has_their_store(&make().await).await;
    s7_a_claim_that_was_taken_over_is_not_ended_by_who_had_it(&make().await).await;
    i8_without_an_answer_the_key_is_free(&make().await).await;
    i11_a_key_is_not_forgotten_before_its_order_has_ended(&make().await).await;
    i12_two_principals_are_two_keys(&make().await).await;
}

fn claim(who: u128, name: &str, what: &str, lease_seconds: u32) -> KeyClaim {
    let fingerprint = Fingerprint::of("POST", what, &serde_json::Value::Null);
    KeyClaim { key: key(user(who), name), fingerprint, purpose: Purpose::Step, lease_seconds }
}

async fn claimed(stage: &Stage, claim: KeyClaim) -> Claimed {
    stage.store.claim(vec![claim]).await.remove(0).unwrap()
}

async fn held(stage: &Stage, claim: KeyClaim) -> Lease {
    claimed(stage, claim).await.lease().unwrap().clone()
}

async fn finish(stage: &Stage, lease: &Lease, answer: Option<&StoredAnswer>) {
    let ended = stage.store.finish(vec![(lease.clone(), answer.cloned())]).await;
    ended.into_iter().for_each(Result::unwrap);
}

fn answer() -> StoredAnswer {
    StoredAnswer { status: 202, body: b"{\"a\": 1}".as_slice().into() }
}

async fn i4_i5_i6_a_key_is_claimed_once(stage: &Stage) {
    let both = stage.store.claim(vec![claim(1, "k", "/a", 30), claim(1, "k", "/a", 30)]).await;
    let both: Vec<_> = both.into_iter().map(Result::unwrap).collect();
    let [Claimed::Fresh(lease), Claimed::InFlight] = &both[..] else { panic!("{both:?}") };
    assert_eq!(claimed(stage, claim(1, "k", "/b", 30)).await, Claimed::Reused);
    finish(stage, lease, Some(&answer())).await;
    assert_eq!(claimed(stage, claim(1, "k", "/a", 30)).await, Claimed::Replay(answer()));
    assert_eq!(claimed(stage, claim(1, "k", "/b", 30)).await, Claimed::Reused);
}

async fn i7_a_lease_that_is_over_is_taken_over_from_the_recovery_point(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    assert!(matches!(claimed(stage, claim(1, "create", "/a", 0)).await, Claimed::Fresh(_)));
    assert!(matches!(claimed(stage, claim(1, "create", "/a", 0)).await, Claimed::Resume(None, _)));
    stage.apply(create(&id, 1)).await.unwrap();
    let resumed = claimed(stage, claim(1, "create", "/a", 30)).await;
    assert!(matches!(resumed, Claimed::Resume(Some(order), _) if order == order_id(1)), "{resumed:?}");
    assert_eq!(
        claimed(stage, claim(1, "create", "/a", 30)).await,
        Claimed::InFlight,
        "the lease was taken over"
    );
}

/// What was asked for step by step is the client's to go on with.
async fn i7_a_booking_whose_claim_lapsed_is_taken_over_by_one(stage: &Stage) {
    let id = stage.free_sale("E1", 2).await;
    for (who, seat, purpose) in [(1, 0, Purpose::Booking), (2, 1, Purpose::Step)] {
        claimed(stage, KeyClaim { purpose, ..claim(who, "create", "/a", 0) }).await;
        stage.order(&id, who).await;
        let held = stage.apply(hold(who, &[seat])).await.unwrap();
        settle(stage, &held, ok("auth")).await.unwrap();
    }
    let taken = stage.store.lapsed_bookings(10, 30).await.unwrap();
    let taken: Vec<_> = taken.into_iter().map(|(lease, order)| (lease.key, order)).collect();
    assert_eq!(taken, [(key(user(1), "create"), order_id(1))]);
    assert!(stage.store.lapsed_bookings(10, 30).await.unwrap().is_empty(), "its lease is new");
}

async fn i7_what_the_dead_were_at_is_free_to_whoever_has_their_store(stage: &Stage) {
    let id = stage.free_sale("E1", 2).await;
    let done = held(stage, claim(1, "done", "/b", 30)).await;
    finish(stage, &done, Some(&answer())).await;
    claimed(stage, claim(1, "create", "/a", 30)).await;
    stage.order(&id, 1).await;
    stage.apply(hold(1, &[0])).await.unwrap();
    assert_eq!(claimed(stage, claim(1, "create", "/a", 30)).await, Claimed::InFlight);
    assert!(stage.store.due_payments(10, 30).await.unwrap().is_empty(), "whoever wrote it sends it first");
    stage.store.inherit().await.unwrap();
    assert_eq!(stage.store.due_payments(10, 30).await.unwrap().len(), 1, "they will not send it");
    let resumed = claimed(stage, claim(1, "create", "/a", 30)).await;
    assert!(matches!(resumed, Claimed::Resume(..)), "{resumed:?}");
    assert_eq!(claimed(stage, claim(1, "done", "/b", 30)).await, Claimed::Replay(answer()));
}

async fn s7_a_claim_that_was_taken_over_is_not_ended_by_who_had_it(stage: &Stage) {
    let late = held(stage, claim(1, "k", "/a", 0)).await;
    let now = held(stage, claim(1, "k", "/a", 30)).await;
    for answer in [None, Some(&answer())] {
        finish(stage, &late, answer).await;
        assert_eq!(claimed(stage, claim(1, "k", "/a", 30)).await, Claimed::InFlight, "{answer:?}");
    }
    finish(stage, &now, None).await;
    let anew = held(stage, claim(1, "k", "/other", 60)).await;
    finish(stage, &now, None).await;
    assert_eq!(claimed(stage, claim(1, "k", "/other", 30)).await, Claimed::InFlight, "given back before");
    finish(stage, &anew, Some(&answer())).await;
    assert_eq!(claimed(stage, claim(1, "k", "/other", 30)).await, Claimed::Replay(answer()));
}

async fn i8_without_an_answer_the_key_is_free(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    let lease = held(stage, claim(1, "create", "/a", 30)).await;
    finish(stage, &lease, None).await;
    let again = claimed(stage, claim(1, "create", "/other", 30)).await;
    let Claimed::Fresh(lease) = again else { panic!("something came of it: {again:?}") };
    stage.apply(create(&id, 1)).await.unwrap();
    finish(stage, &lease, None).await;
    let resumed = claimed(stage, claim(1, "create", "/other", 30)).await;
    assert!(matches!(resumed, Claimed::Resume(Some(order), _) if order == order_id(1)), "{resumed:?}");
}

async fn i11_a_key_is_not_forgotten_before_its_order_has_ended(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    let lease = held(stage, claim(1, "create", "/a", 0)).await;
    stage.apply(create(&id, 1)).await.unwrap();
    finish(stage, &lease, Some(&answer())).await;
    let other = held(stage, claim(1, "other", "/a", 0)).await;
    finish(stage, &other, Some(&answer())).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(stage.store.purge_keys(1).await.unwrap(), 0, "too young");
    assert_eq!(stage.store.purge_keys(0).await.unwrap(), 1, "the open order's key stays");
    assert_eq!(claimed(stage, claim(1, "create", "/a", 0)).await, Claimed::Replay(answer()));
}

async fn i12_two_principals_are_two_keys(stage: &Stage) {
    for (who, what) in [(1, "/a"), (2, "/b")] {
        assert!(matches!(claimed(stage, claim(who, "k", what, 30)).await, Claimed::Fresh(_)));
    }
}
