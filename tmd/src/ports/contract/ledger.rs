//! What every store's books keep.

use tmcore::Money;
use tmcore::money::Currency;
use tmcore::order::OrderState;

use super::stage::{PRICE, Stage, event_id, hold, ok, order_id, pin, settle};

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    m11_books_without_a_sale_are_empty(&make().await).await;
    m11_a_sale_is_booked_twice_and_sums_to_zero(&make().await).await;
    an_authorization_is_no_money(&make().await).await;
    payments_come_page_by_page_in_the_order_of_their_keys(&make().await).await;
}

async fn m11_books_without_a_sale_are_empty(stage: &Stage) {
    let books = stage.store.books(10).await.unwrap();
    assert_eq!((books.balances, books.unbalanced), (Vec::new(), Vec::new()));
}

/// Has `who` authorize these seats.
async fn authorize(stage: &Stage, who: u128, seats: &[u32]) {
    stage.order(&event_id("E1"), who).await;
    let held = stage.apply(hold(who, seats)).await.unwrap();
    let authorized = settle(stage, &held, ok(&format!("auth{who}"))).await.unwrap();
    assert_eq!(authorized.record.order.state, OrderState::Authorized);
}

async fn m11_a_sale_is_booked_twice_and_sums_to_zero(stage: &Stage) {
    stage.free_sale("E1", 2).await;
    authorize(stage, 1, &[0, 1]).await;
    let pinned = stage.apply(pin(1)).await.unwrap();
    let sold = settle(stage, &pinned, ok("cap")).await.unwrap();
    assert_eq!(sold.record.order.state, OrderState::Finalized);
    let books = stage.store.books(10).await.unwrap();
    let paid = Money::new(2 * PRICE, Currency::EUR);
    let [balance] = books.balances[..] else { panic!("{books:?}") };
    assert_eq!((balance.sum.amount, balance.provider, balance.sales.amount), (0, paid, -paid.amount));
    assert_eq!(books.unbalanced, []);
}

async fn an_authorization_is_no_money(stage: &Stage) {
    stage.free_sale("E1", 1).await;
    authorize(stage, 1, &[0]).await;
    let books = stage.store.books(10).await.unwrap();
    assert_eq!((books.balances, books.unbalanced), (Vec::new(), Vec::new()));
}

async fn payments_come_page_by_page_in_the_order_of_their_keys(stage: &Stage) {
    stage.free_sale("E1", 5).await;
    let mut keys = Vec::new();
    for (who, seat) in (1..=5).zip(0..) {
        authorize(stage, who, &[seat]).await;
        keys.push(stage.store.payments(order_id(who)).await.unwrap()[0].key);
    }
    keys.sort_unstable();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = stage.store.payments_after(after, 2).await.unwrap();
        let Some((last, _)) = page.items.last() else { break };
        after = Some(last.key);
        assert!(page.items.iter().all(|(_, written)| *written <= page.as_of));
        seen.extend(page.items.iter().map(|(payment, _)| payment.key));
        assert!(seen.len() <= keys.len(), "listed twice");
    }
    assert_eq!(seen, keys);
}
