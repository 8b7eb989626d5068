//! Writes back what changed on the desk: one statement a kind of row, every row guarded by what was read of it. All of
//! them are found as they were, or the batch fails (S7): nothing else may write while it is at work.
//!
//! `OR FAIL`, because whatever fails takes the whole transaction with it: SQLite need not keep copies of pages to undo a
//! single statement. `w` is the script's: its rows are in the column `value`.

use sqlx::SqliteConnection;
use tmcore::OrderId;
use tmcore::order::OrderState;
use tmcore::seat::SeatState;

use super::script::Script;
use crate::ports::StoreError;
use crate::ports::idempotency::Purpose;
use crate::store::desk::{Desk, NewPayment};
use crate::store::sqlite::json_array;

/// The pauses between two questions about one payment double from the first to the last.
const FIRST_PAUSE_SECONDS: u32 = 1;
const LAST_PAUSE_SECONDS: u32 = 10;

pub(super) async fn write(tx: &mut SqliteConnection, desk: &Desk) -> Result<(), StoreError> {
    let mut script = Script::default();
    claims(&mut script, desk)?;
    orders(&mut script, desk)?;
    recovery_points(&mut script, desk)?;
    seats(&mut script, desk)?;
    sessions(&mut script, desk)?;
    payments(&mut script, desk)?;
    tickets(&mut script, desk)?;
    ledger(&mut script, desk)?;
    ends(&mut script, desk)?;
    script.run(tx).await
}

fn claims(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let new = desk.changes.claims.new.iter();
    let new: Vec<_> = new
        .map(|(claim, lease)| {
            let is_booking = u8::from(claim.purpose == Purpose::Booking);
            let fingerprint = hex::encode(claim.fingerprint.as_bytes());
            let key = (claim.key.user, claim.key.key.as_str());
            (key.0, key.1, fingerprint, lease.as_millis(), is_booking, desk.at.as_millis())
        })
        .collect();
    script.every(
        "INSERT OR FAIL INTO idempotency_keys (user_id, key, fingerprint, lease_until, is_booking, created_at)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5 FROM w",
        &new,
    )?;
    let taken = desk.changes.claims.taken.iter();
    let taken: Vec<_> = taken.map(|(key, lease)| (key.user, key.key.as_str(), lease.as_millis())).collect();
    script.every(
        "UPDATE OR FAIL idempotency_keys SET lease_until = w.value ->> 2 FROM w
         WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1 AND lease_until IS NOT NULL",
        &taken,
    )
}

fn ends(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let (mut answered, mut open) = (Vec::new(), Vec::new());
    for (key, answer) in &desk.changes.claims.ended {
        let (user, key) = (key.user, key.key.as_str());
        match answer {
            Some(answer) => {
                let body = std::str::from_utf8(&answer.body).map_err(StoreError::failed)?;
                answered.push((user, key, answer.status, body));
            }
            None => open.push((user, key)),
        }
    }
    // With an answer the key is done.
    script.some(
        "UPDATE OR FAIL idempotency_keys SET lease_until = NULL, status = w.value ->> 2, body = CAST(w.value ->> 3 AS BLOB)
         FROM w
         WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1 AND lease_until IS NOT NULL",
        &answered,
    )?;
    // Without one it is forgotten if nothing came of it …
    script.some(
        "DELETE FROM idempotency_keys
         WHERE (user_id, key) IN (SELECT value ->> 0, value ->> 1 FROM w)
           AND order_id IS NULL AND lease_until IS NOT NULL",
        &open,
    )?;
    // … else it may be taken over at once.
    script.some(
        "UPDATE OR FAIL idempotency_keys SET lease_until = 0
         WHERE (user_id, key) IN (SELECT value ->> 0, value ->> 1 FROM w) AND lease_until IS NOT NULL",
        &open,
    )
}

/// Where an order has got to, out of a row of `w`.
macro_rules! progress_columns {
    () => {
        "state = w.value ->> '$[0][1]', expires_at = w.value ->> '$[0][2]', seats = w.value ->> '$[0][3]',
         total = w.value ->> '$[1][0]', attempts = w.value ->> '$[1][1]', declines = w.value ->> '$[1][2]',
         fence = w.value ->> '$[1][3]'"
    };
}

/// The order of that row, in the state that was read.
macro_rules! was_found {
    () => {
        " FROM w WHERE order_id = w.value ->> '$[0][0]' AND orders.state = w.value ->> 2"
    };
}

