//! What the README tells to paste works as it stands there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that unwraps says where it failed")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tmcore::ticket::TicketCode;
use tmd::health;

const ADDRESS: &str = "localhost:8080";
const SECTION: &str = "## The same with curl";
/// Bounds every call of curl, so that a stream that tells nothing fails the test instead of hanging it.
const CURLRC: &str = "max-time = 30\n";
/// These two stand everywhere the API is spoken of.
const JOIN: &str = "curl -XPOST localhost:8080/api/waiting-room/sessions -H \"content-type: application/json\" -d '{\"eventId\":\"E1\"}'";
const LISTEN: &str = "curl -N localhost:8080/api/sse/waiting-room/sessions/<sessionId>";

/// A daemon with the demo events, killed when dropped.
struct Daemon {
    child: Child,
    address: SocketAddr,
    home: TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Daemon {
    async fn start() -> Self {
        let home = TempDir::new().unwrap();
        fs::write(home.path().join(".curlrc"), CURLRC).unwrap();
        let (address, admin) = (free_address(), free_address());
        let child = Command::new(env!("CARGO_BIN_EXE_tmd"))
            .env_clear()
            .args(["--demo", "--listen", &address.to_string(), "--admin-listen", &admin.to_string()])
            .arg("--data-dir")
            .arg(home.path().join("data"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut daemon = Self { child, address, home };
        let url = health::local_url(address);
        let mut again = tokio::time::interval(Duration::from_millis(20));
        while health::probe(&url).await.is_err() {
            again.tick().await;
            assert!(daemon.child.try_wait().unwrap().is_none(), "tmd ended");
        }
        daemon
    }

    /// Bash as a reader has it, but for the daemon's address.
    fn bash(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.env("HOME", self.home.path()).args(["-euo", "pipefail", "-c"]);
        command.arg(script.replace(ADDRESS, &self.address.to_string()));
        command
    }

    fn output(&self, script: &str) -> String {
        // A pipe would be waited for until the stream's curl ends, a while after the script.
        let errors = self.home.path().join("stderr");
        let output = self.bash(script).stderr(fs::File::create(&errors).unwrap()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n{text}{}", fs::read_to_string(errors).unwrap());
        text
    }
}

/// The bash blocks of the README's section on curl.
fn blocks() -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let (_, section) = readme.split_once(SECTION).expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```bash\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// A machine without curl cannot paste these lines either. A build machine has it.
#[allow(clippy::disallowed_methods, reason = "the build machine says what it is in the environment")]
#[allow(clippy::print_stderr, reason = "whoever runs the tests reads it")]
fn curl_is_missing() -> bool {
    let is_missing = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err();
    assert!(!is_missing || std::env::var_os("CI").is_none(), "needs curl");
    if is_missing {
        eprintln!("left out: needs curl");
    }
    is_missing
}

#[tokio::test]
async fn the_first_two_lines_join_and_listen() {
    if curl_is_missing() {
        return;
    }
    let blocks = blocks();
    assert_eq!(blocks[0], format!("{JOIN}\n{LISTEN}\n"));
    let daemon = Daemon::start().await;
    let joined: tmapi::session::JoinedSession = serde_json::from_str(&daemon.output(JOIN)).unwrap();
    let listen = LISTEN.replace("<sessionId>", &joined.session.session_id.to_string());
    let mut curl =
        daemon.bash(&format!("exec {listen}")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let told = BufReader::new(curl.stdout.take().unwrap()).lines().map_while(Result::ok);
    let let_in = told.into_iter().any(|line| line == "event: waiting-room-active");
    let _ = curl.kill();
    curl.wait().unwrap();
    assert!(let_in, "the stream never told that the buyer was let in");
}

#[tokio::test]
async fn the_lines_of_curl_end_with_tickets() {
    if curl_is_missing() {
        return;
    }
    let daemon = Daemon::start().await;
    let purchase = blocks()[1..].concat();
    let mut again = tokio::time::interval(Duration::from_millis(50));
    for round in 1..=2 {
        // Availability may be a moment old; a reader is slower than this test.
        let sold = format!("\"sold\":{}", (round - 1) * 2);
        while !daemon.output(&format!("curl -s {ADDRESS}/api/events/E1/availability")).contains(&sold) {
            again.tick().await;
        }
        let output = daemon.output(&purchase);
        assert!(output.contains("\"status\":\"AUTHORIZED\""), "{output}");
        let codes: Vec<_> =
            output.split("\"code\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(codes.len(), 2, "round {round}: {output}");
        assert!(codes.iter().all(|code| TicketCode::parse(code).is_ok()), "{codes:?}");
    }
}
