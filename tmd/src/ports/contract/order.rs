//! What every store of orders keeps.

use tmcore::OrderId;
use tmcore::order::OrderState;
use tmcore::payment::Answer;

use super::stage::{PRICE, Stage, create, event, hold, ok, order_id, pin, seat, settle, user};
use crate::ports::order::{CommandRefusal, OrderCommand, OrderOutcome, Verdict};

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    s3_a_hold_takes_all_or_none(&make().await).await;
    s2_of_a_batch_of_rivals_one_has_the_seat(&make().await).await;
    m4_a_purchase_ends_with_a_ticket_a_seat(&make().await).await;
    m2_settling_twice_changes_nothing(&make().await).await;
    m14_a_decline_keeps_the_hold(&make().await).await;
    a_definite_refusal_to_capture_gives_the_seats_back(&make().await).await;
    m4_a_refund_ends_the_ticket_and_frees_the_seat(&make().await).await;
    one_open_order_and_a_limit_a_buyer(&make().await).await;
    commands_of_one_batch_see_each_other(&make().await).await;
    s5_an_order_whose_time_is_up_is_ended_and_no_other(&make().await).await;
    somebody_elses_order_is_none(&make().await).await;
}

fn declined() -> Verdict {
    Verdict::Answered(Answer::Declined { reason: "no".into() })
}

async fn codes(stage: &Stage, event: &tmcore::EventId) -> Vec<u8> {
    stage.store.seat_snapshot(event).await.unwrap().unwrap().codes
}

async fn s3_a_hold_takes_all_or_none(stage: &Stage) {
    let id = stage.free_sale("E1", 4).await;
    stage.order(&id, 1).await;
    stage.order(&id, 2).await;
    let held = stage.apply(hold(1, &[1, 2])).await.unwrap();
    assert_eq!(held.record.order.total.amount, 2 * PRICE);
    assert_eq!(held.record.order.state, OrderState::Authorizing);
    let refused = stage.apply(hold(2, &[0, 1, 3])).await;
    assert!(matches!(refused, Err(CommandRefusal::SeatsTaken(seats)) if seats == [seat(1)]));
    assert_eq!(codes(stage, &id).await, [0, 1, 1, 0]);
    let unknown = stage.apply(hold(2, &[0, 9])).await;
    assert!(matches!(unknown, Err(CommandRefusal::UnknownSeats(seats)) if seats == [seat(9)]));
    let many = stage.apply(hold(2, &[0, 1, 2, 3, 9])).await;
    assert!(matches!(many, Err(CommandRefusal::TooManySeats { limit: 4 })));
}

async fn s2_of_a_batch_of_rivals_one_has_the_seat(stage: &Stage) {
    let id = stage.free_sale("E1", 2).await;
    for n in 1..=64 {
        stage.order(&id, n).await;
    }
    let answers = stage.store.apply((1..=64).map(|n| hold(n, &[0])).collect()).await;
    assert!(answers[0].is_ok());
    assert!(answers[1..].iter().all(|answer| matches!(answer, Err(CommandRefusal::SeatsTaken(_)))));
}

async fn m4_a_purchase_ends_with_a_ticket_a_seat(stage: &Stage) {
    let id = stage.free_sale("E1", 3).await;
    stage.order(&id, 1).await;
    let held = stage.apply(hold(1, &[0, 2])).await.unwrap();
    let early = stage.apply(pin(1)).await;
    assert!(matches!(early, Err(CommandRefusal::State(OrderState::Authorizing))));
    settle(stage, &held, ok("auth")).await.unwrap();
    let pinned = stage.apply(pin(1)).await.unwrap();
    let capture = pinned.payment.as_ref().unwrap();
    assert_eq!((capture.amount.amount, capture.against.clone()), (2 * PRICE, "auth".parse().ok()));
    let sold = settle(stage, &pinned, ok("capture")).await.unwrap();
    assert_eq!(sold.record.order.state, OrderState::Finalized);
    assert_eq!(sold.record.tickets.len(), 2);
    assert_eq!(codes(stage, &id).await, [2, 0, 2]);
    stage.order(&id, 2).await;
    let ticket = stage.store.ticket(sold.record.tickets[0].id).await.unwrap();
    assert_eq!(ticket.as_ref(), Some(&sold.record.tickets[0]));
    assert_eq!(stage.store.takings(&id).await.unwrap(), (1, 2 * PRICE));
}

