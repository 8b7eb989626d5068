//! The sandbox's log in SQLite: read into a [`Book`], append what the book decided, and answer from it.

use futures::TryStreamExt as _;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteExecutor, SqlitePool, SqliteRow};
use sqlx::{Either, Executor as _, FromRow as _, Row as _, SqliteConnection};
use tmcore::money::Currency;
use tmcore::payment::{Answer, Operation, ProviderKey};
use tmcore::{Money, Timestamp};

use super::book::{Book, Changes, Entry, NewEntry};
use super::instruction::Instruction;
use super::token::Behaviour;
use crate::ports::gateway::{ProviderEvent, ProviderRecord};

/// The database's clock, milliseconds.
macro_rules! now {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}

macro_rules! select_entry {
    ($condition:literal) => {
        concat!(
            "SELECT sequence, key, order_id, operation, authorization, reference, declined, amount, currency, ",
            "fingerprint, behaviour, repeat, at FROM entry WHERE ",
            $condition
        )
    };
}

/// Three statements in one go: to hand one to SQLite's thread and back costs more than it does.
const SELECT_ALL: &str = concat!(
    select_entry!("repeat = 0 AND key IN (SELECT unhex(value) FROM json_each(?1))"),
    " UNION ",
    select_entry!("repeat = 0 AND order_id IN (SELECT value FROM json_each(?2))"),
    " ORDER BY sequence; ",
    "SELECT key FROM fence WHERE key IN (SELECT unhex(value) FROM json_each(?1)); ",
    "SELECT authorization, times FROM fault WHERE authorization IN (SELECT value FROM json_each(?3))"
);
const SELECT_BY_KEY: &str = select_entry!("repeat = 0 AND key = ?1");
const SELECT_PAGE: &str = select_entry!("sequence > ?1 ORDER BY sequence LIMIT ?2");
const SELECT_TOLD: &str = "SELECT sequence FROM told";
const UPSERT_TOLD: &str = "INSERT INTO told (one, sequence) VALUES (1, ?1)
    ON CONFLICT (one) DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence > told.sequence";
const INSERT_ENTRIES: &str = concat!(
    "INSERT INTO entry (key, repeat, order_id, operation, authorization, reference, declined, amount, currency, ",
    "fingerprint, behaviour, token_hash, at) ",
    "SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, ",
    "value ->> 8, value ->> 9, value ->> 10, value ->> 11, ",
    now!(),
    " FROM json_each(?1) ORDER BY json_each.key"
);
const INSERT_FENCES: &str =
    concat!("INSERT INTO fence (key, at) SELECT unhex(value), ", now!(), " FROM json_each(?1)");
const INSERT_FAULTS: &str =
    "INSERT INTO fault (authorization, times) SELECT value, 1 FROM json_each(?1) WHERE true
    ON CONFLICT (authorization) DO UPDATE SET times = times + 1";

#[derive(sqlx::FromRow)]
struct EntryRow {
    sequence: i64,
    key: Vec<u8>,
    order_id: String,
    operation: String,
    authorization: Option<String>,
    reference: Option<String>,
    declined: Option<String>,
    amount: i64,
    currency: String,
    fingerprint: String,
    behaviour: Option<String>,
    repeat: i64,
    at: i64,
}

/// The log holds something that this program did not write.
#[derive(Debug, thiserror::Error)]
#[error("entry {sequence} of the sandbox's log has no valid {column}")]
struct Corrupt {
    sequence: i64,
    column: &'static str,
}

impl EntryRow {
    fn corrupt(&self, column: &'static str) -> sqlx::Error {
        sqlx::Error::Decode(Box::new(Corrupt { sequence: self.sequence, column }))
    }

    fn behaviour(&self) -> Result<Option<Behaviour>, sqlx::Error> {
        let parse = |name: &str| Behaviour::parse(name).ok_or_else(|| self.corrupt("behaviour"));
        self.behaviour.as_deref().map(parse).transpose()
    }

