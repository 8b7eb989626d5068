//! The embedded store keeps every contract (P1).

use std::sync::Arc;
use std::time::Duration;

use super::{SqliteOptions, SqliteStore};
use crate::ports::contract::stage::Stage;
use crate::ports::contract::{catalog, idempotency, order, payment, search, seat, waiting_room};

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

keeps!(catalog, seat, waiting_room, order, idempotency, payment, search);
