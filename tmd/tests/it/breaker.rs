//! While the provider does not answer nothing new is begun, and nothing that was begun is lost.

use futures::stream::{self, StreamExt as _};
use tmapi::ProblemCode;
use tmapi::order::OrderStatus;
use tmd::config::Config;
use tokio::task::JoinSet;

use crate::harness::{Daemon, eventually, key};
use crate::provider::Provider;
use crate::till::{Purchase, of, path, pay, post, refusal};

const BODY: &str = r#"{"seats":["B-1"],"paymentToken":"tok_ok"}"#;

fn touchy(provider: &Provider) -> Config {
    let mut config = provider.config();
    config.gateway.breaker_failures = 3;
    config.gateway.breaker_pause_seconds = 60;
    config
}

/// M6, M9: buyers are told to come back, who paid gets the tickets, and the key that was refused is free.
#[tokio::test(flavor = "multi_thread")]
async fn m6_while_the_provider_is_down_nothing_is_held_and_what_was_begun_goes_on() {
    let mut provider = Provider::start(None).await;
    let daemon = Daemon::start_with(touchy(&provider)).await;
    let event = daemon.open_event("E1", 3, 10).await;
    let guest = daemon.client();
    let paying = Purchase::begin(&guest, &event).await;
    paying.confirm(&["A-1"], "tok_ok").await.unwrap();
    let mut unlucky = Vec::new();
    for n in 2..=4 {
        unlucky.push((n, Purchase::begin(&guest, &event).await));
    }
    let late = Purchase::begin(&guest, &event).await;
    provider.kill();
    let mut answers = JoinSet::new();
    for (n, purchase) in &unlucky {
        let (buyer, order) = (purchase.buyer.clone(), purchase.order);
        let request = pay(&[&format!("A-{n}")], "tok_ok");
        answers.spawn(async move { buyer.confirm(order, &request, &key()).await.unwrap().status });
    }
    let answers = answers.join_all().await;
    assert!(answers.iter().all(|status| *status == OrderStatus::Authorizing), "let through, and not lost");

    let asked = key();
    let held_back = post(&late.buyer, &path(late.order, "confirm"), Some(&asked), BODY).await;
    assert_eq!((held_back.status, held_back.code().as_str()), (503, "payment-unavailable"));
    let wait: u32 = held_back.retry_after.as_deref().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!((late.view().await.status, daemon.seats_of(late.order).await), (OrderStatus::Pending, 0));
    let booked = key();
    let booking = guest.book(&event, &pay(&["B-2"], "tok_ok"), &booked).await;
    assert_eq!(refusal(booking), (503, ProblemCode::PaymentUnavailable));
    let orders = daemon.count("SELECT COUNT(*) FROM orders").await;
    assert_eq!(orders, 5, "a booking that is held back begins nothing");
    assert_eq!(daemon.count("SELECT COUNT(*) FROM seat_inventory WHERE status <> 0").await, 4);
    // Somebody else's order is still none, and one that is over still over.
    let stranger = Purchase::begin(&guest, &event).await;
    assert_eq!(
        refusal(stranger.buyer.confirm(late.order, &pay(&["B-1"], "tok_ok"), &key()).await),
        (404, ProblemCode::NotFound)
    );

    assert_eq!(paying.finalize().await.unwrap().status, OrderStatus::Capturing, "what was begun goes on");
    provider.come_back().await;
    eventually("who paid has the ticket", async || paying.view().await.tickets.len() == 1).await;
    // What got through ended the pause: one is let in, and closes it for all.
    eventually("the first is let in", async || {
        let again = post(&late.buyer, &path(late.order, "confirm"), Some(&asked), BODY).await;
        again.status == 202 && again.json()["status"] == "AUTHORIZED"
    })
    .await;
    let booking = guest.book(&event, &pay(&["B-2"], "tok_ok"), &booked).await.unwrap();
    assert_eq!(booking.status, OrderStatus::Finalized);
    for (n, purchase) in &unlucky {
        eventually("who was let through can try again", async || {
            purchase.view().await.status == OrderStatus::Pending
        })
        .await;
        purchase.confirm(&[&format!("A-{n}")], "tok_ok").await.unwrap();
    }
    daemon.check_money().await;
}

/// S2, I9: a crowd at the moment the breaker opens: whoever is answered 503 holds nothing.
#[tokio::test(flavor = "multi_thread")]
async fn i9_of_a_crowd_everybody_is_either_held_back_or_goes_on() {
    let mut provider = Provider::start(None).await;
    let daemon = Daemon::start_with(touchy(&provider)).await;
    let event = daemon.open_event("E1", 4, 10).await;
    let guest = daemon.client();
    let mut purchases = Vec::new();
    for _ in 0..40 {
        let order = guest.create_order(&of(&event), &key()).await.unwrap();
        let buyer = guest.with_token(&order.access_token.unwrap()).unwrap();
        purchases.push(Purchase { buyer, order: order.order_id });
    }
    provider.kill();
    let confirms = purchases.into_iter().enumerate().map(|(n, purchase)| {
        let row = char::from(b'A' + u8::try_from(n / 10).unwrap());
        let request = pay(&[&format!("{row}-{}", n % 10 + 1)], "tok_ok");
        async move {
            let answer = purchase.buyer.confirm(purchase.order, &request, &key()).await;
            (purchase, answer.map(|view| view.status).map_err(|error| error.code()))
        }
    });
    // Some are on their way while it opens.
    let crowd: Vec<_> = stream::iter(confirms).buffer_unordered(8).collect().await;
    let (mut held_back, mut went_on) = (0, 0);
    for (purchase, answer) in crowd {
        match answer {
            Ok(status) => {
                assert_eq!(status, OrderStatus::Authorizing);
                assert_eq!(daemon.payments(purchase.order).await.len(), 1);
                went_on += 1;
            }
            Err(code) => {
                assert_eq!(code, Some(ProblemCode::PaymentUnavailable));
                assert_eq!(daemon.payments(purchase.order).await.len(), 0);
                assert_eq!(daemon.state(purchase.order).await, "PENDING");
                held_back += 1;
            }
        }
    }
    assert!(held_back > 0 && went_on >= 3, "{held_back} held back, {went_on} went on");
    assert_eq!(
        daemon.count("SELECT COUNT(DISTINCT order_id) FROM seat_inventory WHERE status = 1").await,
        went_on
    );
    provider.come_back().await;
    daemon.check_money().await;
}
