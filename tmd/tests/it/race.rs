//! Many at once for the same seats, and random histories against a model.

mod model;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sqlx::AssertSqlSafe;
use tmapi::ProblemCode;
use tmapi::client::Client;
use tmapi::event::EventPatch;
use tmapi::order::OrderStatus;
use tmcore::payment::Operation::{Authorize, Capture};
use tmcore::{EventId, OrderId};
use tmd::clock::{Clock, SystemClock};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harness::{Daemon, key, now};
use crate::till::{Purchase, Wire, open, pay, post};

/// Orders begun by as many new guests, at once.
async fn begin_many(client: &Client, event: &EventId, count: usize) -> Vec<Purchase> {
    let mut begun = JoinSet::new();
    for _ in 0..count {
        let (client, event) = (client.clone(), event.clone());
        begun.spawn(async move { Purchase::begin(&client, &event).await });
    }
    begun.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_s2_of_five_hundred_buyers_one_gets_the_seat_and_all_others_are_told() {
    const BUYERS: usize = 500;
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let mut answers = JoinSet::new();
    let line = Arc::new(Barrier::new(BUYERS));
    for purchase in begin_many(&daemon.client(), &event, BUYERS).await {
        let line = Arc::clone(&line);
        answers.spawn(async move {
            line.wait().await;
            let status = match purchase.confirm(&["A-1"], "tok_ok").await {
                Ok(view) => (202, view.status.is_open(), None),
                Err(error) => (error.status().unwrap(), false, error.code()),
            };
            (status, purchase)
        });
    }
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.join_all().await.into_iter().partition(|(answer, _)| answer.0 == 202);
    assert_eq!(won.len(), 1);
    assert_eq!(lost.len(), BUYERS - 1);
    for (answer, _) in &lost {
        assert_eq!(*answer, (409, false, Some(ProblemCode::SeatsUnavailable)));
    }
    assert_eq!(daemon.provider_log().await.len(), 1, "nobody else's card was asked for");
    assert_eq!(won[0].1.finalize().await.unwrap().tickets.len(), 1);
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders WHERE state = 'FINALIZED'").await, 1);
    daemon.check_money().await;
}

/// Orders whose seats are not all theirs, or that have none although they hold some.
const HALF_HELD: &str = "SELECT COUNT(*) FROM orders o
    WHERE (SELECT COUNT(*) FROM seat_inventory i WHERE i.order_id = o.order_id AND i.status = 1)
      <> CASE WHEN o.state IN ('AUTHORIZING', 'AUTHORIZED') THEN json_array_length(o.seats) ELSE 0 END";

#[tokio::test(flavor = "multi_thread")]
async fn s3_s8_overlapping_baskets_in_opposite_orders_are_held_whole_and_never_lock_up() {
    const LANES: usize = 25;
    const ROUNDS: usize = 40;
    let daemon = Arc::new(Daemon::start().await);
    let event = daemon.open_event("E1", u8::try_from(LANES).unwrap(), 6).await;
    let client = daemon.client();
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (client, event) = (client.clone(), event.clone());
        lanes.spawn(async move {
            let row = char::from(b'A' + u8::try_from(lane).unwrap());
            let seat = |n: usize| format!("{row}-{n}");
            let up: Vec<String> = (1..=4).map(seat).collect();
            let down: Vec<String> = (3..=6).rev().map(seat).collect();
            let mut firsts = Purchase::begin(&client, &event).await;
            let mut seconds = Purchase::begin(&client, &event).await;
            for _ in 0..ROUNDS {
                let (up, down): (Vec<&str>, Vec<&str>) =
                    (up.iter().map(String::as_str).collect(), down.iter().map(String::as_str).collect());
                let answers = tokio::join!(firsts.confirm(&up, "tok_ok"), seconds.confirm(&down, "tok_ok"));
                let (winner, lost, contested) = match answers {
                    (Ok(held), Err(lost)) => {
                        assert_eq!(held.seats.len(), 4);
                        (&mut firsts, lost, 2)
                    }
                    (Err(lost), Ok(held)) => {
                        assert_eq!(held.seats.len(), 4);
                        (&mut seconds, lost, 2)
                    }
                    other => panic!("one of the two: {other:?}"),
                };
                let problem = lost.problem().unwrap();
                assert_eq!((problem.status, problem.seats.len()), (409, contested), "{problem:?}");
                winner.cancel().await.unwrap();
                *winner = winner.again(&event).await;
            }
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
        assert_eq!(daemon.count(HALF_HELD).await, 0, "half-held");
    }
    assert_eq!(daemon.count("SELECT COUNT(*) FROM seat_inventory WHERE status <> 0").await, 0);
    let held = i64::try_from(LANES * ROUNDS).unwrap();
    assert_eq!(daemon.count("SELECT COUNT(*) FROM order_events WHERE to_state = 'AUTHORIZED'").await, held);
    daemon.check_money().await;
}

/// A buyer whose order is about to end, a rival who wants the seat, and what came of it.
struct Duel {
    buyer: Purchase,
    rival: Purchase,
    paid: bool,
    taken_over: bool,
}

impl Duel {
    async fn fight(mut self, seat: String, at: Duration) -> Self {
        tokio::time::sleep(at).await;
        let wanted = [seat.as_str()];
        let (mine, theirs) = tokio::join!(self.buyer.finalize(), self.rival.confirm(&wanted, "tok_ok"));
        let mine = mine.map(|view| view.status).map_err(|error| error.status());
        let theirs = theirs.map(|view| view.status).map_err(|error| error.status());
        self.paid = mine == Ok(OrderStatus::Finalized);
        assert!(self.paid || mine == Err(Some(410)), "{mine:?}");
        self.taken_over = theirs == Ok(OrderStatus::Authorized);
        assert!(self.taken_over || theirs == Err(Some(409)), "{theirs:?}");
        assert!(!(self.paid && self.taken_over), "both have the seat");
        self
    }

    /// The same two, for another seat.
    async fn again(mut self, event: &EventId) -> Self {
        self.buyer = self.buyer.again(event).await;
        if self.taken_over {
            self.rival.cancel().await.unwrap();
            self.rival = self.rival.again(event).await;
        }
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m8_s4_at_the_instant_of_expiry_the_seat_goes_to_one_of_two() {
    const WAVES: usize = 20;
    const WIDTH: usize = 50;
    let daemon = Daemon::start().await;
    let many = EventPatch { seats_per_buyer: Some(100), ..EventPatch::default() };
    let event = daemon.event("E1", 20, 50, open(many)).await;
    let client = daemon.client();
    let rivals = begin_many(&client, &event, WIDTH).await;
    let buyers = begin_many(&client, &event, WIDTH).await.into_iter().zip(rivals);
    let mut duels: Vec<_> =
        buyers.map(|(buyer, rival)| Duel { buyer, rival, paid: false, taken_over: false }).collect();
    let (mut paid, mut taken_over) = (0, 0);
    for wave in 0..WAVES {
        let row = char::from(b'A' + u8::try_from(wave).unwrap());
        let mut holding = JoinSet::new();
        for (n, duel) in duels.into_iter().enumerate() {
            let (seat, event) = (format!("{row}-{}", n + 1), event.clone());
            holding.spawn(async move {
                let duel = if wave > 0 { duel.again(&event).await } else { duel };
                duel.buyer.confirm(&[&seat], "tok_ok").await.unwrap();
                (seat, duel)
            });
        }
        let held = holding.join_all().await;
        let began = SystemClock::new();
        let ends_in = stagger(&daemon, held.iter().map(|(_, duel)| duel.buyer.order)).await;
        let mut fights = JoinSet::new();
        for ((n, (seat, duel)), end) in (0..).zip(held).zip(ends_in) {
            // A request takes a few milliseconds to be decided: some come too early, some too late, some just then.
            let lead = Duration::from_millis(n % 10 * 12);
            fights.spawn(duel.fight(seat, end.saturating_sub(began.monotonic() + lead)));
        }
        duels = fights.join_all().await;
        paid += duels.iter().filter(|duel| duel.paid).count();
        taken_over += duels.iter().filter(|duel| duel.taken_over).count();
    }
    assert!(paid > 0 && taken_over > 0, "the races were none: {paid} paid, {taken_over} taken over");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM tickets").await, i64::try_from(paid).unwrap());
    daemon.check_money().await;
}

/// Lets the orders end one after the other, two milliseconds apart; answers how long from now.
async fn stagger(daemon: &Daemon, orders: impl Iterator<Item = OrderId>) -> Vec<Duration> {
    let ends: Vec<(OrderId, u64)> = orders.zip(0_u64..).map(|(order, n)| (order, 120 + 2 * n)).collect();
    let mut tx = daemon.db.begin().await.unwrap();
    for (order, millis) in &ends {
        let sql = format!("UPDATE orders SET expires_at = {} + {millis} WHERE order_id = '{order}'", now());
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
    }
    let seats = "UPDATE seat_inventory SET reserved_until = o.expires_at
                 FROM orders o WHERE o.order_id = seat_inventory.order_id AND status = 1";
    sqlx::query(seats).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    ends.iter().map(|(_, millis)| Duration::from_millis(*millis)).collect()
}

/// Posts until the answer is a final one.
async fn until_final(client: Client, path: String, key: String, body: &'static str) -> Wire {
    loop {
        let answer = post(&client, &path, Some(&key), body).await;
        if answer.status == 409 && answer.code() == "idempotency-in-flight" {
            assert_eq!(answer.retry_after.as_deref(), Some("1"));
            tokio::task::yield_now().await;
        } else {
            return answer;
        }
    }
}

/// Fifty of the same at once; the one body all get.
async fn fifty(client: &Client, path: &str, body: &'static str, status: u16) -> Bytes {
    let (mut posts, key) = (JoinSet::new(), key());
    for _ in 0..50 {
        posts.spawn(until_final(client.clone(), path.to_owned(), key.clone(), body));
    }
    let answers = posts.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == status), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "one did it");
    let bodies: HashSet<Bytes> = answers.into_iter().map(|answer| answer.body).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    bodies.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_i6_fifty_of_the_same_at_once_have_one_effect_and_one_answer() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let client = daemon.client();
    let buyer = Purchase::begin(&client, &event).await;
    let path = |verb| crate::till::path(buyer.order, verb);
    let body = r#"{"seats":["A-1","A-2"],"paymentToken":"tok_ok"}"#;
    fifty(&buyer.buyer, &path("confirm"), body, 202).await;
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true)]);
    fifty(&buyer.buyer, &path("finalize"), "", 200).await;
    assert_eq!(daemon.done_for(buyer.order).await, [(Authorize, true), (Capture, true)]);
    fifty(&buyer.buyer, &path("cancel"), "", 409).await;
    fifty(&buyer.buyer, "/api/orders", r#"{"eventId":"E1"}"#, 201).await;
    fifty(&client, "/api/bookings/E1", r#"{"seats":["A-5"],"paymentToken":"tok_ok"}"#, 200).await;
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders").await, 3);
    assert_eq!(daemon.count("SELECT COUNT(*) FROM payments").await, 4);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_finalized_under_fifty_keys_at_once_an_order_is_captured_once() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_ok").await.unwrap();
    let mut posts = JoinSet::new();
    for n in 0..50 {
        let (client, order) = (buyer.buyer.clone(), buyer.order);
        posts.spawn(async move {
            if n % 5 == 4 {
                client.cancel(order, &key()).await
            } else if n % 5 == 3 {
                client.confirm(order, &pay(&["A-1"], "tok_ok"), &key()).await
            } else {
                client.finalize(order, &key()).await
            }
        });
    }
    for answer in posts.join_all().await {
        if let Err(error) = answer {
            assert_eq!((error.status(), error.code()), (Some(409), Some(ProblemCode::OrderState)));
        }
    }
    let done = daemon.done_for(buyer.order).await;
    let captures = done.iter().filter(|(what, _)| *what == Capture).count();
    let finalized = daemon.state(buyer.order).await == "FINALIZED";
    assert_eq!(captures, usize::from(finalized), "{done:?}");
    assert_eq!(done.iter().filter(|(what, _)| *what == Authorize).count(), 1);
    daemon.check_money().await;
}