fn orders(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let (mut new, mut open, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for (id, was) in &desk.changes.orders.was {
        let Some(row) = desk.rows.orders.get(id) else { continue };
        let (order, parties) = (&row.order, &row.order.parties);
        let progress = (order.total.amount, order.cards.attempts, order.cards.declines, row.fence.0);
        let state = (id, order.state.as_str(), order.expires_at.as_millis(), json_array(&row.seats)?);
        match was {
            None => new.push((
                state,
                progress,
                (&parties.event, parties.user, parties.session),
                (order.created_at.as_millis(), order.total.currency.code(), u8::from(order.state.is_open())),
            )),
            Some(was) if order.state.is_open() => open.push((state, progress, was.as_str())),
            Some(was) => ended.push((state, progress, was.as_str())),
        }
    }
    // What is not named is not written, and the indexes over it are not either.
    script.every(concat!("UPDATE OR FAIL orders SET ", progress_columns!(), was_found!()), &open)?;
    // An order that ends makes room for the buyer's next one.
    script.every(
        concat!("UPDATE OR FAIL orders SET is_open = 0, ", progress_columns!(), was_found!()),
        &ended,
    )?;
    script.every(
        "INSERT OR FAIL INTO orders (order_id, state, expires_at, seats, total, attempts, declines, fence, event_id, user_id,
           session_id, created_at, currency, is_open)
         SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', value ->> '$[1][0]',
           value ->> '$[1][1]', value ->> '$[1][2]', value ->> '$[1][3]', value ->> '$[2][0]', value ->> '$[2][1]',
           value ->> '$[2][2]', value ->> '$[3][0]', value ->> '$[3][1]', value ->> '$[3][2]' FROM w",
        &new,
    )?;
    let edges: Vec<_> = desk.changes.orders.taken.iter().map(|edge| order_edge(edge, desk)).collect();
    script.every(
        "INSERT OR FAIL INTO order_events (order_id, from_state, to_state, at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM w",
        &edges,
    )
}

fn order_edge(
    (order, from, to): &(OrderId, Option<OrderState>, OrderState),
    desk: &Desk,
) -> (OrderId, Option<&'static str>, &'static str, i64) {
    (*order, from.map(OrderState::as_str), to.as_str(), desk.at.as_millis())
}

/// Only keys that are known have a recovery point; workers ask without one.
fn recovery_points(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let keys = desk.changes.claims.points.iter();
    let points: Vec<_> = keys.map(|(key, order)| (key.user, key.key.as_str(), order)).collect();
    script.some(
        "UPDATE OR FAIL idempotency_keys SET order_id = w.value ->> 2 FROM w
         WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1",
        &points,
    )
}

fn seats(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let mut changed = Vec::new();
    for (event, seats) in &desk.changes.seats.was {
        for (index, was) in seats {
            let Some(seat) = desk.rows.seat(event, *index) else { continue };
            changed.push((event, index, columns(seat.state), seat.version, (columns(was.0).0, was.1)));
        }
    }
    // Ascending, whoever writes them (S8).
    changed.sort_unstable_by_key(|(event, index, ..)| (*event, *index));
    script.every(
        "UPDATE OR FAIL seat_inventory SET status = w.value ->> '$[2][0]', reserved_until = w.value ->> '$[2][1]',
           order_id = w.value ->> '$[2][2]', ticket_id = w.value ->> '$[2][3]', version = w.value ->> 3
         FROM w
         WHERE event_id = w.value ->> 0 AND seat_index = w.value ->> 1
           AND status = w.value ->> '$[4][0]' AND version = w.value ->> '$[4][1]'",
        &changed,
    )?;
    let clocks = desk.changes.seats.clocks.iter();
    let clocks: Vec<_> =
        clocks.filter_map(|(event, was)| Some((event, was, desk.rows.sales.get(event)?.clock))).collect();
    script.every(
        "UPDATE OR FAIL seat_clocks SET seq = w.value ->> 2 FROM w
         WHERE event_id = w.value ->> 0 AND seq = w.value ->> 1",
        &clocks,
    )
}

/// Status, end, order and ticket, as the columns have them.
fn columns(state: SeatState) -> (i64, Option<i64>, Option<OrderId>, Option<String>) {
    match state {
        SeatState::Available => (0, None, None, None),
        SeatState::Held { order, until, .. } => (1, Some(until.as_millis()), Some(order), None),
        SeatState::Pinned { order, .. } => (2, None, Some(order), None),
        SeatState::Sold { order, ticket } => (3, None, Some(order), Some(ticket.to_string())),
        SeatState::Blocked => (4, None, None, None),
    }
}

