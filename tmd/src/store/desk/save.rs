//! What has to be written of a desk, statement by statement: the rows are the same for every dialect, the words are not.
//!
//! Every row is guarded by what was read of it. All of them are found as they were, or the batch fails (S7).

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use tmcore::order::OrderState;
use tmcore::seat::SeatState;
use tmcore::waiting_room::SessionState;
use tmcore::{OrderId, Timestamp};

use super::{Desk, NewPayment};
use crate::ports::StoreError;
use crate::ports::idempotency::Purpose;
use crate::ports::order::KeyRef;
use crate::ports::waiting_room::Place;
use crate::store::row::json_array;

/// The pauses between two questions about one payment double from the first to the last.
const FIRST_PAUSE_SECONDS: u32 = 1;
const LAST_PAUSE_SECONDS: u32 = 10;

/// One kind of row, written one way. Behind each: the columns of a row, a JSON array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// user, key, fingerprint in hex, end of the lease, whether it is a booking, now; by user and key.
    InsertKeys,
    /// user, key, end of the lease.
    TakeKeys,
    /// (order, state, end, seats), (total, attempts, declines, fence, history), state that was read.
    UpdateOrders,
    /// The same, of orders that are not open any more.
    EndOrders,
    /// The same two, (event, user, session), (beginning, currency, whether it is open); by event and user. An order that
    /// ends makes room for the buyer's next one, so this comes after the one before.
    InsertOrders,
    /// order, from, to, when, number, hash in hex.
    InsertOrderEvents,
    /// user, key, order: only keys that are known have a recovery point; workers ask without one.
    PointKeys,
    /// event, index, (status, end, order, ticket), version, (status and version that were read); ascending (S8).
    UpdateSeats,
    /// event, number that was read, number.
    UpdateClocks,
    /// event, next place that was read, next place.
    UpdateGates,
    /// session, event, user, place, whether that is in the lobby, now.
    InsertSessions,
    /// session, state, deadline, order, state that was read.
    UpdateSessions,
    /// session, from, to, now.
    InsertSessionEvents,
    /// (key, order, operation, attempt, state, detail), (amount, currency, against), (due, now).
    InsertPayments,
    /// key, state, detail.
    SettlePayments,
    /// key, now, first and last pause in seconds.
    PutOffPayments,
    /// ticket.
    EndTickets,
    /// (ticket, code, now), event, index, order, user.
    InsertTickets,
    /// (key, order, now), account, amount, currency.
    InsertLedger,
    /// user, key, status, body, recovery point, lease: with an answer the key is done.
    AnswerKeys,
    /// user, key, recovery point, lease: without an answer the key is forgotten if nothing came of it …
    ForgetKeys,
    /// The same: … else it may be taken over at once.
    ReopenKeys,
}

impl Statement {
    /// Whether each of its rows has to be written; else those that are there.
    #[must_use]
    pub const fn writes_every_row(self) -> bool {
        !matches!(
            self,
            Self::PointKeys | Self::PutOffPayments | Self::AnswerKeys | Self::ForgetKeys | Self::ReopenKeys
        )
    }
}

/// A statement and its rows.
#[derive(Debug)]
pub struct Part {
    /// The statement.
    pub statement: Statement,
    /// How many rows.
    pub rows: usize,
    /// The rows: a JSON array of them.
    pub array: String,
}

/// The statements in the order in which they have to be carried out.
#[derive(Debug, Default)]
struct Script(Vec<Part>);

impl Script {
    fn add<T: Serialize>(&mut self, statement: Statement, rows: &[T]) -> Result<(), StoreError> {
        if !rows.is_empty() {
            self.0.push(Part { statement, rows: rows.len(), array: json_array(rows)? });
        }
        Ok(())
    }
}

impl Desk {
    /// What changed on the desk. No row is written by two of the statements, but for the keys that are forgotten.
    ///
    /// # Errors
    /// [`StoreError::Failed`] for a value that no store takes.
    pub fn script(&self) -> Result<Vec<Part>, StoreError> {
        let mut script = Script::default();
        claims(&mut script, self)?;
        orders(&mut script, self)?;
        ends(&mut script, self)?;
        seats(&mut script, self)?;
        sessions(&mut script, self)?;
        payments(&mut script, self)?;
        tickets(&mut script, self)?;
        ledger(&mut script, self)?;
        Ok(script.0)
    }
}

