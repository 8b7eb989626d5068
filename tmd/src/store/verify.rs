//! Cases and lives, put together of rows: the same for every dialect but for how a list of seats is taken apart.
//!
//! Whatever belongs to a page of orders is found by the range of their ids, which every table has an index for.

mod case;
mod sql;

use async_trait::async_trait;
use tmcore::verify::life::{Record, SessionLife, Subject};
use tmcore::verify::{Case, OrderCase};
use tmcore::{OrderId, UserId};

use crate::ports::StoreError;
use crate::ports::verify::{Part, Passage};
use crate::store::row::{Columns, strange};

/// What a statement is given.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
}

/// A transaction that sees one instant and only reads.
#[async_trait]
pub trait Reading: Send {
    /// A row of it.
    type Row: Columns + Send + Sync;

    /// Takes the list of seats of an order `o` apart: a join that gives `j.value`.
    const SEATS_OF_LIST: &'static str;

    /// Asks.
    async fn ask(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<Self::Row>, StoreError>;
}

/// Sorts after every name that begins with `after`, and before every other that follows it.
fn behind(after: &str) -> String {
    if after.is_empty() { String::new() } else { format!("{after}!") }
}

/// A page of cases, and where the next begins.
pub async fn cases<R: Reading>(
    reading: &mut R,
    from: &Passage,
    limit: u32,
) -> Result<(Vec<Case>, Option<Passage>), StoreError> {
    let cases = match from.part {
        Part::Events => events(reading, from, limit).await?,
        Part::Seats => seats(reading, from, limit).await?,
        Part::Orders => {
            let orders = orders(reading, &behind(&from.after), limit).await?;
            orders.into_iter().map(|order| Case::Order(Box::new(order))).collect()
        }
        Part::Sessions => {
            let rows = reading.ask(sql::SESSIONS.into(), names(from, limit)).await?;
            rows.iter().map(|row| case::session(row).map(Case::Session)).collect::<Result<_, _>>()?
        }
        Part::Admissions => return admissions(reading, from, limit).await,
        Part::Keys => return keys(reading, from, limit).await,
    };
    let next = cases.last().filter(|_| is_full(cases.len(), limit)).map(|last| passage(from.part, last));
    Ok((cases, next))
}

fn is_full(cases: usize, limit: u32) -> bool {
    usize::try_from(limit).is_ok_and(|limit| cases >= limit)
}

fn names(from: &Passage, limit: u32) -> Vec<Value> {
    vec![Value::Text(from.after.clone()), Value::Int(limit.into())]
}

/// Behind a case.
fn passage(part: Part, case: &Case) -> Passage {
    let (after, within) = match case {
        Case::Event(event) => (event.event.to_string(), String::new()),
        Case::Seat(seat) => (seat.event.to_string(), seat.index.to_string()),
        Case::Order(order) => (order.order.id.to_string(), String::new()),
        Case::Session(session) => (session.session.to_string(), String::new()),
        // These are not found by what they show.
        Case::Admission(_) | Case::Key(_) => (String::new(), String::new()),
    };
    Passage { part, after, within }
}

async fn events<R: Reading>(reading: &mut R, from: &Passage, limit: u32) -> Result<Vec<Case>, StoreError> {
    let rows = reading.ask(sql::EVENTS.into(), names(from, limit)).await?;
    let Some(last) = rows.last() else { return Ok(Vec::new()) };
    let range = vec![Value::Text(from.after.clone()), Value::Text(last.text("event_id")?.to_owned())];
    let levels = reading.ask(sql::LEVELS.into(), range).await?;
    rows.iter().map(|row| case::event(row, &levels).map(Case::Event)).collect()
}

async fn seats<R: Reading>(reading: &mut R, from: &Passage, limit: u32) -> Result<Vec<Case>, StoreError> {
    let after = from.within.parse().unwrap_or(-1);
    let beginning = [Value::Text(from.after.clone()), Value::Int(after)];
    let asked = [&beginning[..], &[Value::Int(limit.into())]].concat();
    let rows = reading.ask(sql::SEATS.into(), asked).await?;
    let Some(last) = rows.last() else { return Ok(Vec::new()) };
    let end = [Value::Text(last.text("event_id")?.to_owned()), Value::Int(last.int("seat_index")?)];
    let tickets = reading.ask(sql::TICKETS_OF_SEATS.into(), [beginning, end].concat()).await?;
    case::seats(&rows, &tickets)
}

async fn admissions<R: Reading>(
    reading: &mut R,
    from: &Passage,
    limit: u32,
) -> Result<(Vec<Case>, Option<Passage>), StoreError> {
    let after = if from.after.is_empty() { 0 } else { from.after.parse().map_err(StoreError::failed)? };
    let rows = reading.ask(sql::ADMISSIONS.into(), vec![Value::Int(after), Value::Int(limit.into())]).await?;
    let cases = rows.iter().map(|row| case::admission(row).map(Case::Admission));
    let cases = cases.collect::<Result<Vec<_>, _>>()?;
    let last = rows.last().filter(|_| is_full(rows.len(), limit));
    let next = last.map(|row| Ok::<_, StoreError>(row.int("session_event_id")?.to_string())).transpose()?;
    Ok((cases, next.map(|after| Passage { after, ..Passage::beginning(from.part) })))
}

async fn keys<R: Reading>(
    reading: &mut R,
    from: &Passage,
    limit: u32,
) -> Result<(Vec<Case>, Option<Passage>), StoreError> {
    let (user, key) = (Value::Text(from.after.clone()), Value::Text(from.within.clone()));
    let rows = reading.ask(sql::KEYS.into(), vec![user, key, Value::Int(limit.into())]).await?;
    let cases =
        rows.iter().map(|row| case::key(row).map(Case::Key)).collect::<Result<Vec<_>, StoreError>>()?;
    let last = rows.last().filter(|_| is_full(rows.len(), limit));
    let name =
        |row: &R::Row| Ok::<_, StoreError>((row.text("user_id")?.to_owned(), row.text("key")?.to_owned()));
    let next = last.map(name).transpose()?;
    Ok((cases, next.map(|(after, within)| Passage { part: from.part, after, within })))
}

/// At most `limit` orders whose ids are not less than `first`, with all that belongs to them.
async fn orders<R: Reading>(reading: &mut R, first: &str, limit: u32) -> Result<Vec<OrderCase>, StoreError> {
    let rows = reading
        .ask(sql::ORDERS.into(), vec![Value::Text(first.to_owned()), Value::Int(limit.into())])
        .await?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
    let range =
        [Value::Text(first.text("order_id")?.to_owned()), Value::Text(last.text("order_id")?.to_owned())];
    let seats = reading.ask(sql::seats_of_orders(R::SEATS_OF_LIST), range.to_vec()).await?;
    let tickets = reading.ask(sql::TICKETS_OF_ORDERS.into(), range.to_vec()).await?;
    let payments = reading.ask(sql::PAYMENTS.into(), range.to_vec()).await?;
    let books = reading.ask(sql::BOOKS.into(), range.to_vec()).await?;
    let edges = reading.ask(sql::ORDER_EVENTS.into(), range.to_vec()).await?;
    let mut belongings = case::Belongings::default();
    belongings.take(&seats, case::seat_of_order, |order| &mut order.seats)?;
    belongings.take(&tickets, case::ticket, |order| &mut order.tickets)?;
    belongings.take(&payments, case::payment, |order| &mut order.payments)?;
    belongings.take(&books, case::posting, |order| &mut order.books)?;
    belongings.take(&edges, case::edge, |order| &mut order.edges)?;
    rows.iter().map(|row| case::order(row, &mut belongings)).collect()
}

/// What is on record of a subject.
pub async fn record<R: Reading>(
    reading: &mut R,
    subject: &Subject,
    limit: u32,
) -> Result<Option<Record>, StoreError> {
    let mut record = Record::default();
    match subject {
        Subject::Order(id) => {
            record.orders = named(reading, *id).await?.into_iter().collect();
            let session = record.orders.first().and_then(|case| case.order.parties.session);
            if let Some(session) = session {
                let asked = vec![Value::Text(session.to_string())];
                record.sessions = lives(reading, sql::SESSION_LIFE, asked).await?;
            }
        }
        Subject::User(user) => {
            record.orders = bought(reading, *user, limit).await?;
            record.sessions = lives(reading, sql::USER_LIFE, vec![Value::Text(user.to_string())]).await?;
        }
        Subject::Seat(event, seat) => {
            let asked = vec![Value::Text(event.to_string()), Value::Text(seat.to_string())];
            let rows = reading.ask(sql::SEAT.into(), asked.clone()).await?;
            let tickets = reading.ask(sql::TICKETS_OF_SEAT.into(), asked.clone()).await?;
            let Some(Case::Seat(found)) = case::seats(&rows, &tickets)?.pop() else { return Ok(None) };
            let index = Value::Int(found.index.into());
            record.seat = Some(found);
            let asked = vec![asked[0].clone(), index, Value::Int(limit.into())];
            let ids = reading.ask(sql::orders_of_seat(R::SEATS_OF_LIST), asked).await?;
            record.orders = all_named(reading, &ids).await?;
        }
    }
    let is_there = record.seat.is_some() || !record.orders.is_empty() || !record.sessions.is_empty();
    Ok(is_there.then_some(record))
}

async fn named<R: Reading>(reading: &mut R, id: OrderId) -> Result<Option<OrderCase>, StoreError> {
    let found = orders(reading, &id.to_string(), 1).await?.pop();
    Ok(found.filter(|case| case.order.id == id))
}

async fn all_named<R: Reading>(reading: &mut R, ids: &[R::Row]) -> Result<Vec<OrderCase>, StoreError> {
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.extend(named(reading, id.parse("order_id")?).await?);
    }
    Ok(all)
}

async fn bought<R: Reading>(reading: &mut R, user: UserId, limit: u32) -> Result<Vec<OrderCase>, StoreError> {
    let asked = vec![Value::Text(user.to_string()), Value::Int(limit.into())];
    let ids = reading.ask(sql::ORDERS_OF_USER.into(), asked).await?;
    all_named(reading, &ids).await
}

async fn lives<R: Reading>(
    reading: &mut R,
    sql: &str,
    asked: Vec<Value>,
) -> Result<Vec<SessionLife>, StoreError> {
    let mut lives: Vec<SessionLife> = Vec::new();
    for row in reading.ask(sql.to_owned(), asked).await? {
        let (life, edge) = case::session_edge(&row)?;
        match lives.iter_mut().find(|known| known.session == life.session) {
            Some(known) => known.edges.push(edge),
            None => lives.push(SessionLife { edges: vec![edge], ..life }),
        }
    }
    Ok(lives)
}

/// A state by its name.
fn state<S>(found: Option<S>) -> Result<S, StoreError> {
    found.ok_or_else(|| strange("state"))
}
