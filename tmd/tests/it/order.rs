//! Orders and bookings: limits, one at a time, given up, nobody else's.

use tmapi::ProblemCode;
use tmapi::client::ClientError;
use tmapi::event::EventPatch;
use tmapi::order::{OrderStatus, OrderView};
use tmapi::session::SessionStatus;
use tmcore::payment::Operation;

use crate::harness::{Daemon, key, until};
use crate::till::{Purchase, of, open, pay, post, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_takes_no_more_seats_than_one_may() {
    let daemon = Daemon::start().await;
    let limits = EventPatch { seats_per_order: Some(2), seats_per_buyer: Some(3), ..EventPatch::default() };
    let event = daemon.event("E1", 1, 10, open(limits)).await;
    let first = Purchase::begin(&daemon.client(), &event).await;
    assert_eq!(
        refusal(first.confirm(&["A-1", "A-2", "A-3"], "tok_ok").await),
        (422, ProblemCode::InvalidSeats)
    );
    assert_eq!(daemon.seats_of(first.order).await, 0);
    first.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    first.finalize().await.unwrap();
    let second = first.again(&event).await;
    assert_eq!(refusal(second.confirm(&["A-3", "A-4"], "tok_ok").await), (409, ProblemCode::PurchaseLimit));
    assert_eq!(daemon.seats_of(second.order).await, 0);
    second.confirm(&["A-3"], "tok_ok").await.unwrap();
    second.finalize().await.unwrap();
    let third = first.buyer.create_order(&of(&event), &key()).await;
    assert_eq!(refusal(third), (409, ProblemCode::PurchaseLimit));
    let booked = first.buyer.book(&event, &pay(&["A-5"], "tok_ok"), &key()).await;
    assert_eq!(refusal(booked), (409, ProblemCode::PurchaseLimit));
    assert_eq!(daemon.count("SELECT COUNT(*) FROM tickets").await, 3);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_has_one_unfinished_order_at_a_time() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let first = Purchase::begin(&daemon.client(), &event).await;
    let create = async || first.buyer.create_order(&of(&event), &key()).await;
    assert_eq!(refusal(create().await), (409, ProblemCode::OpenOrderExists));
    first.confirm(&["A-1"], "tok_ok").await.unwrap();
    let error = create().await.unwrap_err();
    assert_eq!(error.code(), Some(ProblemCode::OpenOrderExists));
    assert!(error.problem().unwrap().hint.as_ref().unwrap().contains(&first.order.to_string()));
    let booked = first.buyer.book(&event, &pay(&["A-2"], "tok_ok"), &key()).await;
    assert_eq!(refusal(booked), (409, ProblemCode::OpenOrderExists));
    assert_eq!(first.view().await.status, OrderStatus::Authorized, "the first is as it was");
    first.finalize().await.unwrap();
    create().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_can_be_given_up_until_the_money_is_taken() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (first, next) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    first.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    for _ in 0..2 {
        let cancelled = first.cancel().await.unwrap();
        assert_eq!((cancelled.status, cancelled.seats.len()), (OrderStatus::Cancelled, 0));
    }
    assert_eq!(next.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap().seats.len(), 2, "free at once");
    assert_eq!(refusal(first.finalize().await), (409, ProblemCode::OrderState));
    assert_eq!(refusal(first.confirm(&["A-3"], "tok_ok").await), (409, ProblemCode::OrderState));
    next.finalize().await.unwrap();
    assert_eq!(refusal(next.cancel().await), (409, ProblemCode::OrderState));
    assert_eq!(daemon.seats_of(next.order).await, 2);
    let unheld = Purchase::begin(&guest, &event).await;
    assert_eq!(unheld.cancel().await.unwrap().status, OrderStatus::Cancelled);
    assert_eq!(refusal(unheld.finalize().await), (409, ProblemCode::OrderState));
    daemon.check_money().await;
    assert_eq!(daemon.done_for(first.order).await, [(Operation::Authorize, true), (Operation::Void, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_finalized_only_once_its_card_is_good() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    assert_eq!(refusal(buyer.finalize().await), (409, ProblemCode::OrderState));
    assert_eq!(refusal(buyer.confirm(&["A-1"], "tok_declined").await), (402, ProblemCode::Declined));
    assert_eq!(refusal(buyer.finalize().await), (409, ProblemCode::OrderState));
    assert_eq!(daemon.done_for(buyer.order).await, [(Operation::Authorize, false)]);
    assert_eq!(daemon.count("SELECT COUNT(*) FROM tickets").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_order_is_no_order() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (owner, other) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    owner.confirm(&["A-1"], "tok_ok").await.unwrap();
    let unknown: tmcore::OrderId = tmcore::OrderId::from_uuid(daemon.office.world().entropy.uuid_v7());
    let mut bodies = Vec::new();
    for order in [owner.order, unknown] {
        let stranger = Purchase { buyer: other.buyer.clone(), order };
        assert_eq!(refusal(stranger.buyer.order(order).await), (404, ProblemCode::NotFound));
        assert_eq!(refusal(stranger.finalize().await), (404, ProblemCode::NotFound));
        assert_eq!(refusal(stranger.cancel().await), (404, ProblemCode::NotFound));
        let error = stranger.confirm(&["A-2"], "tok_ok").await.unwrap_err();
        let mut problem = error.problem().unwrap().clone();
        problem.request_id.clear();
        bodies.push(problem);
    }
    assert_eq!(bodies[0], bodies[1], "both look the same");
    assert_eq!(owner.view().await.status, OrderStatus::Authorized);
    assert_eq!(refusal(guest.order(owner.order).await), (401, ProblemCode::Unauthenticated));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_an_order_in_one_step() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let booked = guest.book(&event, &pay(&["A-1", "A-2"], "tok_ok"), &key()).await.unwrap();
    assert_eq!(
        (booked.status, booked.tickets.len(), booked.total.amount),
        (OrderStatus::Finalized, 2, 2_000)
    );
    let buyer = guest.with_token(&booked.access_token.unwrap()).unwrap();
    assert_eq!(buyer.order(booked.order_id).await.unwrap().tickets, booked.tickets);
    let taken = guest.book(&event, &pay(&["A-3", "A-2"], "tok_ok"), &key()).await;
    assert_eq!(refusal(taken), (409, ProblemCode::SeatsUnavailable));
    let again = buyer.book(&event, &pay(&["A-3"], "tok_ok"), &key()).await.unwrap();
    assert_eq!((again.user_id, again.access_token), (booked.user_id, None));
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_that_is_refused_leaves_nothing_behind() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let first = Purchase::begin(&daemon.client(), &event).await;
    first.cancel().await.unwrap();
    let book = async |ids: &[&str], token| first.buyer.book(&event, &pay(ids, token), &key()).await;
    assert_eq!(refusal(book(&["A-1"], "tok_declined").await), (402, ProblemCode::Declined));
    assert_eq!(refusal(book(&["A-1"], "tok_capture_declined").await), (402, ProblemCode::Declined));
    assert_eq!(refusal(book(&["A-1", "A-1"], "tok_ok").await), (422, ProblemCode::InvalidSeats));
    assert_eq!(refusal(book(&["Z-1"], "tok_ok").await), (422, ProblemCode::InvalidSeats));
    let open =
        "SELECT COUNT(*) FROM orders WHERE state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING')";
    assert_eq!(daemon.count(open).await, 0);
    assert_eq!(daemon.count("SELECT COUNT(*) FROM seat_inventory WHERE status <> 0").await, 0);
    assert_eq!(book(&["A-1"], "tok_ok").await.unwrap().tickets.len(), 1);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_declined_is_told_whether_the_seats_are_still_held() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let hint = |answer: Result<OrderView, ClientError>| match answer.unwrap_err() {
        ClientError::Problem(problem, _) => problem.hint.unwrap(),
        other => panic!("{other}"),
    };
    assert!(hint(buyer.confirm(&["A-1"], "tok_declined").await).contains("stay held"));
    assert!(hint(buyer.confirm(&["A-1"], "tok_declined").await).contains("stay held"));
    assert!(hint(buyer.confirm(&["A-1"], "tok_declined").await).contains("free again"));
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_capture_declined").await.unwrap();
    assert!(hint(buyer.finalize().await).contains("free again"));
    let booked = daemon.client().book(&event, &pay(&["A-1"], "tok_declined"), &key()).await;
    assert!(hint(booked).contains("free again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_without_being_let_in_nobody_orders() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 10, EventPatch { capacity: Some(1), ..EventPatch::default() }).await;
    let (inside, session) = daemon.join(&event).await;
    until(&inside, session.session_id, SessionStatus::Active).await;
    let (waiting, _) = daemon.join(&event).await;
    for client in [&waiting, &daemon.client()] {
        let booked = client.book(&event, &pay(&["A-1"], "tok_ok"), &key()).await;
        assert_eq!(refusal(booked), (403, ProblemCode::NotAdmitted));
        assert_eq!(refusal(client.create_order(&of(&event), &key()).await), (403, ProblemCode::NotAdmitted));
    }
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders").await, 0);
    let booked = inside.book(&event, &pay(&["A-1"], "tok_ok"), &key()).await.unwrap();
    assert_eq!(booked.session_id, Some(session.session_id));
    until(&inside, session.session_id, SessionStatus::Done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_names_no_price_and_no_status() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    for field in ["\"price\": 1", "\"status\": \"FINALIZED\"", "\"total\": {}"] {
        let body = format!("{{\"seats\": [\"A-1\"], \"paymentToken\": \"tok_ok\", {field}}}");
        let answer = post(&buyer.buyer, &crate::till::path(buyer.order, "confirm"), Some(&key()), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "malformed-body"));
        let name = field.split('"').nth(1).unwrap();
        assert!(answer.json()["detail"].as_str().unwrap().contains(name), "{:?}", answer.json());
    }
    assert_eq!(daemon.seats_of(buyer.order).await, 0);
}
