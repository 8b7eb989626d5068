//! Clocks that are set under the running program.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use tmapi::ProblemCode;
use tmapi::client::Client;
use tmapi::event::EventPatch;
use tmapi::order::{CreateOrder, OrderStatus};
use tmapi::session::SessionStatus;
use tmcore::{EventId, SessionId};

use crate::harness::{client, confirm, eventually, key, until};
use crate::history::{Call, Told, Witness, check};
use crate::machine::{Program, Surroundings, addresses, autopsy, left_out, open, put_on};

const NEEDS: &str = "libfaketime (package libfaketime)";

/// The machine's clock, as the program sees it.
struct MachineClock {
    library: PathBuf,
    folder: TempDir,
}

impl MachineClock {
    /// `None` without the library.
    fn find() -> Option<Self> {
        let places = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
        let library = places
            .map(|place| place.join("faketime/libfaketimeMT.so.1"))
            .chain([PathBuf::from("/usr/lib/faketime/libfaketimeMT.so.1")])
            .find(|library| library.exists())?;
        let clock = Self { library, folder: TempDir::new().unwrap() };
        clock.set("+0s");
        Some(clock)
    }

    /// So far from the true time, from now on.
    fn set(&self, offset: &str) {
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, format!("{offset}\n")).unwrap();
        fs::rename(fresh, self.folder.path().join("offset")).unwrap();
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings::default()
            .with("LD_PRELOAD", self.library.to_str().unwrap())
            .with("FAKETIME_TIMESTAMP_FILE", self.folder.path().join("offset").to_str().unwrap())
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("DONT_FAKE_MONOTONIC", "1")
    }
}

/// The office of these tests: one event with a line, one where everybody may order at once, one with short holds.
struct Office {
    program: Program,
    queued: EventId,
    open: EventId,
    brief: EventId,
    witness: Witness,
    inside: Vec<(Client, SessionId)>,
    waiting: Vec<(Client, SessionId)>,
    seat: u32,
}

impl Office {
    async fn open(clock: &MachineClock, data: &TempDir) -> Self {
        let program = Program::start_in(&clock.surroundings(), data.path(), addresses()).await;
        let organiser = program.organiser(&data.path().join("organiser.token"));
        let narrow =
            EventPatch { capacity: Some(2), admissions_per_minute: Some(600), ..EventPatch::default() };
        let queued = put_on(&organiser, "E1", (2, 10), narrow).await;
        let free = put_on(&organiser, "E2", (1, 400), open()).await;
        let brief = EventPatch { hold_ttl_seconds: Some(30), ..open() };
        let brief = put_on(&organiser, "E3", (1, 400), brief).await;
        let guest = program.guest();
        let create = CreateOrder { event_id: free.clone(), session_id: None };
        let begun = guest.create_order(&create, &key()).await.unwrap();
        let buyer = guest.with_token(&begun.access_token.unwrap()).unwrap();
        buyer.cancel(begun.order_id, &key()).await.unwrap();
        let witness = Witness::new(buyer, free.clone());
        let (inside, waiting) = (Vec::new(), Vec::new());
        let mut office = Self { program, queued, open: free, brief, witness, inside, waiting, seat: 0 };
        office.queue().await;
        office
    }

    /// Six buyers: two are let in, four wait.
    async fn queue(&mut self) {
        for n in 0..6 {
            let joined = self.program.guest().join(&self.queued).await.unwrap();
            let buyer = self.program.guest().with_token(&joined.access_token.unwrap()).unwrap();
            let session = joined.session.session_id;
            if n < 2 {
                until(&buyer, session, SessionStatus::Active).await;
                self.inside.push((buyer, session));
            } else {
                self.waiting.push((buyer, session));
            }
        }
    }

    fn next_seat(&mut self) -> String {
        self.seat += 1;
        format!("A-{}", self.seat)
    }

    async fn hold(&mut self) -> tmcore::OrderId {
        let seat = self.next_seat();
        let Told::Ok(begun) = self.witness.call(Call::Begin).await else {
            panic!("{:?}", self.witness.history)
        };
        let told = self.witness.call(Call::Confirm(begun.order_id, seat, "tok_ok")).await;
        assert!(matches!(told, Told::Ok(view) if view.status == OrderStatus::Authorized));
        begun.order_id
    }

    async fn pay(&mut self, order: tmcore::OrderId) {
        let Told::Ok(paid) = self.witness.call(Call::Finalize(order)).await else {
            panic!("{:?}", self.witness.history.last())
        };
        assert_eq!((paid.status, paid.tickets.len()), (OrderStatus::Finalized, 1));
    }

