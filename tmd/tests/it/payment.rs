//! Money: taken once, for seats that are there, and never left hanging.

use tmapi::ProblemCode;
use tmapi::order::OrderStatus;
use tmcore::payment::Operation::{Authorize, Capture, Void};
use tokio::task::JoinSet;

use crate::harness::{Daemon, eventually, key};
use crate::till::{Purchase, pay, refusal, unswept};

/// Begins a confirmation that takes its time, and returns when it is under way.
async fn confirming(
    daemon: &Daemon,
    purchase: &Purchase,
    seat: &str,
    tasks: &mut JoinSet<(u16, OrderStatus)>,
) {
    let (buyer, order, request) = (purchase.buyer.clone(), purchase.order, pay(&[seat], "tok_slow"));
    tasks.spawn(async move {
        match buyer.confirm(order, &request, &key()).await {
            Ok(view) => (202, view.status),
            Err(error) => (error.status().unwrap(), OrderStatus::Failed),
        }
    });
    eventually("the provider is being asked", async || !daemon.payments(order).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_the_payment_is_written_down_before_the_provider_is_asked() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let mut tasks = JoinSet::new();
    confirming(&daemon, &buyer, "A-1", &mut tasks).await;
    let intent = daemon.payments(buyer.order).await;
    assert_eq!(intent, [("AUTHORIZE".to_owned(), 1, "SENT".to_owned())]);
    assert_eq!(daemon.done_for(buyer.order).await, [], "the provider has done nothing yet");
    assert_eq!(
        (daemon.state(buyer.order).await.as_str(), daemon.seats_of(buyer.order).await),
        ("AUTHORIZING", 1)
    );
    let key = "SELECT COUNT(*) FROM payments WHERE provider_key =";
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), (202, OrderStatus::Authorized));
    for record in daemon.provider_log().await {
        assert_eq!(daemon.number(format!("{key} '{}'", record.key)).await, 1);
    }
    buyer.finalize().await.unwrap();
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_a_new_attempt_after_a_decline_is_a_new_operation() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    assert_eq!(
        refusal(buyer.confirm(&["A-1"], "tok_insufficient_funds").await),
        (402, ProblemCode::Declined)
    );
    assert_eq!(buyer.confirm(&["A-1"], "tok_ok").await.unwrap().status, OrderStatus::Authorized);
    buyer.finalize().await.unwrap();
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, false), (Authorize, true), (Capture, true)]);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m6_a_card_whose_request_was_fenced_was_not_declined() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    let mut tasks = JoinSet::new();
    confirming(&daemon, &buyer, "A-1", &mut tasks).await;
    let fenced: String =
        sqlx::query_scalar("SELECT provider_key FROM payments").fetch_one(&daemon.db).await.unwrap();
    // As the resolver does for a request that it has to take for lost.
    assert_eq!(daemon.office.ports.gateway.cancel(&fenced.parse().unwrap()).await, Ok(None));
    assert_eq!(tasks.join_next().await.unwrap().unwrap(), (202, OrderStatus::Authorized));
    let tries = [("AUTHORIZE", 1, "NEVER_HAPPENED"), ("AUTHORIZE", 2, "OK")];
    let tries = tries.map(|(operation, attempt, state)| (operation.to_owned(), attempt, state.to_owned()));
    assert_eq!(daemon.payments(buyer.order).await, tries);
    assert_eq!(daemon.count("SELECT declines FROM orders").await, 0);
    buyer.finalize().await.unwrap();
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_seats_are_pinned_before_the_money_is_taken() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (buyer, rival) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    buyer.confirm(&["A-1", "A-2"], "tok_capture_lost").await.unwrap();
    let unknown = buyer.finalize().await.unwrap();
    assert_eq!((unknown.status, unknown.tickets.len()), (OrderStatus::Capturing, 0));
    assert_eq!(
        daemon.count("SELECT COUNT(*) FROM seat_inventory WHERE status = 2 AND reserved_until IS NULL").await,
        2
    );
    // Its time passes while nobody knows whether the money was taken.
    daemon.lapse(buyer.order).await;
    daemon.office.sweep(100).await.unwrap();
    assert_eq!(buyer.view().await.status, OrderStatus::Capturing);
    assert_eq!(refusal(rival.confirm(&["A-1"], "tok_ok").await), (409, ProblemCode::SeatsUnavailable));
    assert_eq!(refusal(buyer.cancel().await), (409, ProblemCode::OrderState));
    eventually("it is paid", async || buyer.view().await.status == OrderStatus::Finalized).await;
    assert_eq!(buyer.view().await.tickets.len(), 2);
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Capture, true)]);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m8_past_its_time_an_order_is_voided_and_not_captured() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_ok").await.unwrap();
    daemon.lapse(buyer.order).await;
    for _ in 0..2 {
        assert_eq!(refusal(buyer.finalize().await), (410, ProblemCode::OrderExpired));
    }
    assert_eq!(
        (daemon.state(buyer.order).await.as_str(), daemon.seats_of(buyer.order).await),
        ("EXPIRED", 0)
    );
    daemon.quiescence().await;
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Void, true)]);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m9_an_authorization_that_comes_after_the_end_is_undone() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (late, left) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    let next = Purchase::begin(&guest, &event).await;
    let (mut lates, mut lefts) = (JoinSet::new(), JoinSet::new());
    confirming(&daemon, &late, "A-1", &mut lates).await;
    confirming(&daemon, &left, "A-2", &mut lefts).await;
    daemon.lapse(late.order).await;
    assert_eq!(left.cancel().await.unwrap().status, OrderStatus::Cancelled);
    assert_eq!(next.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap().status, OrderStatus::Authorized);
    assert_eq!(lates.join_next().await.unwrap().unwrap().0, 410);
    assert_eq!(lefts.join_next().await.unwrap().unwrap().0, 409);
    assert_eq!(
        (late.view().await.status, left.view().await.status),
        (OrderStatus::Expired, OrderStatus::Cancelled)
    );
    daemon.quiescence().await;
    for order in [late.order, left.order] {
        assert_eq!(daemon.done_for(order).await, [(Authorize, true), (Void, true)]);
    }
    assert_eq!(next.finalize().await.unwrap().tickets.len(), 2, "its seats are untouched");
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_decline_keeps_the_hold_to_its_first_end_and_the_third_cancels() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (buyer, rival) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    assert_eq!(refusal(buyer.confirm(&["A-1"], "tok_declined").await), (402, ProblemCode::Declined));
    let first = buyer.view().await;
    assert_eq!((first.status, first.seats.len()), (OrderStatus::Pending, 1));
    assert_eq!(refusal(rival.confirm(&["A-1"], "tok_ok").await), (409, ProblemCode::SeatsUnavailable));
    assert_eq!(refusal(buyer.confirm(&["A-2"], "tok_declined").await), (402, ProblemCode::Declined));
    assert_eq!(buyer.view().await.expires_at, first.expires_at, "never extended");
    assert_eq!(
        daemon
            .number(format!("SELECT reserved_until FROM seat_inventory WHERE order_id = '{}'", buyer.order))
            .await,
        first.expires_at.as_millis()
    );
    assert_eq!(
        rival.confirm(&["A-1"], "tok_declined").await.unwrap_err().status(),
        Some(402),
        "other seats, the first go back"
    );
    assert_eq!(refusal(buyer.confirm(&["A-2"], "tok_declined").await), (402, ProblemCode::Declined));
    let last = buyer.view().await;
    assert_eq!((last.status, last.seats.len()), (OrderStatus::Cancelled, 0));
    assert_eq!(daemon.seats_of(buyer.order).await, 0);
    assert_eq!(refusal(buyer.confirm(&["A-2"], "tok_ok").await), (409, ProblemCode::OrderState));
    // A hold that a decline left ends at its time like any other.
    daemon.lapse(rival.order).await;
    assert_eq!(refusal(rival.confirm(&["A-1"], "tok_ok").await), (410, ProblemCode::OrderExpired));
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_card_that_is_good_after_a_decline_buys_before_the_first_end() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    assert_eq!(buyer.confirm(&["A-1"], "tok_declined").await.unwrap_err().status(), Some(402));
    let end = buyer.view().await.expires_at;
    let held = buyer.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    assert_eq!((held.status, held.expires_at, held.total.amount), (OrderStatus::Authorized, end, 2_000));
    assert_eq!(buyer.finalize().await.unwrap().tickets.len(), 2);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m4_a_capture_that_is_refused_for_good_fails_the_order_and_frees_its_seats() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    for token in ["tok_capture_declined", "tok_lapsed"] {
        let buyer = Purchase::begin(&guest, &event).await;
        buyer.confirm(&["A-1"], token).await.unwrap();
        assert_eq!(refusal(buyer.finalize().await), (402, ProblemCode::Declined));
        assert_eq!((buyer.view().await.status, daemon.seats_of(buyer.order).await), (OrderStatus::Failed, 0));
        assert_eq!(refusal(buyer.finalize().await), (409, ProblemCode::OrderState));
        daemon.quiescence().await;
        assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Capture, false), (Void, true)]);
    }
    assert_eq!(daemon.count("SELECT COUNT(*) FROM tickets").await, 0);
    daemon.check_money().await;
}

