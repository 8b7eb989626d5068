//! Two daemons of one office: one database, one Redis, the same keys. What one commits the other knows.

use std::time::Duration;

use futures::future::join_all;
use tempfile::TempDir;
use tmapi::ProblemCode;
use tmapi::client::{Client, SaleAction};
use tmapi::event::EventPatch;
use tmapi::order::{CreateOrder, OrderView};
use tmapi::session::{SessionStatus, SessionView};
use tmcore::EventId;
use tmd::config::Config;
use tmd::entropy::Entropy;

use crate::harness::{Daemon, client, eventually, key, quick, redis_given, share_database, until};
use crate::till::Purchase;

/// What two daemons on one machine share, and what they would have to have in common anywhere.
const SAME: [&str; 3] = ["office.keys", "organiser.token", "callback.secret"];

/// Settings for daemons that tell each other through a Redis.
pub fn on(url: &str) -> Config {
    let mut config = quick();
    config.redis.url = url.to_owned().into();
    config.redis.key_prefix = format!("test-{}", Entropy.uuid_v7().simple());
    config
}

/// Two daemons of one office.
pub async fn pair(config: Config) -> [Daemon; 2] {
    let one = Daemon::start_with(config.clone()).await;
    let folder = TempDir::new().unwrap();
    for name in SAME {
        std::fs::copy(one.folder().join(name), folder.path().join(name)).unwrap();
    }
    share_database(one.folder(), folder.path());
    // The provider as well: two sandboxes on one log are one.
    std::os::unix::fs::symlink(one.folder().join("gateway.db"), folder.path().join("gateway.db")).unwrap();
    let other = Daemon::start_in(config, folder).await;
    [one, other]
}

fn narrow(capacity: u32) -> EventPatch {
    EventPatch { capacity: Some(capacity), admissions_per_minute: Some(1_000_000), ..EventPatch::default() }
}

/// A buyer in line, as a client of each daemon.
struct Buyer {
    at: [Client; 2],
    session: SessionView,
}

impl Buyer {
    async fn join(daemons: &[Daemon; 2], first: usize, event: &EventId) -> Self {
        let joined = daemons[first].client().join(event).await.unwrap();
        let token = joined.access_token.unwrap();
        let at = [&daemons[0], &daemons[1]].map(|daemon| client(&daemon.url, Some(token.clone())));
        Self { at, session: joined.session }
    }

    async fn look(&self, at: usize) -> SessionView {
        self.at[at].session(self.session.session_id).await.unwrap()
    }
}

/// W7: places, who is let in and who is gone are the same whichever daemon is asked, and known there without the rows.
#[tokio::test(flavor = "multi_thread")]
async fn w7_a_place_is_the_same_at_every_daemon() {
    let Some(url) = redis_given() else { return };
    let daemons = pair(on(&url)).await;
    let event = daemons[0].event("E1", 1, 10, narrow(2)).await;
    let mut buyers = Vec::new();
    for n in 0..20 {
        buyers.push(Buyer::join(&daemons, n % 2, &event).await);
    }
    for n in [5, 8, 13] {
        buyers[n].at[n % 2].leave(buyers[n].session.session_id).await.unwrap();
    }
    let expected = |n: usize| match n {
        0 | 1 => None,
        _ => Some((2..n).filter(|before| ![5, 8, 13].contains(before)).count() as u64 + 1),
    };
    for (n, buyer) in buyers.iter().enumerate().filter(|(n, _)| ![5, 8, 13].contains(n)) {
        for (at, daemon) in daemons.iter().enumerate() {
            eventually(&format!("buyer {n} at daemon {at}"), async || {
                daemon.office.rooms.of(buyer.session.session_id).is_some()
                    && buyer.look(at).await.position == expected(n)
            })
            .await;
        }
    }
    let order = CreateOrder { event_id: event.clone(), session_id: None };
    buyers[0].at[0].create_order(&order, &key()).await.unwrap();
    until(&buyers[0].at[1], buyers[0].session.session_id, SessionStatus::Ordering).await;
    daemons[0].check_invariants().await;
}

/// W8: a stream at one daemon tells within a second of what was committed by the other.
#[tokio::test(flavor = "multi_thread")]
async fn w8_a_stream_hears_of_what_another_daemon_committed() {
    let Some(url) = redis_given() else { return };
    let daemons = pair(on(&url)).await;
    let event = daemons[0].event("E1", 1, 10, narrow(1)).await;
    let mut inside = Buyer::join(&daemons, 0, &event).await;
    until(&inside.at[1], inside.session.session_id, SessionStatus::Active).await;
    for n in 1..10 {
        let next = Buyer::join(&daemons, n % 2, &event).await;
        let session = next.session.session_id;
        let leave = inside.at[n % 2].leave(inside.session.session_id);
        let told = tokio::time::timeout(
            Duration::from_secs(1),
            until(&next.at[(n + 1) % 2], session, SessionStatus::Active),
        );
        let (told, left) = tokio::join!(told, leave);
        left.unwrap();
        told.expect("told within a second");
        inside = next;
    }
    daemons[0].check_invariants().await;
}

