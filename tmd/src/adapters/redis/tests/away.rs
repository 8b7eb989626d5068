//! Redis is flushed, emptied, silent, slow, gone: it costs time, and is over when Redis is well (W5).

use std::time::Duration;

use tmcore::cache_key::CacheKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::server::Server;
use super::{PATIENCE, Shared, granters, next, until_missed, until_told};
use crate::adapters::memory::cache::MemoryCache;
use crate::adapters::redis::cache::RedisCache;
use crate::clock::{Clock, SystemClock};
use crate::ports::bus::{Bus, Fact};
use crate::ports::cache::Cache;
use crate::ports::contract::stage::event_id;
use crate::ports::queue::{Gate, WaitingRoomQueue};

/// Grants go on within this time from the rows; what is told here has to come sooner.
const SOON: Duration = Duration::from_secs(4);

fn gate(event: &str) -> Gate {
    Gate::Of(event_id(event))
}

/// The stream and its group are destroyed under granters that wait.
#[tokio::test(flavor = "multi_thread")]
async fn w5_after_flushall_everything_is_announced_anew() {
    let Some(server) = Server::start() else { return };
    let shared = Shared::new(&server.url());
    let [one, other] = granters(&shared).await;
    for _ in 0..3 {
        one.announce(&event_id("E1"));
        server.flush();
        let anew = async {
            tokio::select! {
                news = until_told(&one, &Gate::All) => news,
                news = until_told(&other, &Gate::All) => news,
            }
        };
        tokio::time::timeout(SOON, anew).await.expect("the group is made again");
    }
    one.announce(&event_id("E2"));
    let e2 = gate("E2");
    tokio::select! { _ = until_told(&one, &e2) => {}, _ = until_told(&other, &e2) => {} }
}

/// Killed, away for a while, and back with nothing in it.
#[tokio::test(flavor = "multi_thread")]
async fn w5_a_restart_without_its_data_costs_only_time() {
    let Some(mut server) = Server::start() else { return };
    let shared = Shared::new(&server.url());
    let [one, other] = granters(&shared).await;
    let [bus, listening] = shared.buses().await;
    let mut facts = listening.subscribe();
    server.kill();
    for _ in 0..5 {
        one.announce(&event_id("E1"));
        let told = tokio::time::timeout(SOON, until_told(&one, &gate("E1"))).await;
        one.done(told.expect("while Redis is away news are told here"));
        bus.publish(Fact::EventChanged(event_id("E1")));
    }
    server.restart();
    tokio::time::timeout(PATIENCE, until_missed(&mut facts)).await.expect("what was lost is told");
    let anew = async {
        tokio::select! { news = until_told(&one, &Gate::All) => news, news = until_told(&other, &Gate::All) => news }
    };
    tokio::time::timeout(PATIENCE, anew).await.expect("the group is made again");
    // Everybody is told again, by whoever.
    let heard = async {
        loop {
            bus.publish(Fact::EventChanged(event_id("E2")));
            let fact = tokio::time::timeout(Duration::from_millis(100), facts.recv()).await;
            if matches!(fact, Ok(Ok(Fact::EventChanged(event))) if event == event_id("E2")) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("facts arrive again");
    let both = async {
        loop {
            one.announce(&event_id("E3"));
            let told =
                tokio::time::timeout(Duration::from_millis(200), until_told(&other, &gate("E3"))).await;
            if told.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("news reach other granters again");
}

/// Connected and silent for five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn w5_a_silent_redis_holds_nobody_up() {
    let Some(mut server) = Server::start() else { return };
    let shared = Shared::new(&server.url());
    let [one, _other] = granters(&shared).await;
    let [bus, listening] = shared.buses().await;
    let cache = shared.cache("one").await;
    let (mut here, mut there) = (bus.subscribe(), listening.subscribe());
    let clock = SystemClock::new();
    server.pause();
    let mut looks = 0;
    while clock.monotonic() < Duration::from_secs(5) {
        one.announce(&event_id("E1"));
        bus.publish(Fact::SeatsChanged(event_id("E1")));
        assert_eq!(here.recv().await.unwrap(), Fact::SeatsChanged(event_id("E1")));
        let told = tokio::time::timeout(SOON, until_told(&one, &gate("E1"))).await;
        one.done(told.expect("news are told here"));
        let key = CacheKey::Availability(event_id(&format!("E{looks}")));
        cache.get_or_build(key, Box::pin(async { Ok(None) })).await.unwrap();
        looks += 1;
    }
    assert!(looks > 20, "{looks} in 5 s");
    server.go_on();
    tokio::time::timeout(PATIENCE, until_missed(&mut there)).await.expect("what was lost is told");
    cache.until_open(true).await;
}

/// What a granter had read when it was killed, another does; and nothing of it is done twice by either.
#[tokio::test(flavor = "multi_thread")]
async fn w6_a_granter_that_comes_back_goes_on_with_what_it_had() {
    let Some(server) = Server::start() else { return };
    let shared = Shared::new(&server.url());
    let mut life = Shared::new(&server.url());
    life.prefix.clone_from(&shared.prefix);
    let first = life.queue("one");
    assert_eq!(next(&first).await.gate, Gate::All);
    first.announce(&event_id("E1"));
    assert_eq!(next(&first).await.gate, gate("E1"));
    drop((first, life));
    let second = shared.queue("one");
    let news = tokio::time::timeout(SOON, second.next()).await.expect("what it had");
    assert_eq!(news.gate, gate("E1"));
    second.done(news);
    assert!(tokio::time::timeout(Duration::from_secs(1), second.next()).await.is_err());
}

/// Hands on what comes, later.
async fn slow_proxy(port: u16, delay: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let lifecycle = crate::lifecycle::Lifecycle::new();
    let tasks = lifecycle.clone();
    lifecycle.spawn("proxy", async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tasks.spawn("there", hand_on(from_client, to_server, delay));
            tasks.spawn("back", hand_on(from_server, to_client, Duration::ZERO));
        }
    });
    here
}

async fn hand_on(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    delay: Duration,
) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(delay).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// Of a thousand reads over two seconds nearly none waits for a Redis that takes 300 ms, and none for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_redis_does_not_slow_reads_down() {
    let Some(server) = Server::start() else { return };
    let shared = Shared::new(&format!(
        "redis://127.0.0.1:{}/0",
        slow_proxy(server.port(), Duration::from_millis(300)).await
    ));
    let mut redis = shared.daemon("one");
    redis.cache_timeout = Duration::from_millis(50);
    let cache = RedisCache::start(&redis, MemoryCache::default(), 1);
    let clock = SystemClock::new();
    let mut took = Vec::new();
    for n in 0..1_000 {
        let began_at = clock.monotonic();
        let key = CacheKey::Availability(event_id(&format!("E{}", n % 20)));
        cache.get_or_build(key, Box::pin(async { Ok(None) })).await.unwrap();
        took.push(clock.monotonic().saturating_sub(began_at));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    took.sort_unstable();
    assert!(took[989] < Duration::from_millis(50), "{:?}", took[989]);
}