    fn answer(&self) -> Result<Answer, sqlx::Error> {
        match (&self.reference, &self.declined) {
            (Some(reference), None) => {
                let reference = reference.parse().map_err(|_| self.corrupt("reference"))?;
                Ok(Answer::Ok { reference })
            }
            (None, Some(reason)) => Ok(Answer::Declined { reason: reason.as_str().into() }),
            _ => Err(self.corrupt("answer")),
        }
    }

    fn entry(self) -> Result<Entry, sqlx::Error> {
        let authorization = self.authorization.as_deref().map(str::parse).transpose();
        let currency = Currency::from_code(&self.currency).ok_or_else(|| self.corrupt("currency"))?;
        Ok(Entry {
            key: key(&self.key).ok_or_else(|| self.corrupt("key"))?,
            order: self.order_id.parse().map_err(|_| self.corrupt("order_id"))?,
            operation: Operation::parse(&self.operation).ok_or_else(|| self.corrupt("operation"))?,
            authorization: authorization.map_err(|_| self.corrupt("authorization"))?,
            amount: Money::new(self.amount, currency),
            answer: self.answer()?,
            fingerprint: self.fingerprint,
        })
    }

    fn record(self) -> Result<ProviderRecord, sqlx::Error> {
        let sequence = u64::try_from(self.sequence).map_err(|_| self.corrupt("sequence"))?;
        let at = Timestamp::from_millis(self.at);
        let Entry { key, order, operation, amount, answer, .. } = self.entry()?;
        Ok(ProviderRecord { sequence, key, order, operation, amount, answer, at })
    }

    fn news(self, now: i64) -> Result<News, sqlx::Error> {
        let (behaviour, age_millis, repeat) = (self.behaviour()?, now - self.at, self.repeat);
        let record = self.record()?;
        let first = record.sequence - u64::from(repeat != 0);
        // Grows with time, so that whoever keeps these ids in order writes at the end.
        let id = format!("evt_{first:016x}_{}", &record.key.to_string()[..16]);
        Ok(News { event: ProviderEvent { id, record }, age_millis, behaviour })
    }
}

fn key(bytes: &[u8]) -> Option<ProviderKey> {
    bytes.try_into().ok().map(ProviderKey::from_bytes)
}

/// The statements of [`SELECT_ALL`].
#[derive(Clone, Copy)]
enum Select {
    Book,
    Fences,
    Faults,
}

impl Select {
    fn load(self, row: &SqliteRow, book: &mut Book) -> Result<(), sqlx::Error> {
        match self {
            Self::Book => {
                let row = EntryRow::from_row(row)?;
                let behaviour = row.behaviour()?;
                book.load(row.entry()?, behaviour);
            }
            Self::Fences => {
                let fenced = key(row.try_get("key")?);
                book.load_fence(
                    fenced.ok_or_else(|| sqlx::Error::Decode("a fence has no valid key".into()))?,
                );
            }
            Self::Faults => {
                let authorization: String = row.try_get("authorization")?;
                let authorization =
                    authorization.parse().map_err(|fault| sqlx::Error::Decode(Box::new(fault)))?;
                book.load_fault(authorization, row.try_get("times")?);
            }
        }
        Ok(())
    }
}

/// Reads what the log has on these keys and on what the instructions act on.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    keys: &[ProviderKey],
    instructions: &[&Instruction],
) -> Result<Book, sqlx::Error> {
    let mut book = Book::default();
    let keys = json!(keys).to_string();
    let acting = instructions.iter().filter_map(|i| Some((i.order, i.authorization()?)));
    let (orders, authorizations): (Vec<_>, Vec<_>) = acting.unzip();
    let query = sqlx::query(SELECT_ALL)
        .bind(keys)
        .bind(json!(orders).to_string())
        .bind(json!(authorizations).to_string());
    let mut answers = connection.fetch_many(query);
    let mut selects = [Select::Book, Select::Fences, Select::Faults].into_iter();
    let mut select = selects.next();
    while let Some(answer) = answers.try_next().await? {
        match (answer, select) {
            (Either::Left(_), _) => select = selects.next(),
            (Either::Right(row), Some(select)) => select.load(&row, &mut book)?,
            (Either::Right(_), None) => {}
        }
    }
    drop(answers);
    Ok(book)
}

