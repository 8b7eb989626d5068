//! A daemon in the test's own process: its own data folder, a free port, and a look into its database.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyPool, Transaction};
use tempfile::TempDir;
use tmapi::client::{Client, ClientError, ClientOptions, SaleAction, StreamItem};
use tmapi::event::{EventPatch, ImportSeatingPlan, WaitingRoomMode};
use tmapi::order::{CreateOrder, OrderView, SeatsAndPayment};
use tmapi::session::{SessionStatus, SessionView};
use tmcore::{EventId, OrderId, SeatId, SessionId};
use tmd::app::{Office, World};
use tmd::clock::{Clock, SystemClock};
use tmd::config::{Config, StoreBackend};
use tmd::data_dir::DataDir;
use tmd::entropy::Entropy;
use tmd::http::accept::{self, AcceptLimits};
use tmd::http::hardening::{Hardened, RequestLimits, harden};
use tmd::http::overload::Guard;
use tmd::lifecycle::Lifecycle;
use tmd::{http, wire, workers};
use tokio::net::TcpListener;

use self::postgres::Database;

#[path = "postgres.rs"]
pub mod postgres;

/// How long a test waits for what has to come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running daemon. Dropped, it is gone as if killed, but for its data folder.
pub struct Daemon {
    pub url: String,
    pub office: Arc<Office>,
    pub organiser: Client,
    pub db: AnyPool,
    /// What answers behind the socket.
    pub service: Hardened,
    lifecycle: Lifecycle,
    data: Option<TempDir>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // With its folder its database goes as well.
        let database = self.data.as_ref().and_then(|data| databases().remove(data.path()));
        drop(database);
    }
}

/// An idempotency key nobody used before.
pub fn key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("key-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn event_id(id: &str) -> EventId {
    id.parse().unwrap()
}

pub fn seats(ids: &[&str]) -> Vec<SeatId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

/// The settings of tests: the defaults, on a quick rhythm.
pub fn quick() -> Config {
    let mut config = Config::defaults().unwrap();
    config.waiting_room.tick_milliseconds = 20;
    config.waiting_room.heartbeat_flush_seconds = 1;
    config.checkout.sweep_interval_milliseconds = 50;
    config.checkout.resolver_interval_milliseconds = 50;
    config.availability.refresh_milliseconds = 20;
    // The machine may be busy with other tests.
    config.overload.queue_delay_milliseconds = 5_000;
    // Test cards that leave it open come in crowds here, and say nothing of the provider.
    config.gateway.breaker_failures = 1_000;
    config.gateway.breaker_failure_percent = 100;
    config
}

/// Chance that comes out the same at every run.
pub struct Dice(tmcore::drill::Dice);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(tmcore::drill::Dice::new(seed))
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.roll() >> 33).unwrap() % end
    }
}

impl Daemon {
    pub async fn start() -> Self {
        Self::start_with(quick()).await
    }

    pub async fn start_with(config: Config) -> Self {
        Self::start_in(config, TempDir::new().unwrap()).await
    }

    /// Starts on a data folder that another daemon used before.
    pub async fn start_in(config: Config, data: TempDir) -> Self {
        Self::start_at(config, data, Arc::new(SystemClock::new())).await
    }

    /// Starts at an address that somebody else has to know before.
    pub async fn start_listening(config: Config, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        Self::start_on(config, TempDir::new().unwrap(), Arc::new(SystemClock::new()), listener).await
    }

    /// Starts with a clock of its own.
    pub async fn start_at(config: Config, data: TempDir, clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::start_on(config, data, clock, listener).await
    }

    async fn start_on(
        mut config: Config,
        data: TempDir,
        clock: Arc<dyn Clock>,
        listener: TcpListener,
    ) -> Self {
        config.server.data_dir = data.path().to_owned();
        if on_postgres() {
            config.store.backend = StoreBackend::Postgres;
            config.store.url = database_of(data.path()).await.into();
        }
        if on_redis() && config.redis.url.reveal().is_empty() {
            let url = redis_given().expect("TMD_TEST_REDIS_URL, for TMD_TEST_HINTS=redis");
            config.redis.url = url.into();
            // The same for the next daemon on this folder, and nobody else's.
            let folder = data.path().file_name().unwrap().to_string_lossy().replace('.', "");
            config.redis.key_prefix = format!("test-{}-{folder}", std::process::id());
        }
        let lifecycle = Lifecycle::new();
        let world = World { clock: Arc::clone(&clock), entropy: Entropy };
        let folder = DataDir::open(data.path()).unwrap();
        let office = wire::office(&config, world, &lifecycle, &folder).await.unwrap();
        workers::start(&office);
        let router = http::router(Arc::clone(&office), folder.keys(Entropy).unwrap().guest).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = harden(router, RequestLimits::from(&config.server), clock)
            .guarded(Guard::start(&config.overload, &lifecycle));
        lifecycle.spawn(
            "it",
            accept::serve(listener, service.clone(), AcceptLimits::from(&config.server), lifecycle.clone()),
        );
        let organiser = client(&url, Some(folder.organiser_token(Entropy).unwrap()));
        let db = database(data.path()).await;
        Self { url, office, organiser, db, service, lifecycle, data: Some(data) }
    }

