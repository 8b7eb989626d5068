//! What every seat ledger keeps.

use super::stage::{Stage, event, event_id, hold, seat};
use crate::ports::seat::BlockRefusal;

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    every_seat_has_its_code(&make().await).await;
    blocking_is_all_or_none(&make().await).await;
    s4_a_hold_that_has_passed_reads_as_available(&make().await).await;
}

async fn every_seat_has_its_code(stage: &Stage) {
    let id = stage.free_sale("E1", 4).await;
    let before = stage.store.seat_snapshot(&id).await.unwrap().unwrap();
    stage.order(&id, 1).await;
    stage.apply(hold(1, &[2])).await.unwrap();
    stage.store.block_seats(&id, &[seat(0)], true).await.unwrap();
    let after = stage.store.seat_snapshot(&id).await.unwrap().unwrap();
    assert_eq!(after.codes, [3, 0, 1, 0]);
    assert!(after.seq > before.seq && after.as_of >= before.as_of);
    assert_eq!(stage.store.sections(&id).await.unwrap(), Some(vec![("Hall".to_owned(), 4)]));
    assert_eq!(stage.store.seat_snapshot(&event_id("nowhere")).await.unwrap(), None);
}

async fn blocking_is_all_or_none(stage: &Stage) {
    let id = stage.free_sale("E1", 4).await;
    stage.order(&id, 1).await;
    stage.apply(hold(1, &[2])).await.unwrap();
    let taken = stage.store.block_seats(&id, &[seat(1), seat(2)], true).await;
    assert!(matches!(taken, Err(BlockRefusal::Taken(seats)) if seats == [seat(2)]));
    let unknown = stage.store.block_seats(&id, &[seat(1), seat(9)], true).await;
    assert!(matches!(unknown, Err(BlockRefusal::Unknown(seats)) if seats == [seat(9)]));
    assert_eq!(stage.store.seat_snapshot(&id).await.unwrap().unwrap().codes, [0, 0, 1, 0]);
    assert_eq!(stage.store.block_seats(&id, &[seat(0), seat(1)], true).await.unwrap(), 2);
    assert_eq!(stage.store.block_seats(&id, &[seat(0), seat(1)], true).await.unwrap(), 0);
    assert_eq!(stage.store.block_seats(&id, &[seat(0)], false).await.unwrap(), 1);
    assert_eq!(stage.store.seat_snapshot(&id).await.unwrap().unwrap().codes, [0, 3, 1, 0]);
}

async fn s4_a_hold_that_has_passed_reads_as_available(stage: &Stage) {
    let mut record = event("E1");
    record.sale.rules.waiting_room = false;
    record.sale.rules.hold_ttl_seconds = 1;
    let id = stage.on_sale(record, 2).await;
    stage.order(&id, 1).await;
    let until = stage.apply(hold(1, &[0])).await.unwrap().record.order.expires_at;
    loop {
        let seats = stage.store.seat_snapshot(&id).await.unwrap().unwrap();
        if seats.as_of >= until {
            assert_eq!(seats.codes, [0, 0]);
            return;
        }
        assert_eq!(seats.codes, [1, 0]);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
