//! The database is killed, or nothing is heard of it any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use tmapi::client::Client;
use tmapi::order::CreateOrder;
use tmcore::{EventId, OrderId};
use tmd::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::audit;
use crate::harness::{Dice, eventually, key};
use crate::machine::{open, put_on};
use crate::office::{Office, Way};
use crate::proxy::Proxy;
use crate::shopper::{Progress, Shopper, is_left_open, refusal};

const BUYERS: u8 = 16;
const KILLS: usize = 3;
/// From when the database accepts connections to when every daemon writes again.
const HEALED_WITHIN: Duration = Duration::from_secs(5);

/// Buyers at all daemons, each with a row of seats and a wish for those of row Q.
pub async fn shoppers(office: &Office, buyers: u8, progress: &Arc<Progress>) -> Vec<Shopper> {
    let event = put_on(&office.organiser(), "E1", (17, 300), open()).await;
    let guests = office.guests();
    let tokens = office.tokens(buyers.into());
    let clients =
        tokens.iter().map(|token| guests.iter().map(|guest| guest.with_token(token).unwrap()).collect());
    (0..buyers).zip(clients).map(|(number, at)| Shopper::new(at, &event, number, progress)).collect()
}

/// How long until a daemon begins an order again.
pub async fn begins_an_order(guest: &Client, event: &EventId) -> Duration {
    let (began, key) = (SystemClock::new(), key());
    let create = CreateOrder { event_id: event.clone(), session_id: None };
    eventually("an order can be begun", async || match guest.create_order(&create, &key).await {
        Err(error) if !is_left_open(&error) => panic!("{:?}", refusal(&create, &error)),
        begun => begun.is_ok(),
    })
    .await;
    began.monotonic()
}

/// D1, D2, I9: SIGKILL for PostgreSQL under buyers, three times. Nobody is ever answered 500, every daemon writes again
/// within 5 s, and everything that was answered is there, once.
#[tokio::test(flavor = "multi_thread")]
async fn d1_d2_a_killed_postgres_loses_nothing_and_does_nothing_twice() {
    let Some(mut office) = Office::open(2, Way::Direct).await else { return };
    let progress = Arc::new(Progress::default());
    let mut buying = JoinSet::new();
    for shopper in shoppers(&office, BUYERS, &progress).await {
        buying.spawn(shopper.shop());
    }
    let probes = put_on(&office.organiser(), "E2", (1, 1), open()).await;
    let mut dice = Dice::new(1);
    for kill in 1..=KILLS {
        let before = progress.finalized.load(Ordering::Relaxed);
        eventually("buyers buy", async || progress.finalized.load(Ordering::Relaxed) > before + 20).await;
        office.database.kill().await;
        tokio::time::sleep(Duration::from_millis(2_000 + dice.below(1_000) as u64)).await;
        office.database.restart().await;
        let guests = office.guests();
        let healed = join_all(guests.iter().map(|guest| begins_an_order(guest, &probes))).await;
        println!("kill {kill}: each daemon began an order again after {healed:?}");
        assert!(healed.iter().all(|after| *after <= HEALED_WITHIN), "{healed:?}");
    }
    let before = progress.finalized.load(Ordering::Relaxed);
    eventually("buyers buy", async || progress.finalized.load(Ordering::Relaxed) > before + 20).await;
    progress.is_over.store(true, Ordering::Relaxed);
    let mut shoppers = buying.join_all().await;
    let unavailable = progress.unavailable.load(Ordering::Relaxed);
    println!("{unavailable} answers 503");
    assert!(unavailable > KILLS, "nobody noticed that the database was away");
    audit::check(&office, &mut shoppers).await;
}

/// Somebody who looks at the event all the while: every look is answered, and none waits long.
async fn browse(guest: Client, event: EventId, is_over: Arc<Progress>) -> (usize, Duration) {
    let (clock, mut looks, mut longest) = (SystemClock::new(), 0, Duration::ZERO);
    let mut again = tokio::time::interval(Duration::from_millis(100));
    while !is_over.is_over.load(Ordering::Relaxed) {
        again.tick().await;
        let began = clock.monotonic();
        guest.event(&event).await.expect("an event is shown from the last good answer");
        guest.seat_map(&event).await.expect("a seat map is shown from the last good answer");
        longest = longest.max(clock.monotonic().saturating_sub(began));
        looks += 1;
    }
    (looks, longest)
}

