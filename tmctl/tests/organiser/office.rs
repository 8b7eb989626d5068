//! A real tmd on a port and a folder of its own, and tmctl as its organiser and as a buyer.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How often it is looked whether the daemon is there: for half a minute at the most.
const MOST_LOOKS: u32 = 600;

/// A daemon, ended with this value.
pub struct Office {
    pub url: String,
    folder: TempDir,
    child: Child,
}

/// What a command came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The daemon's program: built into the same folder as tmctl by `--workspace`.
pub fn tmd() -> PathBuf {
    let tmd = Path::new(env!("CARGO_BIN_EXE_tmctl")).with_file_name("tmd");
    assert!(tmd.is_file(), "{} is missing: build with `cargo build --workspace`", tmd.display());
    tmd
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Office {
    pub fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (listen, admin) = (free_address(), free_address());
        let log = folder.path().join("tmd.log");
        let mut command = Command::new(tmd());
        command.env_clear().env("HOME", folder.path()).args(arguments);
        command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let mut office = Self { url: format!("http://{listen}"), child: command.spawn().unwrap(), folder };
        for _ in 0..MOST_LOOKS {
            if TcpStream::connect(listen).is_ok() && office.run(&["api", "GET", "/readyz"]).code == 0 {
                return office;
            }
            let ended = office.child.try_wait().unwrap();
            assert!(ended.is_none(), "tmd ended: {}", std::fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("tmd did not become ready: {}", std::fs::read_to_string(&log).unwrap());
    }

    /// The folder that is HOME to the daemon and to its user.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tmctl();
        command.env("HOME", self.home()).env("TM_URL", &self.url).args(arguments);
        command
    }

    /// Runs tmctl as the daemon's own user.
    pub fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// Runs it and expects it to go well.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        run.out
    }

    /// Runs it with `-o json`, expects it to go well, and reads the answer.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let out = self.ok(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.home().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// tmctl in an environment of its own.
pub fn tmctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmctl"));
    command.env_clear().env("LANG", "C.UTF-8").stdin(Stdio::null());
    command
}

pub fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code().expect("an exit code"), out: text(stdout), err: text(stderr) }
}
