//! The shared store keeps every contract (P1), also when two daemons share it. Each test has a database of its own, on the
//! server that `TMD_TEST_POSTGRES_URL` names.

#[path = "../../../tests/it/postgres.rs"]
mod postgres;
mod race;
mod server;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use self::postgres::{Database, connect, server};
use super::{PostgresOptions, PostgresStore};
use crate::ports::contract::stage::Stage;
use crate::ports::contract::{
    batch, callback, catalog, idempotency, identity, ledger, order, payment, search, seat, verify,
    waiting_room,
};

impl Database {
    /// One more daemon's store on it.
    async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url(), options()).await.unwrap()
    }
}

fn options() -> PostgresOptions {
    PostgresOptions {
        money_connections: 3,
        room_connections: 3,
        browse_connections: 2,
        busy_timeout: Duration::from_secs(2),
        send_lease_seconds: 30,
    }
}

async fn stage(server: &str) -> Stage {
    let database = Database::new(server.to_owned()).await;
    let store = Arc::new(database.store().await);
    let keep: Box<dyn Any> = Box::new(database);
    Stage { store, keep }
}

macro_rules! keeps {
    ($($port:ident),+) => {
        $(#[tokio::test]
        async fn $port() {
            let Some(server) = server() else { return };
            $port::run(async || stage(&server).await).await;
        })+
    };
}

keeps!(
    batch,
    callback,
    catalog,
    ledger,
    seat,
    waiting_room,
    order,
    idempotency,
    identity,
    payment,
    search,
    verify
);

/// An order that began before steps had hashes goes on with them.
#[tokio::test]
async fn an_order_of_before_the_chain_is_told_and_goes_on() {
    use sqlx::Connection as _;

    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&mut connection).await.unwrap();
    let earlier = super::MIGRATIONS.iter().filter(|migration| migration.version < 8).cloned();
    let earlier = sqlx::migrate::Migrator {
        migrations: earlier.collect::<Vec<_>>().into(),
        ..sqlx::migrate::Migrator::DEFAULT
    };
    earlier.run(&mut connection).await.unwrap();
    sqlx::raw_sql(verify::EARLIER).execute(&mut connection).await.unwrap();
    let stage = Stage { store: Arc::new(database.store().await), keep: Box::new(database) };
    verify::steps_of_before_have_no_hash_and_those_since_have(&stage).await;
}