/// Orders begun all the while: the longest that one waited for its answer, and how many answers were 503.
async fn begin_orders(guest: Client, event: EventId, progress: Arc<Progress>) -> (Duration, usize) {
    let (clock, mut longest, mut refused) = (SystemClock::new(), Duration::ZERO, 0);
    let create = CreateOrder { event_id: event, session_id: None };
    while !progress.is_over.load(Ordering::Relaxed) {
        let began = clock.monotonic();
        if let Err(error) = guest.create_order(&create, &key()).await {
            assert!(is_left_open(&error), "{:?}", refusal(&create, &error));
            refused += 1;
        }
        longest = longest.max(clock.monotonic().saturating_sub(began));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (longest, refused)
}

/// A buyer who looks at the own order again and again, whatever is answered.
async fn look_at_order(buyer: Client, order: OrderId) {
    loop {
        if let Err(error) = buyer.order(order).await {
            assert!(is_left_open(&error), "{order}: {error:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long a request may wait for a database that says nothing.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// How long a page may take that is kept.
const SHOWN_WITHIN: Duration = Duration::from_secs(2);

/// What becomes of a daemon while nothing is heard of its database for a while, or for ever on the connections it had.
async fn without_a_word(silence: Duration, after: impl Fn(&Proxy)) {
    let Some(office) = Office::open(1, Way::Proxied).await else { return };
    let event = put_on(&office.organiser(), "E1", (1, 1), open()).await;
    let (guest, proxy) = (office.guests().remove(0), &office.proxies[0]);
    let progress = Arc::new(Progress::default());
    let (mut browsing, mut ordering, mut looking) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    browsing.spawn(browse(guest.clone(), event.clone(), Arc::clone(&progress)));
    // With these no connection is idle for so long that it would be tried before it is used.
    for _ in 0..4 {
        let create = CreateOrder { event_id: event.clone(), session_id: None };
        let begun = guest.create_order(&create, &key()).await.unwrap();
        let buyer = guest.with_token(&begun.access_token.unwrap()).unwrap();
        looking.spawn(look_at_order(buyer, begun.order_id));
    }
    for _ in 0..8 {
        ordering.spawn(begin_orders(guest.clone(), event.clone(), Arc::clone(&progress)));
    }
    begins_an_order(&guest, &event).await;
    proxy.silence(true);
    tokio::time::sleep(silence).await;
    after(proxy);
    proxy.silence(false);
    let healed = begins_an_order(&guest, &event).await;
    progress.is_over.store(true, Ordering::Relaxed);
    assert!(looking.try_join_next().is_none(), "a look at an order was answered something else");
    let orders = ordering.join_all().await;
    let longest = orders.iter().map(|(longest, _)| *longest).max().unwrap();
    let refused: usize = orders.iter().map(|(_, refused)| refused).sum();
    let (looks, shown) = browsing.join_all().await[0];
    println!(
        "healed after {healed:?}; longest wait {longest:?}, {refused} refused; {looks} looks within {shown:?}"
    );
    assert!(healed <= HEALED_WITHIN, "{healed:?}");
    assert!(longest <= ANSWERED_WITHIN, "S9: {longest:?}");
    assert!(longest >= silence / 2, "nobody noticed");
    assert!(shown <= SHOWN_WITHIN, "a page took {shown:?}");
}

/// S9, D2: a database that says nothing for 10 s and then goes on.
#[tokio::test(flavor = "multi_thread")]
async fn s9_a_silent_database_keeps_nobody_waiting_for_long() {
    without_a_word(Duration::from_secs(10), |_| {}).await;
}

/// S9: a database whose connections are cut after 10 s of silence.
#[tokio::test(flavor = "multi_thread")]
async fn s9_a_database_that_is_cut_off_is_found_again() {
    without_a_word(Duration::from_secs(10), Proxy::reset).await;
}

/// S9: connections of which nothing is ever heard again, as when a machine in between forgets them: new ones are made.
#[tokio::test(flavor = "multi_thread")]
async fn s9_connections_that_are_silent_for_ever_are_given_up() {
    without_a_word(Duration::from_secs(10), Proxy::forget).await;
}