    /// Ends the daemon, and starts another on its data folder.
    pub async fn restart(self, config: Config) -> Self {
        Self::start_in(config, self.stop().await).await
    }

    /// Ends the daemon; what is left is its data folder.
    pub async fn stop(mut self) -> TempDir {
        let data = self.data.take().unwrap();
        self.db.close().await;
        self.lifecycle.draining.cancel();
        self.lifecycle.streams.cancel();
        let lifecycle = self.lifecycle.clone();
        drop(self);
        lifecycle.tasks.close();
        tokio::time::timeout(PATIENCE, lifecycle.tasks.wait()).await.unwrap();
        data
    }

    /// The credential of whoever runs the sales here.
    pub fn organiser_token(&self) -> String {
        std::fs::read_to_string(self.data.as_ref().unwrap().path().join("organiser.token")).unwrap()
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        self.data.as_ref().unwrap().path()
    }

    /// Begins to end, as at the first SIGTERM.
    pub fn drain(&self) {
        self.lifecycle.draining.cancel();
    }

    /// A client without a credential that never tries again by itself.
    pub fn client(&self) -> Client {
        client(&self.url, None)
    }

    /// An event on sale: one section of `rows` rows A, B, … with `per_row` seats `A-1`, `A-2`, …, 10.00 EUR each.
    pub async fn event(&self, id: &str, rows: u8, per_row: u32, settings: EventPatch) -> EventId {
        let event = event_id(id);
        // What comes before a test may wait for its turn on a busy machine.
        let options = ClientOptions { token: Some(self.organiser_token()), ..ClientOptions::default() };
        let organiser = Client::new(&self.url, options).unwrap();
        organiser.import(&event, &seating(plan(rows, per_row), settings)).await.unwrap();
        organiser.sale_action(&event, SaleAction::Open).await.unwrap();
        event
    }

    pub async fn import(
        &self,
        event: &EventId,
        seating_plan: serde_json::Value,
        settings: EventPatch,
    ) -> Result<tmapi::event::EventView, ClientError> {
        self.organiser.import(event, &seating(seating_plan, settings)).await
    }

    /// An event sold without a waiting room.
    pub async fn open_event(&self, id: &str, rows: u8, per_row: u32) -> EventId {
        self.event(
            id,
            rows,
            per_row,
            EventPatch { waiting_room: Some(WaitingRoomMode::Off), ..EventPatch::default() },
        )
        .await
    }

    /// A buyer with a token and an order begun, for an event without a waiting room.
    pub async fn order(&self, event: &EventId) -> (Client, OrderId) {
        let create = CreateOrder { event_id: event.clone(), session_id: None };
        let order = self.client().create_order(&create, &key()).await.unwrap();
        (self.client().with_token(&order.access_token.unwrap()).unwrap(), order.order_id)
    }

    /// Joins as a new guest.
    pub async fn join(&self, event: &EventId) -> (Client, SessionView) {
        let joined = self.client().join(event).await.unwrap();
        (self.client().with_token(&joined.access_token.unwrap()).unwrap(), joined.session)
    }

    /// Has every write wait until this transaction ends.
    pub async fn block_writes(&self) -> Transaction<'static, Any> {
        if !on_postgres() {
            return self.db.begin_with("BEGIN IMMEDIATE").await.unwrap();
        }
        let mut tx = self.db.begin().await.unwrap();
        let lock = "LOCK TABLE idempotency_keys, orders, gates, sessions IN EXCLUSIVE MODE";
        sqlx::query(lock).execute(&mut *tx).await.unwrap();
        tx
    }

    /// Changes the database behind the daemon's back.
    pub async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.db).await.unwrap();
    }

    /// One number out of the database.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.db).await.unwrap()
    }

    /// What has to hold at any time, whatever happened (S1, S2, M2, M4, W1, W4).
    pub async fn check_invariants(&self) {
        check_invariants(&self.db).await;
    }
}

/// What has to hold at any time in the database of any daemon.
pub async fn check_invariants(db: &AnyPool) {
    for &(promise, sql) in INVARIANTS {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(db).await.unwrap();
        assert_eq!(count, 0, "{promise}");
    }
}

