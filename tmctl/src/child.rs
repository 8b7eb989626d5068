//! A tmd of our own: a process with a data folder and a port of its own, gone with this value.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
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

/// How it is started, again and again at the same address, and the process there is.
#[derive(Debug)]
pub struct OwnTmd {
    pub address: SocketAddr,
    program: PathBuf,
    path: Option<String>,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl OwnTmd {
    /// One that is not started yet, with its data and its log in `folder`.
    pub fn new(desk: &Desk, folder: &Path) -> Result<Self, Failure> {
        let program = find(desk)?;
        let broken =
            |error: std::io::Error| Failure::new(Exit::Error, format!("failed to find a free port: {error}"));
        let (address, admin) = free_addresses().map_err(broken)?;
        std::fs::create_dir_all(folder).map_err(broken)?;
        let arguments = vec![
            "--data-dir".to_owned(),
            folder.join("data").display().to_string(),
            "--listen".to_owned(),
            address.to_string(),
            "--admin-listen".to_owned(),
            admin.to_string(),
        ];
        let path = desk.host.env("PATH").map(str::to_owned);
        let log = folder.join("tmd.log");
        Ok(Self { address, program, path, arguments, settings: Vec::new(), log, child: None })
    }

    /// The same, with more words on its command line.
    pub fn with(mut self, words: &[&str]) -> Self {
        self.arguments.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    /// The same, with a setting by its name in tmd's configuration: `store.batch_items`.
    pub fn set(mut self, name: &str, value: &dyn std::fmt::Display) -> Self {
        let variable = format!("TMD_{}", name.to_uppercase().replace('.', "_"));
        self.settings.push((variable, value.to_string()));
        self
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let program = self.program.display().to_string();
        let broken =
            |error: std::io::Error| Failure::new(Exit::Error, format!("failed to start {program}: {error}"));
        let log = OpenOptions::new().create(true).append(true).open(&self.log).map_err(broken)?;
        let mut command = Command::new(&self.program);
        // Its settings are its own, not those of a daemon that runs here for real.
        command.env_clear().envs(self.path.as_ref().map(|path| ("PATH", path)));
        command.envs(self.settings.iter().map(|(name, value)| (name, value))).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().map_err(broken)?);
        match tokio::time::timeout(PATIENCE, self.until_ready()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(failure.hint(self.last_words())),
            Err(_) => {
                Err(Failure::new(Exit::Unavailable, "tmd did not become ready").hint(self.last_words()))
            }
        }
    }

    async fn until_ready(&mut self) -> Result<(), Failure> {
        let options = ClientOptions { max_retries: 0, ..ClientOptions::default() };
        let client = Client::new(&self.url(), options)?;
        loop {
            // A payment provider has no such page: that it answers is enough.
            let answer = client.raw(Method::GET, "/readyz", HeaderMap::new(), "").await;
            if matches!(answer, Ok((StatusCode::OK | StatusCode::NOT_FOUND, ..))) {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(Failure::new(Exit::Unavailable, format!("tmd ended at once: {status}")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default();
        format!("its log ends with: {}", last.join(" | "))
    }

    /// SIGKILL: it gets no farewell.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    /// SIGSTOP: it stands still until [`OwnTmd::go_on`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid =
            self.child.as_ref().and_then(Child::id).and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            // It may have ended a moment ago.
            let _ = kill_process(pid, signal);
        }
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
            .hint("install it, or name one that runs: `tmctl --url URL ...`")
    })
}

/// Two ports that are free now. Somebody may take one before the daemon does: then it says so, and ends.
fn free_addresses() -> std::io::Result<(SocketAddr, SocketAddr)> {
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (first, second) = (any()?, any()?);
    Ok((first.local_addr()?, second.local_addr()?))
}
