//! Orders straight into a store, without HTTP: how fast are its batches, beside the naive transaction on a file with the
//! same settings. `cargo bench --workspace --bench store`; with `TMD_TEST_POSTGRES_URL` on PostgreSQL too.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, not the program"
)]

#[path = "../tests/it/postgres.rs"]
mod postgres;

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tmcore::event::{Sale, SaleAction, SaleRules, SaleState, SeatLimits};
use tmcore::money::Currency;
use tmcore::payment::Answer;
use tmcore::waiting_room::GateLimits;
use tmcore::{OrderId, SeatId, TicketId, Timestamp, UserId};
use tmd::ports::Store;
use tmd::ports::catalog::{EventRecord, Inventory, InventorySeat, PriceLevel, VenueRecord};
use tmd::ports::order::{KeyRef, NewTicket, OrderCommand, Verdict};
use tmd::store::postgres::{PostgresOptions, PostgresStore};
use tmd::store::sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

const ORDERS: u32 = 16_384;
const SEATS: u32 = 2 * ORDERS;
const BATCHES: [usize; 4] = [1, 8, 64, 256];
const PATIENCE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let naive = naive(&folder.path().join("naive.db")).await;
    println!("naive transaction, one a buyer: {naive:.0}/s");
    println!(
        "{:>8} {:>12} {:>12} {:>12} {:>12} {:>12}  (orders a second)",
        "batch", "create", "hold", "authorized", "pin", "captured"
    );
    for batch in BATCHES {
        let file = folder.path().join(format!("office-{batch}.db"));
        let options = SqliteOptions { reader_connections: 2, busy_timeout: PATIENCE, send_lease_seconds: 30 };
        measure(&SqliteStore::open(&file, options).await.unwrap(), batch).await;
    }
    let Some(server) = postgres::server() else { return };
    println!("PostgreSQL");
    for batch in BATCHES {
        let database = postgres::Database::new(server.clone()).await;
        let options = PostgresOptions {
            money_connections: 2,
            room_connections: 1,
            browse_connections: 1,
            busy_timeout: PATIENCE,
            send_lease_seconds: 30,
        };
        measure(&PostgresStore::open(&database.url(), options).await.unwrap(), batch).await;
    }
}

async fn measure(store: &dyn Store, batch: usize) {
    let rates = office(store, batch).await;
    let columns: Vec<_> = rates.iter().map(|rate| format!("{rate:>12.0}")).collect();
    println!("{batch:>8} {}", columns.join(" "));
    println!("{:>8} processor time so far {:?}", "", processor_time());
}

/// Of this process, by /proc: ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|n| n.parse().unwrap())
        .collect();
    Duration::from_millis(10 * ticks.iter().sum::<u64>())
}

fn seat(n: u32) -> SeatId {
    format!("S-{n}").parse().unwrap()
}

fn event() -> EventRecord {
    let rules = SaleRules {
        waiting_room: false,
        gate: GateLimits { capacity: 100, admissions_per_minute: 1_000_000 },
        lapse_seconds: 60,
        active_seconds: 60,
        lobby_seconds: 0,
        hold_ttl_seconds: 3_600,
        seats: SeatLimits { per_order: 4, per_buyer: 6 },
    };
    let level = PriceLevel { name: "Standard".into(), color: "#000000".into(), price: 1_000, seats: SEATS };
    EventRecord {
        sale: Sale { event: "E1".parse().unwrap(), state: SaleState::Scheduled, starts_at: None, rules },
        name: "Event".into(),
        starts_at: Timestamp::from_millis(1_900_000_000_000),
        venue: VenueRecord { id: "V".parse().unwrap(), name: "The Hall".into(), city: "Ghent".into() },
        performers: Vec::new(),
        currency: Currency::EUR,
        price_levels: vec![level],
    }
}

