//! The program itself, as a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tmapi::client::Client;
use tmd::health;

use crate::harness::{PATIENCE, client};

/// A running `tmd`, killed when dropped.
pub struct Child {
    pub url: String,
    pub admin: String,
    process: Process,
    home: TempDir,
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Child {
    /// Starts one with these settings, and waits until it is ready.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        tmd::descriptors::raise().unwrap();
        let home = TempDir::new().unwrap();
        let (listen, admin) = (free_address(), free_address());
        let mut command = Command::new(env!("CARGO_BIN_EXE_tmd"));
        command.env_clear().env("HOME", home.path()).envs(settings.iter().copied());
        command.args(["--demo", "--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
        command.args(["--data-dir", home.path().join("data").to_str().unwrap()]);
        let process = command.stderr(Stdio::null()).spawn().unwrap();
        let child = Self { url: health::local_url(listen), admin: health::local_url(admin), process, home };
        tokio::time::timeout(PATIENCE, async {
            while health::probe(&child.url).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("a daemon that is ready");
        child
    }

    /// A client of whoever runs the sales here.
    pub fn organiser(&self) -> Client {
        let token = std::fs::read_to_string(self.home.path().join("data/organiser.token")).unwrap();
        client(&self.url, Some(token.trim().to_owned()))
    }

    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// How it ended, if it did in time.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        tokio::time::timeout(within, async {
            loop {
                if let Some(status) = self.process.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("the process ends")
    }

    /// Resident memory, KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Processor time used so far, ticks of the system's clock.
    pub fn processor_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}
