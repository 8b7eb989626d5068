//! The program itself, in a data folder of its own.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tmapi::client::{Client, ClientOptions, SaleAction};
use tmapi::event::{EventPatch, ImportSeatingPlan};
use tmcore::EventId;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

/// How long anything that has to come is waited for.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Pause between two looks.
pub const PAUSE: Duration = Duration::from_millis(20);

/// Seats of each event.
pub const SEATS: u32 = 10;

/// A running daemon. Dropped, it is killed.
pub struct Program {
    child: Child,
    pub url: String,
    log: PathBuf,
}

/// What is different from run to run.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// `TMD_CRASH_AT`.
    pub crash_at: Option<String>,
    /// The provider tells by itself before anybody asks it.
    pub early_callbacks: bool,
    /// `TMD_MUTANT`, also after the restart.
    pub mutant: Option<&'static str>,
    /// How long the provider may take, seconds.
    pub gateway_timeout_seconds: u32,
}

impl Program {
    /// Starts it; it is ready then.
    pub async fn start(data: &Path, orders: &Orders) -> Self {
        let number = fs::read_dir(data).unwrap().count();
        let log = data.join(format!("log-{number}.json"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tmd"));
        command.env_clear().env("HOME", data).args(["--data-dir", data.to_str().unwrap()]);
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.env("TMD_WAITING_ROOM_TICK_MILLISECONDS", "50");
        command.env("TMD_CHECKOUT_SWEEP_INTERVAL_MILLISECONDS", "100");
        command.env("TMD_CHECKOUT_RESOLVER_INTERVAL_MILLISECONDS", "100");
        let timeout = orders.gateway_timeout_seconds.max(1);
        command.env("TMD_CHECKOUT_GATEWAY_TIMEOUT_SECONDS", timeout.to_string());
        command.env("TMD_CHECKOUT_IDEMPOTENCY_LEASE_SECONDS", (timeout + 1).to_string());
        let callback_delay = if orders.early_callbacks { "10" } else { "60000" };
        command.env("TMD_GATEWAY_CALLBACK_DELAY_MILLISECONDS", callback_delay);
        if let Some(point) = &orders.crash_at {
            command.env("TMD_CRASH_AT", point);
        }
        if let Some(mutant) = orders.mutant {
            command.env("TMD_MUTANT", mutant);
        }
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).kill_on_drop(true);
        let mut program = Self { child: command.spawn().unwrap(), url: String::new(), log };
        program.url = eventually("the program is ready", async || program.address()).await;
        program
    }

    /// Where it listens, once it is ready.
    fn address(&mut self) -> Option<String> {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("it ended with {status}: {}", self.log());
        }
        let log = self.log();
        let ready = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let ready = ready.into_iter().find(|line| line["message"] == "ready")?;
        Some(format!("http://{}", ready["address"].as_str()?))
    }

    /// What it said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// How it died, if it did.
    pub fn died(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().unwrap()?;
        assert_eq!(status.signal(), Some(9), "{status}: {}", self.log());
        Some(status)
    }

    /// SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM, and its orderly end.
    async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        assert_eq!(self.child.wait().await.unwrap().code(), Some(0));
    }
}

/// The credential of whoever runs the sales.
pub fn organiser_token(data: &Path) -> String {
    fs::read_to_string(data.join("organiser.token")).unwrap()
}

/// A client that never tries again by itself.
pub fn client(url: &str, token: Option<String>) -> Client {
    Client::new(url, ClientOptions { token, max_retries: 0, ..ClientOptions::default() }).unwrap()
}

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("it never came: {what}"))
}

/// How long a buyer has, and with that which event is bought for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Long enough to buy, short enough to wait for its end.
    Short,
    /// Long enough to come back after a crash.
    Long,
}

impl Time {
    pub fn event(self) -> EventId {
        match self {
            Self::Short => "SHORT".parse().unwrap(),
            Self::Long => "LONG".parse().unwrap(),
        }
    }

    const fn seconds(self) -> u32 {
        match self {
            Self::Short => 6,
            Self::Long => 20,
        }
    }
}

/// A data folder with both events on sale, made once and copied for each case.
pub async fn data_folder() -> TempDir {
    static TEMPLATE: OnceCell<TempDir> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(put_on_sale).await;
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(template.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

async fn put_on_sale() -> TempDir {
    let data = TempDir::new().unwrap();
    let program = Program::start(data.path(), &Orders::default()).await;
    let organiser = client(&program.url, Some(organiser_token(data.path())));
    for time in [Time::Short, Time::Long] {
        let event_patch = EventPatch {
            starts_at: Some("2030-01-01T20:00:00Z".parse().unwrap()),
            hold_ttl_seconds: Some(time.seconds()),
            active_seconds: Some(time.seconds()),
            lapse_seconds: Some(time.seconds()),
            admissions_per_minute: Some(1_000_000),
            ..EventPatch::default()
        };
        let prices = [("Standard".to_owned(), 1_000)].into_iter().collect();
        let request = ImportSeatingPlan { seating_plan: plan(), prices, event: event_patch };
        organiser.import(&time.event(), &request).await.unwrap();
        organiser.sale_action(&time.event(), SaleAction::Open).await.unwrap();
    }
    program.stop().await;
    data
}

fn plan() -> serde_json::Value {
    let seat = |n: u32| {
        serde_json::json!({"seat_guid": format!("A-{n}"), "seat_number": n.to_string(),
            "position": {"x": n * 10, "y": 0}, "category": "Standard"})
    };
    let seats: Vec<_> = (1..=SEATS).map(seat).collect();
    serde_json::json!({
        "name": "A hall", "size": {"width": 1000, "height": 1000},
        "categories": [{"name": "Standard", "color": "#0072B2"}],
        "zones": [{"name": "Hall", "position": {"x": 0, "y": 0},
            "rows": [{"row_number": "A", "position": {"x": 0, "y": 0}, "seats": seats}]}],
    })
}
