//! Servers that are refused, and connections that are lost.

use sqlx::AssertSqlSafe;
use tmcore::order::OrderState;

use super::{Database, PostgresStore, connect, options, server};
use crate::ports::contract::stage::{Stage, create, event, order_id};
use crate::ports::order::{CommandRefusal, OrderStore};
use crate::ports::{Store, StoreError};
use crate::store::postgres::OpenError;

async fn refusal(url: &str) -> String {
    match PostgresStore::open(url, options()).await {
        Ok(_) => panic!("{url} was taken"),
        Err(error) => error.to_string(),
    }
}

async fn set(database: &Database, setting: &str) {
    let sql = format!("ALTER DATABASE {} SET {setting}", database.name);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connect(&database.server).await).await.unwrap();
}

#[tokio::test]
async fn d1_a_database_that_commits_later_is_refused_with_what_to_do() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    set(&database, "synchronous_commit = off").await;
    let refused = refusal(&database.url()).await;
    assert!(refused.contains(&database.name) && refused.contains("`synchronous_commit` is off"), "{refused}");
}

#[tokio::test]
async fn every_connection_is_set_up_whatever_the_database_has() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    set(&database, "default_transaction_isolation = 'repeatable read'").await;
    set(&database, "lock_timeout = 0").await;
    let store = database.store().await;
    for (pool, name) in
        [(store.money(), "tmd money"), (store.room(), "tmd room"), (store.browse(), "tmd browse")]
    {
        for (setting, value) in [
            ("transaction_isolation", "read committed"),
            ("lock_timeout", "500ms"),
            ("statement_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "3s"),
            ("application_name", name),
        ] {
            let sql = AssertSqlSafe(format!("SHOW {setting}"));
            let is: String = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
            assert_eq!(is, value, "{setting} of {name}");
        }
    }
}

#[tokio::test]
async fn what_is_no_office_is_left_alone_and_no_password_is_told() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    let mut other = connect(&database.url()).await;
    sqlx::raw_sql("DROP TABLE _sqlx_migrations").execute(&mut other).await.unwrap();
    assert!(refusal(&database.url()).await.contains("it has other tables"));
    assert!(matches!(PostgresStore::open("postgres://u:canary@[", options()).await, Err(OpenError::Address)));
    let nobody = refusal("postgres://nobody:canary@127.0.0.1:1/none").await;
    assert!(nobody.contains("127.0.0.1:1/none") && !nobody.contains("canary"), "{nobody}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'newer', true, '', 0)";
    sqlx::raw_sql(newer).execute(&mut connect(&database.url()).await).await.unwrap();
    assert!(refusal(&database.url()).await.contains("a newer tmd wrote it (schema 9999"));
}

#[tokio::test]
async fn daemons_that_start_at_once_make_the_schema_once() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    let anew = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    sqlx::raw_sql(anew).execute(&mut connect(&database.url()).await).await.unwrap();
    let (url, options) = (database.url(), options());
    let (a, b, c) = tokio::join!(
        PostgresStore::open(&url, options),
        PostgresStore::open(&url, options),
        PostgresStore::open(&url, options)
    );
    for store in [a, b, c] {
        store.unwrap().probe().await.unwrap();
    }
}

/// Ends every connection to the database but the one that asks.
async fn cut_off(database: &Database) {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(sql).bind(&database.name).execute(&mut connect(&database.server).await).await.unwrap();
}

#[tokio::test]
async fn d2_a_lost_connection_is_told_as_such_and_the_next_one_serves() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    let store = std::sync::Arc::new(database.store().await);
    let stage = Stage { store: store.clone(), keep: Box::new(database) };
    let id = stage.free_sale("E1", 2).await;
    let database = stage.keep.downcast_ref::<Database>().unwrap();
    for n in 1..=4 {
        cut_off(database).await;
        match stage.apply(create(&id, n)).await {
            Ok(_) => {}
            Err(CommandRefusal::Store(StoreError::Unreachable(_))) => {
                stage.apply(create(&id, n)).await.unwrap();
            }
            Err(other) => panic!("{other:?}"),
        }
        let order = stage.store.order(order_id(n)).await;
        assert!(matches!(order, Ok(Some(_)) | Err(StoreError::Unreachable(_))), "{order:?}");
    }
    let order = store.order(order_id(1)).await.unwrap().unwrap();
    assert_eq!(order.order.state, OrderState::Pending);
}

/// S9
#[tokio::test]
async fn s9_a_row_that_somebody_keeps_is_not_waited_for_longer_than_two_seconds() {
    let Some(server) = server() else { return };
    let database = Database::new(server).await;
    let store = std::sync::Arc::new(database.store().await);
    let stage = Stage { store, keep: Box::new(()) };
    let id = stage.free_sale("E1", 2).await;
    stage.order(&id, 1).await;
    let queued = stage.on_sale(event("E2"), 1).await;
    let mut other = connect(&database.url()).await;
    sqlx::raw_sql("BEGIN; SELECT * FROM orders FOR UPDATE; SELECT * FROM gates FOR UPDATE")
        .execute(&mut other)
        .await
        .unwrap();
    let cancel = crate::ports::contract::stage::hold(1, &[0]);
    let bound = std::time::Duration::from_secs(2);
    let held = tokio::time::timeout(bound, stage.apply(cancel)).await.expect("an answer in time");
    assert!(matches!(held, Err(CommandRefusal::Store(StoreError::Busy))), "{held:?}");
    let turn = tokio::time::timeout(bound, stage.store.turn(&queued)).await.expect("an answer in time");
    assert!(matches!(turn, Err(StoreError::Busy)), "{turn:?}");
    assert!(stage.store.expire_due(10).await.unwrap().is_empty(), "a sweeper waits for nobody");
}
