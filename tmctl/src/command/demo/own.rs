//! A daemon of the demo's own: a private data folder, a free port, gone afterwards.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tmapi::client::{Client, ClientOptions, HeaderMap, Method, StatusCode};
use tokio::process::{Child, Command};

use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;

/// How long it may take to become ready.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// As many lines of its log are shown when it does not start.
const SHOWN_LINES: usize = 5;

/// A running daemon. It ends with this value, at the latest.
pub struct OwnDaemon {
    pub url: String,
    child: Child,
    folder: TempDir,
}

impl OwnDaemon {
    pub async fn start(desk: &Desk) -> Result<Self, Failure> {
        let program = find(desk)?;
        let broken = |error: std::io::Error| {
            Failure::new(Exit::Error, format!("failed to start {}: {error}", program.display()))
        };
        let folder = TempDir::with_prefix("tmd-demo-").map_err(broken)?;
        let log = File::create(folder.path().join("tmd.log")).map_err(broken)?;
        let (listen, admin) = free_addresses().map_err(broken)?;
        let mut command = Command::new(&program);
        // Its settings are the demo's own, not those of a daemon that runs here for real.
        command.env_clear().envs(desk.host.env("PATH").map(|path| ("PATH", path)));
        command.arg("--demo").arg("--data-dir").arg(folder.path().join("data"));
        command.arg("--listen").arg(listen.to_string()).arg("--admin-listen").arg(admin.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child = command.spawn().map_err(broken)?;
        let mut daemon = Self { url: format!("http://{listen}"), child, folder };
        let ready = tokio::time::timeout(PATIENCE, daemon.until_ready()).await;
        match ready {
            Ok(Ok(())) => Ok(daemon),
            Ok(Err(failure)) => Err(failure.hint(daemon.log())),
            Err(_) => {
                Err(Failure::new(Exit::Unavailable, "the demo's tmd did not become ready").hint(daemon.log()))
            }
        }
    }

    async fn until_ready(&mut self) -> Result<(), Failure> {
        let client = Client::new(&self.url, ClientOptions::default())?;
        loop {
            let answer = client.raw(Method::GET, "/readyz", HeaderMap::new(), "").await;
            if matches!(answer, Ok((StatusCode::OK, ..))) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Failure::new(
                    Exit::Unavailable,
                    format!("the demo's tmd ended at once: {status}"),
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("tmd.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default();
        format!("its log ends with: {}", last.join(" | "))
    }

    /// Nothing of it is worth keeping, so it needs no farewell.
    pub async fn stop(mut self) {
        let _ = self.child.kill().await;
    }
}

/// The daemon's program: beside this one, else in the path.
fn find(desk: &Desk) -> Result<PathBuf, Failure> {
    let name = format!("tmd{}", std::env::consts::EXE_SUFFIX);
    let here = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let path = desk.host.env("PATH").map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let folders = here.into_iter().chain(path.unwrap_or_default());
    folders.map(|folder| folder.join(&name)).find(|program| program.is_file()).ok_or_else(|| {
        Failure::new(Exit::Error, "there is no tmd beside tmctl, and none in PATH")
            .hint("install it, or start one elsewhere and name it: `tmctl --url URL demo`")
    })
}

/// Two ports that are free now. Somebody may take one before the daemon does: then it says so, and ends.
fn free_addresses() -> std::io::Result<(SocketAddr, SocketAddr)> {
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (any()?, any()?);
    Ok((first.local_addr()?, second.local_addr()?))
}
