//! What a transition asks of the rows. The provider's part is written down here and asked for after the commit (M5).

use sqlx::SqliteConnection;
use tmcore::Timestamp;
use tmcore::order::{Effect, Transition};
use tmcore::payment::{Operation, check_capture};
use tmcore::waiting_room::SessionState;

use super::{Stored, seats};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, NewTicket, OrderOutcome};
use crate::ports::payment::PaymentRecord;
use crate::ports::waiting_room::{Inside, SessionRecord};
use crate::store::sqlite::{failed, json_array, payment, session};

/// What the effects of one transition came to.
#[derive(Default)]
struct Done {
    payment: Option<PaymentRecord>,
    session: Option<SessionRecord>,
    seats_changed: bool,
}

/// Writes the transition and all of its effects. `tickets` are those to be issued should it sell seats.
pub(super) async fn carry_out(
    tx: &mut SqliteConnection,
    before: Stored,
    transition: Transition,
    tickets: &[NewTicket],
    at: Timestamp,
) -> Result<OrderOutcome, CommandRefusal> {
    let from = before.order.state;
    let stored = Stored { order: transition.order, ..before };
    let mut done = Done::default();
    for effect in transition.effects {
        carry_out_one(tx, &stored, effect, tickets, (at, &mut done)).await?;
    }
    stored.write(tx, from, at).await?;
    let record = stored.into_record(tx, at).await?;
    Ok(OrderOutcome {
        record,
        payment: done.payment,
        session: done.session,
        seats_changed: done.seats_changed,
    })
}

async fn carry_out_one(
    tx: &mut SqliteConnection,
    stored: &Stored,
    effect: Effect,
    tickets: &[NewTicket],
    (at, done): (Timestamp, &mut Done),
) -> Result<(), CommandRefusal> {
    let event = &stored.order.parties.event;
    match effect {
        Effect::HoldSeats => {
            seats::hold(tx, stored, at).await?;
            done.seats_changed = true;
        }
        Effect::PinSeats => seats::pin(tx, stored, at).await?,
        Effect::SellSeats => {
            seats::sell(tx, stored, tickets).await?;
            seats::next_fence(tx, event).await?;
            done.seats_changed = true;
        }
        Effect::ReleaseSeats => {
            if seats::release(tx, stored).await? > 0 {
                seats::next_fence(tx, event).await?;
                done.seats_changed = true;
            }
        }
        Effect::IssueTickets => issue(tx, stored, tickets, at).await?,
        Effect::CloseSession => done.session = close_session(tx, stored, at).await?,
        Effect::Authorize => done.payment = Some(authorize(tx, stored, at).await?),
        Effect::Capture => done.payment = Some(capture(tx, stored, at).await?),
        Effect::Void => done.payment = void(tx, stored, at).await?,
    }
    Ok(())
}

async fn issue(
    tx: &mut SqliteConnection,
    stored: &Stored,
    tickets: &[NewTicket],
    at: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<_> = tickets.iter().map(|ticket| (ticket.id, &ticket.seat, &ticket.code)).collect();
    sqlx::query(
        "INSERT INTO tickets (ticket_id, event_id, seat_index, order_id, user_id, code, state, issued_at)
         SELECT t.value ->> 0, ?1, i.seat_index, ?2, ?3, t.value ->> 2, 'VALID', ?4
         FROM json_each(?5) t JOIN seat_inventory i ON i.event_id = ?1 AND i.seat_id = t.value ->> 1",
    )
    .bind(stored.order.parties.event.as_str())
    .bind(stored.order.id.to_string())
    .bind(stored.order.parties.user.to_string())
    .bind(at.as_millis())
    .bind(json_array(&rows)?)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn close_session(
    tx: &mut SqliteConnection,
    stored: &Stored,
    at: Timestamp,
) -> Result<Option<SessionRecord>, StoreError> {
    let Some(id) = stored.order.parties.session else { return Ok(None) };
    let Some(found) = session::load(tx, id).await? else { return Ok(None) };
    if found.state != SessionState::Ordering || found.inside.order != Some(stored.order.id) {
        return Ok(None);
    }
    let inside = Inside { deadline: None, order: found.inside.order };
    session::advance(tx, &found, SessionState::Done, inside, at).await.map(Some)
}

async fn authorize(
    tx: &mut SqliteConnection,
    stored: &Stored,
    at: Timestamp,
) -> Result<PaymentRecord, StoreError> {
    let ask =
        payment::Ask { operation: Operation::Authorize, attempt: stored.order.cards.attempts, against: None };
    payment::insert(tx, &stored.order, ask, at).await
}

/// Never more than was authorized (M3).
async fn capture(
    tx: &mut SqliteConnection,
    stored: &Stored,
    at: Timestamp,
) -> Result<PaymentRecord, CommandRefusal> {
    let authorized = payment::authorization(tx, stored.order.id).await?;
    let Some((amount, reference)) = authorized else {
        return Err(StoreError::failed(format_args!("{} has no authorization", stored.order.id)).into());
    };
    check_capture(amount, stored.order.total).map_err(StoreError::failed)?;
    let ask = payment::Ask { operation: Operation::Capture, attempt: 1, against: Some(reference) };
    Ok(payment::insert(tx, &stored.order, ask, at).await?)
}

async fn void(
    tx: &mut SqliteConnection,
    stored: &Stored,
    at: Timestamp,
) -> Result<Option<PaymentRecord>, StoreError> {
    let Some((_, reference)) = payment::authorization(tx, stored.order.id).await? else { return Ok(None) };
    let ask = payment::Ask {
        operation: Operation::Void,
        attempt: stored.order.cards.attempts,
        against: Some(reference),
    };
    payment::insert(tx, &stored.order, ask, at).await.map(Some)
}
