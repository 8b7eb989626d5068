//! The way from the waiting room to the ticket.

use tmapi::event::EventPatch;
use tmapi::order::{CreateOrder, OrderStatus};
use tmapi::session::SessionStatus;
use tmapi::ticket::{CheckTicket, TicketVerdict};

use crate::harness::{Daemon, confirm, key, until};

/// M7, W10, one ticket a seat.
#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_ends_with_one_good_ticket_a_seat() {
    let daemon = Daemon::start().await;
    let event = daemon.event("E1", 2, 10, EventPatch::default()).await;
    let (buyer, session) = daemon.join(&event).await;
    until(&buyer, session.session_id, SessionStatus::Active).await;
    let create = CreateOrder { event_id: event.clone(), session_id: Some(session.session_id) };
    let order = buyer.create_order(&create, &key()).await.unwrap();
    assert_eq!(order.status, OrderStatus::Pending);
    let held = confirm(&buyer, order.order_id, &["A-1", "A-2"], "tok_ok").await.unwrap();
    assert_eq!((held.status, held.total.amount), (OrderStatus::Authorized, 2_000));
    let paid = buyer.finalize(order.order_id, &key()).await.unwrap();
    assert_eq!((paid.status, paid.tickets.len()), (OrderStatus::Finalized, 2));
    for ticket in &paid.tickets {
        assert!(ticket.code.len() <= 61);
        let check = daemon.organiser.check_ticket(&CheckTicket { code: ticket.code.clone() }).await.unwrap();
        assert_eq!(check.verdict, TicketVerdict::Valid);
    }
    until(&buyer, session.session_id, SessionStatus::Done).await;
    daemon.check_invariants().await;
}
