//! Connections that break in the moment of a COMMIT: whether it is kept is known to nobody but the database.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use crate::audit;
use crate::harness::eventually;
use crate::office::{Office, Way};
use crate::outage::shoppers;
use crate::proxy::{Cut, Proxy};
use crate::shopper::{Call, Progress, Shopper};

/// D1, D2, I9: one COMMIT in twelve is lost, before or after the database has it. Whoever asks again under the same key
/// learns the one outcome; nobody is answered 500, and nothing happens twice.
#[tokio::test(flavor = "multi_thread")]
async fn i9_commits_that_are_lost_at_random_lead_to_one_outcome() {
    const CUTS: usize = 40;
    let Some(office) = Office::open(2, Way::Proxied).await else { return };
    let progress = Arc::new(Progress::default());
    let mut buying = JoinSet::new();
    let shoppers = shoppers(&office, 12, &progress).await;
    for (proxy, seed) in office.proxies.iter().zip(1..) {
        proxy.cut_one_in(12, seed);
    }
    for shopper in shoppers {
        buying.spawn(shopper.shop());
    }
    let cuts = || office.proxies.iter().map(Proxy::cuts).sum::<usize>();
    eventually("many are cut", async || cuts() >= CUTS && progress.finalized.load(Ordering::Relaxed) >= CUTS)
        .await;
    for proxy in &office.proxies {
        proxy.leave_commits();
    }
    progress.is_over.store(true, Ordering::Relaxed);
    let mut shoppers = buying.join_all().await;
    println!("{} COMMITs cut, {} answers 503", cuts(), progress.unavailable.load(Ordering::Relaxed));
    audit::check(&office, &mut shoppers).await;
}

/// The commits of a step of an order: the key's claim, what is to be asked of the provider, what it said.
const COMMITS: usize = 3;

/// Three orders with a COMMIT of their confirmation cut, and three of their payment.
async fn buy_over(proxy: &Proxy, shopper: &mut Shopper, cut: Cut) {
    for number in 1..=2 * COMMITS {
        let order = shopper.insist(Call::Begin).await.unwrap().order_id;
        let (commit, is_confirm) = ((number - 1) % COMMITS, number <= COMMITS);
        let seat = format!("{}-{number}", char::from(b'A' + cut as u8));
        if is_confirm {
            proxy.cut_after(commit, cut);
        }
        shopper.insist(Call::Confirm(order, vec![seat])).await.unwrap();
        if !is_confirm {
            proxy.cut_after(commit, cut);
        }
        shopper.insist(Call::Finalize(order)).await.unwrap();
        assert!(!proxy.leave_commits(), "COMMIT {commit} of order {number} was never sent");
    }
}

/// D1, D2, I9, M7: every COMMIT of a confirmation and of a payment, lost in every way.
#[tokio::test(flavor = "multi_thread")]
async fn i9_every_commit_of_confirm_and_finalize_may_be_lost() {
    let Some(office) = Office::open(Cut::ALL.len(), Way::Proxied).await else { return };
    let progress = Arc::new(Progress::default());
    let everywhere = shoppers(&office, 3, &progress).await;
    let mut shoppers = Vec::new();
    // Each way at a daemon of its own, whose wire nobody else uses.
    let buying = everywhere.into_iter().zip(&office.proxies).zip(Cut::ALL).enumerate();
    let buying = buying.map(async |(daemon, ((shopper, proxy), cut))| {
        let mut shopper = shopper.only_at(daemon);
        buy_over(proxy, &mut shopper, cut).await;
        shopper
    });
    shoppers.extend(futures::future::join_all(buying).await);
    for (proxy, cut) in office.proxies.iter().zip(Cut::ALL) {
        assert_eq!(proxy.cuts(), 2 * COMMITS, "{cut:?}");
    }
    audit::check(&office, &mut shoppers).await;
}