/// What the provider says or does not say about these cards: in the end the order is where its buyer can go on.
const TROUBLED: &[&str] = &[
    "tok_lost_answer",
    "tok_timeout",
    "tok_garbage",
    "tok_wrong_amount",
    "tok_capture_lost",
    "tok_void_fails",
    "tok_duplicate",
    "tok_ok",
];

#[tokio::test(flavor = "multi_thread")]
async fn m6_whatever_the_provider_leaves_open_converges_without_anybodys_help() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 3, 10).await;
    let mut steps = JoinSet::new();
    let mut purchases = Vec::new();
    for (n, token) in TROUBLED.iter().enumerate() {
        for row in ["A", "B", "C"] {
            let purchase = Purchase::begin(&daemon.client(), &event).await;
            let (buyer, order, request) =
                (purchase.buyer.clone(), purchase.order, pay(&[&format!("{row}-{}", n + 1)], token));
            steps.spawn(async move { (order, buyer.confirm(order, &request, &key()).await.unwrap().status) });
            purchases.push((*token, row, purchase));
        }
    }
    let mut unknown = Vec::new();
    while let Some(answer) = steps.join_next().await {
        let (order, status) = answer.unwrap();
        if status == OrderStatus::Authorizing {
            unknown.push(order);
        }
    }
    assert_eq!(unknown.len(), 4 * 3, "four cards leave it open: no answer is no answer");
    daemon.quiescence().await;
    for (token, row, purchase) in &purchases {
        let status = purchase.view().await.status;
        let expected = if *token == "tok_timeout" { OrderStatus::Pending } else { OrderStatus::Authorized };
        assert_eq!(status, expected, "{token}");
        match *row {
            "A" if *token != "tok_timeout" => {
                let paid = purchase.finalize().await.unwrap().status;
                let known = *token != "tok_capture_lost";
                assert_eq!(
                    paid,
                    if known { OrderStatus::Finalized } else { OrderStatus::Capturing },
                    "{token}"
                );
            }
            "A" => {
                let seat = purchase.view().await.seats[0].seat_id.to_string();
                purchase.confirm(&[&seat], "tok_ok").await.unwrap();
                purchase.finalize().await.unwrap();
            }
            "B" => drop(purchase.cancel().await.unwrap()),
            _ => daemon.lapse(purchase.order).await,
        }
    }
    eventually("holds that passed are written down", async || {
        daemon
            .count("SELECT COUNT(*) FROM orders WHERE state IN ('PENDING', 'AUTHORIZED', 'CAPTURING')")
            .await
            == 0
    })
    .await;
    daemon.check_money().await;
    for (token, row, purchase) in &purchases {
        let expected = match *row {
            "A" => OrderStatus::Finalized,
            "B" => OrderStatus::Cancelled,
            _ => OrderStatus::Expired,
        };
        assert_eq!(purchase.view().await.status, expected, "{token}");
        let captures =
            daemon.done_for(purchase.order).await.iter().filter(|(what, _)| *what == Capture).count();
        assert_eq!(captures, usize::from(*row == "A"), "M2: {token}");
    }
    assert_eq!(daemon.count("SELECT COUNT(*) FROM tickets").await, i64::try_from(TROUBLED.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn m9_what_was_open_when_the_daemon_died_is_settled_by_the_next() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (capturing, authorizing) =
        (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    capturing.confirm(&["A-1"], "tok_capture_lost").await.unwrap();
    authorizing.confirm(&["A-2"], "tok_garbage").await.unwrap();
    capturing.finalize().await.unwrap();
    let daemon = daemon.restart(crate::harness::quick()).await;
    daemon.quiescence().await;
    assert_eq!(daemon.state(capturing.order).await, "FINALIZED");
    assert_eq!(daemon.state(authorizing.order).await, "AUTHORIZED");
    daemon.check_money().await;
}