/// What the organiser does at one daemon shows at the other: the sale in the rooms, the event in its pages.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_changed_at_one_daemon_is_changed_at_all() {
    let Some(url) = redis_given() else { return };
    let daemons = pair(on(&url)).await;
    let event = daemons[0].event("E1", 1, 10, narrow(1)).await;
    Buyer::join(&daemons, 0, &event).await;
    let waiting = Buyer::join(&daemons, 1, &event).await;
    for (action, paused) in [(SaleAction::Pause, true), (SaleAction::Resume, false)] {
        daemons[0].organiser.sale_action(&event, action).await.unwrap();
        eventually("the sale at the other daemon", async || waiting.look(1).await.paused == paused).await;
    }
    let renamed = EventPatch { name: Some("Renamed".to_owned()), ..EventPatch::default() };
    daemons[1].client().event(&event).await.unwrap();
    daemons[0].organiser.patch_event(&event, &renamed).await.unwrap();
    eventually("the page at the other daemon", async || {
        daemons[1].client().event(&event).await.unwrap().summary.name == "Renamed"
    })
    .await;
}

/// W5: with no Redis at all grants go on within 5 s, whoever is asked, and what is told is put right from the rows.
#[tokio::test(flavor = "multi_thread")]
async fn w5_without_redis_everything_goes_on_from_the_rows() {
    // Nobody listens there.
    let daemons = pair(on("redis://127.0.0.1:1")).await;
    let event = daemons[0].event("E1", 1, 10, narrow(1)).await;
    let inside = Buyer::join(&daemons, 0, &event).await;
    until(&inside.at[0], inside.session.session_id, SessionStatus::Active).await;
    let next = Buyer::join(&daemons, 1, &event).await;
    inside.at[1].leave(inside.session.session_id).await.unwrap();
    for at in &next.at {
        let told = until(at, next.session.session_id, SessionStatus::Active);
        tokio::time::timeout(Duration::from_secs(5), told).await.expect("let in within 5 s");
    }
    eventually("who left is gone at both", async || {
        daemons.iter().all(|daemon| daemon.office.rooms.of(inside.session.session_id).is_none())
    })
    .await;
    daemons[0].check_invariants().await;
}

/// W5, W6: the stream with its group is cut away again and again while two granters let a crowd in: nobody loses a
/// place, nobody is let in twice, and the line goes on.
#[tokio::test(flavor = "multi_thread")]
async fn w5_w6_a_lost_stream_costs_nobody_a_place() {
    let Some(url) = redis_given() else { return };
    let config = on(&url);
    let stream = format!("{}:news:v1", config.redis.key_prefix);
    let daemons = pair(config).await;
    let event = daemons[0].event("E1", 1, 10, narrow(3)).await;
    let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut buyers = Vec::new();
    for n in 0..30 {
        buyers.push(Buyer::join(&daemons, n % 2, &event).await);
        if n % 7 == 0 {
            redis::cmd("DEL").arg(&stream).exec_async(&mut redis).await.unwrap();
        }
    }
    for (n, buyer) in buyers.iter().enumerate() {
        until(&buyer.at[n % 2], buyer.session.session_id, SessionStatus::Active).await;
        buyer.at[(n + 1) % 2].leave(buyer.session.session_id).await.unwrap();
        if n % 5 == 0 {
            redis::cmd("DEL").arg(&stream).exec_async(&mut redis).await.unwrap();
        }
        daemons[0].check_invariants().await;
    }
    let admitted = "SELECT COUNT(*) FROM (SELECT session_id FROM session_events WHERE to_state = 'ACTIVE'
         GROUP BY session_id HAVING COUNT(*) > 1) AS twice";
    assert_eq!(daemons[0].count(admitted).await, 0, "let in twice");
}

