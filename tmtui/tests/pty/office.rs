//! A real tmd on a port and a folder of its own.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How often it is looked whether the daemon is there: for a minute at the most.
const MOST_LOOKS: u32 = 1200;

/// A daemon with the demo events, ended with this value.
pub struct Office {
    pub url: String,
    pub address: SocketAddr,
    folder: TempDir,
    child: Child,
}

/// A program that `--workspace` builds into the same folder as this one, or one of the folder `TM_PROGRAMS`: so a
/// release is measured.
pub fn program(name: &str) -> PathBuf {
    let path = match std::env::var_os("TM_PROGRAMS") {
        Some(folder) => Path::new(&folder).join(name),
        None => Path::new(env!("CARGO_BIN_EXE_tmtui")).with_file_name(name),
    };
    assert!(path.is_file(), "{} is missing: build with `cargo build --workspace`", path.display());
    path
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Office {
    pub fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let (listen, admin) = (free_address(), free_address());
        let log = folder.path().join("tmd.log");
        let mut command = Command::new(program("tmd"));
        command.env_clear().env("HOME", folder.path()).arg("--demo");
        command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let child = command.spawn().unwrap();
        let mut office = Self { url: format!("http://{listen}"), address: listen, child, folder };
        for _ in 0..MOST_LOOKS {
            if TcpStream::connect(listen).is_ok() && office.tmctl(&["api", "GET", "/readyz"]).is_some() {
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

    /// Runs the command line as the organiser, and answers what it wrote if that went well.
    pub fn tmctl(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new(program("tmctl"));
        command.env_clear().env("HOME", self.home()).env("TM_URL", &self.url).args(arguments);
        let output = command.stdin(Stdio::null()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    pub fn organise(&self, arguments: &[&str]) {
        assert!(self.tmctl(arguments).is_some(), "{arguments:?}");
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
