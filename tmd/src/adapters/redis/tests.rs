//! Redis keeps every contract (P1), and what is behind it goes on without it (W5, W6).

mod away;
mod server;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use redis::AsyncCommands;

use self::server::{Server, given};
use super::Redis;
use super::bus::RedisBus;
use super::cache::RedisCache;
use super::queue::{Pace, Reader, RedisQueue};
use crate::adapters::memory::cache::MemoryCache;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::lifecycle::Lifecycle;
use crate::ports::bus::{Bus, Fact};
use crate::ports::cache::Cache;
use crate::ports::contract;
use crate::ports::contract::stage::event_id;
use crate::ports::queue::{Gate, News, WaitingRoomQueue};

const PATIENCE: Duration = Duration::from_secs(15);
/// So that what a dead granter held is soon another's.
const QUICK: Pace = Pace { block: Duration::from_millis(50), idle: Duration::from_millis(300) };

/// An office with a Redis: a key prefix nobody else has, and as many daemons as are asked for.
struct Shared {
    url: String,
    prefix: String,
    lifecycle: Lifecycle,
}

impl Shared {
    fn new(url: &str) -> Self {
        let prefix = format!("test-{}", Entropy.uuid_v7().simple());
        Self { url: url.to_owned(), prefix, lifecycle: Lifecycle::new() }
    }

    fn daemon(&self, name: &str) -> Redis {
        let mut config = Config::defaults().unwrap().redis;
        config.url = self.url.clone().into();
        config.key_prefix.clone_from(&self.prefix);
        // The machine may be busy with other tests.
        config.cache_timeout_milliseconds = 500;
        Redis::new(&config, name, &self.lifecycle).unwrap()
    }

    fn queue(&self, name: &str) -> Arc<RedisQueue> {
        Arc::new(RedisQueue::start(&self.daemon(name), QUICK))
    }

