//! A Redis of our own, which keeps what it was told once a second, as it does by default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Account, OwnProcess, find, free_addresses, write_secret};
use crate::error::Failure;
use crate::exit::Exit;
use crate::host::Host;

/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The server, killed with this value.
#[derive(Debug)]
pub struct OwnRedis {
    pub address: SocketAddr,
    process: OwnProcess,
    data: PathBuf,
    password: String,
}

impl OwnRedis {
    /// One with nothing in it, in a folder that its account can reach; not started yet.
    pub fn create(host: &Host, folder: &Path, account: Option<Account>) -> Result<Self, Failure> {
        let program = find(host, "redis-server", Vec::new()).ok_or_else(|| {
            Failure::usage("there is no redis-server in PATH").hint(
                "install Redis (Debian: apt-get install redis-server), or name a server of the rehearsal's own: \
                 --set redis.url=URL",
            )
        })?;
        let broken =
            |error: std::io::Error| Failure::new(Exit::Error, format!("failed to set a Redis up: {error}"));
        let (data, config, password) = (folder.join("data"), folder.join("redis.conf"), Host::secret());
        std::fs::create_dir_all(&data).map_err(broken)?;
        for folder in [folder, &data] {
            Account::own(account, folder).map_err(broken)?;
        }
        let [address] = free_addresses().map_err(broken)?;
        let (port, at) = (address.port(), data.display());
        let settings = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir \"{at}\"\nsave \"\"\nappendonly yes\n"
        );
        write_secret(&config, &settings, account).map_err(broken)?;
        let words = vec![program.display().to_string(), config.display().to_string()];
        let mut process = OwnProcess::new("Redis", words, folder.join("log"));
        process.account = account;
        Ok(Self { address, process, data, password })
    }

    /// Starts it, and waits until it serves.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let (address, password) = (self.address, self.password.as_str());
        self.process.start(async |_| ask(address, password, "PING").await.is_ok()).await
    }

    /// What a daemon calls it.
    pub fn url(&self) -> String {
        format!("redis://:{}@{}/0", self.password, self.address)
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// SIGSTOP, until [`OwnRedis::go_on`].
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Forgets all that it would find at its next start.
    pub fn empty(&self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.data)?;
        std::fs::create_dir(&self.data)?;
        Account::own(self.process.account, &self.data)
    }

    /// FLUSHALL.
    pub async fn flush(&self) -> io::Result<()> {
        ask(self.address, &self.password, "FLUSHALL").await
    }
}

/// Gives one command, and waits until it is carried out.
async fn ask(address: SocketAddr, password: &str, command: &str) -> io::Result<()> {
    let asking = async {
        let mut peer = TcpStream::connect(address).await?;
        peer.write_all(format!("AUTH {password}\r\n{command}\r\nQUIT\r\n").as_bytes()).await?;
        let mut said = String::new();
        peer.read_to_string(&mut said).await?;
        Ok(said)
    };
    let said: String = tokio::time::timeout(ANSWER, asking).await.map_err(io::Error::other).flatten()?;
    // One line an answer; an error begins with a minus.
    if said.lines().count() == 3 && said.lines().all(|line| line.starts_with('+')) {
        return Ok(());
    }
    Err(io::Error::other(said))
}
