//! Seats: nobody is sold one twice, and nobody keeps one for nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tempfile::TempDir;
use tmapi::ProblemCode;
use tmapi::client::{Client, SeatEvent, SeatState, SeatStates, StreamItem};
use tmapi::event::{EventPatch, SeatTotals};
use tmapi::order::OrderStatus;
use tmcore::payment::Operation;
use tmcore::{EventId, Timestamp};
use tmd::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::harness::{Daemon, PATIENCE, eventually, key, quick, seats};
use crate::till::{Purchase, of, open, pay, refusal, unswept};

const HELD: SeatTotals = SeatTotals { available: 8, reserved: 2, sold: 0, blocked: 0 };
const FREE: SeatTotals = SeatTotals { available: 10, reserved: 0, sold: 0, blocked: 0 };
/// How much later than its time an end may show (S6).
const GRACE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn s1_the_schema_too_forbids_a_second_ticket_for_a_seat() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let first = Purchase::begin(&daemon.client(), &event).await;
    first.confirm(&["A-1"], "tok_ok").await.unwrap();
    first.finalize().await.unwrap();
    let second = sqlx::query(
        "INSERT INTO tickets (ticket_id, event_id, seat_index, order_id, user_id, code, state, issued_at)
         SELECT 'another', event_id, seat_index, order_id, user_id, code, state, issued_at FROM tickets",
    );
    let error = second.execute(&daemon.db).await.unwrap_err();
    assert!(error.as_database_error().unwrap().is_unique_violation(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_a_seat_that_is_held_pinned_or_sold_is_nobody_elses() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (owner, rival) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    owner.confirm(&["A-1"], "tok_ok").await.unwrap();
    let held = daemon.seat_rows().await;
    assert_eq!(refusal(rival.confirm(&["A-1"], "tok_ok").await), (409, ProblemCode::SeatsUnavailable));
    assert_eq!(daemon.seat_rows().await, held);
    owner.finalize().await.unwrap();
    assert_eq!(refusal(rival.confirm(&["A-1"], "tok_ok").await), (409, ProblemCode::SeatsUnavailable));
    assert_eq!((daemon.seats_of(owner.order).await, daemon.seats_of(rival.order).await), (1, 0));
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_a_basket_is_held_whole_or_not_at_all_and_the_refusal_lists_the_taken_seats() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (owner, rival) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    owner.confirm(&["A-4", "A-2"], "tok_ok").await.unwrap();
    let before = daemon.seat_rows().await;
    let error = rival.confirm(&["A-5", "A-4", "A-3", "A-2", "A-1"], "tok_ok").await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.code), (409, ProblemCode::SeatsUnavailable));
    let mut taken = problem.seats.clone();
    taken.sort();
    assert_eq!(taken, seats(&["A-2", "A-4"]));
    assert_eq!(daemon.seat_rows().await, before, "nothing was held");
    assert_eq!(daemon.payments(rival.order).await, [], "nothing was asked of the provider");
    let view = rival.view().await;
    assert_eq!((view.status, view.seats.len(), view.total.amount), (OrderStatus::Pending, 0, 0));
    let held = rival.confirm(&["A-5", "A-3", "A-1"], "tok_ok").await.unwrap();
    assert_eq!((held.status, held.seats.len(), held.total.amount), (OrderStatus::Authorized, 3, 3_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_seats_that_nobody_may_ask_for_are_named_and_nothing_is_held() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    for (asked, named) in
        [(&["A-1", "Z-9", "A-2"][..], &["Z-9"][..]), (&["A-1", "A-2", "A-1"], &["A-1"]), (&[], &[])]
    {
        let error = buyer.confirm(asked, "tok_ok").await.unwrap_err();
        let problem = error.problem().unwrap();
        assert_eq!((problem.status, problem.code), (422, ProblemCode::InvalidSeats), "{asked:?}");
        assert_eq!(problem.seats, seats(named), "{asked:?}");
    }
    assert_eq!(daemon.seats_of(buyer.order).await, 0);
    assert_eq!(daemon.state(buyer.order).await, "PENDING");
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_an_expired_hold_is_free_to_the_next_buyer() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (late, next) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    late.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    assert_eq!(refusal(next.confirm(&["A-2"], "tok_ok").await).0, 409);
    daemon.lapse(late.order).await;
    assert_eq!(daemon.state(late.order).await, "AUTHORIZED", "nobody wrote the end down");
    assert_eq!(next.confirm(&["A-2"], "tok_ok").await.unwrap().status, OrderStatus::Authorized);
    let view = late.view().await;
    assert_eq!((view.status, view.seats.len()), (OrderStatus::Expired, 0));
    assert_eq!(refusal(late.finalize().await), (410, ProblemCode::OrderExpired));
    assert_eq!(next.finalize().await.unwrap().tickets.len(), 1);
    assert_eq!(refusal(late.confirm(&["A-3"], "tok_ok").await), (410, ProblemCode::OrderExpired));
    assert_eq!(refusal(late.cancel().await), (410, ProblemCode::OrderExpired));
    let again = late.again(&event).await;
    assert_eq!(again.confirm(&["A-1"], "tok_ok").await.unwrap().status, OrderStatus::Authorized);
    daemon.check_money().await;
}

/// A clock that is wrong by an hour.
struct Wrong(SystemClock, i64);

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.now().as_millis() + self.1)
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_the_programs_own_clock_decides_nothing() {
    for wrong_by_millis in [-3_600_000, 3_600_000] {
        let clock = Arc::new(Wrong(SystemClock::new(), wrong_by_millis));
        let daemon = Daemon::start_at(quick(), TempDir::new().unwrap(), clock).await;
        let event = daemon.open_event("E1", 1, 10).await;
        let buyer = async || {
            // Credentials are checked by the machine's clock, so the wrong one must not date them.
            let user = daemon.client().create_order(&of(&event), &key()).await.unwrap();
            let token = daemon.office.access.issue(user.user_id, SystemClock::new().now()).unwrap();
            Purchase { buyer: daemon.client().with_token(&token).unwrap(), order: user.order_id }
        };
        let (holder, late) = (buyer().await, buyer().await);
        holder.confirm(&["A-1"], "tok_ok").await.unwrap();
        late.confirm(&["A-2"], "tok_ok").await.unwrap();
        daemon.lapse(late.order).await;
        assert_eq!(buyer().await.confirm(&["A-2"], "tok_ok").await.unwrap().status, OrderStatus::Authorized);
        assert_eq!(refusal(late.finalize().await), (410, ProblemCode::OrderExpired));
        assert_eq!(refusal(buyer().await.confirm(&["A-1"], "tok_ok").await).0, 409);
        assert_eq!(holder.finalize().await.unwrap().status, OrderStatus::Finalized);
        daemon.check_money().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_counts_are_true_without_a_sweeper() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    assert_eq!(daemon.office.availability(&event).await.unwrap().unwrap().totals(), [8, 2, 0, 0]);
    daemon.lapse(buyer.order).await;
    assert_eq!(daemon.office.availability(&event).await.unwrap().unwrap().totals(), [10, 0, 0, 0]);
    let shown = tokio::time::timeout(GRACE, shown_everywhere(&daemon, &event, FREE));
    shown.await.expect("every read path shows the seats as free");
    assert_eq!(daemon.state(buyer.order).await, "AUTHORIZED", "nobody wrote the end down");
}

/// Every read path but the stream.
async fn shown_everywhere(daemon: &Daemon, event: &EventId, totals: SeatTotals) {
    let client = daemon.client();
    eventually("availability", async || client.availability(event).await.unwrap().totals == totals).await;
    eventually("the event", async || client.event(event).await.unwrap().summary.seats == totals).await;
    eventually("the events", async || {
        client.events(None, None).await.unwrap().items.iter().all(|event| event.seats == totals)
    })
    .await;
    eventually("the sale", async || daemon.organiser.sale(event).await.unwrap().seats == totals).await;
    let availability = client.availability(event).await.unwrap();
    let mut bits = SeatStates::unpack(&availability).unwrap().as_slice().to_vec();
    bits.retain(|state| *state == SeatState::Available);
    assert_eq!(bits.len(), usize::try_from(totals.available).unwrap());
}

/// Follows the stream of seats as a client does, until as many are to be had.
async fn followed(client: Client, event: EventId, available: usize) {
    let mut stream = client.seat_stream(&event);
    let mut states = None;
    while let Some(item) = stream.next().await {
        match item.unwrap() {
            StreamItem::Event(SeatEvent::Snapshot(view)) => {
                states = Some(SeatStates::unpack(&view).unwrap());
            }
            StreamItem::Event(SeatEvent::Delta(delta)) => states.as_mut().unwrap().apply(&delta).unwrap(),
            StreamItem::State(_) => {}
        }
        let count = |states: &SeatStates| {
            states.as_slice().iter().filter(|state| **state == SeatState::Available).count()
        };
        if states.as_ref().map(count) == Some(available) {
            return;
        }
    }
    panic!("the stream ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn s6_seats_of_an_unfinished_order_are_shown_free_within_two_seconds_of_their_end() {
    for config in [quick(), unswept()] {
        let daemon = Daemon::start_with(config).await;
        let ttl = EventPatch { hold_ttl_seconds: Some(1), ..EventPatch::default() };
        let event = daemon.event("E1", 1, 10, open(ttl)).await;
        let mut streams = JoinSet::new();
        let buyer = Purchase::begin(&daemon.client(), &event).await;
        buyer.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
        streams.spawn(followed(daemon.client(), event.clone(), 10));
        let all = async {
            shown_everywhere(&daemon, &event, FREE).await;
            eventually("the order", async || buyer.view().await.status == OrderStatus::Expired).await;
            streams.join_next().await.unwrap().unwrap();
        };
        tokio::time::timeout(Duration::from_secs(1) + GRACE, all).await.expect("free on every read path");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s6_a_hold_shows_on_every_read_path() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let mut streams = JoinSet::new();
    streams.spawn(followed(daemon.client(), event.clone(), 8));
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    tokio::time::timeout(PATIENCE, shown_everywhere(&daemon, &event, HELD)).await.unwrap();
    tokio::time::timeout(PATIENCE, streams.join_next()).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_a_late_step_of_an_order_that_lost_its_seat_changes_nothing() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (zombie, owner) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    zombie.confirm(&["A-1", "A-2"], "tok_ok").await.unwrap();
    daemon.lapse(zombie.order).await;
    owner.confirm(&["A-1"], "tok_ok").await.unwrap();
    // As a worker that was paused sees it: its own order looks as good as before.
    daemon
        .write(format!(
            "UPDATE orders SET expires_at = expires_at + 600000 WHERE order_id = '{}'",
            zombie.order
        ))
        .await;
    let before = daemon.seat_rows().await;
    assert_eq!(refusal(zombie.finalize().await), (409, ProblemCode::FenceLost));
    assert_eq!(daemon.seat_rows().await, before);
    assert_eq!(daemon.state(zombie.order).await, "AUTHORIZED");
    assert_eq!(daemon.done_for(zombie.order).await, [(Operation::Authorize, true)], "no capture");
    zombie.cancel().await.unwrap();
    assert_eq!(daemon.seats_of(owner.order).await, 1, "its end takes nobody else's seat");
    assert_eq!(owner.finalize().await.unwrap().tickets.len(), 1);
    daemon.check_money().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_a_write_under_an_old_fence_changes_no_row() {
    let daemon = Daemon::start_with(unswept()).await;
    let event = daemon.open_event("E1", 1, 10).await;
    let guest = daemon.client();
    let (pinning, releasing) = (Purchase::begin(&guest, &event).await, Purchase::begin(&guest, &event).await);
    pinning.confirm(&["A-1"], "tok_ok").await.unwrap();
    releasing.confirm(&["A-2"], "tok_ok").await.unwrap();
    // The same orders hold the same seats, by a later step.
    daemon.write("UPDATE seat_inventory SET version = version + 100 WHERE status = 1".to_owned()).await;
    let before = daemon.seat_rows().await;
    assert_eq!(refusal(pinning.finalize().await), (409, ProblemCode::FenceLost));
    assert_eq!(releasing.cancel().await.unwrap().status, OrderStatus::Cancelled);
    assert_eq!(daemon.seat_rows().await, before);
    assert_eq!(daemon.done_for(pinning.order).await, [(Operation::Authorize, true)], "no capture");
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_a_sale_under_an_old_fence_sells_nothing() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let buyer = Purchase::begin(&daemon.client(), &event).await;
    buyer.confirm(&["A-1"], "tok_capture_lost").await.unwrap();
    assert_eq!(buyer.finalize().await.unwrap().status, OrderStatus::Capturing);
    daemon.write("UPDATE seat_inventory SET version = version + 100 WHERE status = 2".to_owned()).await;
    let before = daemon.seat_rows().await;
    // Asked for again under a new key, the provider says that the money is taken; the seats are not the order's.
    assert_eq!(refusal(buyer.finalize().await), (409, ProblemCode::FenceLost));
    assert_eq!(daemon.seat_rows().await, before);
    // M9: the money goes back by itself, and no ticket is ever printed.
    eventually("the money is back", async || daemon.state(buyer.order).await == "REFUNDED").await;
    assert_eq!(
        daemon.done_for(buyer.order).await,
        [(Operation::Authorize, true), (Operation::Capture, true), (Operation::Refund, true)]
    );
    assert_eq!(daemon.count("SELECT COUNT(*) FROM tickets").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_a_request_that_finds_the_database_locked_is_told_so_within_two_seconds() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 1, 10).await;
    let mut buyers = Vec::new();
    for _ in 0..6 {
        buyers.push(Purchase::begin(&daemon.client(), &event).await);
    }
    let blocker = daemon.block_writes().await;
    let mut answers = JoinSet::new();
    // One after the other, so that some find the writer taken and others a batch before them.
    for (n, buyer) in (0..).zip(&buyers) {
        let (client, order) = (buyer.buyer.clone(), buyer.order);
        answers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(n * 130)).await;
            let began = SystemClock::new();
            let error = client.confirm(order, &pay(&["A-1"], "tok_ok"), &key()).await.unwrap_err();
            (error, began.monotonic())
        });
    }
    for (error, waited) in answers.join_all().await {
        assert_eq!((error.status(), error.code()), (Some(503), Some(ProblemCode::Busy)));
        assert!(error.retry_after().is_some_and(|after| after > Duration::ZERO));
        assert!(waited < Duration::from_millis(2_300), "told after {waited:?}");
    }
    blocker.rollback().await.unwrap();
    for buyer in &buyers {
        assert_eq!(
            (daemon.state(buyer.order).await.as_str(), daemon.seats_of(buyer.order).await),
            ("PENDING", 0)
        );
    }
    assert_eq!(daemon.count("SELECT COUNT(*) FROM payments").await, 0);
    let buyer = &buyers[0];
    eventually("the lock is gone", async || buyer.confirm(&["A-1"], "tok_ok").await.is_ok()).await;
    daemon.check_money().await;
}
