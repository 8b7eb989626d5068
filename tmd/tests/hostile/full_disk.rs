//! Full disks: refused in a sentence, nothing lost, nothing corrupt, and on again without a restart.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tmapi::ProblemCode;
use tmapi::client::{Client, Method};
use tmapi::order::OrderStatus;
use tmd::health;
use tokio::task::JoinSet;

use crate::harness::{PATIENCE, eventually, key};
use crate::history::{Call, Told, Witness, check};
use crate::machine::{Program, SmallDisk, addresses, autopsy, left_out, open, put_on};

const NEEDS_MOUNTS: &str = "a kernel that lets this user mount a tmpfs (`unshare -m`)";
const BUYERS: u8 = 6;

/// What buyers of one sale have in common.
#[derive(Debug, Default)]
struct Sale {
    is_over: AtomicBool,
    bought: AtomicU32,
    refused_for_room: AtomicU32,
}

/// A buyer with a token of their own.
async fn buyer(guest: &Client, event: &tmcore::EventId) -> Client {
    let create = tmapi::order::CreateOrder { event_id: event.clone(), session_id: None };
    let begun = guest.create_order(&create, &key()).await.unwrap();
    let buyer = guest.with_token(&begun.access_token.unwrap()).unwrap();
    buyer.cancel(begun.order_id, &key()).await.unwrap();
    buyer
}

/// Buys one seat after the other. Whatever fails is asked again under the same key, as a client does.
async fn shop(mut witness: Witness, row: char, sale: Arc<Sale>) -> Witness {
    let mut seat = 1;
    while !sale.is_over.load(Ordering::Relaxed) {
        let Told::Ok(begun) = insist(&mut witness, Call::Begin, &sale).await else { continue };
        let order = begun.order_id;
        loop {
            let confirm = Call::Confirm(order, format!("{row}-{seat}"), "tok_ok");
            match insist(&mut witness, confirm, &sale).await {
                Told::Ok(view) if view.status == OrderStatus::Authorized => break,
                _ if sale.is_over.load(Ordering::Relaxed) => return witness,
                // It was this buyer's own already: the provider had said so only after the buyer was answered.
                Told::Refused(ProblemCode::SeatsUnavailable) => seat += 1,
                _ => {}
            }
        }
        if let Told::Ok(view) = insist(&mut witness, Call::Finalize(order), &sale).await
            && view.status == OrderStatus::Finalized
        {
            sale.bought.fetch_add(1, Ordering::Relaxed);
            seat += 1;
        }
    }
    witness
}

async fn insist(witness: &mut Witness, call: Call, sale: &Sale) -> Told {
    let key = key();
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(20));
    loop {
        pause.tick().await;
        match witness.call_with(call.clone(), key.clone()).await {
            Told::Unknown => sale.refused_for_room.fetch_add(1, Ordering::Relaxed),
            Told::Refused(ProblemCode::IdempotencyInFlight) => 0,
            told => return told,
        };
        if sale.is_over.load(Ordering::Relaxed) {
            return Told::Unknown;
        }
    }
}

