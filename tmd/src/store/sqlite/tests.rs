//! The embedded store keeps every contract (P1).

use std::sync::Arc;
use std::time::Duration;

use super::{SqliteOptions, SqliteStore};
use crate::ports::contract::stage::Stage;
use crate::ports::contract::{
    batch, callback, catalog, idempotency, identity, ledger, order, payment, search, seat, verify,
    waiting_room,
};

fn options() -> SqliteOptions {
    SqliteOptions { reader_connections: 2, busy_timeout: Duration::from_secs(2), send_lease_seconds: 30 }
}

async fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let options =
        SqliteOptions { reader_connections: 2, busy_timeout: Duration::from_secs(2), send_lease_seconds: 30 };
    let store = SqliteStore::open(&folder.path().join("office.db"), options).await.unwrap();
    Stage { store: Arc::new(store), keep: Box::new(folder) }
}

macro_rules! keeps {
    ($($port:ident),+) => {
        $(#[tokio::test]
        async fn $port() {
            $port::run(stage).await;
        })+
    };
}

keeps!(
    batch,
    callback,
    catalog,
    idempotency,
    identity,
    ledger,
    order,
    payment,
    search,
    seat,
    verify,
    waiting_room
);

/// D1: what the file is written with, as SQLite itself says.
#[tokio::test]
async fn d1_the_writer_waits_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("office.db"), options()).await.unwrap();
    let mut held = store.writer().await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *held).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *held).await.unwrap();
    let keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *held).await.unwrap();
    assert_eq!((mode.as_str(), synchronous, keys), ("wal", 2, 1), "2 is FULL");
}

/// A transaction that was cut off behind the driver's back does not keep the writer for ever.
#[tokio::test]
async fn the_writer_mends_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("office.db"), options()).await.unwrap();
    {
        let mut held = store.writer().await.unwrap();
        let mut tx = super::begin(&mut held).await.unwrap();
        // As SQLite does when the disk is full.
        sqlx::raw_sql("ROLLBACK").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap_err();
    }
    crate::ports::Store::probe(&store).await.unwrap();
    let mut held = store.writer().await.unwrap();
    super::begin(&mut held).await.unwrap().commit().await.unwrap();
}

/// The schema as it was before a version.
fn earlier_than(version: i64) -> sqlx::migrate::Migrator {
    let earlier = super::MIGRATIONS.iter().filter(|migration| migration.version < version).cloned();
    sqlx::migrate::Migrator {
        migrations: earlier.collect::<Vec<_>>().into(),
        ..sqlx::migrate::Migrator::DEFAULT
    }
}

/// An order that began before steps had hashes goes on with them.
#[tokio::test]
async fn an_order_of_before_the_chain_is_told_and_goes_on() {
    use sqlx::{ConnectOptions, Connection};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("office.db");
    let connect = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = connect.connect().await.unwrap();
    earlier_than(8).run(&mut connection).await.unwrap();
    sqlx::raw_sql(verify::EARLIER).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let store = SqliteStore::open(&file, options()).await.unwrap();
    let stage = Stage { store: Arc::new(store), keep: Box::new(folder) };
    verify::steps_of_before_have_no_hash_and_those_since_have(&stage).await;
}

/// D1: what an earlier version sold is there after its file was brought up to date.
#[tokio::test]
async fn d1_an_office_of_an_earlier_version_keeps_what_it_sold() {
    use sqlx::{ConnectOptions, Connection};

    use crate::ports::ledger::LedgerStore;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("office.db");
    let connect = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = connect.connect().await.unwrap();
    earlier_than(5).run(&mut connection).await.unwrap();
    let sold = "
        INSERT INTO venues VALUES ('V1', 'The Hall', 'Ghent');
        INSERT INTO events VALUES ('E1', 'V1', 'Event', 1, 'EUR', 'OPEN', 1, 0, 1, 1, 1, 1, 1, 60, 4, 6, 1);
        INSERT INTO orders (order_id, event_id, user_id, state, expires_at, created_at, total, currency)
          SELECT 'ord_' || state, 'E1', 'usr_1', state, 1, 1, 1000, 'EUR'
          FROM (SELECT 'FINALIZED' AS state UNION SELECT 'AUTHORIZED');
        INSERT INTO payments (provider_key, order_id, operation, attempt, state, amount, currency, due_at, created_at)
          VALUES ('aa', 'ord_FINALIZED', 'CAPTURE', 1, 'OK', 1000, 'EUR', 1, 1);
        INSERT INTO ledger_entries (provider_key, order_id, account, amount, currency, at)
          VALUES ('aa', 'ord_FINALIZED', 'PROVIDER', 1000, 'EUR', 1), ('aa', 'ord_FINALIZED', 'SALES', -1000, 'EUR', 1);
        INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id, status, body, created_at)
          VALUES ('usr_1', 'k', x'00', 'ord_FINALIZED', 200, x'7b7d', 1);";
    sqlx::raw_sql(sold).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let store = SqliteStore::open(&file, options()).await.unwrap();
    let books = store.books(10).await.unwrap();
    assert_eq!((books.balances.len(), books.balances[0].sum.amount, books.unbalanced.len()), (1, 0, 0));
    let mut held = store.writer().await.unwrap();
    let open: Vec<(String, i64)> = sqlx::query_as("SELECT state, is_open FROM orders ORDER BY state")
        .fetch_all(&mut *held)
        .await
        .unwrap();
    assert_eq!(open, [("AUTHORIZED".to_owned(), 1), ("FINALIZED".to_owned(), 0)]);
    let kept: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM idempotency_keys WHERE status = 200 AND body = x'7b7d'")
            .fetch_one(&mut *held)
            .await
            .unwrap();
    let broken: Vec<String> = sqlx::query_scalar("SELECT \"table\" FROM pragma_foreign_key_check")
        .fetch_all(&mut *held)
        .await
        .unwrap();
    assert_eq!((kept, broken), (1, Vec::new()));
    sqlx::raw_sql("DELETE FROM payments").execute(&mut *held).await.unwrap_err();
    sqlx::raw_sql("DELETE FROM ledger_entries").execute(&mut *held).await.unwrap_err();
}
