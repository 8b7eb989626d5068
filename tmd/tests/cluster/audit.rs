//! What has to hold when everything has come to rest, whatever broke before.

use std::collections::BTreeMap;

use sqlx::Row as _;
use tmapi::client::Client;
use tmapi::order::{OrderStatus, OrderView};
use tmapi::payment::{PaymentStatus, PaymentView, ProviderOperationView};
use tmcore::payment::{Operation, PaymentState};
use tmcore::reconcile::{CLOCK_SLACK_SECONDS, OurLine, Reconciler, Standing, Subject, TheirLine};
use tmcore::verify::Report;
use tmcore::{OrderId, Timestamp};

use crate::database::Database;
use crate::harness::{check_invariants, eventually};
use crate::office::Office;
use crate::shopper::{Call, Shopper};

/// Waits until no payment is open and no order waits for one.
pub async fn quiescence(database: &Database) {
    eventually("every payment is settled", async || {
        let open = "SELECT (SELECT count(*) FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN'))
              + (SELECT count(*) FROM orders WHERE state IN ('AUTHORIZING', 'CAPTURING', 'REFUNDING'))";
        database.count(open).await == 0
    })
    .await;
}

/// D1, D2, M1, M2, M4, M13, S1: what buyers were told is what the rows, the books and the provider know.
pub async fn check(office: &Office, shoppers: &mut [Shopper]) {
    quiescence(&office.database).await;
    let mut asked = 0;
    for shopper in &mut *shoppers {
        asked += shopper.ask_again().await;
    }
    quiescence(&office.database).await;
    check_invariants(&office.database.any().await).await;
    verify(&office.organiser()).await;
    let captured = reconcile(&office.organiser()).await;
    let answered = |status| {
        let told = shoppers.iter().flat_map(|shopper| &shopper.history);
        told.filter_map(|told| told.answer.as_ref().ok()).filter(move |view| view.status == status)
    };
    let begun = shoppers.iter().flat_map(|shopper| &shopper.history);
    let begun = begun.filter(|told| matches!(told.call, Call::Begin)).count();
    let states = states(&office.database).await;
    assert_eq!(states.len(), begun, "D2: one order for every one that was begun");
    let mut finalized = 0;
    for view in answered(OrderStatus::Finalized) {
        check_tickets(&office.database, view).await;
        assert_eq!(states[&view.order_id], "FINALIZED", "D1: {view:?}");
        assert_eq!(captured.get(&view.order_id), Some(&1), "M2: {view:?}");
        finalized += 1;
    }
    for view in answered(OrderStatus::Cancelled) {
        assert_eq!(states[&view.order_id], "CANCELLED", "D1: {view:?}");
    }
    let count = |state| states.values().filter(|is| *is == state).count();
    assert_eq!(count("FINALIZED"), finalized, "D2: an order was paid that nobody was told of");
    assert_eq!(captured.len(), finalized, "M4: captures of orders that are not paid");
    let unequal = "SELECT abs((SELECT count(*) FROM tickets WHERE state = 'VALID') - (SELECT count(*) FROM seat_inventory
        WHERE status = 3)) + (SELECT count(*) FROM seat_inventory WHERE status IN (1, 2))";
    assert_eq!(
        office.database.count(unequal).await,
        0,
        "M4: tickets are not seats sold, or seats are held by nobody"
    );
    let twice = "SELECT count(*) FROM (SELECT 1 FROM order_events GROUP BY order_id, to_state
        HAVING count(*) > 1 AND to_state IN ('FINALIZED', 'CAPTURING', 'CANCELLED')) AS twice";
    assert_eq!(office.database.count(twice).await, 0, "an edge was passed twice");
    println!("{begun} orders, {finalized} paid, {asked} calls asked again");
}

/// Every rule, asked over the wire.
async fn verify(organiser: &Client) {
    let (mut report, mut cursor) = (Report::default(), None::<String>);
    loop {
        let page = organiser.verify(cursor.as_deref()).await.unwrap();
        report.merge(page.report);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(report.holds(), "{report:#?}");
}

async fn states(database: &Database) -> BTreeMap<OrderId, String> {
    let bought = "SELECT order_id, state FROM orders WHERE event_id = 'E1'";
    let rows = sqlx::query(bought).fetch_all(&mut database.look().await).await;
    let read = |row: &sqlx::postgres::PgRow| (row.get::<String, _>(0).parse().unwrap(), row.get(1));
    rows.unwrap().iter().map(read).collect()
}

async fn check_tickets(database: &Database, view: &OrderView) {
    let told: Vec<_> = view.tickets.iter().map(|ticket| ticket.ticket_id.to_string()).collect();
    assert_eq!(told.len(), view.seats.len(), "{view:?}");
    let good: i64 =
        sqlx::query_scalar("SELECT count(*) FROM tickets WHERE ticket_id = ANY ($1) AND state = 'VALID'")
            .bind(&told)
            .fetch_one(&mut database.look().await)
            .await
            .unwrap();
    assert_eq!(usize::try_from(good).unwrap(), told.len(), "D1: an answered ticket is lost: {view:?}");
}

/// M11, M13: both lists over the wire agree, and the books are in balance. Answers the captures of each order.
async fn reconcile(organiser: &Client) -> BTreeMap<OrderId, usize> {
    let mut reconciler = Reconciler::default();
    let (mut cursor, mut began): (Option<String>, Option<Timestamp>) = (None, None);
    loop {
        let page = organiser.payments(cursor.as_deref()).await.unwrap();
        began.get_or_insert(page.as_of);
        page.items.iter().for_each(|payment| reconciler.ours(our_line(payment, page.as_of)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let (began, mut captures) = (began.unwrap(), BTreeMap::new());
    loop {
        let page = organiser.provider_operations(cursor.as_deref()).await.unwrap();
        for record in &page.items {
            reconciler.theirs(their_line(record, began));
            if record.operation == Operation::Capture && record.done {
                captures.insert(record.provider_key.clone(), record.order_id);
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(reconciler.finish().differences, [], "M13");
    let books = organiser.ledger().await.unwrap();
    assert_eq!(books.unbalanced, [], "M11");
    assert!(books.balances.iter().all(|balance| balance.sum.amount == 0), "M11: {books:?}");
    let mut by_order = BTreeMap::new();
    for order in captures.into_values() {
        *by_order.entry(order).or_insert(0) += 1;
    }
    by_order
}

fn our_line(payment: &PaymentView, as_of: Timestamp) -> OurLine {
    let standing = match payment.status {
        PaymentStatus::Intent | PaymentStatus::Sent | PaymentStatus::Unknown => {
            Standing::of(&PaymentState::Unknown, as_of.millis_since(payment.created_at) / 1000)
        }
        PaymentStatus::Ok => Standing::Ok,
        PaymentStatus::Declined => Standing::Declined,
        PaymentStatus::NeverHappened => Standing::NeverHappened,
    };
    let (key, order) = (payment.provider_key.parse().unwrap(), payment.order_id);
    OurLine {
        subject: Subject { key, order, operation: payment.operation, amount: payment.amount },
        standing,
    }
}

fn their_line(record: &ProviderOperationView, began: Timestamp) -> TheirLine {
    let (key, order) = (record.provider_key.parse().unwrap(), record.order_id);
    TheirLine {
        subject: Subject { key, order, operation: record.operation, amount: record.amount },
        done: record.done,
        is_settled: record.at.plus_seconds(CLOCK_SLACK_SECONDS) < began,
    }
}
