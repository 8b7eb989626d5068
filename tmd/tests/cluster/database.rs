//! A PostgreSQL of one test, as durable as it is by default, and its end at any moment.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::any::AnyPoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyPool, ConnectOptions, PgConnection};
use tempfile::TempDir;

use crate::harness::eventually;
use crate::machine::{addresses, is_root, left_out};

/// A server, killed when dropped.
pub struct Database {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Database {
    /// Starts one with nothing in it; `None` where there is no program to start, but not on a build machine.
    pub async fn start() -> Option<Self> {
        let Some(initdb) = program("initdb").filter(|_| program("postgres").is_some()) else {
            left_out("initdb and postgres");
            return None;
        };
        let folder = TempDir::new().unwrap();
        if let Some((user, group)) = account() {
            fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
            fs::create_dir(data(&folder)).unwrap();
            chown(data(&folder), Some(user), Some(group)).unwrap();
        }
        let mut command = unprivileged(&initdb, folder.path());
        // What is made here is worth nothing yet; from its start on the server syncs.
        command.arg("-D").arg(data(&folder)).args(["-U", "tmd", "-E", "UTF8", "--locale=C", "--no-sync"]);
        assert!(command.arg("--auth=trust").stdout(Stdio::null()).status().unwrap().success(), "initdb");
        let port = addresses().0.port();
        let mut database = Self { child: spawn(port, &folder), port, folder };
        database.accepts().await;
        Some(database)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address of the office's database, at a port of the server or of somebody in front of it.
    pub fn url(port: u16) -> String {
        format!("postgres://tmd@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// SIGKILL for the server with everything that belongs to it.
    pub async fn kill(&mut self) {
        let postmaster = Pid::from_child(&self.child);
        // Nobody is born while they are counted.
        kill_process(postmaster, Signal::STOP).unwrap();
        let family = children(postmaster);
        kill_process(postmaster, Signal::KILL).unwrap();
        self.child.wait().unwrap();
        for &one in &family {
            let _ = kill_process(one, Signal::KILL);
        }
        eventually("all of the server is gone", async || family.iter().all(|&one| is_gone(one))).await;
    }

    /// Starts it again on its data; it accepts connections then.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder);
        self.accepts().await;
    }

    async fn accepts(&mut self) {
        let log = self.folder.path().join("log");
        eventually("the database accepts connections", async || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the database ended with {status}: {}", fs::read_to_string(&log).unwrap());
            }
            connect(self.port).await.is_ok()
        })
        .await;
    }

    /// A look into it.
    pub async fn look(&self) -> PgConnection {
        connect(self.port).await.unwrap()
    }

    /// One number out of it.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.look().await).await.unwrap()
    }

    /// A look into it that does not say which database it is.
    pub async fn any(&self) -> AnyPool {
        sqlx::any::install_default_drivers();
        AnyPoolOptions::new().max_connections(1).connect(&Self::url(self.port)).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // An immediate end: nothing is saved, and what it shares in the system's memory is given back.
        let _ = kill_process(Pid::from_child(&self.child), Signal::QUIT);
        for _ in 0..200 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn connect(port: u16) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = Database::url(port).parse()?;
    options.disable_statement_logging().connect().await
}

fn data(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    let mut command = unprivileged(&program("postgres").unwrap(), folder.path());
    command.arg("-D").arg(data(folder)).args(["-p", &port.to_string()]);
    for setting in
        ["listen_addresses=127.0.0.1", "unix_socket_directories=", "dynamic_shared_memory_type=mmap"]
    {
        command.args(["-c", setting]);
    }
    let log = File::options().append(true).create(true).open(folder.path().join("log")).unwrap();
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// A command that root does not run as root: PostgreSQL refuses to.
fn unprivileged(program: &Path, at: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(at);
    if let Some((user, group)) = account() {
        command.uid(user).gid(group);
    }
    command
}

/// Whom root runs the server as; nobody else needs that.
fn account() -> Option<(u32, u32)> {
    if !is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let found =
        ["postgres:", "nobody:"].iter().find_map(|user| users.lines().find(|line| line.starts_with(user)));
    let mut ids = found.expect("a user to run PostgreSQL as").split(':').skip(2);
    let mut next = || ids.next()?.parse().ok();
    Some((next()?, next()?))
}

/// Where a program of PostgreSQL is: among others, or where Debian puts it.
#[allow(clippy::disallowed_methods, reason = "where programs are is no setting")]
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    folders.extend(versions.filter_map(|version| Some(version.ok()?.path().join("bin"))));
    folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// State and parent of a process.
fn status(of: Pid) -> Option<(char, i32)> {
    let text = fs::read_to_string(format!("/proc/{}/stat", of.as_raw_nonzero())).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn is_gone(process: Pid) -> bool {
    status(process).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

fn children(parent: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap();
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |&process: &Pid| {
        status(process).is_some_and(|(_, its_parent)| Pid::from_raw(its_parent) == Some(parent))
    };
    ids.filter_map(Pid::from_raw).filter(is_child).collect()
}