/// Writes what a batch changed, in the order in which it was decided.
pub(super) async fn append(connection: &mut SqliteConnection, changes: &Changes) -> Result<(), sqlx::Error> {
    let entries: Vec<Value> = changes.entries.iter().flat_map(values).collect();
    for (sql, is_empty, values) in [
        (INSERT_ENTRIES, entries.is_empty(), json!(entries)),
        (INSERT_FENCES, changes.fences.is_empty(), json!(changes.fences)),
        (INSERT_FAULTS, changes.faults.is_empty(), json!(changes.faults)),
    ] {
        if !is_empty {
            sqlx::query(sql).bind(values.to_string()).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// The rows of an entry, in the order of the columns of [`INSERT_ENTRIES`].
fn values(new: &NewEntry) -> Vec<Value> {
    let entry = &new.entry;
    let (reference, declined) = match &entry.answer {
        Answer::Ok { reference } => (Some(reference), None),
        Answer::Declined { reason } => (None, Some(reason)),
    };
    let row = |repeat: u8| {
        json!([
            entry.key,
            repeat,
            entry.order,
            entry.operation,
            entry.authorization,
            reference,
            declined,
            entry.amount.amount,
            entry.amount.currency.code(),
            entry.fingerprint,
            new.card.as_ref().map(|card| card.behaviour.as_str()),
            new.card.as_ref().map(|card| &card.token_hash),
        ])
    };
    (0..=u8::from(new.twice)).map(row).collect()
}

/// What was done under a key.
pub(super) async fn find(
    executor: impl SqliteExecutor<'_>,
    key: &ProviderKey,
) -> Result<Option<ProviderRecord>, sqlx::Error> {
    let row = sqlx::query_as::<_, EntryRow>(SELECT_BY_KEY).bind(key.as_bytes().as_slice());
    row.fetch_optional(executor).await?.map(EntryRow::record).transpose()
}

/// The log after a sequence number.
pub(super) async fn page(
    executor: impl SqliteExecutor<'_>,
    after: u64,
    limit: u32,
) -> Result<Vec<ProviderRecord>, sqlx::Error> {
    // Nothing has a greater sequence number than SQLite's greatest.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = sqlx::query_as::<_, EntryRow>(SELECT_PAGE).bind(after).bind(limit);
    rows.fetch_all(executor).await?.into_iter().map(EntryRow::record).collect()
}

/// A line of the log that somebody is to be told of.
pub(super) struct News {
    pub(super) event: ProviderEvent,
    /// Since when it is there, by the database's clock, milliseconds.
    pub(super) age_millis: i64,
    pub(super) behaviour: Option<Behaviour>,
}

/// Up to which entry all have been told of.
pub(super) async fn told(executor: impl SqliteExecutor<'_>) -> Result<u64, sqlx::Error> {
    let sequence: Option<i64> = sqlx::query_scalar(SELECT_TOLD).fetch_optional(executor).await?;
    Ok(sequence.and_then(|sequence| u64::try_from(sequence).ok()).unwrap_or_default())
}

/// Writes down up to which entry all have been told of.
pub(super) async fn set_told(connection: &mut SqliteConnection, sequence: u64) -> Result<(), sqlx::Error> {
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    sqlx::query(UPSERT_TOLD).bind(sequence).execute(connection).await.map(drop)
}

/// What is in the log after a sequence number, to be told of. A line that says an earlier one again is the same event.
pub(super) async fn news(readers: &SqlitePool, after: u64, limit: u32) -> Result<Vec<News>, sqlx::Error> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = sqlx::query_as::<_, EntryRow>(SELECT_PAGE).bind(after).bind(limit);
    let rows = rows.fetch_all(readers).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let now: i64 = sqlx::query_scalar(concat!("SELECT ", now!())).fetch_one(readers).await?;
    rows.into_iter().map(|row| row.news(now)).collect()
}
