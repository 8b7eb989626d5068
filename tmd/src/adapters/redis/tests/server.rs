//! Redis servers of tests: the one that is given, and children on private ports that may be killed.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The Redis that the environment names. Without one a test is left out, but not on a build machine.
#[expect(clippy::disallowed_methods, reason = "where the services of tests are is no setting")]
pub(super) fn given() -> Option<String> {
    let url = std::env::var("TMD_TEST_REDIS_URL").ok();
    assert!(url.is_some() || std::env::var_os("CI").is_none(), "TMD_TEST_REDIS_URL is not set");
    if url.is_none() {
        println!("left out: TMD_TEST_REDIS_URL is not set");
    }
    url
}

/// A server of one test.
pub(super) struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts one; `None` where there is no program to start, but not on a build machine.
    #[expect(clippy::disallowed_methods, reason = "whether this is a build machine is no setting")]
    pub fn start() -> Option<Self> {
        let is_there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
        assert!(is_there || std::env::var_os("CI").is_none(), "redis-server is not installed");
        if !is_there {
            println!("left out: redis-server is not installed");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = TempDir::new().unwrap();
        let child = spawn(port, &folder);
        let server = Self { child, port, folder };
        server.wait();
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, with nothing in it.
    pub fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder);
        self.wait();
    }

    /// It takes connections and says nothing.
    pub fn pause(&mut self) {
        self.signal("-STOP");
    }

    pub fn go_on(&mut self) {
        self.signal("-CONT");
    }

    pub fn flush(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        redis::cmd("FLUSHALL").exec(&mut connection).unwrap();
    }

    fn signal(&mut self, signal: &str) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server ended");
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    fn wait(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        for _ in 0..500 {
            let answers =
                client.get_connection().and_then(|mut connection| redis::cmd("PING").exec(&mut connection));
            if answers.is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(folder.path()).stdout(Stdio::null()).spawn().unwrap()
}
