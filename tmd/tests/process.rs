//! The program as its operators meet it: exit codes, streams, signals.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that unwraps says where it failed")]

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tmd::health;

/// The program in an environment of its own.
fn tmd(home: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmd"));
    command.env_clear().env("HOME", home.path());
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

#[test]
fn the_configuration_is_printed_and_what_is_printed_is_in_order() {
    let home = TempDir::new().unwrap();
    let (code, printed, errors) = run(tmd(&home).args(["config", "print", "--listen", "127.0.0.1:7"]));
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(printed.contains("listen = \"127.0.0.1:7\"\n"), "{printed}");
    assert!(
        printed.contains(&format!("data_dir = \"{}/.local/share/tmd\"", home.path().display())),
        "{printed}"
    );

    let file = home.path().join("tmd.toml");
    std::fs::write(&file, &printed).unwrap();
    assert_eq!(
        run(tmd(&home).arg("--config").arg(&file).args(["config", "print"])),
        (0, printed, String::new())
    );
}

#[test]
fn what_is_wrong_with_the_configuration_ends_with_2_and_the_reason() {
    let home = TempDir::new().unwrap();
    assert_eq!(run(tmd(&home).args(["config", "check"])).0, 0);
    for (variable, reason) in [
        ("TMD_SERVER_LISTN", "did you mean `TMD_SERVER_LISTEN`?"),
        ("TMD_SERVER_MAX_BODY_BYTES", "expected a whole number"),
    ] {
        for arguments in [&["config", "check"][..], &[]] {
            let (code, printed, errors) = run(tmd(&home).env(variable, "x").args(arguments));
            assert_eq!((code, printed.as_str()), (2, ""), "{errors}");
            assert!(errors.contains(reason), "{errors}");
        }
    }
    assert_eq!(run(tmd(&home).arg("sell")).0, 2);
}

#[test]
fn health_of_nobody_is_1() {
    let home = TempDir::new().unwrap();
    let url = health::local_url(free_address());
    let (code, _, errors) = run(tmd(&home).args(["health", "--url", &url]));
    assert_eq!(code, 1);
    assert!(errors.contains(&url), "{errors}");
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A daemon that has become ready, and where.
async fn started(home: &TempDir) -> (Child, String) {
    let (listen, admin) = (free_address(), free_address());
    let mut command = tmd(home);
    command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let url = health::local_url(listen);
    let mut again = tokio::time::interval(Duration::from_millis(20));
    while health::probe(&url).await.is_err() {
        again.tick().await;
        if let Some(status) = child.try_wait().unwrap() {
            let mut log = String::new();
            child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            panic!("ended with {status}: {log}");
        }
    }
    (child, url)
}

#[tokio::test]
async fn l1_the_first_signal_ends_it_with_0() {
    for signal in ["-TERM", "-INT"] {
        let home = TempDir::new().unwrap();
        let (mut child, url) = started(&home).await;
        assert_eq!(run(tmd(&home).args(["health", "--url", &url])).0, 0);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
        assert!(health::probe(&url).await.is_err());
    }
}
