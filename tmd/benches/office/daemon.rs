//! A real daemon as a child process, and what the system says of it.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use tmapi::client::{Client, ClientOptions};

use super::wire::{Connection, request};

/// The kernel counts processor time in these parts of a second (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
const PATIENCE: Duration = Duration::from_secs(60);

/// The daemon that is measured.
pub const TMD: &str = env!("CARGO_BIN_EXE_tmd");

/// A child process that listens, killed when it is dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A running daemon.
pub struct Daemon {
    process: Process,
    admin: SocketAddr,
    data: PathBuf,
}

/// A port nobody listens on.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

impl Process {
    /// Starts a program, its output in a file.
    pub fn start(mut command: Command, address: SocketAddr, log: &Path) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
        Ok(Self { child, address })
    }

    /// Waits until a path is answered 200.
    pub async fn ready(&self, path: &str) -> anyhow::Result<()> {
        let (probe, began) = (request("GET", path, &[], ""), Instant::now());
        while began.elapsed() < PATIENCE {
            if let Ok(mut connection) = Connection::open(self.address).await
                && let Ok(answer) = connection.ask(&probe).await
                && answer.status == 200
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        anyhow::bail!("{} was not ready after {PATIENCE:?}", self.address)
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Processor time it has used, seconds.
    pub fn processor_seconds(&self) -> anyhow::Result<f64> {
        processor_seconds(&self.child.id().to_string())
    }

    /// Memory it has in use, bytes.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time a process has used, seconds; `self` is this one.
pub fn processor_seconds(process: &str) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(") ").context("no name")?.1;
    let ticks: u64 = after_name.split(' ').skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

impl Daemon {
    /// Starts a daemon on a data folder, with settings beside the defaults, and waits until it is ready.
    pub async fn start(data: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let daemon = Self::launch(data, settings)?;
        daemon.process.ready("/readyz").await.with_context(|| daemon.last_words())?;
        Ok(daemon)
    }

    /// Starts a daemon without waiting for it.
    pub fn launch(data: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data)?;
        let (address, admin) = (free_address()?, free_address()?);
        let mut command = Command::new(TMD);
        command.arg("--data-dir").arg(data).arg("--listen").arg(address.to_string());
        command.arg("--admin-listen").arg(admin.to_string());
        command.env("TMD_LOG_FILTER", "warn").envs(settings.iter().copied());
        let process = Process::start(command, address, &data.join("tmd.log"))?;
        Ok(Self { process, admin, data: data.to_owned() })
    }

    fn last_words(&self) -> String {
        std::fs::read_to_string(self.data.join("tmd.log")).unwrap_or_default()
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The child.
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// How many writes of a kind were committed together on average, since the start.
    pub async fn batch(&self, kind: &str) -> anyhow::Result<f64> {
        let mut connection = Connection::open(self.admin).await?;
        let answer = connection.ask(&request("GET", "/metrics", &[], "")).await?;
        let text = String::from_utf8_lossy(answer.body);
        let value = |part: &str| {
            let name = format!("store_batch_items_{part}{{kind=\"{kind}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&name)?.parse::<f64>().ok())
        };
        Ok(value("sum").zip(value("count")).map_or(f64::NAN, |(sum, count)| sum / count))
    }

    /// The organiser's credential.
    pub fn organiser_token(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.data.join("organiser.token"))?.trim().to_owned())
    }

    /// The organiser's client, in no hurry.
    pub fn organiser(&self) -> anyhow::Result<Client> {
        let options = ClientOptions {
            token: Some(self.organiser_token()?),
            timeout: PATIENCE,
            max_retries: 0,
            ..ClientOptions::default()
        };
        Ok(Client::new(&self.url(), options)?)
    }

    /// Ends it as an operator does, and waits for its end.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let id = self.process.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let ended = self.process.child.wait()?;
        anyhow::ensure!(ended.success(), "the daemon ended with {ended}");
        Ok(())
    }
}
