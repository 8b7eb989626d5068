//! What survives the end of the daemon, told or not.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::AnyPool;
use tempfile::TempDir;
use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError, SaleAction};
use tmapi::event::{EventPatch, ImportSeatingPlan, WaitingRoomMode};
use tmapi::order::{CreateOrder, OrderStatus, OrderView};
use tmapi::session::SessionStatus;
use tmcore::{EventId, OrderId};
use tmd::health;
use tokio::task::JoinSet;

use crate::harness::{
    Daemon, check_invariants, client, confirm, database, event_id, eventually, key, plan, quick, until,
};
use crate::till::{of, pay};

fn narrow(capacity: u32) -> EventPatch {
    EventPatch { capacity: Some(capacity), admissions_per_minute: Some(1_000_000), ..EventPatch::default() }
}

/// D1, W9: after a restart everybody is where they were, in line and inside, and goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn d1_everybody_goes_on_where_they_were() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 1, 10, EventPatch { lapse_seconds: Some(3), ..narrow(2) }).await;
    let mut tokens = Vec::new();
    for _ in 0..12 {
        let joined = daemon.client().join(&event).await.unwrap();
        tokens.push((joined.access_token.unwrap(), joined.session.session_id));
    }
    let of_guest = |daemon: &Daemon, n: usize| daemon.client().with_token(&tokens[n].0).unwrap();
    for (n, (_, session)) in tokens[..2].iter().enumerate() {
        until(&of_guest(&daemon, n), *session, SessionStatus::Active).await;
    }
    for n in [3, 7, 8] {
        of_guest(&daemon, n).leave(tokens[n].1).await.unwrap();
    }
    let buyer = of_guest(&daemon, 0);
    let create = CreateOrder { event_id: event.clone(), session_id: None };
    let order = buyer.create_order(&create, &key()).await.unwrap().order_id;
    confirm(&buyer, order, &["A-1", "A-2"], "tok_ok").await.unwrap();
    let mut before = Vec::new();
    for (n, (_, session)) in tokens.iter().enumerate() {
        before.push(of_guest(&daemon, n).session(*session).await.unwrap());
    }
    assert_eq!(before[11].position, Some(7));
    let data = daemon.stop().await;
    // While nobody listens nobody can give a sign of life: it must cost no place.
    let db = database(data.path()).await;
    sqlx::query("UPDATE sessions SET seen_at = 0").execute(&db).await.unwrap();
    db.close().await;
    let daemon = Daemon::start_in(quick(), data).await;
    for (n, (_, session)) in tokens.iter().enumerate() {
        let after = of_guest(&daemon, n).session(*session).await.unwrap();
        let told =
            |view: &tmapi::session::SessionView| (view.status, view.position, view.waiting, view.order_id);
        assert_eq!(told(&after), told(&before[n]), "guest {n}");
        assert_eq!((after.expires_at, after.joined_at), (before[n].expires_at, before[n].joined_at));
    }
    let again = of_guest(&daemon, 5).join(&event).await.unwrap();
    assert_eq!(again.session.session_id, tokens[5].1, "the place is known to a new join");
    let paid = of_guest(&daemon, 0).finalize(order, &key()).await.unwrap();
    assert_eq!((paid.status, paid.tickets.len()), (OrderStatus::Finalized, 2));
    until(&of_guest(&daemon, 2), tokens[2].1, SessionStatus::Active).await;
    daemon.check_invariants().await;
}

