//! The program as a child process, and the machine under it: what tools there are, and disks of its own.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;
use tmapi::client::{Client, SaleAction};
use tmapi::event::{EventPatch, ImportSeatingPlan, WaitingRoomMode};
use tmcore::EventId;
use tmd::clock::{Clock, SystemClock};
use tmd::health;

use crate::harness::{PATIENCE, client, event_id, eventually, plan};

pub const TMD: &str = env!("CARGO_BIN_EXE_tmd");

/// How to start the program: in front of it, and in its environment.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub wrapper: Vec<String>,
    pub variables: Vec<(String, String)>,
}

impl Surroundings {
    pub fn wrapped(wrapper: &[&str]) -> Self {
        Self { wrapper: wrapper.iter().map(|&word| word.to_owned()).collect(), ..Self::default() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The program on a data folder, ready to be started.
    pub fn command(&self, data: &Path) -> Command {
        let mut words = self.wrapper.iter().map(String::as_str).chain([TMD]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env_clear().env("HOME", data).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("TMD_WAITING_ROOM_TICK_MILLISECONDS", "20");
        command.env("TMD_CHECKOUT_SWEEP_INTERVAL_MILLISECONDS", "50");
        command.env("TMD_CHECKOUT_RESOLVER_INTERVAL_MILLISECONDS", "50");
        // Who died in the middle of a request comes back sooner than others would.
        command.env("TMD_CHECKOUT_GATEWAY_TIMEOUT_SECONDS", "1");
        command.env("TMD_CHECKOUT_IDEMPOTENCY_LEASE_SECONDS", "2");
        // The machine may be busy with other tests, and nobody is kept from asking too often.
        command.env("TMD_OVERLOAD_QUEUE_DELAY_MILLISECONDS", "5000");
        command.env("TMD_OVERLOAD_PRINCIPAL_ORDERS_PER_MINUTE", "1000000");
        command.env("TMD_OVERLOAD_PRINCIPAL_JOINS_PER_MINUTE", "1000000");
        command.env("TMD_WAITING_ROOM_JOINS_PER_MINUTE", "1000000");
        // Cards that are lost on purpose say nothing of the provider.
        command.env("TMD_GATEWAY_BREAKER_FAILURES", "1000");
        command.env("TMD_GATEWAY_BREAKER_FAILURE_PERCENT", "100");
        command.envs(self.variables.iter().cloned());
        command.arg("--data-dir").arg(data);
        command
    }
}

/// A running program, killed when dropped.
pub struct Program {
    child: Child,
    pub url: String,
    log: PathBuf,
    _logs: TempDir,
}

impl Program {
    /// Starts it; it is ready then.
    pub async fn start(data: &Path) -> Self {
        Self::start_in(&Surroundings::default(), data, addresses()).await
    }

    pub async fn start_in(
        surroundings: &Surroundings,
        data: &Path,
        addresses: (SocketAddr, SocketAddr),
    ) -> Self {
        let mut program = Self::spawn(surroundings, data, addresses);
        eventually("the program is ready", async || {
            if let Some(status) = program.child.try_wait().unwrap() {
                panic!("it ended with {status}: {}", program.log());
            }
            health::probe(&program.url).await.is_ok()
        })
        .await;
        program
    }

    /// Starts it, and does not wait.
    pub fn spawn(
        surroundings: &Surroundings,
        data: &Path,
        (listen, admin): (SocketAddr, SocketAddr),
    ) -> Self {
        let logs = TempDir::new().unwrap();
        let log = logs.path().join("log");
        let mut command = surroundings.command(data);
        command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        Self { child, url: health::local_url(listen), log, _logs: logs }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it wrote on stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// A client without a credential that never tries again by itself.
    pub fn guest(&self) -> Client {
        client(&self.url, None)
    }

    /// The organiser's client; the token is where the test can read it.
    pub fn organiser(&self, token: &Path) -> Client {
        client(&self.url, Some(fs::read_to_string(token).unwrap().trim().to_owned()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two addresses that were free a moment ago.
pub fn addresses() -> (SocketAddr, SocketAddr) {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (listen, admin) = (free(), free());
    (listen.local_addr().unwrap(), admin.local_addr().unwrap())
}

/// Runs the program to its end, which comes soon: exit code and what it said.
pub fn run(command: &mut Command) -> (i32, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(log.reopen().unwrap()).spawn().unwrap();
    let began = SystemClock::new();
    let said = || fs::read_to_string(log.path()).unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().expect("an exit code"), said());
        }
        if began.monotonic() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end: {}", said());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Puts an event on sale: rows A, B, … of seats `A-1`, `A-2`, …, 10.00 EUR each.
pub async fn put_on(
    organiser: &Client,
    id: &str,
    (rows, per_row): (u8, u32),
    settings: EventPatch,
) -> EventId {
    let event = event_id(id);
    let starts_at = Some("2090-01-01T20:00:00Z".parse().unwrap());
    let prices = [("Standard".to_owned(), 1_000)].into_iter().collect();
    let patch = EventPatch { starts_at, ..settings };
    let request = ImportSeatingPlan { seating_plan: plan(rows, per_row), prices, event: patch };
    organiser.import(&event, &request).await.unwrap();
    organiser.sale_action(&event, SaleAction::Open).await.unwrap();
    event
}

/// An event where everybody may order at once.
pub fn open() -> EventPatch {
    EventPatch {
        waiting_room: Some(WaitingRoomMode::Off),
        seats_per_buyer: Some(500),
        ..EventPatch::default()
    }
}

/// Says that a test is left out for want of a tool. On a build machine nothing is left out.
#[allow(clippy::disallowed_methods, reason = "the build machine says what it is in the environment")]
#[allow(clippy::print_stderr, reason = "whoever runs the tests reads it")]
pub fn left_out(needs: &str) {
    assert!(std::env::var_os("CI").is_none(), "needs {needs}");
    eprintln!("left out: needs {needs}");
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A disk of its own, of a fixed size, in a mount namespace that lives as long as this.
pub struct SmallDisk {
    holder: Child,
    at: TempDir,
}

impl SmallDisk {
    /// `None` where the kernel lets nobody mount anything.
    pub fn mount(mebibytes: u32) -> Option<Self> {
        let at = TempDir::new().unwrap();
        let mut unshare = Command::new("unshare");
        unshare.args(if is_root() { &["-m"][..] } else { &["-r", "-m"] });
        let script = format!(
            "mount -t tmpfs -o size={mebibytes}m,mode=700 none '{0}' && touch '{0}/mounted' && exec sleep 3600",
            at.path().display()
        );
        let holder = unshare.args(["sh", "-c", &script]).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut disk = Self { holder: holder.ok()?, at };
        loop {
            if disk.path().join("mounted").exists() {
                return Some(disk);
            }
            if disk.holder.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::yield_now();
        }
    }

    /// Where it is for whoever is on the inside.
    pub fn inside(&self) -> PathBuf {
        self.at.path().to_owned()
    }

    /// Where it is for the test.
    pub fn path(&self) -> PathBuf {
        let inside = self.at.path().strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside)
    }

    /// How to start a program on the inside.
    pub fn surroundings(&self) -> Surroundings {
        let holder = self.holder.id().to_string();
        let spaces: &[&str] = if is_root() { &["-m"] } else { &["-U", "-m", "--preserve-credentials"] };
        Surroundings::wrapped(&[&["nsenter", "-t", &holder][..], spaces].concat())
    }

    /// Leaves no room.
    pub fn fill(&self) {
        self.fill_but(0);
    }

    /// Leaves room for so many bytes.
    pub fn fill_but(&self, bytes: u64) {
        use std::io::Write;
        let mut filler = File::options().append(true).create(true).open(self.path().join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while filler.write_all(&vec![b'x'; size]).is_ok() {}
        }
        let length = filler.metadata().unwrap().len();
        filler.set_len(length - bytes).unwrap();
    }

    /// Makes room again.
    pub fn clear(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A copy of a data folder whose program is dead, and what SQLite says of its databases.
pub async fn autopsy(data: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in fs::read_dir(data).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        // What readers share is made anew.
        if !name.to_string_lossy().ends_with("-shm") && name != "filler" && entry.path().is_file() {
            fs::copy(entry.path(), copy.path().join(name)).unwrap();
        }
    }
    for name in ["office.db", "gateway.db"] {
        let db = open_database(&copy.path().join(name)).await;
        let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&db).await.unwrap();
        assert_eq!(found, ["ok"], "{name}");
        db.close().await;
    }
    copy
}

pub async fn open_database(file: &Path) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}