async fn m2_settling_twice_changes_nothing(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    stage.order(&id, 1).await;
    let held = stage.apply(hold(1, &[0])).await.unwrap();
    settle(stage, &held, ok("auth")).await.unwrap();
    let again = settle(stage, &held, declined()).await.unwrap();
    assert_eq!(again.record.order.state, OrderState::Authorized);
    let pinned = stage.apply(pin(1)).await.unwrap();
    settle(stage, &pinned, Verdict::Unknown).await.unwrap();
    for _ in 0..2 {
        let sold = settle(stage, &pinned, ok("capture")).await.unwrap();
        assert_eq!((sold.record.order.state, sold.record.tickets.len()), (OrderState::Finalized, 1));
    }
}

async fn m14_a_decline_keeps_the_hold(stage: &Stage) {
    let id = stage.free_sale("E1", 2).await;
    stage.order(&id, 1).await;
    let held = stage.apply(hold(1, &[0])).await.unwrap();
    let until = held.record.order.expires_at;
    let after = settle(stage, &held, declined()).await.unwrap();
    assert_eq!(after.record.order.state, OrderState::Pending);
    assert_eq!(codes(stage, &id).await, [1, 0]);
    let other = stage.apply(hold(1, &[1])).await.unwrap();
    assert_eq!(other.record.order.expires_at, until, "never extended");
    assert_eq!(codes(stage, &id).await, [0, 1], "the old seat went back");
    settle(stage, &other, declined()).await.unwrap();
    let third = stage.apply(hold(1, &[1])).await.unwrap();
    let end = settle(stage, &third, declined()).await.unwrap();
    assert_eq!(end.record.order.state, OrderState::Cancelled);
    assert_eq!(codes(stage, &id).await, [0, 0]);
}

async fn a_definite_refusal_to_capture_gives_the_seats_back(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    stage.order(&id, 1).await;
    let held = stage.apply(hold(1, &[0])).await.unwrap();
    settle(stage, &held, ok("auth")).await.unwrap();
    let pinned = stage.apply(pin(1)).await.unwrap();
    let end = settle(stage, &pinned, declined()).await.unwrap();
    assert_eq!(end.record.order.state, OrderState::Failed);
    assert!(end.payment.is_some(), "the authorization is voided");
    assert_eq!(codes(stage, &id).await, [0]);
}

async fn s5_an_order_whose_time_is_up_is_ended_and_no_other(stage: &Stage) {
    let mut brief = event("E1");
    brief.sale.rules.waiting_room = false;
    brief.sale.rules.hold_ttl_seconds = 2;
    let brief = stage.on_sale(brief, 1).await;
    let long = stage.free_sale("E2", 1).await;
    for (who, event) in [(1, &brief), (2, &long)] {
        stage.order(event, who).await;
        stage.apply(hold(who, &[0])).await.unwrap();
    }
    // By the store's own clock.
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let ended = stage.store.expire_due(10).await.unwrap();
    let ended: Vec<_> = ended.iter().map(|ended| (ended.record.order.id, ended.record.order.state)).collect();
    assert_eq!(ended, [(order_id(1), OrderState::Expired)]);
    assert_eq!((codes(stage, &brief).await, codes(stage, &long).await), (vec![0], vec![1]));
    assert!(stage.store.expire_due(10).await.unwrap().is_empty(), "ended once");
}

async fn bought(stage: &Stage, who: u128, seats: &[u32]) -> OrderOutcome {
    let held = stage.apply(hold(who, seats)).await.unwrap();
    settle(stage, &held, ok("auth")).await.unwrap();
    let pinned = stage.apply(pin(who)).await.unwrap();
    settle(stage, &pinned, ok("capture")).await.unwrap()
}

