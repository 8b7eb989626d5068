//! What every catalogue keeps.

use tmcore::Timestamp;
use tmcore::event::{SaleAction, SaleState};

use super::stage::{Stage, event, event_id, inventory};
use crate::ports::catalog::CatalogRefusal;

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    an_event_is_kept_as_it_was_given(&make().await).await;
    an_event_is_made_once(&make().await).await;
    seats_are_replaced_until_the_sale_begins(&make().await).await;
    a_sale_moves_only_where_it_may(&make().await).await;
    pages_hold_every_event_once_in_order(&make().await).await;
    a_sale_is_due_by_the_databases_clock(&make().await).await;
}

async fn an_event_is_kept_as_it_was_given(stage: &Stage) {
    let mut record = event("E1");
    stage.store.put_event(&record, Some(&inventory(3)), true).await.unwrap();
    record.price_levels[0].seats = 3;
    assert_eq!(stage.store.event(&event_id("E1")).await.unwrap(), Some(record));
    assert_eq!(stage.store.seat_map(&event_id("E1")).await.unwrap().as_deref(), Some(b"{}".as_slice()));
    assert_eq!(stage.store.event(&event_id("E2")).await.unwrap(), None);
}

async fn an_event_is_made_once(stage: &Stage) {
    let record = event("E1");
    assert!(matches!(stage.store.put_event(&record, None, false).await, Err(CatalogRefusal::NotFound)));
    stage.store.put_event(&record, None, true).await.unwrap();
    assert!(matches!(stage.store.put_event(&record, None, true).await, Err(CatalogRefusal::Exists)));
}

async fn seats_are_replaced_until_the_sale_begins(stage: &Stage) {
    let record = event("E1");
    stage.store.put_event(&record, Some(&inventory(3)), true).await.unwrap();
    stage.store.put_event(&record, Some(&inventory(5)), false).await.unwrap();
    let seats = stage.store.seat_snapshot(&event_id("E1")).await.unwrap().unwrap();
    assert_eq!(seats.codes, [0; 5]);
    stage.store.change_sale(&event_id("E1"), SaleAction::Open, [0; 32]).await.unwrap();
    let refused = stage.store.put_event(&record, Some(&inventory(4)), false).await;
    assert!(matches!(refused, Err(CatalogRefusal::State(SaleState::Open))));
    assert_eq!(stage.store.seat_snapshot(&event_id("E1")).await.unwrap().unwrap().codes, [0; 5]);
    stage.store.put_event(&record, None, false).await.unwrap();
    let kept = stage.store.event(&event_id("E1")).await.unwrap().unwrap();
    assert_eq!(kept.sale.state, SaleState::Open, "settings do not move a sale");
}

async fn a_sale_moves_only_where_it_may(stage: &Stage) {
    let id = event_id("E1");
    let missing = stage.store.change_sale(&id, SaleAction::Open, [0; 32]).await;
    assert!(matches!(missing, Err(CatalogRefusal::NotFound)));
    stage.store.put_event(&event("E1"), None, true).await.unwrap();
    let empty = stage.store.change_sale(&id, SaleAction::Open, [0; 32]).await;
    assert!(matches!(empty, Err(CatalogRefusal::NoSeats)));
    let early = stage.store.change_sale(&id, SaleAction::Pause, [0; 32]).await;
    assert!(matches!(early, Err(CatalogRefusal::State(SaleState::Scheduled))));
}

async fn pages_hold_every_event_once_in_order(stage: &Stage) {
    for n in [3, 1, 2, 5, 4] {
        let mut record = event(&format!("E{n}"));
        record.starts_at = Timestamp::from_millis(1_900_000_000_000 - n / 3);
        stage.store.put_event(&record, None, true).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = stage.store.events(after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.sale.event.clone());
        seen.extend(page.into_iter().map(|record| record.sale.event.to_string()));
    }
    assert_eq!(seen, ["E3", "E4", "E5", "E1", "E2"]);
    assert!(stage.store.events(Some(&event_id("nowhere")), 2).await.unwrap().is_empty());
}

async fn a_sale_is_due_by_the_databases_clock(stage: &Stage) {
    for (id, starts_at, seats) in [("past", 1, 1), ("future", 4_000_000_000_000, 1), ("empty", 1, 0)] {
        let mut record = event(id);
        record.sale.starts_at = Some(Timestamp::from_millis(starts_at));
        let seats = (seats > 0).then(|| inventory(seats));
        stage.store.put_event(&record, seats.as_ref(), true).await.unwrap();
    }
    assert_eq!(stage.store.due_sales().await.unwrap(), [event_id("past")]);
}
