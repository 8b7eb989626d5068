//! The shared store keeps every contract (P1), also when two daemons share it. Each test has a database of its own, on the
//! server that `TMD_TEST_POSTGRES_URL` names.

mod race;
mod server;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use tokio::sync::OnceCell;

use super::{MIGRATIONS, PostgresOptions, PostgresStore};
use crate::ports::contract::stage::Stage;
use crate::ports::contract::{batch, catalog, idempotency, order, payment, search, seat, waiting_room};

/// Names a superuser of a server on which databases are made and dropped.
const SERVER: &str = "TMD_TEST_POSTGRES_URL";

/// The server to test on; without one the test is left out, but for a build machine, where nothing is.
#[expect(clippy::disallowed_methods, reason = "which server tests use is no setting of the program")]
fn server() -> Option<String> {
    let server = std::env::var(SERVER).ok().filter(|url| !url.is_empty());
    if server.is_none() {
        let text = format!(
            "{SERVER} has to name a superuser of a PostgreSQL server, such as postgres://postgres@127.0.0.1"
        );
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{text}");
        println!("left out: {text}");
    }
    server
}

async fn connect(url: &str) -> PgConnection {
    url.parse::<PgConnectOptions>().unwrap().disable_statement_logging().connect().await.unwrap()
}

/// The same server's address of another database.
fn database_url(server: &str, database: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    format!("{scheme}://{host}/{database}{}", query.map_or(String::new(), |query| format!("?{query}")))
}

/// A database with the schema in it, from which others are copied. Tests of several processes make it once: the first has
/// the lock, and its name is that of the schema.
async fn template(server: &str) -> String {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let schema = MIGRATIONS.iter().fold(0_u64, |hash, migration| {
        migration
            .checksum
            .iter()
            .fold(hash, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)))
    });
    let name = format!("tmd_template_{schema:x}");
    MADE.get_or_init(async || {
        let mut admin = connect(server).await;
        sqlx::query("SELECT pg_advisory_lock(7462)").execute(&mut admin).await.unwrap();
        let exists: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate)",
        )
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        if !exists {
            for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
            }
            let mut fresh = connect(&database_url(server, &name)).await;
            MIGRATIONS.run(&mut fresh).await.unwrap();
            sqlx::Connection::close(fresh).await.unwrap();
            let sql = format!("ALTER DATABASE {name} IS_TEMPLATE true");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        }
    })
    .await;
    name
}

/// A database of a test; dropped with it.
struct Database {
    server: String,
    name: String,
}

impl Database {
    async fn new(server: String) -> Self {
        let template = template(&server).await;
        let name = format!("tmd_test_{}", uuid::Uuid::new_v4().simple());
        let mut admin = connect(&server).await;
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        Self { server, name }
    }

    fn url(&self) -> String {
        database_url(&self.server, &self.name)
    }

    /// One more daemon's store on it.
    async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url(), options()).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, sql) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // The test's own runtime may be about to end.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connect(&server).await).await.map(drop)
            })
        });
        let _ = dropped.join();
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

keeps!(batch, catalog, seat, waiting_room, order, idempotency, payment, search);