/// Each counts what must not be.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "S1: two valid tickets for one seat",
        "SELECT COUNT(*) FROM (SELECT 1 FROM tickets WHERE state = 'VALID' GROUP BY event_id, seat_index HAVING COUNT(*) > 1) AS twice",
    ),
    (
        "M4: a finalized order whose seats, tickets and capture do not match",
        "SELECT COUNT(*) FROM orders o WHERE o.state = 'FINALIZED' AND NOT (
           json_array_length(o.seats) > 0
           AND json_array_length(o.seats) = (SELECT COUNT(*) FROM tickets t WHERE t.order_id = o.order_id AND t.state = 'VALID')
           AND json_array_length(o.seats) = (SELECT COUNT(*) FROM seat_inventory i WHERE i.order_id = o.order_id AND i.status = 3)
           AND 1 = (SELECT COUNT(*) FROM payments p WHERE p.order_id = o.order_id AND p.operation = 'CAPTURE' AND p.state = 'OK'
                    AND p.amount = o.total))",
    ),
    (
        "M4: a ticket, a sold seat or a capture without a finalized order",
        "SELECT (SELECT COUNT(*) FROM tickets t JOIN orders o USING (order_id) WHERE t.state = 'VALID' AND o.state <> 'FINALIZED')
              + (SELECT COUNT(*) FROM seat_inventory i JOIN orders o USING (order_id) WHERE i.status = 3 AND o.state <> 'FINALIZED')
              + (SELECT COUNT(*) FROM payments p JOIN orders o USING (order_id) WHERE p.operation = 'CAPTURE' AND p.state = 'OK'
                 AND o.state NOT IN ('FINALIZED', 'REFUNDING', 'REFUNDED'))",
    ),
    (
        "M1: a refund that differs from its capture, or money back for an order that is not refunded",
        "SELECT COUNT(*) FROM payments r JOIN orders o USING (order_id) WHERE r.operation = 'REFUND' AND r.state = 'OK'
           AND (o.state <> 'REFUNDED' OR r.amount <> (SELECT SUM(c.amount) FROM payments c
             WHERE c.order_id = r.order_id AND c.operation = 'CAPTURE' AND c.state = 'OK'))",
    ),
    (
        "M11: books that do not sum to zero, as a whole or for one payment",
        "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM ledger_entries GROUP BY currency HAVING SUM(amount) <> 0) AS currencies)
              + (SELECT COUNT(*) FROM (SELECT 1 FROM ledger_entries GROUP BY provider_key HAVING SUM(amount) <> 0) AS payments)",
    ),
    (
        "M11: an order whose books are not what was captured and not refunded",
        "SELECT COUNT(*) FROM orders o WHERE
           (SELECT COALESCE(SUM(amount), 0) FROM ledger_entries l WHERE l.order_id = o.order_id AND l.account = 'PROVIDER')
           <> (SELECT COALESCE(SUM(CASE p.operation WHEN 'CAPTURE' THEN p.amount ELSE -p.amount END), 0) FROM payments p
               WHERE p.order_id = o.order_id AND p.operation IN ('CAPTURE', 'REFUND') AND p.state = 'OK')",
    ),
    (
        "M7: a pinned seat whose order is not capturing",
        "SELECT COUNT(*) FROM seat_inventory i JOIN orders o USING (order_id) WHERE i.status = 2 AND o.state <> 'CAPTURING'",
    ),
    (
        "W1: more inside than the capacity",
        "SELECT COUNT(*) FROM events e WHERE e.capacity <
           (SELECT COUNT(*) FROM sessions s WHERE s.event_id = e.event_id AND s.state IN ('ACTIVE', 'ORDERING'))",
    ),
    (
        "W4: two live places of one user for one event",
        "SELECT COUNT(*) FROM (SELECT 1 FROM sessions WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING')
           GROUP BY event_id, user_id HAVING COUNT(*) > 1) AS twice",
    ),
];

/// A seating plan of one section.
pub fn plan(rows: u8, per_row: u32) -> serde_json::Value {
    let row = |row: u8| {
        let label = char::from(b'A' + row).to_string();
        let seats: Vec<_> = (1..=per_row)
            .map(|n| {
                serde_json::json!({"seat_guid": format!("{label}-{n}"), "seat_number": n.to_string(),
                    "position": {"x": n * 10, "y": 0}, "category": "Standard"})
            })
            .collect();
        serde_json::json!({"row_number": label, "position": {"x": 0, "y": u32::from(row) * 10}, "seats": seats})
    };
    serde_json::json!({
        "name": "A hall", "size": {"width": 1000, "height": 1000},
        "categories": [{"name": "Standard", "color": "#0072B2"}],
        "zones": [{"name": "Hall", "position": {"x": 0, "y": 0}, "rows": (0..rows).map(row).collect::<Vec<_>>()}],
    })
}

