//! Several daemons of one office, each a process with a data folder of its own, and what they share.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tmapi::client::Client;
use tmcore::UserId;
use tmd::app::access::Access;
use tmd::clock::{Clock, SystemClock};
use tmd::data_dir::DataDir;
use tmd::entropy::Entropy;
use tokio::net::TcpStream;

use crate::database::Database;
use crate::harness::{Dice, eventually};
use crate::machine::{Program, Surroundings, TMD, addresses};
use crate::proxy::Proxy;
use crate::redis_server;

/// What daemons have to have in common beside database, Redis and payment provider.
const SAME: [&str; 2] = ["office.keys", "organiser.token"];

/// How a daemon reaches the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Direct,
    /// Each over a wire of its own.
    Proxied,
}

/// The office, with its daemons. Dropped, all of it is gone.
pub struct Office {
    pub daemons: Vec<Node>,
    pub proxies: Vec<Proxy>,
    pub redis: redis_server::Server,
    pub database: Database,
    _gateway: Gateway,
}

/// One daemon.
pub struct Node {
    pub program: Program,
    surroundings: Surroundings,
    at: (SocketAddr, SocketAddr),
    data: TempDir,
}

impl Office {
    /// `None` where PostgreSQL or Redis is missing, but not on a build machine.
    pub async fn open(count: usize, way: Way) -> Option<Self> {
        let database = Database::start().await?;
        let redis = redis_server::Server::start()?;
        let gateway = Gateway::start().await;
        let (mut daemons, mut proxies): (Vec<Node>, _) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let mut port = database.port();
            if way == Way::Proxied {
                proxies.push(Proxy::start(port).await);
                port = proxies.last().unwrap().port();
            }
            let surroundings = Surroundings::default()
                .with("TMD_STORE_BACKEND", "postgres")
                .with("TMD_STORE_URL", &Database::url(port))
                .with("TMD_REDIS_URL", &redis.url())
                .with("TMD_GATEWAY_URL", &gateway.url)
                // The pace of every installation: several programs share this machine.
                .with("TMD_WAITING_ROOM_TICK_MILLISECONDS", "200")
                .with("TMD_CHECKOUT_SWEEP_INTERVAL_MILLISECONDS", "500")
                .with("TMD_CHECKOUT_RESOLVER_INTERVAL_MILLISECONDS", "200");
            let data = TempDir::new().unwrap();
            if let Some(first) = daemons.first() {
                for name in SAME {
                    fs::copy(first.data.path().join(name), data.path().join(name)).unwrap();
                }
            }
            daemons.push(Node::start(surroundings, data).await);
        }
        Some(Self { daemons, proxies, redis, database, _gateway: gateway })
    }

    /// The organiser's client at the first daemon.
    pub fn organiser(&self) -> Client {
        self.daemons[0].program.organiser(&self.token_file())
    }

    /// Where the organiser's credential is, good at every daemon.
    pub fn token_file(&self) -> PathBuf {
        self.daemons[0].data.path().join("organiser.token")
    }

    /// Clients of every daemon, without a credential.
    pub fn guests(&self) -> Vec<Client> {
        self.daemons.iter().map(|node| node.program.guest()).collect()
    }

    /// Credentials of buyers who have done nothing yet.
    pub fn tokens(&self, count: usize) -> Vec<String> {
        let copy = TempDir::new().unwrap();
        for name in SAME {
            fs::copy(self.daemons[0].data.path().join(name), copy.path().join(name)).unwrap();
        }
        let folder = DataDir::open(copy.path()).unwrap();
        let secret = folder.callback_secret(Path::new(""), Entropy).unwrap();
        let organiser = folder.organiser_token(Entropy).unwrap();
        let access = Access::new(&folder.keys(Entropy).unwrap().access, organiser, secret).unwrap();
        let now = SystemClock::new().now();
        (0..count).map(|_| access.issue(UserId::from_uuid(Entropy.uuid_v7()), now).unwrap()).collect()
    }
}

impl Node {
    async fn start(surroundings: Surroundings, data: TempDir) -> Self {
        let at = addresses();
        let program = Program::start_in(&surroundings, data.path(), at).await;
        Self { program, surroundings, at, data }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        self.program = Program::start_in(&self.surroundings, self.data.path(), self.at).await;
    }

    /// SIGSTOP: it is there, and does nothing.
    pub fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Stops it while it has a transaction of the waiting room open: the row of a gate is locked then.
    pub async fn stop_at_the_gate(&self, database: &Database) {
        // It was let wait for longer than any transaction in use does, and the others are at work.
        let is_held = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tmd room'
            AND state = 'idle in transaction' AND clock_timestamp() - state_change > interval '250 milliseconds'";
        let mut dice = Dice::new(u64::from(self.program.pid()));
        eventually("it is stopped in the middle of a turn", async || {
            self.stop();
            tokio::time::sleep(Duration::from_millis(300)).await;
            if database.count(is_held).await > 0 {
                return true;
            }
            self.go_on();
            tokio::time::sleep(Duration::from_millis(dice.below(200) as u64)).await;
            false
        })
        .await;
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.program.pid()).unwrap()).unwrap()
    }
}

/// The payment provider that all daemons have.
struct Gateway {
    child: Child,
    url: String,
    _data: TempDir,
}

impl Gateway {
    async fn start() -> Self {
        let (data, (listen, _)) = (TempDir::new().unwrap(), addresses());
        let mut command = Command::new(TMD);
        command.env_clear().env("HOME", data.path()).arg("gateway").arg("--data-dir").arg(data.path());
        command.args(["--listen", &listen.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let gateway = Self { child: command.spawn().unwrap(), url: format!("http://{listen}"), _data: data };
        eventually("the provider listens", async || TcpStream::connect(listen).await.is_ok()).await;
        gateway
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