async fn answer(client: &Client, path: &str) -> (u16, serde_json::Value) {
    let (status, _, body) =
        client.raw(Method::GET, path, tmapi::client::HeaderMap::new(), bytes::Bytes::new()).await.unwrap();
    (status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
}

/// In the middle of a sale the disk is full: 503 `storage-full` with a hint, never 500; reading goes on; `/readyz` and the
/// log tell; with room again it goes on by itself, and nothing that was answered is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_survives_a_full_disk() {
    let Some(disk) = SmallDisk::mount(64) else { return left_out(NEEDS_MOUNTS) };
    let mut program = Program::start_in(&disk.surroundings(), &disk.inside(), addresses()).await;
    let organiser = program.organiser(&disk.path().join("organiser.token"));
    let event = put_on(&organiser, "E1", (BUYERS, 400), open()).await;
    let guest = program.guest();
    let sale = Arc::new(Sale::default());
    let mut shopping = JoinSet::new();
    for row in 0..BUYERS {
        let witness = Witness::new(buyer(&guest, &event).await, event.clone());
        shopping.spawn(shop(witness, char::from(b'A' + row), Arc::clone(&sale)));
    }
    let bought = || sale.bought.load(Ordering::Relaxed);
    for round in 1..=3 {
        let goal = bought() + 10;
        goes_on(&sale, goal, &program).await;
        disk.fill();
        let refused = sale.refused_for_room.load(Ordering::Relaxed);
        eventually("buyers are refused for want of room", async || {
            sale.refused_for_room.load(Ordering::Relaxed) > refused + 20
        })
        .await;
        // Here and there something small finds room all the same.
        let not_ready = Mutex::new(serde_json::Value::Null);
        eventually("it is not ready", async || {
            let (status, told) = answer(&guest, "/readyz").await;
            *not_ready.lock().unwrap() = told;
            status == 503
        })
        .await;
        let told = not_ready.into_inner().unwrap();
        assert_eq!(told["code"], "storage-full", "{told}");
        assert!(told["detail"].as_str().unwrap().contains("no room left"), "{told}");
        assert_eq!(answer(&guest, "/api/events/E1").await.0, 200, "reading goes on");
        assert_eq!(answer(&guest, "/api/events/E1/availability").await.0, 200, "reading goes on");
        let error = guest.join(&event).await.unwrap_err();
        assert_ne!(error.status(), Some(500), "round {round}: {error}");
        disk.clear();
        eventually("it is ready again", async || health::probe(&program.url).await.is_ok()).await;
    }
    let goal = bought() + 10;
    goes_on(&sale, goal, &program).await;
    sale.is_over.store(true, Ordering::Relaxed);
    let witnesses = shopping.join_all().await;
    finish(&witnesses).await;
    program.kill();
    let log = program.log();
    assert!(log.contains("office.db") && log.contains("there is no room left on its disk"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    no_500(&log);
    let found = autopsy(&disk.path()).await;
    check(found.path(), &witnesses).await;
}

/// Waits until so many seats are bought.
async fn goes_on(sale: &Sale, goal: u32, program: &Program) {
    let bought = async || {
        while sale.bought.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, bought()).await;
    assert!(waited.is_ok(), "the sale does not go on: {sale:?} of {goal}\n{}", program.log());
}

/// Waits until nothing of the buyers' is open at the provider.
async fn finish(witnesses: &[Witness]) {
    for witness in witnesses {
        for line in &witness.history {
            let Told::Ok(view) = &line.told else { continue };
            eventually("every payment is settled", async || {
                let now = witness.buyer.order(view.order_id).await.unwrap().status;
                !now.is_with_provider()
            })
            .await;
        }
    }
}

/// The log has a line for every fault of the program.
fn no_500(log: &str) {
    let faults: Vec<_> = log.lines().filter(|line| line.contains("\"status\":500")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// The disk of the provider is full, that of the office is not: what became of the card is not known, and is found out
/// when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_provider_leaves_the_payment_unknown() {
    let (Some(disk), data) = (SmallDisk::mount(4), tempfile::TempDir::new().unwrap()) else {
        return left_out(NEEDS_MOUNTS);
    };
    std::os::unix::fs::symlink(disk.inside().join("gateway.db"), data.path().join("gateway.db")).unwrap();
    let program = Program::start_in(&disk.surroundings(), data.path(), addresses()).await;
    let event = put_on(&program.organiser(&data.path().join("organiser.token")), "E1", (1, 20), open()).await;
    let mut witness = Witness::new(buyer(&program.guest(), &event).await, event);
    // In the midst of a commit as well as before it.
    for (n, room) in (1..).zip([0, 4_096, 8_192, 12_288, 16_384]) {
        let Told::Ok(begun) = witness.call(Call::Begin).await else { panic!("{:?}", witness.history) };
        disk.fill_but(room);
        let confirm = Call::Confirm(begun.order_id, format!("A-{n}"), "tok_ok");
        let Told::Ok(view) = witness.call(confirm.clone()).await else { panic!("{:?}", witness.history) };
        assert!(room > 8_192 || view.status == OrderStatus::Authorizing, "{room}: {view:?}");
        disk.clear();
        let paid = settled(&mut witness, begun.order_id, &confirm).await;
        assert!(matches!(paid, Told::Ok(view) if view.tickets.len() == 1));
    }
    let log = program.log();
    let logged = |folder: &Path| log.contains(&folder.join("gateway.db").display().to_string());
    assert!(logged(&disk.inside()) || logged(data.path()), "the log tells which disk: {log}");
}

/// Waits until it is known what became of the card, and buys.
async fn settled(witness: &mut Witness, order: tmcore::OrderId, confirm: &Call) -> Told {
    eventually("the resolver finds out", async || {
        let now = witness.buyer.order(order).await.unwrap().status;
        matches!(now, OrderStatus::Pending | OrderStatus::Authorized)
    })
    .await;
    loop {
        match witness.call(confirm.clone()).await {
            Told::Ok(view) if view.status == OrderStatus::Authorized => {
                return witness.call(Call::Finalize(order)).await;
            }
            Told::Ok(_) | Told::Unknown => {}
            told @ Told::Refused(_) => panic!("{told:?}"),
        }
    }
}

/// With a full disk it does not start, and says why.
#[tokio::test]
async fn a_full_disk_is_told_at_the_start() {
    let Some(disk) = SmallDisk::mount(1) else { return left_out(NEEDS_MOUNTS) };
    disk.fill();
    let (listen, admin) = addresses();
    let mut command = disk.surroundings().command(&disk.inside());
    command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
    let (code, said) = crate::machine::run(&mut command);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&disk.inside().display().to_string()) && said.contains("room"), "{said}");
    assert!(!Path::new(&disk.path()).join("office.db").exists(), "nothing was begun");
}
