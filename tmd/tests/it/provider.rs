//! The payment provider as a process of its own, which dies and comes back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tmapi::client::{Client, ClientError};
use tmapi::order::{OrderStatus, OrderView};
use tmcore::payment::Operation::{Authorize, Capture, Void};
use tmd::config::Config;
use tmd::health;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{Daemon, client, event_id, eventually, key, plan, quick};
use crate::restart::free_address;
use crate::till::{Purchase, pay};

/// `tmd gateway`. Dropped, it is gone as if killed.
pub struct Provider {
    pub address: SocketAddr,
    pub folder: TempDir,
    pub secret: PathBuf,
    callback_url: Option<String>,
    child: Option<Child>,
}

impl Provider {
    /// Starts it; it takes requests then.
    pub async fn start(callback_url: Option<String>) -> Self {
        let folder = TempDir::new().unwrap();
        let secret = folder.path().join("shared.secret");
        let mut provider = Self { address: free_address(), folder, secret, callback_url, child: None };
        provider.come_back().await;
        provider
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The settings of tests for a daemon that uses it.
    pub fn config(&self) -> Config {
        let mut config = quick();
        config.gateway.url = self.url();
        config.gateway.callback_secret_file.clone_from(&self.secret);
        config.checkout.gateway_timeout_seconds = 2;
        config
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts again, on the same log and the same address.
    pub async fn come_back(&mut self) {
        let mut command = tmd();
        command.env("TMD_GATEWAY_CALLBACK_SECRET_FILE", &self.secret);
        command.env("TMD_GATEWAY_CALLBACK_DELAY_MILLISECONDS", "50");
        command.args(["gateway", "--listen", &self.address.to_string()]);
        command.arg("--data-dir").arg(self.folder.path().join("gateway"));
        if let Some(url) = &self.callback_url {
            command.args(["--callback-url", url]);
        }
        self.child = Some(command.spawn().unwrap());
        eventually("the provider listens", async || TcpStream::connect(self.address).await.is_ok()).await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program, with nothing in its environment.
fn tmd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmd"));
    command.env_clear().stdout(Stdio::null()).stderr(Stdio::null());
    command
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Both programs as an operator starts them, told of each other by flags.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_buys_from_the_provider_that_its_flag_names() {
    let (listen, admin) = (free_address(), free_address());
    let provider = Provider::start(Some(health::local_url(listen))).await;
    let data = TempDir::new().unwrap();
    let mut command = tmd();
    command.env("TMD_GATEWAY_CALLBACK_SECRET_FILE", &provider.secret);
    command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
    command.arg("--data-dir").arg(data.path()).args(["--gateway-url", &provider.url()]);
    let _running = Running(command.spawn().unwrap());
    let url = health::local_url(listen);
    eventually("the daemon is ready", async || health::probe(&url).await.is_ok()).await;
    let token = std::fs::read_to_string(data.path().join("organiser.token")).unwrap();
    let organiser = client(&url, Some(token));
    let event = event_id("E1");
    put_on(&organiser, &event).await;
    let bought = client(&url, None).book(&event, &pay(&["A-1"], "tok_ok"), &key()).await.unwrap();
    assert_eq!((bought.status, bought.tickets.len()), (OrderStatus::Finalized, 1));
    assert!(!data.path().join("gateway.db").exists(), "the sandbox of its own was not asked");
    let db = crate::harness::database(data.path()).await;
    let callbacks = "SELECT COUNT(*) FROM provider_callbacks";
    eventually("the provider told of both steps", async || {
        sqlx::query_scalar::<_, i64>(callbacks).fetch_one(&db).await.unwrap() == 2
    })
    .await;
}

async fn put_on(organiser: &Client, event: &tmcore::EventId) {
    let prices = [("Standard".to_owned(), 1_000)].into_iter().collect();
    let settings = tmapi::event::EventPatch {
        starts_at: Some("2030-01-01T20:00:00Z".parse().unwrap()),
        waiting_room: Some(tmapi::event::WaitingRoomMode::Off),
        ..tmapi::event::EventPatch::default()
    };
    let import = tmapi::event::ImportSeatingPlan { seating_plan: plan(3, 10), prices, event: settings };
    organiser.import(event, &import).await.unwrap();
    organiser.sale_action(event, tmapi::client::SaleAction::Open).await.unwrap();
}

/// What a buyer does until the money is paid, whatever the provider says in between; every step under its key.
async fn buy(purchase: Purchase, seat: String) -> OrderView {
    let (confirm, finalize) = (key(), key());
    loop {
        let view = purchase.view().await;
        let step: Result<OrderView, ClientError> = match view.status {
            OrderStatus::Pending => {
                purchase.buyer.confirm(purchase.order, &pay(&[&seat], "tok_ok"), &confirm).await
            }
            OrderStatus::Authorized => purchase.buyer.finalize(purchase.order, &finalize).await,
            OrderStatus::Authorizing | OrderStatus::Capturing => Ok(view),
            OrderStatus::Finalized => return view,
            other => panic!("{other:?}"),
        };
        if let Err(error) = step {
            assert!(matches!(error.status(), Some(503 | 409)) || error.is_inconclusive(), "{error}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// M2, M5, M6, I9: the provider is killed in the middle of many purchases, twice. Each is paid once.
#[tokio::test(flavor = "multi_thread")]
async fn m6_a_provider_killed_in_the_middle_costs_nobody_an_order_and_nobody_pays_twice() {
    let mut provider = Provider::start(None).await;
    let daemon = Daemon::start_with(provider.config()).await;
    let event = daemon.open_event("E1", 4, 10).await;
    let mut buyers = JoinSet::new();
    for seat in 0..40_u32 {
        let purchase = Purchase::begin(&daemon.client(), &event).await;
        let label = char::from(b'A' + u8::try_from(seat / 10).unwrap());
        let seat = format!("{label}-{}", seat % 10 + 1);
        buyers.spawn(async move {
            // One after the other, so that every kill meets some at every step.
            tokio::time::sleep(Duration::from_millis(u64::try_from(seat.len()).unwrap() * 7)).await;
            buy(purchase, seat).await
        });
    }
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        provider.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        provider.come_back().await;
    }
    let bought = tokio::time::timeout(Duration::from_secs(60), buyers.join_all()).await.expect("within 60 s");
    assert!(bought.iter().all(|view| view.tickets.len() == 1));
    daemon.check_money().await;
    assert_eq!(daemon.count("SELECT COUNT(*) FROM orders WHERE state = 'FINALIZED'").await, 40);
}

/// M9, M10: everything that an outage left open is settled within 60 s after it, voids too.
#[tokio::test(flavor = "multi_thread")]
async fn m9_m10_after_an_outage_everything_is_settled_within_a_minute() {
    let mut provider = Provider::start(None).await;
    let mut config = provider.config();
    // As it is run, not as it is tested.
    config.checkout.resolver_interval_milliseconds = 500;
    let daemon = Daemon::start_with(config).await;
    let event = daemon.open_event("E1", 4, 10).await;
    let guest = daemon.client();
    let (mut capturing, mut cancelled, mut lapsed) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=5 {
        for (row, orders) in ["A", "B", "C"].iter().zip([&mut capturing, &mut cancelled, &mut lapsed]) {
            let purchase = Purchase::begin(&guest, &event).await;
            purchase.confirm(&[&format!("{row}-{n}")], "tok_ok").await.unwrap();
            orders.push(purchase);
        }
    }
    let authorizing = Purchase::begin(&guest, &event).await;
    provider.kill();
    assert_eq!(authorizing.confirm(&["D-1"], "tok_ok").await.unwrap().status, OrderStatus::Authorizing);
    for purchase in &capturing {
        assert_eq!(purchase.finalize().await.unwrap().status, OrderStatus::Capturing);
    }
    for purchase in &cancelled {
        assert_eq!(purchase.cancel().await.unwrap().status, OrderStatus::Cancelled);
    }
    for purchase in &lapsed {
        daemon.lapse(purchase.order).await;
    }
    // Long enough for the pauses between two questions to have grown to their longest.
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(daemon.count("SELECT MIN(tries) FROM payments WHERE state = 'UNKNOWN'").await >= 2);
    assert_eq!(
        daemon.count("SELECT COUNT(*) FROM payments WHERE operation = 'VOID' AND state = 'OK'").await,
        0
    );
    provider.come_back().await;
    let settled = async {
        while daemon.count("SELECT COUNT(*) FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN')").await
            > 0
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), settled).await.expect("M9: within 60 s");
    daemon.check_money().await;
    for purchase in &capturing {
        assert_eq!(daemon.done_for(purchase.order).await, [(Authorize, true), (Capture, true)]);
    }
    for purchase in cancelled.iter().chain(&lapsed) {
        assert_eq!(daemon.done_for(purchase.order).await, [(Authorize, true), (Void, true)], "M10");
    }
    assert_eq!(authorizing.view().await.status, OrderStatus::Pending, "it never happened: try again");
}

/// M10: where nothing is wrong a void goes out at once.
#[tokio::test(flavor = "multi_thread")]
async fn m10_a_void_is_at_the_provider_within_2_seconds() {
    let daemon = Daemon::start_with(Config::defaults().unwrap()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (cancelled, lapsed) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    cancelled.confirm(&["A-1"], "tok_ok").await.unwrap();
    lapsed.confirm(&["A-2"], "tok_ok").await.unwrap();
    cancelled.cancel().await.unwrap();
    daemon.lapse(lapsed.order).await;
    let voided = async {
        for order in [cancelled.order, lapsed.order] {
            while daemon.done_for(order).await.last() != Some(&(Void, true)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(2), voided).await.expect("M10: within 2 s");
}
