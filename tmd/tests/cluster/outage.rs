//! The database is killed, or nothing is heard of it any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use tmapi::client::Client;
use tmapi::order::CreateOrder;
use tmcore::EventId;
use tmd::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::audit;
use crate::harness::{Dice, eventually, key};
use crate::machine::{open, put_on};
use crate::office::{Office, Way};
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
    let mut again = tokio::time::interval(Duration::from_millis(50));
    loop {
        again.tick().await;
        match guest.create_order(&create, &key).await {
            Ok(_) => return began.monotonic(),
            Err(error) if is_left_open(&error) => {}
            Err(error) => panic!("{:?}", refusal(&create, &error)),
        }
    }
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
