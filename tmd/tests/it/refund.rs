//! Money that goes back, and bookings that end without their buyer.

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::order::OrderStatus;
use tmcore::payment::Operation::{Authorize, Capture, Refund, Void};
use tmd::config::Config;

use crate::harness::{Daemon, eventually, key, now, quick};
use crate::till::{Purchase, pay, post, refusal};

/// M1, M9: a refund that the provider fails at twice is done in the end without anybody's help; its tickets end at once.
#[tokio::test(flavor = "multi_thread")]
async fn m1_a_refund_that_fails_for_a_while_ends_refunded() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let buyer = Purchase::begin(&guest, &event).await;
    buyer.confirm(&["A-1", "A-2"], "tok_refund_fails").await.unwrap();
    let ticket = buyer.finalize().await.unwrap().tickets.remove(0);
    let asked = key();
    let refunding = daemon.organiser.refund(buyer.order, &asked).await.unwrap();
    assert_eq!(refunding.status, OrderStatus::Refunding);
    let check = tmapi::ticket::CheckTicket { code: ticket.code.clone() };
    let verdict = daemon.organiser.check_ticket(&check).await.unwrap().verdict;
    assert_eq!(verdict, tmapi::ticket::TicketVerdict::Void, "at once");
    let next = Purchase::begin(&guest, &event).await;
    next.confirm(&["A-1"], "tok_ok").await.unwrap();
    next.finalize().await.unwrap();
    eventually("the money is back", async || buyer.view().await.status == OrderStatus::Refunded).await;
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Capture, true), (Refund, true)]);
    // I4, I11: under the same key and under another, without another refund.
    for key in [asked, key()] {
        assert_eq!(daemon.organiser.refund(buyer.order, &key).await.unwrap().status, OrderStatus::Refunded);
    }
    assert_eq!(daemon.done_for(buyer.order).await.len(), 3);
    daemon.check_money().await;
}

/// I1, W10: who may, and what can be refunded at all.
#[tokio::test(flavor = "multi_thread")]
async fn i1_a_refund_needs_the_organiser_a_key_and_a_paid_order() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let path = format!("/api/orders/{}:refund", buyer.order);
    let keyless = post(&daemon.organiser, &path, None, "").await;
    assert_eq!((keyless.status, keyless.code().as_str()), (400, "idempotency-key-missing"));
    assert_eq!(refusal(daemon.organiser.refund(buyer.order, &key()).await), (409, ProblemCode::OrderState));
    buyer.confirm(&["A-1"], "tok_ok").await.unwrap();
    assert_eq!(refusal(daemon.organiser.refund(buyer.order, &key()).await), (409, ProblemCode::OrderState));
    buyer.finalize().await.unwrap();
    assert_eq!(refusal(buyer.buyer.refund(buyer.order, &key()).await), (403, ProblemCode::Forbidden));
    let nobodys = "ord_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    assert_eq!(refusal(daemon.organiser.refund(nobodys, &key()).await), (404, ProblemCode::NotFound));
    assert_eq!(buyer.view().await.status, OrderStatus::Finalized);
    daemon.check_money().await;
}

/// M2: of many refunds at once, under as many keys, one is made.
#[tokio::test(flavor = "multi_thread")]
async fn m2_many_refunds_at_once_are_one() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_ok").await.unwrap();
    buyer.finalize().await.unwrap();
    let keys: Vec<_> = (0..16).map(|_| key()).collect();
    let all = keys.iter().map(|key| daemon.organiser.refund(buyer.order, key));
    for answer in futures::future::join_all(all).await {
        assert!(matches!(answer.unwrap().status, OrderStatus::Refunding | OrderStatus::Refunded));
    }
    daemon.check_money().await;
    assert_eq!(daemon.done_for(buyer.order).await.last(), Some(&(Refund, true)));
    assert_eq!(daemon.done_for(buyer.order).await.len(), 3);
}

fn hurried() -> Config {
    let mut config = quick();
    config.checkout.gateway_timeout_seconds = 1;
    config.checkout.idempotency_lease_seconds = 2;
    config
}

/// I7, I10: a booking that was answered before the provider had said ends with its ticket, and its key says so.
#[tokio::test(flavor = "multi_thread")]
async fn i10_a_booking_that_was_left_open_is_finished_without_its_buyer() {
    let daemon = Daemon::start_with(hurried()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    for (seat, token) in
        ["A-1", "A-2", "A-3"].iter().zip(["tok_lost_answer", "tok_garbage", "tok_wrong_amount"])
    {
        let asked = key();
        let request = pay(&[seat], token);
        let open = guest.book(&event, &request, &asked).await.unwrap();
        assert_eq!(open.status, OrderStatus::Authorizing, "{token}");
        let order = open.order_id;
        eventually(token, async || daemon.state(order).await == "FINALIZED").await;
        let again = guest.book(&event, &request, &asked).await.unwrap();
        assert_eq!((again.order_id, again.status, again.tickets.len()), (order, OrderStatus::Finalized, 1));
    }
    daemon.check_money().await;
}

/// I7: the daemon died between the two steps of a booking: the lease lapses, and the completer goes on. An order in
/// three steps stays where its buyer left it.
#[tokio::test(flavor = "multi_thread")]
async fn i7_an_abandoned_booking_is_completed_and_an_abandoned_confirmation_is_not() {
    let daemon = Daemon::start_with(hurried()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    // As a crash leaves it: the card is good, the seats are held, the key is claimed and nobody works on it.
    let (booked, stepwise) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    for (purchase, seat) in [(&booked, "A-1"), (&stepwise, "A-2")] {
        purchase.confirm(&[seat], "tok_ok").await.unwrap();
        let lease = format!("lease_until = {} + 1000", now());
        let sql = format!(
            "UPDATE idempotency_keys SET status = NULL, body = NULL, {lease} WHERE order_id = '{}'
               AND status = 202",
            purchase.order
        );
        assert_eq!(daemon.write(sql).await, 1);
    }
    let sql = format!(
        "UPDATE idempotency_keys SET is_booking = 1 WHERE order_id = '{}' AND status IS NULL",
        booked.order
    );
    assert_eq!(daemon.write(sql).await, 1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(daemon.state(booked.order).await, "AUTHORIZED", "its request may still be at work");
    eventually("the booking is finished", async || daemon.state(booked.order).await == "FINALIZED").await;
    assert_eq!(daemon.done_for(booked.order).await, [(Authorize, true), (Capture, true)]);
    assert_eq!(daemon.state(stepwise.order).await, "AUTHORIZED", "paying is the buyer's step");
    daemon.lapse(stepwise.order).await;
    eventually("voided", async || daemon.done_for(stepwise.order).await.last() == Some(&(Void, true))).await;
    daemon.check_money().await;
}