async fn office(store: &dyn Store, batch: usize) -> [f64; 5] {
    let record = event();
    let seats = (0..SEATS).map(|n| InventorySeat {
        id: seat(n),
        section: 0,
        row: "A".into(),
        number: n.to_string(),
        level: 0,
    });
    let inventory = Inventory {
        price_levels: record.price_levels.clone(),
        sections: vec![("Hall".into(), SEATS)],
        seats: seats.collect(),
        body: b"{}".as_slice().into(),
    };
    store.put_event(&record, Some(&inventory), true).await.unwrap();
    store.change_sale(&record.sale.event, SaleAction::Open, [7; 32]).await.unwrap();
    // Single commits are slow enough to be measured by few.
    let count = ORDERS.min(1_024 * u32::try_from(batch).unwrap());
    let orders: Vec<(OrderId, UserId)> =
        (0..count).map(|_| (OrderId::from_uuid(Uuid::now_v7()), UserId::from_uuid(Uuid::now_v7()))).collect();
    let key = |user| KeyRef { user, key: "k".parse().unwrap() };
    let ok = || Verdict::Answered(Answer::Ok { reference: "ref".parse().unwrap() });
    let create: Vec<_> = orders
        .iter()
        .map(|&(order, user)| OrderCommand::Create {
            order,
            user,
            event: record.sale.event.clone(),
            session: None,
            key: key(user),
        })
        .collect();
    let hold: Vec<_> = (0..)
        .zip(&orders)
        .map(|(n, &(order, user))| OrderCommand::Hold {
            order,
            user,
            seats: vec![seat(2 * n), seat(2 * n + 1)],
            key: key(user),
        })
        .collect();
    let pin: Vec<_> =
        orders.iter().map(|&(order, user)| OrderCommand::Pin { order, user, key: key(user) }).collect();
    let (created, _) = run(store, create, batch).await;
    let (held, payments) = run(store, hold, batch).await;
    let settle =
        payments.iter().map(|&payment| OrderCommand::Settle { payment, verdict: ok(), tickets: Vec::new() });
    let (authorized, _) = run(store, settle.collect(), batch).await;
    let (pinned, payments) = run(store, pin, batch).await;
    let capture = (0..).zip(&payments).map(|(n, &payment)| OrderCommand::Settle {
        payment,
        verdict: ok(),
        tickets: [2 * n, 2 * n + 1]
            .map(|n| NewTicket {
                id: TicketId::from_uuid(Uuid::now_v7()),
                seat: seat(n),
                code: format!("CODE{n}"),
            })
            .into(),
    });
    let (captured, _) = run(store, capture.collect(), batch).await;
    [created, held, authorized, pinned, captured]
}

async fn run(
    store: &dyn Store,
    commands: Vec<OrderCommand>,
    batch: usize,
) -> (f64, Vec<tmcore::payment::ProviderKey>) {
    let began = Instant::now();
    let mut payments = Vec::new();
    let count = commands.len();
    for commands in commands.chunks(batch) {
        for answer in store.apply(commands.to_vec()).await {
            payments.extend(answer.unwrap().payment.map(|payment| payment.key));
        }
    }
    let rate = f64::from(u32::try_from(count).unwrap()) / began.elapsed().as_secs_f64();
    (rate, payments)
}

/// What one would write first: read the seats, write an order, take the seats; a transaction each.
async fn naive(file: &Path) -> f64 {
    let connect = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let mut db = connect.connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE seats (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, order_id TEXT); CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT NOT NULL, at INTEGER NOT NULL);")
        .execute(&mut db)
        .await
        .unwrap();
    sqlx::query("WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x < ?) INSERT INTO seats SELECT x, 0, NULL FROM n")
        .bind(SEATS)
        .execute(&mut db)
        .await
        .unwrap();
    let began = Instant::now();
    for n in 0..4_096 {
        reserve(&mut db, 2 * n).await;
    }
    4_096.0 / began.elapsed().as_secs_f64()
}

async fn reserve(db: &mut SqliteConnection, first: u32) {
    let order = Uuid::now_v7().to_string();
    let mut tx = db.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let free: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM seats WHERE id IN (?, ?) AND status = 0")
        .bind(first)
        .bind(first + 1)
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(free, 2);
    sqlx::query("INSERT INTO orders VALUES (?, 'PENDING', 0)").bind(&order).execute(&mut *tx).await.unwrap();
    sqlx::query("UPDATE seats SET status = 1, order_id = ? WHERE id IN (?, ?) AND status = 0")
        .bind(&order)
        .bind(first)
        .bind(first + 1)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}