    /// The buses of two processes, subscribed.
    async fn buses(&self) -> [Arc<RedisBus>; 2] {
        let redis = self.daemon("node");
        let buses = [&redis; 2].map(|redis| Arc::new(RedisBus::start(redis)));
        let mut connection = redis.connect(PATIENCE).await.unwrap();
        let subscribed = tokio::time::timeout(PATIENCE, async {
            let mut ask = redis::cmd("PUBSUB");
            ask.arg("NUMSUB").arg(redis.key("facts:v1"));
            while ask.query_async::<(String, u32)>(&mut connection).await.unwrap().1 < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        subscribed.await.expect("both are subscribed");
        buses
    }

    /// A cache whose second tier is there.
    async fn cache(&self, name: &str) -> Arc<RedisCache> {
        let first = MemoryCache::new(Duration::from_secs(60));
        let cache = Arc::new(RedisCache::start(&self.daemon(name), first, 1));
        cache.until_open(true).await;
        cache
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.lifecycle.draining.cancel();
    }
}

impl RedisCache {
    async fn until_open(&self, is_open: bool) {
        let asked = tokio::time::timeout(PATIENCE, async {
            while self.is_open() != is_open {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        asked.await.expect("the second tier");
    }
}

async fn until_missed(facts: &mut tokio::sync::broadcast::Receiver<Fact>) {
    let missed = async { while facts.recv().await.unwrap() != Fact::Missed {} };
    tokio::time::timeout(PATIENCE, missed).await.expect("loss is told");
}

async fn next(queue: &RedisQueue) -> News {
    tokio::time::timeout(PATIENCE, queue.next()).await.expect("news")
}

/// Waits for news of one gate and does everything that comes before.
async fn until_told(queue: &RedisQueue, gate: &Gate) -> News {
    loop {
        let news = next(queue).await;
        if news.gate == *gate {
            return news;
        }
        queue.done(news);
    }
}

/// Two granters, after the one that made the group was told to look everywhere.
async fn granters(shared: &Shared) -> [Arc<RedisQueue>; 2] {
    let granters = [shared.queue("one"), shared.queue("other")];
    let first = async {
        tokio::select! { news = granters[0].next() => news, news = granters[1].next() => news }
    };
    let first = tokio::time::timeout(PATIENCE, first).await.unwrap();
    assert_eq!(first.gate, Gate::All);
    granters
}

#[tokio::test(flavor = "multi_thread")]
async fn queue() {
    let Some(url) = given() else { return };
    let kept = std::sync::Mutex::new(Vec::new());
    contract::queue::run(async || {
        let shared = Shared::new(&url);
        let granters = granters(&shared).await;
        kept.lock().unwrap().push(shared);
        granters.map(|granter| granter as Arc<dyn WaitingRoomQueue>)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bus() {
    let Some(url) = given() else { return };
    let kept = std::sync::Mutex::new(Vec::new());
    contract::bus::run(async || {
        let shared = Shared::new(&url);
        let processes = shared.buses().await;
        kept.lock().unwrap().push(shared);
        processes.map(|process| process as Arc<dyn Bus>)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cache() {
    let Some(url) = given() else { return };
    let kept = std::sync::Mutex::new(Vec::new());
    contract::cache::run(async || {
        let shared = Shared::new(&url);
        let processes = [shared.cache("one").await, shared.cache("other").await];
        kept.lock().unwrap().push(shared);
        processes.map(|process| process as Arc<dyn Cache>)
    })
    .await;
}

/// What one process built the others have from Redis, also that there is no such thing.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_built_by_one_process_for_all() {
    let Some(url) = given() else { return };
    let shared = Shared::new(&url);
    let caches = join_all(["a", "b", "c"].map(|name| shared.cache(name))).await;
    let body = crate::ports::cache::Body {
        etag: "\"e\"".into(),
        plain: vec![b'x'; 10_000].into(),
        gzip: Some(vec![0, 1, 2].into()),
    };
    for (event, value) in [("E1", Some(body)), ("E2", None)] {
        let key = tmcore::cache_key::CacheKey::SeatMap(event_id(event));
        let built = value.clone();
        caches[0].get_or_build(key.clone(), Box::pin(async { Ok(built) })).await.unwrap();
        for cache in &caches[1..] {
            let not_built = Box::pin(async { Err(crate::ports::StoreError::Busy) });
            assert_eq!(cache.get_or_build(key.clone(), not_built).await.unwrap(), value);
        }
    }
}

/// A read that this process has no value for asks Redis once, whether or not there is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_the_second_tier_is_one_round_trip() {
    let Some(url) = given() else { return };
    let shared = Shared::new(&url);
    let caches = join_all(["a", "b"].map(|name| shared.cache(name))).await;
    let client = redis::Client::open(url).unwrap();
    let asked = client.get_multiplexed_async_connection().await.unwrap();
    let mut commands = client.get_async_monitor().await.unwrap().into_on_message::<String>();
    let mut commands_of_ours = async || {
        // What was asked before is seen before this.
        let mark = format!("{}:mark:{}", shared.prefix, Entropy.uuid_v7());
        let _: bool = asked.clone().exists(&mark).await.unwrap();
        let mut ours = Vec::new();
        loop {
            let command = tokio::time::timeout(PATIENCE, commands.next()).await.unwrap().unwrap();
            if command.contains(&mark) {
                return ours;
            }
            // What a script does is no round trip.
            if command.contains(&shared.prefix) && !command.contains(" lua]") {
                ours.push(command);
            }
        }
    };
    // Redis learns each script when it first hears of it.
    let events = ["E1", "E2", "E3"].map(event_id);
    let get = async |cache: &RedisCache, event: &tmcore::EventId| {
        let key = tmcore::cache_key::CacheKey::Availability(event.clone());
        cache.get_or_build(key, Box::pin(async { Ok(None) })).await.unwrap();
    };
    get(&caches[0], &events[0]).await;
    commands_of_ours().await;
    get(&caches[0], &events[1]).await;
    let built = commands_of_ours().await;
    assert_eq!(built.len(), 2, "a look, and the value kept: {built:?}");
    get(&caches[1], &events[1]).await;
    let found = commands_of_ours().await;
    assert_eq!(found.len(), 1, "a look: {found:?}");
}

/// Whoever cannot tell Redis of a change now does so before it reads from it again.
#[tokio::test(flavor = "multi_thread")]
async fn c3_a_change_that_redis_did_not_hear_of_is_told_later() {
    let Some(mut server) = Server::start() else { return };
    let shared = Shared::new(&server.url());
    let (one, other) = (shared.cache("one").await, shared.cache("other").await);
    let key = tmcore::cache_key::CacheKey::SeatMap(event_id("E1"));
    let value = |text: &'static str| {
        let body = crate::ports::cache::Body { etag: text.into(), plain: text.into(), gzip: None };
        Box::pin(async move { Ok(Some(body)) })
    };
    one.get_or_build(key.clone(), value("old")).await.unwrap();
    server.pause();
    one.forget(&key).await;
    server.go_on();
    one.until_open(true).await;
    let found = other.get_or_build(key.clone(), value("new")).await.unwrap().unwrap();
    assert_eq!(found.etag, "new");
}

/// What was delivered and what was not are never cut off, and what is done is.
#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_trimmed_of_what_is_done_and_of_nothing_else() {
    let Some(url) = given() else { return };
    let shared = Shared::new(&url);
    let redis = shared.daemon("probe");
    let mut connection = redis.connect(Duration::from_secs(5)).await.unwrap();
    let stream = redis.key("news:v1");
    let reader = Reader::new(&redis, QUICK, &Arc::default());
    reader.make_group(&mut connection).await.unwrap();
    let mut ids: Vec<String> = Vec::new();
    for n in 0..10 {
        ids.push(connection.xadd(&stream, "*", &[("event", format!("E{n}"))]).await.unwrap());
    }
    let read = async |connection: &mut redis::aio::MultiplexedConnection, count: usize| {
        let options = redis::streams::StreamReadOptions::default().group("granters", "probe").count(count);
        let _: redis::Value = connection.xread_options(&[&stream], &[">"], &options).await.unwrap();
    };
    let left = async |connection: &mut redis::aio::MultiplexedConnection| -> Vec<String> {
        let entries: redis::streams::StreamRangeReply = connection.xrange_all(&stream).await.unwrap();
        entries.ids.into_iter().map(|entry| entry.id).collect()
    };
    // Nothing read: nothing goes. Six read, the first two and the fifth done: the third is the oldest that is held.
    reader.trim_now(&mut connection).await.unwrap();
    assert_eq!(left(&mut connection).await, ids);
    read(&mut connection, 6).await;
    let _: usize = connection.xack(&stream, "granters", &[&ids[0], &ids[1], &ids[4]]).await.unwrap();
    reader.trim_now(&mut connection).await.unwrap();
    assert_eq!(left(&mut connection).await, ids[2..]);
    // All that was read is done: the last of it stays, and what was not delivered.
    let _: usize = connection.xack(&stream, "granters", &[&ids[2], &ids[3], &ids[5]]).await.unwrap();
    reader.trim_now(&mut connection).await.unwrap();
    assert_eq!(left(&mut connection).await, ids[5..]);
}
