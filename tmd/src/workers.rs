//! What the daemon does without being asked, all on one page.
//!
//! | worker | what it does | without it |
//! |---|---|---|
//! | granter | lets buyers in, lapses those who are gone | nobody gets in |
//! | heartbeat | writes down who is still there | places lapse too early |
//! | opener | begins sales at their time | organisers open by hand |
//! | sweeper | writes down that orders are over | nothing but slots that stay taken (S5) |
//! | resolver | finds out what became of payments | unknown payments stay unknown |
//! | completer | goes on with bookings that nobody asks about any more | cards stay blocked until the hold lapses (I7) |
//! | purger | forgets old idempotency keys | the table grows |
//! | ear | takes in what other processes of the office committed | places and sales lag by a refresh |
//! | rooms | reads the rooms anew, where other processes change them too | what was not heard is never known |

use std::sync::Arc;
use std::time::Duration;

use tmcore::EventId;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::Office;
use crate::app::record::{Gate, News};
use crate::app::refusal::StoreError;
use crate::drill::{self, Mutant};

/// The most orders or payments one turn looks at.
const PAGE: u32 = 256;
/// The shortest pause between two looks for signs of life.
const HEARTBEAT_PAUSE: Duration = Duration::from_secs(1);
const OPENER_PAUSE: Duration = Duration::from_millis(250);
/// How often all gates are looked at: with nobody to tell of joins, grants go on within 5 s all the same (W5).
const EVERY_GATE_PAUSE: Duration = Duration::from_secs(3);
/// How often rooms are read anew that other processes change too.
const ROOMS_PAUSE: Duration = Duration::from_secs(3);
const PURGER_PAUSE: Duration = Duration::from_secs(600);

/// Starts every worker. They end with the draining.
pub fn start(office: &Arc<Office>) {
    let (room, checkout) = (&office.config.waiting_room, &office.config.checkout);
    let millis = |millis: u32| Duration::from_millis(millis.into());
    granter(office, millis(room.tick_milliseconds));
    every(office, "heartbeat", HEARTBEAT_PAUSE, |office| async move { office.flush_heartbeats().await });
    every(office, "opener", OPENER_PAUSE, |office| async move { office.open_due_sales().await });
    let is_swept = !drill::mutant(Mutant::HoldNeedsSweeper) && !drill::mutant(Mutant::FenceIgnored);
    if checkout.sweep_interval_milliseconds > 0 && is_swept {
        every(office, "sweeper", millis(checkout.sweep_interval_milliseconds), |office| async move {
            office.sweep(PAGE).await
        });
    }
    every(office, "resolver", millis(checkout.resolver_interval_milliseconds), |office| async move {
        office.resolve_payments(PAGE).await.map(drop)
    });
    every(office, "completer", millis(checkout.resolver_interval_milliseconds), |office| async move {
        office.complete_bookings(PAGE).await
    });
    every(office, "purger", PURGER_PAUSE, |office| async move { office.purge_keys().await.map(drop) });
    if office.config.is_shared() {
        beside(office, "ear", Office::hear);
        beside(office, "rooms", |office| office.keep_rooms_fresh(ROOMS_PAUSE));
    }
}

/// Works until the draining.
fn beside<F>(office: &Arc<Office>, name: &'static str, work: impl FnOnce(Arc<Office>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (working, stop) = (work(Arc::clone(office)), office.lifecycle().draining.clone());
    office.lifecycle().spawn(name, async move {
        stop.run_until_cancelled(working).await;
    });
}

/// Works after every pause until the draining. A failure is logged, and tried again after the next pause.
fn every<W, F>(office: &Arc<Office>, name: &'static str, pause: Duration, work: W)
where
    W: Fn(Arc<Office>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), StoreError>> + Send,
{
    let office = Arc::clone(office);
    let stop = office.lifecycle().draining.clone();
    let lifecycle = office.lifecycle().clone();
    lifecycle.spawn(name, async move {
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            if let Err(error) = work(Arc::clone(&office)).await {
                metrics::counter!("worker_failures_total", "worker" => name).increment(1);
                tracing::warn!(worker = name, %error, "failed, will try again");
            }
        }
    });
}

/// Turns at the gates: at once where the queue has news, at every tick where somebody is known to wait, and from time to
/// time at every gate: what this process did not hear of is found in the rows.
fn granter(office: &Arc<Office>, tick: Duration) {
    let office = Arc::clone(office);
    let lifecycle = office.lifecycle().clone();
    let stop = lifecycle.draining.clone();
    lifecycle.spawn("granter", async move {
        let (mut ticks, mut every_gate) = (interval(tick), interval(EVERY_GATE_PAUSE));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        every_gate.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                news = office.ports.queue.next() => act_on(&office, news).await,
                _ = ticks.tick() => { turn_at(&office, office.rooms.events(false)).await; }
                _ = every_gate.tick() => { turn_at(&office, office.rooms.events(true)).await; }
            }
        }
    });
}

/// Turns where the news say; they are done when the turn is committed.
async fn act_on(office: &Office, news: News) {
    let is_done = match &news.gate {
        Gate::Of(event) => turn_at(office, vec![event.clone()]).await,
        Gate::All => is_well(&office.announce_all().await),
    };
    if is_done {
        office.ports.queue.done(news);
    }
}

/// Whether every turn was committed.
async fn turn_at(office: &Office, events: Vec<EventId>) -> bool {
    let mut is_done = true;
    for event in events {
        is_done &= is_well(&office.turn(&event).await);
    }
    is_done
}

fn is_well<T>(outcome: &Result<T, StoreError>) -> bool {
    if let Err(error) = outcome {
        metrics::counter!("worker_failures_total", "worker" => "granter").increment(1);
        tracing::warn!(worker = "granter", %error, "failed, will try again");
    }
    outcome.is_ok()
}
