//! The embedded store keeps every contract (P1).

use std::sync::Arc;
use std::time::Duration;

use super::{SqliteOptions, SqliteStore};
use crate::ports::contract::stage::Stage;
use crate::ports::contract::{
    batch, callback, catalog, idempotency, ledger, order, payment, search, seat, waiting_room,
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

keeps!(batch, callback, catalog, idempotency, ledger, order, payment, search, seat, waiting_room);

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
