//! An office knows its keys and its payment provider: whoever opens it with others is refused, before anything is sold.

use std::path::Path;

use tempfile::TempDir;

use crate::harness::postgres::{Database, server};
use crate::program::{Program, run};
use crate::provider::Provider;

/// Copies files, a database with its log.
fn copy(from: &Path, to: &Path, names: &[&str]) {
    for name in names {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
        let log = format!("{name}-wal");
        if from.join(&log).exists() {
            std::fs::copy(from.join(&log), to.join(&log)).unwrap();
        }
    }
}

async fn refused(data: &Path, settings: &[(&str, &str)]) -> String {
    Program::start(data, settings, &[]).await.err().expect("it is refused")
}

/// A backup put into another folder is the same office; without its keys or its provider it is not.
#[tokio::test(flavor = "multi_thread")]
async fn an_office_of_one_file_is_opened_with_its_keys_and_its_provider_only() {
    let home = TempDir::new().unwrap();
    Program::start(home.path(), &[], &[]).await.unwrap().kill();
    Program::start(home.path(), &[], &[]).await.unwrap().kill();
    let moved = TempDir::new().unwrap();
    copy(home.path(), moved.path(), &["office.db", "gateway.db", "office.keys"]);
    Program::start(moved.path(), &[], &[]).await.unwrap().kill();

    let keyless = TempDir::new().unwrap();
    copy(home.path(), keyless.path(), &["office.db", "gateway.db"]);
    let said = refused(keyless.path(), &[]).await;
    assert!(said.contains("its keys are not those the office began with; copy office.keys"), "{said}");
    copy(home.path(), keyless.path(), &["office.keys"]);
    Program::start(keyless.path(), &[], &[]).await.unwrap().kill();

    let penniless = TempDir::new().unwrap();
    copy(home.path(), penniless.path(), &["office.db", "office.keys"]);
    for settings in [&[][..], &[("TMD_GATEWAY_URL", "http://127.0.0.1:9")]] {
        let said = refused(penniless.path(), settings).await;
        assert!(said.contains("its payment provider is not the one"), "{said}");
        assert!(said.contains("tmd migrate --forget-identity"), "{said}");
    }
    let (status, said) = run(penniless.path(), &[], &["migrate", "--forget-identity"]);
    assert!(status.success(), "{said}");
    Program::start(penniless.path(), &[], &[]).await.unwrap().kill();
    Program::start(penniless.path(), &[], &[]).await.unwrap().kill();
}

/// Two daemons on one database: a sandbox inside of one is not known to the other.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_daemons_that_share_an_office_both_have_its_keys_and_its_provider() {
    let Some(server) = server() else { return };
    let database = Database::new(server.clone()).await;
    let url = database.url();
    let postgres = [("TMD_STORE_BACKEND", "postgres"), ("TMD_STORE_URL", url.as_str())];
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = Program::start(one.path(), &postgres, &[]).await.unwrap();
    let said = refused(two.path(), &postgres).await;
    assert!(said.contains("its keys are not those the office began with"), "{said}");
    assert!(!said.contains("postgres://"), "the database's address is told: {said}");
    copy(one.path(), two.path(), &["office.keys"]);
    let said = refused(two.path(), &postgres).await;
    assert!(said.contains("its payment provider is not the one") && said.contains("gateway.url"), "{said}");
    first.kill();
    Program::start(one.path(), &postgres, &[]).await.unwrap().kill();

    let (database, provider) = (Database::new(server).await, Provider::start(None).await);
    let (url, gateway) = (database.url(), provider.url());
    let with_slash = format!("{gateway}/");
    let settings = |gateway| {
        [("TMD_STORE_BACKEND", "postgres"), ("TMD_STORE_URL", url.as_str()), ("TMD_GATEWAY_URL", gateway)]
    };
    let _first = Program::start(one.path(), &settings(&gateway), &[]).await.unwrap();
    let _second = Program::start(two.path(), &settings(&with_slash), &[]).await.unwrap();
}
