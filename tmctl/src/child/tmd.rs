//! A tmd of our own: a process with a data folder and a port of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tmapi::client::{Client, ClientOptions, HeaderMap, Method, StatusCode};

use super::{OwnProcess, SmallDisk, find, free_addresses};
use crate::error::Failure;
use crate::exit::Exit;
use crate::host::Host;

/// A daemon or a payment provider, killed with this value.
#[derive(Debug)]
pub struct OwnTmd {
    pub address: SocketAddr,
    process: OwnProcess,
}

impl OwnTmd {
    /// One that is not started yet, with its data and its log in `folder`.
    pub fn new(host: &Host, folder: &Path) -> Result<Self, Failure> {
        let program = program(host)?;
        let broken =
            |error: std::io::Error| Failure::new(Exit::Error, format!("failed to set a tmd up: {error}"));
        let [address, admin] = free_addresses().map_err(broken)?;
        std::fs::create_dir_all(folder).map_err(broken)?;
        let words = vec![
            program.display().to_string(),
            "--listen".to_owned(),
            address.to_string(),
            "--admin-listen".to_owned(),
            admin.to_string(),
        ];
        let mut process = OwnProcess::new("tmd", words, folder.join("tmd.log"));
        let path = host.env("PATH").map(|path| ("PATH".to_owned(), path.to_owned()));
        process.environment.extend(path);
        Ok(Self { address, process }.set("server.data_dir", &folder.join("data").display()))
    }

    /// The same, on a small disk with its data.
    pub fn on(mut self, disk: &SmallDisk) -> Self {
        self.process.words.splice(..0, disk.words());
        self.set("server.data_dir", &disk.inside().join("data").display())
    }

    /// The same, with what it has to find in its environment.
    pub fn under(mut self, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        self.process.environment.extend(environment);
        self
    }

    /// The same, with more words on its command line.
    pub fn with(mut self, words: &[&str]) -> Self {
        self.process.words.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    /// The same, with a setting by its name in tmd's configuration: `store.batch_items`.
    pub fn set(mut self, name: &str, value: &dyn std::fmt::Display) -> Self {
        let variable = format!("TMD_{}", name.to_uppercase().replace('.', "_"));
        self.process.environment.push((variable, value.to_string()));
        self
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let options = ClientOptions { max_retries: 0, ..ClientOptions::default() };
        let client = Client::new(&self.url(), options)?;
        let is_ready = async |_| {
            // A payment provider has no such page: that it answers is enough.
            let answer = client.raw(Method::GET, "/readyz", HeaderMap::new(), "").await;
            matches!(answer, Ok((StatusCode::OK | StatusCode::NOT_FOUND, ..)))
        };
        self.process.start(is_ready).await
    }

    /// SIGKILL: it gets no farewell.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// SIGSTOP: it stands still until [`OwnTmd::go_on`].
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
    }
}

/// The daemon's program: beside this one, else in the path.
fn program(host: &Host) -> Result<PathBuf, Failure> {
    let name = format!("tmd{}", std::env::consts::EXE_SUFFIX);
    let here = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    find(host, &name, here.into_iter().collect()).ok_or_else(|| {
        Failure::new(Exit::Error, "there is no tmd beside tmctl, and none in PATH")
            .hint("install it, or name one that runs: `tmctl --url URL ...`")
    })
}