/// A hold can be looked up in Redis until it lapses, is given up or ends in a sale; and nothing asks for it there.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_mirrored_in_redis_and_decides_nothing_there() {
    let Some(url) = redis_given() else { return };
    let config = on(&url);
    let holds = format!("{}:hold:v1:E1", config.redis.key_prefix);
    let daemon = Daemon::start_with(config).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    // -2: there is none; else when it goes.
    let mut until = async |order: &OrderView, wanted: i64| {
        let key = format!("{holds}:{}", order.order_id);
        eventually(&format!("{key} until {wanted}"), async || {
            let mut ask = redis::cmd("PEXPIRETIME");
            ask.arg(&key).query_async::<i64>(&mut redis).await.unwrap() == wanted
        })
        .await;
    };
    let [sold, given_up] =
        [Purchase::begin(&daemon.client(), &event).await, Purchase::begin(&daemon.client(), &event).await];
    let held = sold.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    until(&held, held.expires_at.as_millis()).await;
    sold.finalize().await.unwrap();
    until(&held, -2).await;
    let held = given_up.confirm(&["A-3"], "tok_ok").await.unwrap();
    until(&held, held.expires_at.as_millis()).await;
    given_up.cancel().await.unwrap();
    until(&held, -2).await;
    // What Redis has lost is sold all the same.
    let late = Purchase::begin(&daemon.client(), &event).await;
    let held = late.confirm(&["A-3"], "tok_ok").await.unwrap();
    until(&held, held.expires_at.as_millis()).await;
    let gone: i64 =
        redis::cmd("DEL").arg(format!("{holds}:{}", held.order_id)).query_async(&mut redis).await.unwrap();
    assert_eq!((gone, late.finalize().await.unwrap().tickets.len()), (1, 1));
    daemon.check_invariants().await;
}

/// S1, S2: rivals at two daemons want the same seats at once; each seat has one buyer, and everybody else is told so by
/// whichever daemon was asked.
#[tokio::test(flavor = "multi_thread")]
async fn s1_s2_rivals_at_two_daemons_get_each_seat_once() {
    const SEATS: usize = 20;
    const RIVALS: usize = 6;
    let daemons = pair(on("redis://127.0.0.1:1")).await;
    let event = daemons[0].open_event("E1", 1, 20).await;
    let mut rivals = Vec::new();
    for n in 0..SEATS * RIVALS {
        rivals.push(Purchase::begin(&daemons[n % 2].client(), &event).await);
    }
    let confirmed = join_all(rivals.iter().enumerate().map(async |(n, rival)| {
        // Two neighbours at a time, in either order: baskets overlap.
        let (one, next) = (n / RIVALS, (n / RIVALS + 1) % SEATS);
        let (one, next) = (format!("A-{}", one + 1), format!("A-{}", next + 1));
        let basket = if n % 3 == 0 { [next.as_str(), one.as_str()] } else { [one.as_str(), next.as_str()] };
        match rival.confirm(&basket, "tok_ok").await {
            Ok(_) => Some(rival.finalize().await.unwrap().tickets.len()),
            Err(error) => {
                assert_eq!(error.code(), Some(ProblemCode::SeatsUnavailable), "{error}");
                None
            }
        }
    }))
    .await;
    let tickets: usize = confirmed.into_iter().flatten().sum();
    assert!((SEATS / 2..=SEATS).contains(&tickets), "{tickets} tickets of {SEATS} seats");
    let sold = daemons[0].count("SELECT COUNT(*) FROM tickets WHERE state = 'VALID'").await;
    assert_eq!(usize::try_from(sold).unwrap(), tickets);
    daemons[0].check_invariants().await;
}

/// W1, W2, W6: a crowd joins at two daemons, and both let in. Never more are inside than fit, everybody is let in once, and
/// whoever had an answer before another asked is let in no later.
#[tokio::test(flavor = "multi_thread")]
async fn w1_w2_two_daemons_let_a_crowd_in_by_place() {
    const CROWD: usize = 60;
    let Some(url) = redis_given() else { return };
    let daemons = pair(on(&url)).await;
    let event = daemons[0].event("E1", 1, 10, narrow(4)).await;
    let mut crowd = Vec::new();
    for n in (0..CROWD).step_by(6) {
        // Six at once, and the next six when they are answered.
        crowd.extend(join_all((n..n + 6).map(|n| Buyer::join(&daemons, n % 2, &event))).await);
    }
    join_all(crowd.iter().enumerate().map(async |(n, buyer)| {
        until(&buyer.at[n % 2], buyer.session.session_id, SessionStatus::Active).await;
        assert!(daemons[n % 2].count(INSIDE).await <= 4, "more are inside than fit");
        buyer.at[(n + 1) % 2].leave(buyer.session.session_id).await.unwrap();
    }))
    .await;
    let let_in = "SELECT session_id FROM session_events WHERE to_state = 'ACTIVE' ORDER BY session_event_id";
    let let_in: Vec<String> = sqlx::query_scalar(let_in).fetch_all(&daemons[0].db).await.unwrap();
    assert_eq!(let_in.len(), CROWD, "everybody once");
    let wave = |session: &String| {
        crowd.iter().position(|buyer| buyer.session.session_id.to_string() == *session).unwrap() / 6
    };
    let waves: Vec<_> = let_in.iter().map(wave).collect();
    assert!(waves.is_sorted(), "overtaken: {waves:?}");
    daemons[0].check_invariants().await;
}

const INSIDE: &str = "SELECT COUNT(*) FROM sessions WHERE state IN ('ACTIVE', 'ORDERING')";
