//! A PostgreSQL of our own, as durable as it is by default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use super::{Account, OwnProcess, family, find, free_addresses, write_secret};
use crate::error::Failure;
use crate::exit::Exit;
use crate::host::Host;

/// Where Debian puts the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// As many connections as several daemons and their tests need.
const MAX_CONNECTIONS: &str = "max_connections=300";
/// How long its end may take, when there is time for one.
const FAREWELL: Duration = Duration::from_secs(4);

/// The server, ended with this value.
#[derive(Debug)]
pub struct OwnPostgres {
    pub address: SocketAddr,
    process: OwnProcess,
    data: PathBuf,
    password: String,
}

impl OwnPostgres {
    /// One with nothing in it, in a folder that its account can reach; not started yet.
    pub async fn create(host: &Host, folder: &Path, account: Option<Account>) -> Result<Self, Failure> {
        let [initdb, server] = ["initdb", "postgres"].map(|name| program(host, name));
        let (initdb, server) = (initdb?, server?);
        let broken =
            |error: std::io::Error| Failure::new(Exit::Error, format!("failed to make a database: {error}"));
        std::fs::create_dir_all(folder).map_err(broken)?;
        Account::own(account, folder).map_err(broken)?;
        let (data, secret, password) = (folder.join("data"), folder.join("password"), Host::secret());
        write_secret(&secret, &password, account).map_err(broken)?;
        let mut command = Command::new(initdb);
        command.arg("-D").arg(&data).arg("--pwfile").arg(&secret);
        // What is made here is worth nothing yet; from its start on the server syncs.
        command.args(["-U", "tmd", "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync"]);
        if let Some(Account { user, group }) = account {
            command.uid(user).gid(group);
        }
        command.current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
        let made = command.output().await.map_err(broken)?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).trim().replace('\n', " | ");
            return Err(Failure::new(Exit::Error, format!("failed to make a database: {said}")));
        }
        let [address] = free_addresses().map_err(broken)?;
        let port = address.port().to_string();
        let mut words = vec![server.display().to_string(), "-D".to_owned(), data.display().to_string()];
        for setting in [
            &format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            // Nothing of it is left in the system's memory, however it ends.
            "dynamic_shared_memory_type=mmap",
            MAX_CONNECTIONS,
        ] {
            words.extend(["-c".to_owned(), setting.to_owned()]);
        }
        let mut process = OwnProcess::new("PostgreSQL", words, folder.join("log"));
        process.account = account;
        Ok(Self { address, process, data, password })
    }

    /// Starts it, and waits until it serves.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let file = self.data.join("postmaster.pid");
        self.process.start(async |id| is_ready(&std::fs::read_to_string(&file).unwrap_or_default(), id)).await
    }

    /// What a daemon calls it.
    pub fn url(&self) -> String {
        format!("postgres://tmd:{}@{}/postgres?sslmode=disable", self.password, self.address)
    }

    /// SIGKILL for all of it.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// SIGSTOP for all of it, until [`OwnPostgres::go_on`].
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Ends every session, as `pg_terminate_backend` does; answers how many there were.
    pub fn end_sessions(&self) -> usize {
        // What serves a client is called after the client's address.
        let sessions = self.process.pid().map(|first| family::called(first, " 127.0.0.1("));
        let sessions = sessions.unwrap_or_default();
        for &session in &sessions {
            family::send(session, Signal::TERM);
        }
        sessions.len()
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        let Some(first) = self.process.pid() else { return };
        // An immediate end: what it shares in the system's memory is given back.
        family::signal(first, Signal::CONT);
        family::send(first, Signal::QUIT);
        let step = Duration::from_millis(20);
        for _ in 0..FAREWELL.as_millis() / step.as_millis() {
            if family::is_gone(first) {
                return;
            }
            std::thread::sleep(step);
        }
    }
}

fn program(host: &Host, name: &str) -> Result<PathBuf, Failure> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten();
    let mut folders: Vec<_> = versions.filter_map(|one| Some(one.ok()?.path().join("bin"))).collect();
    folders.sort();
    folders.reverse();
    find(host, name, folders).ok_or_else(|| {
        Failure::usage(format!("there is no {name} in PATH or {VERSIONS}")).hint(
            "install PostgreSQL (Debian: apt-get install postgresql), or name a server of the rehearsal's \
             own: --set store.backend=postgres --set store.url=URL",
        )
    })
}

/// Whether this is the note of a server of that id, which serves. Source: `src/include/utils/pidfile.h` of PostgreSQL.
fn is_ready(note: &str, id: u32) -> bool {
    let mut lines = note.lines();
    lines.next() == Some(&id.to_string()) && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_when_its_own_note_says_so() {
        let note = |status| format!("77\n/data\n1700000000\n5432\n\n127.0.0.1\n  1 2\n{status}\n");
        assert!(is_ready(&note("ready   "), 77));
        assert!(!is_ready(&note("starting"), 77));
        assert!(!is_ready(&note("ready   "), 78), "the note of one that was killed");
        assert!(!is_ready("", 77));
    }
}
