//! Crowds that look at one event, at two daemons of one database and one Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures::future::join_all;
use http::Request;
use tmapi::client::ClientError;
use tmcore::EventId;
use tmcore::cache_key::CacheKey;
use tmd::clock::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::Service;

use crate::harness::{Daemon, eventually, on_postgres, redis_given};
use crate::shared::{on, pair};
use crate::wire::Ask;

const CROWD: usize = 10_000;
/// So few that all are answered before a look at a failing database is given up, also on a busy machine.
const SOME: usize = 1_000;
/// Readers with a connection for each look.
const SOCKETS: usize = 200;
/// For how long a failure is told to whoever asks, without asking the source again.
const FAILURE: Duration = Duration::from_millis(100);

/// Has the database count who reads the sections or the map of an event, which every look at its seats or its map does
/// once, and fail when there is trouble. A sequence goes on also where a transaction is rolled back.
const COUNTED: [&str; 5] = [
    "CREATE SEQUENCE looks",
    "CREATE TABLE trouble (number INTEGER)",
    "CREATE FUNCTION look() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
     BEGIN
       PERFORM nextval('looks');
       IF EXISTS (SELECT 1 FROM trouble) THEN RAISE EXCEPTION 'trouble' USING ERRCODE = 'lock_not_available'; END IF;
       RETURN true;
     END $$",
    "ALTER TABLE seat_maps RENAME TO counted_seat_maps",
    "CREATE VIEW seat_maps AS SELECT * FROM counted_seat_maps WHERE look()",
];

/// Two daemons that share a database, which counts looks, and a Redis.
struct Watched {
    daemons: [Daemon; 2],
    event: EventId,
}

impl Watched {
    /// `None` where there is no Redis, or daemons are not on PostgreSQL, which alone can count.
    async fn open() -> Option<Self> {
        let url = redis_given().filter(|_| on_postgres())?;
        let mut config = on(&url);
        config.overload.max_in_flight = 10 * CROWD;
        // Crowd and daemons share the machine, so a look may have to wait for a connection.
        config.store.busy_timeout_milliseconds = 20_000;
        config.cache.stale_seconds = 600;
        let daemons = pair(config).await;
        let event = daemons[0].open_event("E1", 20, 50).await;
        for sql in COUNTED {
            daemons[0].run(sql).await;
        }
        Some(Self { daemons, event })
    }

    /// Looks since the last call.
    async fn looks(&self) -> u128 {
        let looks = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM looks";
        let looks = self.daemons[0].count(looks).await;
        self.daemons[0].run("ALTER SEQUENCE looks RESTART").await;
        u128::try_from(looks).unwrap()
    }

    /// Statuses of so many requests at once, each daemon asked by half of the crowd; and how long it took.
    async fn crowd(&self, path: &str, readers: usize) -> (Vec<u16>, Duration) {
        let clock = SystemClock::new();
        let statuses = join_all((0..readers).map(async |n| {
            let mut service = self.daemons[n % 2].service.clone();
            let request = Request::get(path).header("host", "it").body(Body::empty()).unwrap();
            service.call(request).await.unwrap().status().as_u16()
        }))
        .await;
        (statuses, clock.monotonic())
    }

    /// Statuses of what some hundred clients are told over connections of their own, for at least so long; and how long
    /// it took.
    async fn clients(&self, path: &str, time: Duration) -> (Vec<u16>, Duration) {
        let (clock, mut clients) = (SystemClock::new(), JoinSet::new());
        for n in 0..SOCKETS {
            let (url, ask) = (self.daemons[n % 2].url.clone(), Ask::new(&format!("GET {path}")));
            clients.spawn(async move {
                let mut statuses = Vec::new();
                while clock.monotonic() < time {
                    statuses.push(ask.clone().send(&url).await.status);
                }
                statuses
            });
        }
        let statuses = clients.join_all().await.into_iter().flatten().collect();
        (statuses, clock.monotonic())
    }
}

/// The most looks of two daemons, of which each is good for so long; a value may be built anew before its time.
fn most_looks(took: Duration, ttl: Duration) -> u128 {
    2 * (took.as_micros() / (ttl / 2).as_micros() + 1)
}

/// Everybody was told the same.
fn all(statuses: &[u16], status: u16) {
    let mut others = statuses.to_vec();
    others.retain(|other| *other != status);
    assert!(others.is_empty(), "not {status}: {} of {}, {:?}", others.len(), statuses.len(), others.first());
}

/// C4: ten thousand who ask when a hot answer has just ended cost each daemon one look at the database, and one more
/// each time it ends again; so do some hundred clients that come and go.
#[tokio::test(flavor = "multi_thread")]
async fn c4_ten_thousand_readers_at_the_end_of_a_hot_answer_cost_one_look() {
    let Some(watched) = Watched::open().await else { return };
    let key = CacheKey::Availability(watched.event.clone());
    for _ in 0..2 {
        // What was built before has ended at the daemons, and between them.
        sleep(key.ttl() + key.shared_ttl()).await;
        watched.looks().await;
        let (statuses, took) = watched.crowd("/api/events/E1/availability", CROWD).await;
        let (looks, most) = (watched.looks().await, most_looks(took, key.ttl()));
        all(&statuses, 200);
        assert!((1..=most).contains(&looks), "{looks} looks in {took:?}, {most} would do");
    }
    let (statuses, took) = watched.clients("/api/events/E1/availability", STRETCH).await;
    let (looks, most) = (watched.looks().await, most_looks(took, key.ttl()));
    all(&statuses, 200);
    assert!((1..=most).contains(&looks), "{looks} looks for {}, {most} would do", statuses.len());
}