fn claims(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let new = desk.changes.claims.new.iter();
    let mut new: Vec<_> = new
        .map(|(claim, lease)| {
            let is_booking = u8::from(claim.purpose == Purpose::Booking);
            let fingerprint = hex::encode(claim.fingerprint.as_bytes());
            let key = (claim.key.user, claim.key.key.as_str());
            (key.0, key.1, fingerprint, lease.as_millis(), is_booking, desk.at.as_millis())
        })
        .collect();
    new.sort_unstable_by_key(|row| (row.0, row.1));
    script.add(Statement::InsertKeys, &new)?;
    let taken = desk.changes.claims.taken.iter();
    let taken: Vec<_> = taken.map(|(key, lease)| (key.user, key.key.as_str(), lease.as_millis())).collect();
    script.add(Statement::TakeKeys, &taken)
}

/// Recovery points, and ends of claims by whoever holds them. Of two answers to a key the first is kept; a key that is
/// answered is not opened.
fn ends(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let claims = &desk.changes.claims;
    let points: HashMap<&KeyRef, OrderId> = claims.points.iter().map(|(key, order)| (key, *order)).collect();
    let (mut answered, mut open, mut ended) = (Vec::new(), Vec::new(), HashSet::new());
    for (lease, answer) in &claims.ended {
        if let Some(answer) = answer
            && ended.insert(lease)
        {
            let (key, until) = (&lease.key, lease.until.as_millis());
            let body = std::str::from_utf8(&answer.body).map_err(StoreError::failed)?;
            answered.push((key.user, key.key.as_str(), answer.status, body, points.get(key), until));
        }
    }
    for (lease, _) in &claims.ended {
        if ended.insert(lease) {
            let (key, until) = (&lease.key, lease.until.as_millis());
            open.push((key.user, key.key.as_str(), points.get(key), until));
        }
    }
    let ended: HashSet<_> = ended.into_iter().map(|lease| &lease.key).collect();
    let points = points.iter().filter(|(key, _)| !ended.contains(*key));
    let points: Vec<_> = points.map(|(key, order)| (key.user, key.key.as_str(), order)).collect();
    script.add(Statement::PointKeys, &points)?;
    script.add(Statement::AnswerKeys, &answered)?;
    script.add(Statement::ForgetKeys, &open)?;
    script.add(Statement::ReopenKeys, &open)
}

