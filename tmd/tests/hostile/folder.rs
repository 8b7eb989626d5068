//! Data folders that are taken, read-only, damaged or of another version: told in a sentence, and left as they are.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tmd::health;

use crate::harness::eventually;
use crate::machine::{Program, Surroundings, addresses, is_root, left_out, open_database, run};

/// Starting on the folder fails with 1 and a sentence that has all of this.
fn refused(surroundings: &Surroundings, data: &Path, arguments: &[&str], reasons: &[&str]) {
    let (listen, admin) = addresses();
    let mut command = surroundings.command(data);
    command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]).args(arguments);
    let (code, said) = run(&mut command);
    assert_eq!(code, 1, "{said}");
    let said = said.lines().filter(|line| line.starts_with("error: ")).collect::<Vec<_>>().join("\n");
    for reason in reasons {
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

/// A folder that was used, and is not any more.
async fn used() -> TempDir {
    let data = TempDir::new().unwrap();
    let mut program = Program::start(data.path()).await;
    crate::machine::put_on(
        &program.organiser(&data.path().join("organiser.token")),
        "E1",
        (2, 10),
        crate::machine::open(),
    )
    .await;
    Command::new("kill").arg(program.pid().to_string()).status().unwrap();
    eventually("it ends", async || program.ended().is_some()).await;
    // All of it into the files themselves: what is cut off them cannot be read from the logs beside them then.
    for name in ["office.db", "gateway.db"] {
        let db = open_database(&data.path().join(name)).await;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&db).await.unwrap();
        db.close().await;
    }
    data
}

#[tokio::test]
async fn a_folder_that_is_taken_is_refused_and_says_by_whom() {
    let data = TempDir::new().unwrap();
    let mut program = Program::start(data.path()).await;
    let holder = format!("process {}", program.pid());
    let folder = data.path().display().to_string();
    for arguments in [&[][..], &["gateway"], &["migrate"]] {
        refused(&Surroundings::default(), data.path(), arguments, &[&holder, &folder, "--data-dir"]);
    }
    assert!(health::probe(&program.url).await.is_ok(), "the first goes on");
    // The lock is the kernel's: what a killed process leaves behind stands in nobody's way.
    program.kill();
    let program = Program::start(data.path()).await;
    assert!(fs::read_to_string(data.path().join("tmd.lock")).unwrap().contains(&program.pid().to_string()));
}

#[tokio::test]
async fn of_two_that_start_at_the_same_instant_one_has_the_folder() {
    for round in 0..5 {
        let data = TempDir::new().unwrap();
        let mut two = [(); 2].map(|()| Program::spawn(&Surroundings::default(), data.path(), addresses()));
        eventually("one of them ends", async || two.iter_mut().any(|program| program.ended().is_some()))
            .await;
        let loser = usize::from(two[0].ended().is_none());
        assert_eq!(two[loser].ended().unwrap().code(), Some(1), "round {round}: {}", two[loser].log());
        assert!(two[loser].log().contains("another tmd"), "{}", two[loser].log());
        let winner = &mut two[1 - loser];
        eventually("the other is ready", async || health::probe(&winner.url).await.is_ok()).await;
        assert!(winner.ended().is_none());
    }
}

/// As a user who is bound by permissions: root is, without its capability.
fn bound() -> Option<Surroundings> {
    if !is_root() {
        return Some(Surroundings::default());
    }
    let drop = ["--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search"];
    let words = [&["setpriv"][..], &drop].concat();
    let works = Command::new("setpriv").args(drop).arg("true").status().is_ok_and(|status| status.success());
    works.then(|| Surroundings::wrapped(&words))
}