/// The program itself.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    /// Starts it; it is ready then.
    async fn start(data: &Path, (listen, admin): (SocketAddr, SocketAddr)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tmd"));
        command.env_clear().env("HOME", data).env("TMD_WAITING_ROOM_TICK_MILLISECONDS", "20");
        // Who died in the middle of a request comes back sooner than others would.
        command.env("TMD_CHECKOUT_GATEWAY_TIMEOUT_SECONDS", "1");
        command.env("TMD_CHECKOUT_IDEMPOTENCY_LEASE_SECONDS", "2");
        command.args(["--data-dir", data.to_str().unwrap(), "--listen", &listen.to_string()]);
        command.args(["--admin-listen", &admin.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let url = health::local_url(listen);
        eventually("the program is ready", async || health::probe(&url).await.is_ok()).await;
        Self { child, url }
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// What a buyer asked for last, and under which key.
#[derive(Clone, Debug)]
enum Step {
    Begin(String),
    Confirm(OrderId, String, String),
    Finalize(OrderId, String),
}

/// A buyer who buys one seat after the other.
struct Shopper {
    buyer: Client,
    event: EventId,
    step: Step,
    row: char,
    bought: Vec<OrderView>,
}

impl Shopper {
    /// Takes the step; tells which is next. Asking again under the same key asks for the same.
    async fn walk(&mut self) -> Result<(), ClientError> {
        self.step = match self.step.clone() {
            Step::Begin(begun) => {
                let order = self.buyer.create_order(&of(&self.event), &begun).await?.order_id;
                Step::Confirm(order, format!("{}-{}", self.row, self.bought.len() + 1), key())
            }
            Step::Confirm(order, seat, asked) => {
                self.buyer.confirm(order, &pay(&[&seat], "tok_ok"), &asked).await?;
                Step::Finalize(order, key())
            }
            Step::Finalize(order, asked) => {
                let paid = self.buyer.finalize(order, &asked).await?;
                assert_eq!(paid.status, OrderStatus::Finalized);
                self.bought.push(paid);
                Step::Begin(key())
            }
        };
        Ok(())
    }

    /// Buys until the daemon answers no more.
    async fn until_it_dies(mut self) -> Self {
        loop {
            match self.walk().await {
                Ok(()) => {}
                Err(error) if error.is_inconclusive() => return self,
                Err(error) => panic!("{:?}: {error}", self.step),
            }
        }
    }

    /// Ends what was begun, with the keys it was begun with.
    async fn finish(mut self) -> Self {
        let bought = self.bought.len();
        while self.bought.len() == bought {
            match self.walk().await {
                Ok(()) => {}
                Err(error) if error.code() == Some(ProblemCode::IdempotencyInFlight) => {
                    tokio::time::sleep(error.retry_after().unwrap()).await;
                }
                Err(error) => panic!("{:?}: {error}", self.step),
            }
        }
        self
    }
}

/// Joins one after the other until the daemon answers no more.
async fn join_until_it_dies(
    guest: Client,
    event: EventId,
    joined: Arc<AtomicUsize>,
) -> Vec<(String, String)> {
    let mut places = Vec::new();
    while let Ok(place) = guest.join(&event).await {
        joined.fetch_add(1, Ordering::Relaxed);
        places.push((place.access_token.unwrap(), place.session.session_id.to_string()));
    }
    places
}

const SHOPPERS: u8 = 5;

/// One event with a line, and one where everybody may order at once. Who waits says nothing while others end what was cut
/// off, which takes a lease; the line is not to lapse meanwhile.
async fn put_on_sale(organiser: &Client, queued: &EventId, open: &EventId) {
    let off = EventPatch {
        waiting_room: Some(WaitingRoomMode::Off),
        seats_per_buyer: Some(200),
        ..EventPatch::default()
    };
    for (event, settings) in [(queued, EventPatch { lapse_seconds: Some(10), ..narrow(3) }), (open, off)] {
        let starts_at = Some("2030-01-01T20:00:00Z".parse().unwrap());
        let prices = [("Standard".to_owned(), 1_000)].into_iter().collect();
        let event_patch = EventPatch { starts_at, ..settings };
        let request = ImportSeatingPlan { seating_plan: plan(SHOPPERS, 200), prices, event: event_patch };
        organiser.import(event, &request).await.unwrap();
        organiser.sale_action(event, SaleAction::Open).await.unwrap();
    }
}

async fn nobody_lost_the_place(db: &AnyPool) {
    let ended = "SELECT COUNT(*) FROM sessions WHERE state NOT IN ('WAITING', 'ACTIVE')";
    let ended: i64 = sqlx::query_scalar(ended).fetch_one(db).await.unwrap();
    assert_eq!(ended, 0, "somebody lost the place");
}

/// D1, D2, I9: killed in the middle of joins and orders, the daemon has lost nothing that it answered, and what it did
/// not answer happens once.
#[tokio::test(flavor = "multi_thread")]
async fn d1_killed_at_any_moment_it_keeps_every_place_and_every_order() {
    let data = TempDir::new().unwrap();
    let addresses = (free_address(), free_address());
    let mut program = Program::start(data.path(), addresses).await;
    let token = std::fs::read_to_string(data.path().join("organiser.token")).unwrap();
    let organiser = client(&program.url, Some(token));
    let (queued, open) = (event_id("E1"), event_id("E2"));
    put_on_sale(&organiser, &queued, &open).await;
    let guest = client(&program.url, None);
    let mut shoppers = Vec::new();
    for row in 0..SHOPPERS {
        let begun = guest.create_order(&of(&open), &key()).await.unwrap();
        let buyer = guest.with_token(&begun.access_token.unwrap()).unwrap();
        buyer.cancel(begun.order_id, &key()).await.unwrap();
        let (event, row) = (open.clone(), char::from(b'A' + row));
        shoppers.push(Shopper { buyer, event, step: Step::Begin(key()), row, bought: Vec::new() });
    }
    let mut places = Vec::new();
    for round in 1..=3 {
        let joined = Arc::new(AtomicUsize::new(0));
        let (mut shopping, mut joining) = (JoinSet::new(), JoinSet::new());
        for shopper in shoppers.drain(..) {
            shopping.spawn(shopper.until_it_dies());
        }
        for _ in 0..6 {
            joining.spawn(join_until_it_dies(guest.clone(), queued.clone(), Arc::clone(&joined)));
        }
        eventually("many have joined", async || joined.load(Ordering::Relaxed) > 60 + 13 * round).await;
        program.kill();
        places.extend(joining.join_all().await.into_iter().flatten());
        shoppers = shopping.join_all().await;

        let db = database(data.path()).await;
        let look = "SELECT session_id, place FROM sessions";
        let before: HashMap<String, i64> =
            sqlx::query_as(look).fetch_all(&db).await.unwrap().into_iter().collect();
        assert!(places.iter().all(|(_, session)| before.contains_key(session)), "an answered join is lost");
        // As if it had been down for long.
        sqlx::query("UPDATE sessions SET seen_at = 0").execute(&db).await.unwrap();
        program = Program::start(data.path(), addresses).await;
        let mut finishing = JoinSet::new();
        for shopper in shoppers.drain(..) {
            finishing.spawn(shopper.finish());
        }
        shoppers = finishing.join_all().await;
        let after: HashMap<String, i64> =
            sqlx::query_as(look).fetch_all(&db).await.unwrap().into_iter().collect();
        assert_eq!(after, before, "places moved");
        nobody_lost_the_place(&db).await;
        db.close().await;
    }
    let db = database(data.path()).await;
    let line = "SELECT session_id FROM sessions WHERE state = 'WAITING' ORDER BY place";
    let line: Vec<String> = sqlx::query_scalar(line).fetch_all(&db).await.unwrap();
    let rank: HashMap<_, _> = line.iter().zip(1_u64..).collect();
    for (token, session) in &places {
        let view = guest.with_token(token).unwrap().session(session.parse().unwrap()).await.unwrap();
        assert_eq!(view.position, rank.get(session).copied(), "{session}");
    }
    let mut paid = 0;
    for shopper in &shoppers {
        for bought in &shopper.bought {
            let now = shopper.buyer.order(bought.order_id).await.unwrap();
            assert_eq!((&now.tickets, now.status), (&bought.tickets, OrderStatus::Finalized));
            paid += 1;
        }
    }
    assert!(paid > 5 * 3, "{paid} orders");
    let finalized = "SELECT COUNT(*) FROM orders WHERE state = 'FINALIZED'";
    let finalized: i64 = sqlx::query_scalar(finalized).fetch_one(&db).await.unwrap();
    assert_eq!(finalized, paid, "paid as often as asked");
    check_invariants(&db).await;
}