async fn m4_a_refund_ends_the_ticket_and_frees_the_seat(stage: &Stage) {
    let id = stage.free_sale("E1", 2).await;
    let order = stage.order(&id, 1).await;
    let refund = || OrderCommand::Refund { order, key: super::stage::key(user(9), "refund") };
    assert!(matches!(stage.apply(refund()).await, Err(CommandRefusal::State(OrderState::Pending))));
    let sold = bought(stage, 1, &[0]).await;
    let asked = stage.apply(refund()).await.unwrap();
    assert_eq!(asked.record.order.state, OrderState::Refunding);
    assert!(asked.record.tickets.iter().all(|ticket| !ticket.valid));
    assert_eq!(codes(stage, &id).await, [0, 0]);
    let payment = asked.payment.as_ref().unwrap();
    assert_eq!((payment.amount.amount, payment.against.clone()), (PRICE, "auth".parse().ok()));
    let again = stage.apply(refund()).await.unwrap();
    assert_eq!((again.record.order.state, again.payment), (OrderState::Refunding, None));
    settle(stage, &asked, Verdict::Unknown).await.unwrap();
    let back = settle(stage, &asked, ok("refund")).await.unwrap();
    assert_eq!(back.record.order.state, OrderState::Refunded);
    let ticket = stage.store.ticket(sold.record.tickets[0].id).await.unwrap().unwrap();
    assert!(!ticket.valid);
    assert_eq!(stage.store.takings(&id).await.unwrap(), (0, 0));
    // The seat is sold again, and the buyer may own as many as before.
    stage.order(&id, 2).await;
    let next = bought(stage, 2, &[0]).await;
    assert_eq!((next.record.order.state, next.record.tickets.len()), (OrderState::Finalized, 1));
}

async fn commands_of_one_batch_see_each_other(stage: &Stage) {
    let id = stage.free_sale("E1", 4).await;
    for n in 1..=4 {
        stage.order(&id, n).await;
    }
    let cancel = |who| OrderCommand::Cancel {
        order: order_id(who),
        user: user(who),
        key: super::stage::key(user(who), "cancel"),
    };
    // Two seats go to the first, the second is refused, the first gives up, the third has them, the fourth has others.
    let batch = vec![hold(1, &[0, 1]), hold(2, &[1, 2]), cancel(1), hold(3, &[0, 1]), hold(4, &[2])];
    let answers = stage.store.apply(batch).await;
    let states: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().map(|done| done.record.order.state)).collect();
    assert!(matches!(
        states[..],
        [
            Ok(OrderState::Authorizing),
            Err(CommandRefusal::SeatsTaken(_)),
            Ok(OrderState::Cancelled),
            Ok(OrderState::Authorizing),
            Ok(OrderState::Authorizing)
        ]
    ));
    assert_eq!(codes(stage, &id).await, [1, 1, 1, 0]);
    let owner = stage.store.order(order_id(3)).await.unwrap().unwrap();
    assert_eq!(owner.seats.iter().map(|line| line.id.clone()).collect::<Vec<_>>(), [seat(0), seat(1)]);
}

async fn one_open_order_and_a_limit_a_buyer(stage: &Stage) {
    let id = stage.free_sale("E1", 8).await;
    let first = stage.order(&id, 1).await;
    let second = OrderCommand::Create {
        order: order_id(99),
        user: user(1),
        event: id.clone(),
        session: None,
        key: super::stage::key(user(1), "second"),
    };
    let open: Result<_, _> = stage.apply(second.clone()).await;
    assert!(matches!(open, Err(CommandRefusal::OpenOrder(order)) if order == first));
    let held = stage.apply(hold(1, &[0, 1, 2, 3])).await.unwrap();
    settle(stage, &held, ok("auth")).await.unwrap();
    let pinned = stage.apply(pin(1)).await.unwrap();
    settle(stage, &pinned, ok("capture")).await.unwrap();
    stage.apply(second).await.unwrap();
    let more = OrderCommand::Hold {
        order: order_id(99),
        user: user(1),
        seats: [4, 5, 6].map(seat).into(),
        key: super::stage::key(user(1), "more"),
    };
    assert!(matches!(stage.apply(more).await, Err(CommandRefusal::PurchaseLimit { limit: 6, owned: 4 })));
}

async fn somebody_elses_order_is_none(stage: &Stage) {
    let id = stage.free_sale("E1", 1).await;
    let order: OrderId = stage.order(&id, 1).await;
    let theirs = OrderCommand::Cancel { order, user: user(2), key: super::stage::key(user(2), "cancel") };
    assert!(matches!(stage.apply(theirs).await, Err(CommandRefusal::NotFound)));
    assert!(matches!(
        stage.apply(create(&super::stage::event_id("nowhere"), 3)).await,
        Err(CommandRefusal::NotFound)
    ));
}
