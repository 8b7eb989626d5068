//! Databases for tests on a PostgreSQL server that `TMD_TEST_POSTGRES_URL` names.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, PgConnection};
use tokio::sync::OnceCell;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/postgres");

/// Names a superuser of a server on which databases are made and dropped.
const SERVER: &str = "TMD_TEST_POSTGRES_URL";
/// Any number that other programs do not lock.
const TEMPLATE_LOCK: i64 = 0x746D_6F66;

/// The server to test on; without one the test is left out, but on a build machine, where nothing is.
#[allow(clippy::disallowed_methods, reason = "which server tests use is no setting of the program")]
#[allow(clippy::print_stderr, reason = "whoever runs the tests reads it")]
pub fn server() -> Option<String> {
    let server = std::env::var(SERVER).ok().filter(|url| !url.is_empty());
    if server.is_none() {
        let text =
            format!("{SERVER} has to name a superuser of a PostgreSQL server: postgres://postgres@127.0.0.1");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{text}");
        eprintln!("left out: {text}");
    }
    server
}

/// A connection.
pub async fn connect(url: &str) -> PgConnection {
    url.parse::<PgConnectOptions>().unwrap().disable_statement_logging().connect().await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

/// The address of another database of the same server.
fn address(server: &str, database: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    format!("{scheme}://{host}/{database}{}", query.map_or(String::new(), |query| format!("?{query}")))
}

/// A database with the schema in it, from which others are copied; named after the schema, and made once.
async fn template(server: &str) -> String {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let bytes = MIGRATIONS.iter().flat_map(|migration| migration.checksum.iter());
    let schema = bytes.fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let name = format!("tmd_template_{schema:x}");
    MADE.get_or_init(async || {
        let mut admin = connect(server).await;
        sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await.unwrap();
        let is_made = "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate)";
        if !sqlx::query_scalar::<_, bool>(is_made).bind(&name).fetch_one(&mut admin).await.unwrap() {
            run(&mut admin, format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
            run(&mut admin, format!("CREATE DATABASE {name}")).await.unwrap();
            let mut fresh = connect(&address(server, &name)).await;
            MIGRATIONS.run(&mut fresh).await.unwrap();
            fresh.close().await.unwrap();
            run(&mut admin, format!("ALTER DATABASE {name} IS_TEMPLATE true")).await.unwrap();
        }
        // What processes left behind that are no more.
        let left = "SELECT datname FROM pg_database WHERE datname LIKE 'tmd\\_test\\_%'";
        for name in sqlx::query_scalar::<_, String>(left).fetch_all(&mut admin).await.unwrap() {
            let process = name.split('_').nth(2).unwrap();
            if !Path::new("/proc").join(process).exists() {
                let _ = run(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            }
        }
        admin.close().await.unwrap();
    })
    .await;
    name
}

/// A database of one test, with the schema in it; dropped with this.
#[derive(Debug)]
pub struct Database {
    /// The server's own address.
    pub server: String,
    /// Its name.
    pub name: String,
}

impl Database {
    /// Makes one.
    pub async fn new(server: String) -> Self {
        let template = template(&server).await;
        let name = format!("tmd_test_{}_{}", std::process::id(), uuid::Uuid::new_v4().simple());
        let mut admin = connect(&server).await;
        run(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
        Self { server, name }
    }

    /// Its address.
    pub fn url(&self) -> String {
        address(&self.server, &self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, sql) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // The test's own runtime may be about to end.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { run(&mut connect(&server).await, sql).await })
        });
        let _ = dropped.join();
    }
}