#[tokio::test]
async fn what_may_not_be_written_is_refused_at_the_start() {
    let Some(bound) = bound() else { return left_out("setpriv of util-linux") };
    let data = used().await;
    let before = contents(data.path());
    let set = |name: &str, mode| {
        fs::set_permissions(data.path().join(name), Permissions::from_mode(mode)).unwrap();
    };
    for (name, hint) in [
        ("office.db", "it is read-only; let the user that runs tmd write it"),
        ("gateway.db", "it is read-only; let the user"),
    ] {
        set(name, 0o444);
        refused(&bound, data.path(), &[], &[name, hint]);
        set(name, 0o600);
    }
    for (name, hint) in [
        ("office.db", "it cannot be opened; let the user"),
        ("gateway.db", "it cannot be opened; let the user"),
        ("office.keys", "let the user that runs tmd read it"),
        ("organiser.token", "let the user that runs tmd read it"),
    ] {
        set(name, 0o000);
        refused(&bound, data.path(), &[], &[name, hint]);
        set(name, 0o600);
    }
    // The folder and all in it, as on a disk that was mounted read-only.
    for name in ["office.db", "gateway.db", "tmd.lock"] {
        set(name, 0o444);
    }
    fs::set_permissions(data.path(), Permissions::from_mode(0o555)).unwrap();
    refused(
        &bound,
        data.path(),
        &[],
        &[&data.path().display().to_string(), "let the user that runs tmd write it"],
    );
    fs::set_permissions(data.path(), Permissions::from_mode(0o700)).unwrap();
    for name in ["office.db", "gateway.db", "tmd.lock"] {
        set(name, 0o600);
    }
    for ((name, before), (_, after)) in before.into_iter().zip(contents(data.path())) {
        assert!(before == after, "{name} was written");
    }
    Program::start_in(&bound, data.path(), addresses()).await;
}

/// The files that hold something, but for what changes with every start: each says first whether it can be written at
/// all, by a commit that changes nothing but SQLite's counter of commits. Source: <https://www.sqlite.org/fileformat2.html>
fn contents(data: &Path) -> Vec<(String, Vec<u8>)> {
    let names = ["office.db", "gateway.db", "office.keys", "organiser.token"];
    let content = |name: &str| {
        let mut bytes = fs::read(data.join(name)).unwrap();
        if bytes.starts_with(b"SQLite format 3\0") {
            bytes[24..28].fill(0);
            bytes[92..96].fill(0);
        }
        (name.to_owned(), bytes)
    };
    names.map(content).into()
}

/// Damages one file, and expects a refusal that leaves it as it is.
fn damaged(data: &Path, name: &str, bytes: &[u8], reasons: &[&str]) {
    let file = data.join(name);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, bytes).unwrap();
    refused(&Surroundings::default(), data, &[], &[&[name][..], reasons].concat());
    assert!(fs::read(&file).unwrap() == bytes, "{name} was overwritten");
    fs::write(&file, whole).unwrap();
    for rest in ["-wal", "-shm"] {
        let _ = fs::remove_file(data.join(format!("{name}{rest}")));
    }
}

#[tokio::test]
async fn what_is_damaged_is_refused_and_left_as_it_is() {
    let data = used().await;
    let half = fs::read(data.path().join("office.db")).unwrap();
    damaged(data.path(), "office.db", &half[..half.len() / 2], &["it is damaged", "put a backup back"]);
    damaged(data.path(), "office.db", b"", &["it was emptied", "put a backup back"]);
    let text = b"Dear diary, this is no database, and has never been one. ".repeat(40);
    damaged(data.path(), "office.db", &text, &["it is no SQLite database", "put a backup back"]);
    damaged(data.path(), "gateway.db", &text, &["it is no SQLite database", "put a backup back"]);
    damaged(data.path(), "office.keys", b"", &["does not hold the office's keys", "put a backup back"]);
    damaged(data.path(), "office.keys", b"zz\nzz\nzz", &["does not hold the office's keys"]);
    damaged(data.path(), "organiser.token", b"\n", &["remove it and start again for a new one"]);
    Program::start(data.path()).await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_or_of_something_else_is_left_alone() {
    let data = used().await;
    let db = open_database(&data.path().join("office.db")).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9000, 'tomorrow', 1, x'00', 1)";
    sqlx::query(newer).execute(&db).await.unwrap();
    db.close().await;
    let bytes = fs::read(data.path().join("office.db")).unwrap();
    for arguments in [&[][..], &["migrate"]] {
        let reasons = ["office.db", "a newer tmd wrote it (schema 9000", "start that one"];
        refused(&Surroundings::default(), data.path(), arguments, &reasons);
    }
    assert!(fs::read(data.path().join("office.db")).unwrap() == bytes, "it was overwritten");

    let data = TempDir::new().unwrap();
    let file = data.path().join("office.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let db = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE recipes (name TEXT)").execute(&db).await.unwrap();
    db.close().await;
    let bytes = fs::read(&file).unwrap();
    refused(&Surroundings::default(), data.path(), &[], &["office.db", "its schema is not an office's"]);
    assert!(fs::read(&file).unwrap() == bytes, "it was overwritten");
}