fn orders(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let (mut new, mut open, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for (id, was) in &desk.changes.orders.was {
        let Some(row) = desk.rows.orders.get(id) else { continue };
        let (order, parties) = (&row.order, &row.order.parties);
        let cards = order.cards;
        let progress =
            (order.total.amount, cards.attempts, cards.declines, row.fence.0, row.history.to_string());
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
    new.sort_unstable_by_key(|row| (row.2.0, row.2.1));
    script.add(Statement::UpdateOrders, &open)?;
    script.add(Statement::EndOrders, &ended)?;
    script.add(Statement::InsertOrders, &new)?;
    let taken = desk.changes.orders.taken.iter();
    let edges: Vec<_> = taken
        .map(|(order, edge, hash)| {
            let (from, to) = (edge.from.map(OrderState::as_str), edge.to.as_str());
            (order, from, to, edge.at.as_millis(), edge.number, hex::encode(hash))
        })
        .collect();
    script.add(Statement::InsertOrderEvents, &edges)
}

fn seats(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let mut changed = Vec::new();
    for (event, seats) in &desk.changes.seats.was {
        for (index, was) in seats {
            let Some(seat) = desk.rows.seat(event, *index) else { continue };
            changed.push((event, index, columns(seat.state), seat.version, (columns(was.0).0, was.1)));
        }
    }
    changed.sort_unstable_by_key(|(event, index, ..)| (*event, *index));
    script.add(Statement::UpdateSeats, &changed)?;
    let clocks = desk.changes.seats.clocks.iter();
    let clocks: Vec<_> =
        clocks.filter_map(|(event, was)| Some((event, was, desk.rows.sales.get(event)?.clock))).collect();
    script.add(Statement::UpdateClocks, &clocks)
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
    let changes = &desk.changes.sessions;
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (id, was) in &changes.edges.was {
        let Some(session) = desk.rows.sessions.get(id) else { continue };
        let Some(was) = was else {
            let (place, lobby) = match session.place {
                Place::Lobby => (0, 1),
                Place::Line(place) => (place, 0),
            };
            new.push((id, &session.event, session.user, place, lobby, desk.at.as_millis()));
            continue;
        };
        let deadline = session.inside.deadline.map(Timestamp::as_millis);
        changed.push((id, session.state.as_str(), deadline, session.inside.order, was.as_str()));
    }
    let places = changes.next_places.iter();
    let places: Vec<_> = places
        .filter_map(|(event, was)| Some((event, was, desk.rows.sales.get(event)?.next_place)))
        .collect();
    script.add(Statement::UpdateGates, &places)?;
    script.add(Statement::InsertSessions, &new)?;
    script.add(Statement::UpdateSessions, &changed)?;
    let taken = changes.edges.taken.iter();
    let edges: Vec<_> = taken
        .map(|(id, from, to)| (id, from.map(SessionState::as_str), to.as_str(), desk.at.as_millis()))
        .collect();
    script.add(Statement::InsertSessionEvents, &edges)
}

fn payments(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let changes = &desk.changes.payments;
    let new: Vec<_> = changes.new.iter().filter_map(|new| new_payment(new, desk)).collect();
    script.add(Statement::InsertPayments, &new)?;
    // What is new, or settled as well, is not written twice.
    let mut written: HashSet<_> = changes.new.iter().map(|new| new.key).collect();
    let mut settled = Vec::new();
    for key in changes.settled.iter().filter(|key| written.insert(**key)) {
        let Some(row) = desk.rows.payments.get(key) else { continue };
        settled.push((key.to_string(), row.record.state.as_str(), row.record.state.detail()));
    }
    script.add(Statement::SettlePayments, &settled)?;
    let put_off = changes.put_off.iter().filter(|key| written.insert(**key));
    let put_off: Vec<_> = put_off
        .map(|key| (key.to_string(), desk.at.as_millis(), FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS))
        .collect();
    script.add(Statement::PutOffPayments, &put_off)
}

type PaymentName = (String, OrderId, &'static str, u32, &'static str, Option<String>);
type PaymentColumns = (PaymentName, (i64, &'static str, Option<String>), (i64, i64));

fn new_payment(new: &NewPayment, desk: &Desk) -> Option<PaymentColumns> {
    let row = desk.rows.payments.get(&new.key)?;
    let paid = &row.record;
    let against = paid.against.as_ref().map(|reference| reference.as_str().to_owned());
    let detail = paid.state.detail().map(ToOwned::to_owned);
    let name = (paid.key.to_string(), paid.order, paid.operation.as_str());
    Some((
        (name.0, name.1, name.2, row.attempt, paid.state.as_str(), detail),
        (paid.amount.amount, paid.amount.currency.code(), against),
        (desk.at.plus_seconds(new.lease_seconds).as_millis(), desk.at.as_millis()),
    ))
}

fn tickets(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let changes = &desk.changes.tickets;
    let ended: Vec<_> = changes.ended.iter().map(ToString::to_string).collect();
    script.add(Statement::EndTickets, &ended)?;
    let new: Vec<_> = changes
        .new
        .iter()
        .map(|ticket| {
            let id = (ticket.id.to_string(), &ticket.code, ticket.issued_at.as_millis());
            (id, &ticket.event, ticket.seat.index, ticket.owner.0, ticket.owner.1)
        })
        .collect();
    script.add(Statement::InsertTickets, &new)
}

fn ledger(script: &mut Script, desk: &Desk) -> Result<(), StoreError> {
    let at = desk.at.as_millis();
    let lines = desk.changes.ledger.iter().map(|line| {
        let amount = line.posting.amount;
        let about = (line.key.to_string(), line.order, at);
        (about, line.posting.account.as_str(), amount.amount, amount.currency.code())
    });
    script.add(Statement::InsertLedger, &lines.collect::<Vec<_>>())
}
