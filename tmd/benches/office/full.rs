//! The full profile: a private PostgreSQL and Redis for the daemons that are measured, and the bare transaction on the same
//! server.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;

use super::Bench;
use super::naive::Rates;

/// Buyers at once.
const BUYERS: usize = 64;

const SCHEMA: &str = "
CREATE TABLE seats (event_id text NOT NULL, seat_index bigint NOT NULL, status bigint NOT NULL DEFAULT 0,
  reserved_until bigint, order_id text, PRIMARY KEY (event_id, seat_index));
CREATE TABLE orders (order_id text PRIMARY KEY, event_id text NOT NULL, user_id text NOT NULL, state text NOT NULL,
  expires_at bigint NOT NULL);
CREATE TABLE tickets (ticket_id text PRIMARY KEY, event_id text NOT NULL, seat_index bigint NOT NULL, order_id text NOT NULL);
INSERT INTO seats (event_id, seat_index) SELECT 'E1', generate_series(0, 59999);
ANALYZE seats;";

/// Which order is this transaction's: a client's orders follow each other.
const ORDER: &str = "\\set n :n + 1
\\set order :client_id * :each + :n
\\set seat :order * 2
BEGIN;
";

const RESERVE: &str = "SELECT seat_index, status FROM seats WHERE event_id = 'E1' AND seat_index IN (:seat, :seat + 1) FOR UPDATE;
INSERT INTO orders VALUES ('ord_' || lpad(:order::text, 26, '0'), 'E1', 'usr_' || lpad(:order::text, 26, '0'), 'AUTHORIZED', 1900000000000);
UPDATE seats SET status = 1, reserved_until = 1900000000000, order_id = 'ord_' || lpad(:order::text, 26, '0')
  WHERE event_id = 'E1' AND seat_index IN (:seat, :seat + 1) AND status = 0;
COMMIT;
";

const FINALIZE: &str = "SELECT state, expires_at FROM orders WHERE order_id = 'ord_' || lpad(:order::text, 26, '0') FOR UPDATE;
UPDATE orders SET state = 'FINALIZED' WHERE order_id = 'ord_' || lpad(:order::text, 26, '0');
UPDATE seats SET status = 3, reserved_until = NULL
  WHERE event_id = 'E1' AND seat_index IN (:seat, :seat + 1) AND order_id = 'ord_' || lpad(:order::text, 26, '0');
INSERT INTO tickets VALUES ('tkt_a' || lpad(:order::text, 25, '0'), 'E1', :seat, 'ord_' || lpad(:order::text, 26, '0')),
  ('tkt_b' || lpad(:order::text, 25, '0'), 'E1', :seat + 1, 'ord_' || lpad(:order::text, 26, '0'));
COMMIT;
";

/// The two servers, stopped and removed when this is dropped.
pub struct Services {
    folder: TempDir,
    postgres: String,
    /// The address of Redis.
    pub redis: String,
    /// The database of each data folder, so that a daemon that is started again finds its office.
    offices: Mutex<HashMap<PathBuf, String>>,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("services.sh")
}

impl Services {
    /// Starts both on free ports, installing them where that is allowed.
    pub fn start() -> anyhow::Result<Self> {
        let folder = Bench::folder()?;
        let started = Command::new(script()).arg("start").arg(folder.path()).stdin(Stdio::null()).status()?;
        anyhow::ensure!(started.success(), "services.sh ended with {started}");
        let settings = std::fs::read_to_string(folder.path().join("env"))?;
        let value = |name: &str| {
            let found =
                settings.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.map(|value| value.trim_matches('\'').to_owned()).with_context(|| format!("no {name}"))
        };
        let (postgres, redis) = (value("TMD_TEST_POSTGRES_URL")?, value("TMD_TEST_REDIS_URL")?);
        Ok(Self { folder, postgres, redis, offices: Mutex::default() })
    }

    /// What a daemon with this data folder is told.
    pub async fn settings(&self, data: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
        let known = self.offices.lock().expect("no panic before").get(data).cloned();
        let name = match known {
            Some(name) => name,
            None => self.found(data).await?,
        };
        Ok(vec![
            ("TMD_STORE_BACKEND", "postgres".to_owned()),
            ("TMD_STORE_URL", self.database(&name)?),
            ("TMD_REDIS_URL", self.redis.clone()),
            ("TMD_REDIS_KEY_PREFIX", name),
        ])
    }

    async fn found(&self, data: &Path) -> anyhow::Result<String> {
        let name = format!("office_{}", uuid::Uuid::new_v4().simple());
        self.create(&name).await?;
        self.offices.lock().expect("no panic before").insert(data.to_owned(), name.clone());
        Ok(name)
    }

    /// Makes an empty database.
    pub async fn create(&self, name: &str) -> anyhow::Result<()> {
        let mut server = self.postgres.parse::<PgConnectOptions>()?.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).execute(&mut server).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut server).await?;
        Ok(())
    }

    /// The address of a database of the server.
    pub fn database(&self, name: &str) -> anyhow::Result<String> {
        let (server, _) = self.postgres.rsplit_once('/').context("an address names its database")?;
        Ok(format!("{server}/{name}"))
    }

    /// The bare transaction, by pgbench: so many orders in all, reserved, then finalized.
    pub async fn naive(&self, orders: usize) -> anyhow::Result<Rates> {
        self.create("naive").await?;
        let url = self.database("naive")?;
        let mut office = url.parse::<PgConnectOptions>()?.connect().await?;
        sqlx::raw_sql(SCHEMA).execute(&mut office).await?;
        let each = orders.div_ceil(BUYERS);
        let steps = [("reserve", RESERVE), ("finalize", FINALIZE)];
        let mut rates = Vec::new();
        for (name, words) in steps {
            let file = self.folder.path().join(name);
            std::fs::write(&file, format!("{ORDER}{words}"))?;
            let (url, file) = (url.clone(), file.clone());
            rates.push(tokio::task::spawn_blocking(move || pgbench(&url, &file, each)).await??);
        }
        Ok(Rates { reserve: rates[0], finalize: rates[1] })
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // Whatever it answers, this program ends.
        let _ = Command::new(script()).arg("remove").arg(self.folder.path()).status();
    }
}

/// Transactions a second of 64 clients that ask by prepared statements.
fn pgbench(url: &str, file: &Path, each: usize) -> anyhow::Result<f64> {
    let mut command = Command::new(program()?);
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--define=n=-1"]);
    command.arg(format!("--client={BUYERS}")).arg(format!("--transactions={each}"));
    command.arg(format!("--define=each={each}")).arg(format!("--file={}", file.display())).arg(url);
    let output = command.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let is_whole = text.contains(&format!("processed: {}/", each * BUYERS));
    rate.filter(|_| output.status.success() && is_whole)
        .with_context(|| format!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Where pgbench is: in PATH, or where Debian puts it.
fn program() -> anyhow::Result<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::split_paths(&path).map(|folder| folder.join("pgbench"));
    let mut places = paths.chain(debian.map(|version| version.path().join("bin/pgbench")));
    places.find(|place| place.exists()).context("pgbench is not installed")
}