    /// What has to hold right after the clock was set: nobody lost a place or a hold, and no credential went bad.
    async fn nothing_is_lost(&mut self, held: tmcore::OrderId) {
        for (place, (buyer, session)) in (1..).zip(&self.waiting) {
            let view = buyer.session(*session).await.unwrap();
            assert_eq!((view.status, view.position), (SessionStatus::Waiting, Some(place)));
        }
        for (buyer, session) in &self.inside {
            assert_eq!(buyer.session(*session).await.unwrap().status, SessionStatus::Active);
        }
        let seat = format!("A-{}", self.seat);
        let other = self.program.guest();
        let create = CreateOrder { event_id: self.open.clone(), session_id: None };
        let rival = other.create_order(&create, &key()).await.unwrap();
        let other = other.with_token(&rival.access_token.unwrap()).unwrap();
        let refused = confirm(&other, rival.order_id, &[&seat], "tok_ok").await.unwrap_err();
        assert_eq!(refused.code(), Some(ProblemCode::SeatsUnavailable), "the hold is a hold");
        other.cancel(rival.order_id, &key()).await.unwrap();
        self.pay(held).await;
    }

    /// What has to go on: buying, admissions, and the end of what nobody finishes.
    async fn time_goes_on(&mut self) {
        let order = self.hold().await;
        self.pay(order).await;
        let (gone, session) = self.inside.remove(0);
        gone.leave(session).await.unwrap();
        let (next, session) = self.waiting.remove(0);
        until(&next, session, SessionStatus::Active).await;
        self.inside.push((next, session));
        let joined = self.program.guest().join(&self.queued).await.unwrap();
        let buyer = self.program.guest().with_token(&joined.access_token.unwrap()).unwrap();
        self.waiting.push((buyer, joined.session.session_id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_by_an_hour_costs_nobody_anything() {
    let Some(clock) = MachineClock::find() else { return left_out(NEEDS) };
    let data = TempDir::new().unwrap();
    let mut office = Office::open(&clock, &data).await;
    for offset in ["+3600s", "+0s", "-3600s", "+0s"] {
        let held = office.hold().await;
        clock.set(offset);
        let told = office.program.guest().event(&office.open).await.unwrap();
        assert_eq!(told.summary.event_id, office.open);
        office.nothing_is_lost(held).await;
        office.time_goes_on().await;
    }
    // Set back while nobody runs: time goes on from the last instant on record.
    clock.set("+3600s");
    let held = office.hold().await;
    office.program.kill();
    clock.set("-3600s");
    let address = office.program.url.strip_prefix("http://").unwrap().parse().unwrap();
    office.program = Program::start_in(&clock.surroundings(), data.path(), (address, addresses().1)).await;
    office.nothing_is_lost(held).await;
    office.time_goes_on().await;
    let log = office.program.log();
    assert!(log.contains("the machine's clock was set") && !log.contains("panicked"), "{log}");
    office.program.kill();
    check(autopsy(data.path()).await.path(), &[office.witness]).await;
}

/// No hold is for ever: it ends after no more than twice its time, whichever way the clock was set; then the money is let
/// go, and its seat is another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_however_the_clock_is_set() {
    let Some(clock) = MachineClock::find() else { return left_out(NEEDS) };
    let data = TempDir::new().unwrap();
    let mut office = Office::open(&clock, &data).await;
    office.witness.event = office.brief.clone();
    for offset in ["-3600s", "+3600s"] {
        let order = office.hold().await;
        let seat = format!("A-{}", office.seat);
        let db = crate::harness::database(data.path()).await;
        // Three seconds are left of it.
        for sql in [
            "UPDATE orders SET expires_at = expires_at - 27000 WHERE state = 'AUTHORIZED'",
            "UPDATE seat_inventory SET reserved_until = reserved_until - 27000 WHERE status = 1",
        ] {
            sqlx::query(sql).execute(&db).await.unwrap();
        }
        db.close().await;
        clock.set(offset);
        let other = client(&office.program.url, None);
        let create = CreateOrder { event_id: office.brief.clone(), session_id: None };
        let rival = other.create_order(&create, &key()).await.unwrap();
        let other = other.with_token(&rival.access_token.unwrap()).unwrap();
        eventually("the seat is free", async || {
            confirm(&other, rival.order_id, &[&seat], "tok_ok").await.is_ok()
        })
        .await;
        assert!(matches!(
            office.witness.call(Call::Finalize(order)).await,
            Told::Refused(ProblemCode::OrderExpired)
        ));
        other.finalize(rival.order_id, &key()).await.unwrap();
    }
    eventually("the money is let go", async || {
        let db = crate::harness::database(data.path()).await;
        let open = "SELECT COUNT(*) FROM payments WHERE state IN ('INTENT', 'SENT', 'UNKNOWN')";
        let open: i64 = sqlx::query_scalar(open).fetch_one(&db).await.unwrap();
        db.close().await;
        open == 0
    })
    .await;
    office.program.kill();
    check(autopsy(data.path()).await.path(), &[office.witness]).await;
}