pub fn client(url: &str, token: Option<String>) -> Client {
    Client::new(url, ClientOptions { token, max_retries: 0, ..ClientOptions::default() }).unwrap()
}

/// Whether daemons are started on PostgreSQL: `TMD_TEST_STORE=postgres`.
#[expect(clippy::disallowed_methods, reason = "what tests run on is no setting of the program")]
pub fn on_postgres() -> bool {
    std::env::var("TMD_TEST_STORE").is_ok_and(|store| store == "postgres")
}

/// Whether daemons that share nothing else are started with a Redis: `TMD_TEST_HINTS=redis`.
#[expect(clippy::disallowed_methods, reason = "what tests run on is no setting of the program")]
fn on_redis() -> bool {
    std::env::var("TMD_TEST_HINTS").is_ok_and(|hints| hints == "redis")
}

/// Where the Redis of tests is. Without one a test is left out, but not on a build machine.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests have no settings, and say what is left out"
)]
pub fn redis_given() -> Option<String> {
    let url = std::env::var("TMD_TEST_REDIS_URL").ok();
    assert!(url.is_some() || std::env::var_os("CI").is_none(), "TMD_TEST_REDIS_URL is not set");
    if url.is_none() {
        println!("left out: TMD_TEST_REDIS_URL is not set");
    }
    url
}

/// The database's clock in a statement, milliseconds.
pub fn now() -> &'static str {
    if on_postgres() { "now_millis()" } else { "CAST(unixepoch('subsec') * 1000 AS INTEGER)" }
}

/// The databases of daemons in this process, by data folder.
fn databases() -> MutexGuard<'static, BTreeMap<PathBuf, Arc<Database>>> {
    static DATABASES: Mutex<BTreeMap<PathBuf, Arc<Database>>> = Mutex::new(BTreeMap::new());
    DATABASES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the daemon of another folder the database of one that was started.
pub fn share_database(data: &Path, other: &Path) {
    if on_postgres() {
        let mut databases = databases();
        let shared = Arc::clone(databases.get(data).expect("a daemon was started there"));
        databases.insert(other.to_owned(), shared);
    } else {
        std::os::unix::fs::symlink(data.join("office.db"), other.join("office.db")).unwrap();
    }
}

/// The address of a folder's database, which is made when there is none.
async fn database_of(data: &Path) -> String {
    if let Some(there) = databases().get(data) {
        return there.url();
    }
    let server = postgres::server().expect("TMD_TEST_POSTGRES_URL, for TMD_TEST_STORE=postgres");
    let made = Database::new(server).await;
    let url = made.url();
    databases().insert(data.to_owned(), Arc::new(made));
    url
}

/// The daemon's database, looked into from outside.
pub async fn database(data: &Path) -> AnyPool {
    sqlx::any::install_default_drivers();
    let url = databases().get(data).map(|database| database.url());
    let setting = if url.is_some() { "SET lock_timeout = '20s'" } else { "PRAGMA busy_timeout = 20000" };
    let url = url.unwrap_or_else(|| format!("sqlite://{}", data.join("office.db").display()));
    let patient = AnyPoolOptions::new().max_connections(2).after_connect(move |connection, _| {
        Box::pin(async move { sqlx::query(setting).execute(connection).await.map(drop) })
    });
    patient.connect(&url).await.unwrap()
}

/// Waits for a session to be in a state, over its stream.
pub async fn until(client: &Client, session: SessionId, status: SessionStatus) -> SessionView {
    let found = tokio::time::timeout(PATIENCE, async {
        let mut stream = client.session_stream(session);
        while let Some(item) = stream.next().await {
            if let StreamItem::Event(event) = item.unwrap()
                && event.session.status == status
            {
                return event.session;
            }
        }
        client.session(session).await.unwrap()
    });
    let view = found.await.unwrap_or_else(|_| panic!("{session} was never {status:?}"));
    assert_eq!(view.status, status);
    view
}

/// Asks until the answer is yes.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asked = tokio::time::timeout(PATIENCE, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("it never came: {what}"));
}

/// Confirms with a token.
pub async fn confirm(
    client: &Client,
    order: OrderId,
    ids: &[&str],
    token: &str,
) -> Result<OrderView, ClientError> {
    let request = SeatsAndPayment { seats: seats(ids), payment_token: token.to_owned() };
    client.confirm(order, &request, &key()).await
}

fn seating(seating_plan: serde_json::Value, settings: EventPatch) -> ImportSeatingPlan {
    let prices = [("Standard".to_owned(), 1_000)].into_iter().collect();
    let starts_at = settings.starts_at.or_else(|| Some("2030-01-01T20:00:00Z".parse().unwrap()));
    ImportSeatingPlan { seating_plan, prices, event: EventPatch { starts_at, ..settings } }
}