fn sessions(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let mut changed = Vec::new();
    for (id, was) in &desk.changes.sessions.was {
        let (Some(session), Some(was)) = (desk.rows.sessions.get(id), was) else { continue };
        let deadline = session.inside.deadline.map(tmcore::Timestamp::as_millis);
        changed.push((id, session.state.as_str(), deadline, session.inside.order, was.as_str()));
    }
    script.every(
        "UPDATE OR FAIL sessions SET state = w.value ->> 1, deadline = w.value ->> 2, order_id = w.value ->> 3
         FROM w WHERE session_id = w.value ->> 0 AND state = w.value ->> 4",
        &changed,
    )?;
    let taken = desk.changes.sessions.taken.iter();
    let edges: Vec<_> = taken
        .map(|(id, from, to)| (id, from.map(tmcore::waiting_room::SessionState::as_str), to.as_str()))
        .map(|(id, from, to)| (id, from, to, desk.at.as_millis()))
        .collect();
    script.every(
        "INSERT OR FAIL INTO session_events (session_id, from_state, to_state, at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM w",
        &edges,
    )
}

fn payments(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let changes = &desk.changes.payments;
    let new: Vec<_> = changes.new.iter().filter_map(|new| new_payment(new, desk)).collect();
    script.every(
        "INSERT OR FAIL INTO payments (provider_key, order_id, operation, attempt, state, amount, currency, against, due_at,
           created_at)
         SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', 'SENT',
           value ->> '$[1][0]', value ->> '$[1][1]', value ->> '$[1][2]', value ->> '$[2][0]', value ->> '$[2][1]'
         FROM w",
        &new,
    )?;
    let rows = |key| desk.rows.payments.get(key).map(|row| &row.record.state);
    let settled: Vec<_> = changes
        .settled
        .iter()
        .filter_map(|key| rows(key).map(|state| (key.to_string(), state.as_str(), state.detail())))
        .collect();
    script.every(
        "UPDATE OR FAIL payments SET state = w.value ->> 1, detail = w.value ->> 2 FROM w
         WHERE provider_key = w.value ->> 0 AND state IN ('INTENT', 'SENT', 'UNKNOWN')",
        &settled,
    )?;
    put_off(script, desk)
}

type PaymentColumns = ((String, OrderId, &'static str, u32), (i64, &'static str, Option<String>), (i64, i64));

fn new_payment(new: &NewPayment, desk: &Desk) -> Option<PaymentColumns> {
    let row = desk.rows.payments.get(&new.key)?;
    let paid = &row.record;
    let against = paid.against.as_ref().map(|reference| reference.as_str().to_owned());
    Some((
        (paid.key.to_string(), paid.order, paid.operation.as_str(), row.attempt),
        (paid.amount.amount, paid.amount.currency.code(), against),
        (desk.at.plus_seconds(new.lease_seconds).as_millis(), desk.at.as_millis()),
    ))
}

/// Nothing is known: UNKNOWN, and to be asked about again after a pause that doubles.
fn put_off(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let put_off = desk.changes.payments.put_off.iter();
    let put_off: Vec<_> = put_off
        .map(|key| (key.to_string(), desk.at.as_millis(), FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS))
        .collect();
    script.some(
        "UPDATE OR FAIL payments SET state = 'UNKNOWN', tries = tries + 1,
           due_at = (w.value ->> 1) + 1000 * min((w.value ->> 2) << min(tries, 10), w.value ->> 3)
         FROM w
         WHERE provider_key = w.value ->> 0 AND state IN ('INTENT', 'SENT', 'UNKNOWN')",
        &put_off,
    )
}

fn tickets(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let changes = &desk.changes.tickets;
    let ended: Vec<_> = changes.ended.iter().map(ToString::to_string).collect();
    script.every(
        "UPDATE OR FAIL tickets SET state = 'VOID' FROM w WHERE ticket_id = w.value AND state = 'VALID'",
        &ended,
    )?;
    let new: Vec<_> = changes
        .new
        .iter()
        .map(|ticket| {
            let id = (ticket.id.to_string(), &ticket.code, ticket.issued_at.as_millis());
            (id, &ticket.event, ticket.seat.index, ticket.owner.0, ticket.owner.1)
        })
        .collect();
    script.every(
        "INSERT OR FAIL INTO tickets (ticket_id, code, issued_at, event_id, seat_index, order_id, user_id, state)
         SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> 1, value ->> 2, value ->> 3,
           value ->> 4, 'VALID' FROM w",
        &new,
    )
}

fn ledger(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let at = desk.at.as_millis();
    let lines: Vec<_> = desk
        .changes
        .ledger
        .iter()
        .map(|line| {
            let amount = line.posting.amount;
            let about = (line.key.to_string(), line.order, at);
            (about, line.posting.account.as_str(), amount.amount, amount.currency.code())
        })
        .collect();
    script.every(
        "INSERT OR FAIL INTO ledger_entries (provider_key, order_id, at, account, amount, currency)
         SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> 1, value ->> 2, value ->> 3
         FROM w",
        &lines,
    )
}
