//! Disks that turn read-only or fail under the running program, and are mended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tmapi::ProblemCode;
use tmapi::client::Client;
use tmapi::order::OrderStatus;
use tmcore::EventId;
use tmd::health;

use crate::harness::{client, confirm, eventually, key};
use crate::history::{Call, Told, Witness, check};
use crate::machine::{Program, Surroundings, addresses, autopsy, left_out, open, put_on};

/// A layer between the program and its disk.
struct Layer {
    folder: TempDir,
}

impl Layer {
    /// `None` without a C compiler.
    fn build() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/broken_disk.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("layer.so"))
            .arg(source)
            .arg("-ldl");
        cc.status().is_ok_and(|status| status.success()).then_some(Self { folder })
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    fn surroundings(&self) -> Surroundings {
        let layer = self.folder.path().join("layer.so");
        Surroundings::default()
            .with("LD_PRELOAD", layer.to_str().unwrap())
            .with("BROKEN_DISK", self.control().to_str().unwrap())
    }

    /// From now on every write, or every sync, fails with this number.
    fn fail(&self, how: &str) {
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, how).unwrap();
        fs::rename(fresh, self.control()).unwrap();
    }

    fn mend(&self) {
        fs::remove_file(self.control()).unwrap();
    }
}

async fn purchase(witness: &mut Witness, seat: &str) {
    let Told::Ok(begun) = witness.call(Call::Begin).await else { panic!("{:?}", witness.history) };
    let Told::Ok(held) = witness.call(Call::Confirm(begun.order_id, seat.to_owned(), "tok_ok")).await else {
        panic!("{:?}", witness.history)
    };
    assert_eq!(held.status, OrderStatus::Authorized);
    let Told::Ok(paid) = witness.call(Call::Finalize(begun.order_id)).await else {
        panic!("{:?}", witness.history)
    };
    assert_eq!((paid.status, paid.tickets.len()), (OrderStatus::Finalized, 1));
}

async fn buyer(guest: &Client, event: &EventId) -> Witness {
    let create = tmapi::order::CreateOrder { event_id: event.clone(), session_id: None };
    let begun = guest.create_order(&create, &key()).await.unwrap();
    let buyer = guest.with_token(&begun.access_token.unwrap()).unwrap();
    buyer.cancel(begun.order_id, &key()).await.unwrap();
    Witness::new(buyer, event.clone())
}

/// EROFS and EIO: 503 `storage-failed` with a hint and never 500, while reading goes on; mended, it goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_or_fails_is_told_and_survived() {
    let Some(layer) = Layer::build() else { return left_out("a C compiler (cc)") };
    let data = TempDir::new().unwrap();
    let mut program = Program::start_in(&layer.surroundings(), data.path(), addresses()).await;
    let organiser = program.organiser(&data.path().join("organiser.token"));
    let event = put_on(&organiser, "E1", (6, 10), open()).await;
    let mut witness = buyer(&program.guest(), &event).await;
    for (row, how) in ["30 write", "5 write", "5 sync", "28 write"].into_iter().enumerate() {
        let row = ["A", "B", "C", "D"][row];
        purchase(&mut witness, &format!("{row}-1")).await;
        let Told::Ok(begun) = witness.call(Call::Begin).await else { panic!("{:?}", witness.history) };
        layer.fail(how);
        let expected = if how == "28 write" { ProblemCode::StorageFull } else { ProblemCode::StorageFailed };
        let seat = format!("{row}-2");
        let error = confirm(&witness.buyer, begun.order_id, &[&seat], "tok_ok").await.unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(503), Some(expected)), "{how}: {error}");
        assert!(error.problem().unwrap().hint.is_some() && error.retry_after().is_some());
        eventually("it is not ready", async || health::probe(&program.url).await.is_err()).await;
        let told = client(&program.url, None).event(&event).await.unwrap();
        assert_eq!(told.summary.event_id, event, "reading goes on");
        witness.buyer.order(begun.order_id).await.unwrap();
        layer.mend();
        eventually("it is ready again", async || health::probe(&program.url).await.is_ok()).await;
        let Told::Ok(_) = witness.call(Call::Confirm(begun.order_id, seat, "tok_ok")).await else {
            panic!("{how}: {:?}", witness.history.last())
        };
        let Told::Ok(paid) = witness.call(Call::Finalize(begun.order_id)).await else {
            panic!("{how}: {:?}", witness.history.last())
        };
        assert_eq!(paid.status, OrderStatus::Finalized);
    }
    let log = program.log();
    assert!(log.contains("office.db") && log.contains("its disk failed"), "{log}");
    assert!(log.contains("the store can be written again") && !log.contains("panicked"), "{log}");
    program.kill();
    check(autopsy(data.path()).await.path(), &[witness]).await;
}
