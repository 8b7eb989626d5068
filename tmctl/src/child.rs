//! Processes of our own: started as often as one likes, and gone with their value.

mod clock;
mod disk;
mod family;
mod postgres;
mod redis;
mod tmd;

pub use clock::OwnClock;
pub use disk::SmallDisk;
pub use postgres::OwnPostgres;
pub use redis::OwnRedis;
pub use tmd::OwnTmd;

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use crate::error::Failure;
use crate::exit::Exit;
use crate::host::Host;

/// How long one may take to become ready.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// As many lines of its log are shown when it does not start.
const SHOWN_LINES: usize = 5;

/// How a process is started, again and again, and the one there is.
#[derive(Debug)]
struct OwnProcess {
    name: &'static str,
    words: Vec<String>,
    environment: Vec<(String, String)>,
    account: Option<Account>,
    /// What it writes on either of its streams.
    log: PathBuf,
    child: Option<Child>,
}

impl OwnProcess {
    /// One that is not started yet: its program, and what follows on its command line.
    fn new(name: &'static str, words: Vec<String>, log: PathBuf) -> Self {
        Self { name, words, environment: Vec::new(), account: None, log, child: None }
    }

    /// Starts it, and waits until it is ready. Its environment is its own, not that of this process.
    async fn start(&mut self, is_ready: impl AsyncFnMut(u32) -> bool) -> Result<(), Failure> {
        let name = self.name;
        let broken =
            |error: std::io::Error| Failure::new(Exit::Error, format!("failed to start {name}: {error}"));
        let log = OpenOptions::new().create(true).append(true).open(&self.log).map_err(broken)?;
        let (program, words) = self.words.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let mut command = Command::new(program);
        command.args(words).env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(broken)?).stderr(log).kill_on_drop(true);
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group).current_dir("/");
        }
        self.child = Some(command.spawn().map_err(broken)?);
        match tokio::time::timeout(PATIENCE, self.until(is_ready)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(failure.hint(self.last_words())),
            Err(_) => Err(Failure::new(Exit::Unavailable, format!("{name} did not become ready"))
                .hint(self.last_words())),
        }
    }

    async fn until(&mut self, mut is_ready: impl AsyncFnMut(u32) -> bool) -> Result<(), Failure> {
        while let Some(id) = self.child.as_ref().and_then(Child::id) {
            if is_ready(id).await {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                let name = self.name;
                return Err(Failure::new(Exit::Unavailable, format!("{name} ended at once: {status}")));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default();
        format!("its log ends with: {}", last.join(" | "))
    }

    /// SIGKILL for it and all that it started: they get no farewell. Returns when they are gone.
    async fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Nobody is born while they are counted.
        let all = pid(&child).map(|first| family::signal(first, Signal::STOP)).unwrap_or_default();
        let _ = child.kill().await;
        for &one in &all {
            family::send(one, Signal::KILL);
        }
        while all.iter().any(|&one| !family::is_gone(one)) {
            tokio::time::sleep(PAUSE / 10).await;
        }
    }

    /// A signal for it and all that it started.
    fn signal(&self, signal: Signal) {
        if let Some(first) = self.child.as_ref().and_then(pid) {
            family::signal(first, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        self.child.as_ref().and_then(pid)
    }
}

fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
}

/// Whom root runs servers as: PostgreSQL refuses to be root's.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// `None` where this is not root: then whoever this is runs them.
    pub fn find() -> Result<Option<Self>, Failure> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let line = |user: &str| users.lines().find(|line| line.starts_with(user));
        let found = line("postgres:").or_else(|| line("nobody:")).and_then(|line| {
            let mut ids = line.split(':').skip(2);
            Some(Self { user: ids.next()?.parse().ok()?, group: ids.next()?.parse().ok()? })
        });
        found.map(Some).ok_or_else(|| {
            Failure::usage("root cannot run the servers, and there is neither a user postgres nor nobody")
        })
    }

    /// Gives somebody's file or folder away.
    fn own(account: Option<Self>, path: &Path) -> std::io::Result<()> {
        let Some(Self { user, group }) = account else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group))
    }
}

/// A program by its name: in these folders, else in the path.
fn find(host: &Host, name: &str, folders: Vec<PathBuf>) -> Option<PathBuf> {
    let path = host.env("PATH").map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let folders = folders.into_iter().chain(path.unwrap_or_default());
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Ports that are free now. Somebody may take one before its owner does: then that one says so, and ends.
fn free_addresses<const N: usize>() -> std::io::Result<[SocketAddr; N]> {
    // None is given back before all are found.
    let mut taken = Vec::with_capacity(N);
    let mut found = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut found {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *address = listener.local_addr()?;
        taken.push(listener);
    }
    Ok(found)
}

/// A file that nobody but its owner reads.
fn write_secret(path: &Path, text: &str, account: Option<Account>) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Account::own(account, path)
}

#[cfg(test)]
mod tests;
