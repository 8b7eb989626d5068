//! Our payments and the provider's, laid side by side over the wire (M13), and the books (M11).

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tmapi::order::OrderStatus;
use tmapi::payment::PaymentStatus;

use crate::harness::{Daemon, eventually, key};
use crate::scene::at;
use crate::till::Purchase;

async fn provider_db(daemon: &Daemon) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(daemon.folder().join("gateway.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// M11, M13: both lists and the books say the same after purchases, declines, voids and refunds.
#[tokio::test(flavor = "multi_thread")]
async fn m13_the_routes_show_every_payment_every_operation_and_the_books() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let mut orders = Vec::new();
    for (seat, token) in ["A-1", "A-2", "A-3"].iter().zip(["tok_ok", "tok_duplicate", "tok_capture_lost"]) {
        let buyer = Purchase::begin(&guest, &event).await;
        buyer.confirm(&[seat], token).await.unwrap();
        buyer.finalize().await.unwrap();
        orders.push(buyer);
    }
    let declined = Purchase::begin(&guest, &event).await;
    declined.confirm(&["A-4"], "tok_declined").await.unwrap_err();
    let cancelled = Purchase::begin(&guest, &event).await;
    cancelled.confirm(&["A-5"], "tok_ok").await.unwrap();
    cancelled.cancel().await.unwrap();
    daemon.quiescence().await;
    daemon.organiser.refund(orders[0].order, &key()).await.unwrap();
    eventually("refunded", async || orders[0].view().await.status == OrderStatus::Refunded).await;
    daemon.check_money().await;

    let ours = daemon.organiser.payments(None).await.unwrap();
    assert_eq!((ours.items.len(), ours.next_cursor), (10, None));
    let of = |status| ours.items.iter().filter(|payment| payment.status == status).count();
    assert_eq!((of(PaymentStatus::Ok), of(PaymentStatus::Declined)), (9, 1));
    let theirs = daemon.organiser.provider_operations(None).await.unwrap();
    assert_eq!(theirs.items.len(), 12, "two are named twice");
    let cursor = theirs.next_cursor.unwrap();
    let end = daemon.organiser.provider_operations(Some(&cursor)).await.unwrap();
    assert_eq!((end.items.len(), end.next_cursor), (0, None));
    let books = daemon.organiser.ledger().await.unwrap();
    assert_eq!(books.unbalanced, []);
    let [balance] = &books.balances[..] else { panic!("{books:?}") };
    assert_eq!((balance.sum.amount, balance.provider.amount, balance.sales.amount), (0, 2_000, -2_000));
    for (route, query) in [("GET /api/payments", "?cursor=x"), ("GET /api/provider/operations", "?cursor=-1")]
    {
        let answer = at(route, "").query(query).token(&daemon.organiser_token()).send(&daemon.url).await;
        assert_eq!(answer.said(), (400, "invalid-parameter".to_owned()), "{route}");
    }
    let asked = at("GET /api/ledger", "").token(&daemon.organiser_token()).send(&daemon.url).await;
    assert_eq!(asked.status, 200);
}

/// M1, M11: an order whose money is not what its status says is named.
#[tokio::test(flavor = "multi_thread")]
async fn m11_an_order_that_is_out_of_balance_is_named() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_ok").await.unwrap();
    buyer.finalize().await.unwrap();
    let order = buyer.order;
    for (spoil, mend) in [
        (
            "UPDATE orders SET total = total + 1 WHERE order_id = '{}'",
            "UPDATE orders SET total = total - 1 WHERE order_id = '{}'",
        ),
        (
            "UPDATE orders SET state = 'CANCELLED' WHERE order_id = '{}'",
            "UPDATE orders SET state = 'FINALIZED' WHERE order_id = '{}'",
        ),
        (
            "UPDATE payments SET state = 'DECLINED' WHERE operation = 'CAPTURE' AND order_id = '{}'",
            "UPDATE payments SET state = 'OK' WHERE operation = 'CAPTURE' AND order_id = '{}'",
        ),
    ] {
        assert_eq!(daemon.organiser.ledger().await.unwrap().unbalanced, []);
        assert_eq!(daemon.write(spoil.replace("{}", &order.to_string())).await, 1);
        let named = daemon.organiser.ledger().await.unwrap().unbalanced;
        assert_eq!(named.iter().map(|one| one.order_id).collect::<Vec<_>>(), [order], "{spoil}");
        daemon.write(mend.replace("{}", &order.to_string())).await;
    }
    let half = "INSERT INTO ledger_entries (provider_key, order_id, account, amount, currency, at)
        SELECT provider_key, order_id, 'SALES', 5, currency, 0 FROM payments WHERE operation = 'AUTHORIZE'";
    assert_eq!(daemon.write(half.to_owned()).await, 1);
    let books = daemon.organiser.ledger().await.unwrap();
    assert_eq!((books.balances[0].sum.amount, books.unbalanced.len()), (5, 1));
}

/// M13: the provider's list comes in pages, and none is left out.
#[tokio::test(flavor = "multi_thread")]
async fn m13_long_lists_come_in_pages_and_nothing_is_left_out() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_ok").await.unwrap();
    let copies = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2499)";
    // 64 digits.
    let key = format!("'{}' || (i + 1000)", "0".repeat(60));
    let payments = format!(
        "INSERT INTO payments (provider_key, order_id, operation, attempt, state, amount, currency, detail, due_at, created_at)
         {copies} SELECT {key}, order_id, 'VOID', i, 'DECLINED', 1, 'EUR', 'x', 0, 0 FROM n, orders"
    );
    assert_eq!(daemon.write(payments).await, 2_499);
    let entries = format!(
        "INSERT INTO entry (key, repeat, order_id, operation, declined, amount, currency, fingerprint, at)
         {copies} SELECT unhex({key}), 0, order_id, 'VOID', 'x', 1, 'EUR', 'f', 0
         FROM n, (SELECT order_id FROM entry LIMIT 1)"
    );
    let mut provider = provider_db(&daemon).await;
    sqlx::query(AssertSqlSafe(entries)).execute(&mut provider).await.unwrap();
    let (mut ours, mut theirs) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    let (mut cursor, mut pages) = (None, 0);
    loop {
        let page = daemon.organiser.payments(cursor.as_deref()).await.unwrap();
        ours.extend(page.items.into_iter().map(|payment| payment.provider_key));
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let page = daemon.organiser.provider_operations(cursor.as_deref()).await.unwrap();
        theirs.extend(page.items.into_iter().map(|record| record.provider_key));
        if page.next_cursor.is_none() {
            break;
        }
        cursor = page.next_cursor;
    }
    assert_eq!((ours.len(), pages), (2_500, 3));
    assert_eq!(ours, theirs);
}
