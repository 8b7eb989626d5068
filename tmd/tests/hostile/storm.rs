//! SIGKILL at random moments of a storm, many times over: the history that the clients kept against the files.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tmapi::ProblemCode;
use tmapi::client::Client;
use tmapi::event::EventPatch;
use tmapi::order::{CreateOrder, OrderStatus};
use tmcore::EventId;
use tokio::task::JoinSet;

use crate::harness::{Dice, database, eventually, key};
use crate::history::{Call, Told, Witness, answered, check};
use crate::machine::{Program, Surroundings, addresses, autopsy, open, put_on};

const ROUNDS: usize = 10;
const BUYERS: usize = 8;

/// A buyer of the storm: what is to be asked next, and the cards to try.
struct Stormer {
    witness: Witness,
    row: char,
    seat: usize,
    next: (Call, String),
    dice: Dice,
}

impl Stormer {
    /// Asks until the program is gone.
    async fn rage(mut self, answered: Arc<AtomicUsize>) -> Self {
        while self.ask().await {
            answered.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// Asks again for what was not answered, until it is.
    async fn finish(mut self) -> Self {
        let (_, unanswered) = self.next.clone();
        let mut again = tokio::time::interval(Duration::from_millis(100));
        while self.next.1 == unanswered {
            again.tick().await;
            self.ask().await;
        }
        self
    }

    /// Asks once; answers whether there was an answer.
    async fn ask(&mut self) -> bool {
        let (call, asked) = self.next.clone();
        match self.witness.call_with(call.clone(), asked).await {
            Told::Unknown => return false,
            Told::Refused(ProblemCode::IdempotencyInFlight) => {}
            Told::Refused(_) => self.after_refusal(&call),
            Told::Ok(view) => self.after(&call, view.order_id, view.status),
        }
        true
    }

    fn after(&mut self, call: &Call, order: tmcore::OrderId, status: OrderStatus) {
        let next = match (call, status) {
            (Call::Begin, _) => Call::Confirm(order, self.seat(), self.card()),
            (Call::Confirm(..), OrderStatus::Authorized) if self.dice.below(5) == 0 => Call::Cancel(order),
            // Where the provider has not said yet the order is asked about again.
            (Call::Confirm(..), _) | (Call::Finalize(_), OrderStatus::Capturing) => Call::Finalize(order),
            _ => Call::Begin,
        };
        self.next = (next, key());
    }

    fn after_refusal(&mut self, call: &Call) {
        let next = match call {
            Call::Confirm(order, ..) | Call::Finalize(order) => Call::Cancel(*order),
            // An order that is being authorized cannot be begun anew; giving up is tried until it is over.
            Call::Cancel(_) | Call::Begin => Call::Begin,
        };
        self.next = (next, key());
    }

    fn seat(&mut self) -> String {
        self.seat += 1;
        format!("{}-{}", self.row, self.seat)
    }

    fn card(&mut self) -> &'static str {
        ["tok_ok", "tok_ok", "tok_ok", "tok_declined", "tok_lost_answer"][self.dice.below(5)]
    }
}

/// Joins until the program is gone; the places that were answered.
async fn join(guest: Client, event: EventId) -> Vec<String> {
    let mut places = Vec::new();
    while let Ok(joined) = guest.join(&event).await {
        places.push(joined.session.session_id.to_string());
    }
    places
}

async fn stormers(guest: &Client, event: &EventId) -> Vec<Stormer> {
    let mut stormers = Vec::new();
    for n in 0..BUYERS {
        let create = CreateOrder { event_id: event.clone(), session_id: None };
        let begun = guest.create_order(&create, &key()).await.unwrap();
        let buyer = guest.with_token(&begun.access_token.unwrap()).unwrap();
        buyer.cancel(begun.order_id, &key()).await.unwrap();
        let row = char::from(b'A' + u8::try_from(n).unwrap());
        let (witness, dice) = (Witness::new(buyer, event.clone()), Dice::new(n as u64));
        stormers.push(Stormer { witness, row, seat: 0, next: (Call::Begin, key()), dice });
    }
    stormers
}

async fn start(data: &Path, at: (SocketAddr, SocketAddr)) -> Program {
    Program::start_in(&Surroundings::default(), data, at).await
}

/// D1, D2, I9, M1, M2, M13: every 2xx is there, everything else happened once or not at all, and so says the provider.
#[tokio::test(flavor = "multi_thread")]
async fn d1_killed_at_random_moments_it_remembers_what_it_said() {
    let (data, at) = (TempDir::new().unwrap(), addresses());
    let mut program = start(data.path(), at).await;
    let organiser = program.organiser(&data.path().join("organiser.token"));
    let event = put_on(&organiser, "E1", (u8::try_from(BUYERS).unwrap(), 900), open()).await;
    let narrow = EventPatch { capacity: Some(3), ..EventPatch::default() };
    let queued = put_on(&organiser, "E2", (1, 10), narrow).await;
    let mut crowd = stormers(&program.guest(), &event).await;
    let (mut places, mut dice) = (Vec::new(), Dice::new(7));
    for round in 0..ROUNDS {
        let answers = Arc::new(AtomicUsize::new(0));
        let (mut raging, mut joining) = (JoinSet::new(), JoinSet::new());
        for stormer in crowd.drain(..) {
            raging.spawn(stormer.rage(Arc::clone(&answers)));
        }
        for _ in 0..3 {
            joining.spawn(join(program.guest(), queued.clone()));
        }
        // However fast the machine is, it is killed in the middle of something.
        let enough = 30 + dice.below(60);
        eventually("some are answered", async || answers.load(Ordering::Relaxed) > enough).await;
        tokio::time::sleep(Duration::from_micros(u64::try_from(dice.below(20_000)).unwrap())).await;
        program.kill();
        crowd = raging.join_all().await;
        places.extend(joining.join_all().await.into_iter().flatten());
        let found = autopsy(data.path()).await;
        answered(found.path(), crowd.iter().map(|stormer| &stormer.witness)).await;
        let db = database(found.path()).await;
        let known: Vec<String> =
            sqlx::query_scalar("SELECT session_id FROM sessions").fetch_all(&db).await.unwrap();
        let known: std::collections::HashSet<_> = known.into_iter().collect();
        assert!(places.iter().all(|place| known.contains(place)), "round {round}: an answered place is lost");
        db.close().await;
        program = start(data.path(), at).await;
        let mut finishing = JoinSet::new();
        for stormer in crowd.drain(..) {
            finishing.spawn(stormer.finish());
        }
        crowd = finishing.join_all().await;
    }
    let db = database(data.path()).await;
    eventually("every payment is settled", async || {
        let open = "SELECT (SELECT COUNT(*) FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN'))
                         + (SELECT COUNT(*) FROM orders WHERE state IN ('AUTHORIZING', 'CAPTURING'))";
        sqlx::query_scalar::<_, i64>(open).fetch_one(&db).await.unwrap() == 0
    })
    .await;
    db.close().await;
    program.kill();
    let witnesses: Vec<_> = crowd.into_iter().map(|stormer| stormer.witness).collect();
    let lines = || witnesses.iter().flat_map(|witness| &witness.history);
    let count = |wanted: fn(&Told) -> bool| lines().filter(|line| wanted(&line.told)).count();
    let sold = count(|told| matches!(told, Told::Ok(view) if view.status == OrderStatus::Finalized));
    let mut refusals = std::collections::BTreeMap::new();
    for line in lines() {
        if let Told::Refused(code) = &line.told {
            *refusals.entry(code.as_str()).or_insert(0) += 1;
        }
    }
    let (unknown, refused) =
        (count(|told| matches!(told, Told::Unknown)), count(|told| matches!(told, Told::Refused(_))));
    println!(
        "{} calls: {sold} sold, {refused} refused {refusals:?}, {unknown} unknown; {} joins",
        lines().count(),
        places.len()
    );
    assert!(sold >= ROUNDS * 5 && unknown >= ROUNDS && places.len() >= ROUNDS * 10, "a storm it was not");
    check(autopsy(data.path()).await.path(), &witnesses).await;
}