/// C4: while the database fails, one look fails for all who ask, and those who ask right after it are told the same.
/// What may be old is served old, at the same cost; and when it is over all is well.
#[tokio::test(flavor = "multi_thread")]
async fn c4_a_look_that_fails_is_not_made_by_everybody_again() {
    let Some(watched) = Watched::open().await else { return };
    for path in ["/api/events/E1", "/api/events/E1/availability"] {
        all(&watched.crowd(path, SOME).await.0, 200);
    }
    watched.daemons[0].run("INSERT INTO trouble VALUES (1)").await;
    for (path, status) in [("/api/events/E1/availability", 503), ("/api/events/E1", 200)] {
        // Longer than the event itself is good for.
        sleep(Duration::from_secs(2)).await;
        watched.looks().await;
        let (statuses, took) = watched.crowd(path, SOME).await;
        let (first, most) = (watched.looks().await, most_looks(took, 2 * FAILURE));
        all(&statuses, status);
        assert!(first <= most, "{path}: {first} looks in {took:?}, {most} would do");
        let (statuses, took) = watched.clients(path, STRETCH).await;
        let (looks, most) = (watched.looks().await, most_looks(took, 2 * FAILURE));
        all(&statuses, status);
        assert!(looks <= most, "{path}: {looks} looks for {}, {most} would do", statuses.len());
        assert!(first + looks > 0, "{path}: nobody looked");
    }
    watched.daemons[0].run("DELETE FROM trouble").await;
    sleep(2 * FAILURE).await;
    all(&watched.crowd("/api/events/E1/availability", SOME).await.0, 200);
}

/// The way to a Redis, which can be made long.
struct Way {
    url: String,
    delay_millis: Arc<AtomicU64>,
    delayed: Arc<AtomicU64>,
    _proxy: JoinSet<()>,
}

impl Way {
    async fn to(url: &str) -> Self {
        let (before, rest) = url.rsplit_once('@').map_or(("redis:/", url), |(before, rest)| (before, rest));
        let server: SocketAddr =
            rest.trim_start_matches("redis://").split('/').next().unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let url =
            if before == "redis:/" { format!("redis://{here}/0") } else { format!("{before}@{here}/0") };
        let (delay_millis, delayed) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let way = (Arc::clone(&delay_millis), Arc::clone(&delayed));
        let mut proxy = JoinSet::new();
        proxy.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                connections.spawn(hand_on(from_client, to_server, way.clone()));
                connections.spawn(hand_on(from_server, to_client, Default::default()));
            }
        });
        Self { url, delay_millis, delayed, _proxy: proxy }
    }

    fn set_delay(&self, delay: Duration) {
        self.delay_millis.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// Hands on what comes, as late as is said now, and counts what came late.
async fn hand_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    (delay_millis, delayed): (Arc<AtomicU64>, Arc<AtomicU64>),
) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let millis = delay_millis.load(Ordering::SeqCst);
        if millis > 0 {
            delayed.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(millis)).await;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

const READERS: usize = 4;
/// How long one stretch of reading lasts, and the pause of a reader between two looks.
const STRETCH: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);
/// How long 99 of 100 reads may take at most.
const QUICK: Duration = Duration::from_millis(50);

/// Readers at both daemons for a while; answers how long the slowest of 99 in 100 looks took.
async fn read_for_a_while(daemons: &[Daemon; 2], event: &EventId) -> Duration {
    let (clock, mut readers) = (SystemClock::new(), JoinSet::new());
    for n in 0..READERS {
        let (client, event) = (daemons[n % 2].client(), event.clone());
        readers.spawn(async move {
            let mut took = Vec::new();
            while clock.monotonic() < STRETCH {
                let began_at = clock.monotonic();
                look(&client, &event, took.len() + n).await.unwrap();
                took.push(clock.monotonic().saturating_sub(began_at));
                sleep(PAUSE).await;
            }
            took
        });
    }
    let mut took: Vec<_> = readers.join_all().await.into_iter().flatten().collect();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

async fn look(client: &tmapi::client::Client, event: &EventId, turn: usize) -> Result<(), ClientError> {
    match turn % 3 {
        0 => client.event(event).await.map(drop),
        1 => client.seat_map(event).await.map(drop),
        _ => client.availability(event).await.map(drop),
    }
}

/// Reads of an event, its map and its seats are answered by the daemon itself when Redis begins to take 300 ms, for as
/// long as it does; and when it is well again it is used again.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_begins_to_take_300_ms_slows_no_reader_down() {
    let Some(url) = redis_given() else { return };
    let way = Way::to(&url).await;
    let config = on(&way.url);
    let versions = format!("{}:v1:availability:E1:*", config.redis.key_prefix);
    let daemons = pair(config).await;
    let event = daemons[0].open_event("E1", 5, 20).await;
    let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let mut is_used = async || {
        look(&daemons[0].client(), &event, 2).await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS").arg(&versions).query_async(&mut redis).await.unwrap();
        // The version's own key, and the value's.
        keys.len() > 1
    };
    eventually("answers are kept in Redis", &mut is_used).await;
    way.set_delay(Duration::from_millis(300));
    // A stretch may meet a machine that is busy with other tests; one that waited for Redis would do so in all of them.
    let mut slowest = Vec::new();
    while slowest.len() < 8 && slowest.last().is_none_or(|took| *took >= QUICK) {
        slowest.push(read_for_a_while(&daemons, &event).await);
    }
    assert!(slowest.last().unwrap() < &QUICK, "{slowest:?}");
    assert!(way.delayed.load(Ordering::SeqCst) > 0, "nothing was asked of the slow Redis");
    way.set_delay(Duration::ZERO);
    eventually("answers are kept in Redis again", &mut is_used).await;
}
