//! Joining, leaving, and turns at the gate.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::event::{Entry, Sale, SaleState};
use tmcore::waiting_room::{Gate, SessionState};
use tmcore::{EventId, SessionId, Timestamp, UserId};

use super::row::{Columns, int};
use super::{SqliteStore, begin, catalog, failed, json_array, now, session};
use crate::ports::StoreError;
use crate::ports::waiting_room::{
    Inside, Join, JoinRefusal, Joined, Place, SessionRecord, Turn, WaitingRoomStore,
};

/// The most buyers let in by one turn; the next turn is a tick away.
const MOST_A_TURN: u64 = 1_000;

#[async_trait]
impl WaitingRoomStore for SqliteStore {
    async fn join(&self, joins: Vec<Join>) -> Vec<Result<Joined, JoinRefusal>> {
        let mut answers = Vec::with_capacity(joins.len());
        match self.join_all(&joins).await {
            Ok(all) => return all,
            // One join that the database refuses must not take the others with it: each for itself then.
            Err(StoreError::Failed(_)) if joins.len() > 1 => {
                for join in joins {
                    answers.extend(self.join(vec![join]).await);
                }
            }
            Err(error) => answers.extend(joins.iter().map(|_| Err(error.clone().into()))),
        }
        answers
    }

    async fn leave(&self, id: SessionId, user: UserId) -> Result<Option<SessionRecord>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = now(&mut tx).await?;
        let Some(found) = session::load(&mut tx, id).await?.filter(|found| found.user == user) else {
            return Ok(None);
        };
        let end = match found.state {
            SessionState::Waiting => SessionState::Left,
            SessionState::Active => SessionState::Expired,
            _ => return Ok(Some(found)),
        };
        let left = session::advance(&mut tx, &found, end, Inside::default(), at).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Some(left))
    }

    async fn turn(&self, event: &EventId) -> Result<Turn, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let Some(sale) = catalog::sale(&mut tx, event).await? else { return Ok(Turn::default()) };
        let at = now(&mut tx).await?;
        let mut turn = Turn::default();
        lapse(&mut tx, &sale, at, &mut turn).await?;
        if sale.state == SaleState::Open {
            admit(&mut tx, &sale, at, &mut turn).await?;
        }
        if !turn.changed.is_empty() {
            tx.commit().await.map_err(failed)?;
        }
        Ok(turn)
    }

    async fn touch(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        sqlx::query(
            "UPDATE sessions SET seen_at = unixepoch('subsec') * 1000
             WHERE state = 'WAITING' AND session_id IN (SELECT value FROM json_each(?))",
        )
        .bind(json_array(sessions)?)
        .execute(&mut *writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn revive(&self) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        sqlx::query("UPDATE sessions SET seen_at = unixepoch('subsec') * 1000 WHERE state = 'WAITING'")
            .execute(&mut *writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let mut connection = self.readers().acquire().await.map_err(failed)?;
        session::load(&mut connection, id).await
    }

    async fn live_sessions(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM sessions WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING') AND session_id > ?
             ORDER BY session_id LIMIT ?",
        )
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(failed)?;
        rows.iter().map(session::read).collect()
    }
}

impl SqliteStore {
    async fn join_all(&self, joins: &[Join]) -> Result<Vec<Result<Joined, JoinRefusal>>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = now(&mut tx).await?;
        let mut answers = Vec::with_capacity(joins.len());
        let mut sale: Option<Sale> = None;
        for join in joins {
            if sale.as_ref().is_none_or(|sale| sale.event != join.event) {
                sale = catalog::sale(&mut tx, &join.event).await?;
            }
            answers.push(match join_one(&mut tx, sale.as_ref(), join, at).await {
                Err(JoinRefusal::Store(error)) => return Err(error),
                answer => answer,
            });
        }
        tx.commit().await.map_err(failed)?;
        Ok(answers)
    }
}

async fn join_one(
    tx: &mut SqliteConnection,
    sale: Option<&Sale>,
    join: &Join,
    at: Timestamp,
) -> Result<Joined, JoinRefusal> {
    let sale = sale.ok_or(JoinRefusal::NotFound)?;
    if !sale.rules.waiting_room {
        return Err(JoinRefusal::NoWaitingRoom);
    }
    if let Some(session) = live_session(tx, &join.event, join.user).await? {
        return Ok(Joined { session, new: false });
    }
    let entry = sale.enter(at)?;
    let session = insert(tx, join, entry, at).await?;
    Ok(Joined { session, new: true })
}

/// The one live session a user may have for an event (W4).
pub(super) async fn live_session(
    tx: &mut SqliteConnection,
    event: &EventId,
    user: UserId,
) -> Result<Option<SessionRecord>, StoreError> {
    let row = sqlx::query(
        "SELECT * FROM sessions WHERE event_id = ? AND user_id = ? AND state IN ('WAITING', 'ACTIVE', 'ORDERING')",
    )
    .bind(event.as_str())
    .bind(user.to_string())
    .fetch_optional(tx)
    .await
    .map_err(failed)?;
    row.as_ref().map(session::read).transpose()
}

async fn insert(
    tx: &mut SqliteConnection,
    join: &Join,
    entry: Entry,
    at: Timestamp,
) -> Result<SessionRecord, StoreError> {
    let place: i64 = match entry {
        Entry::Lobby => 0,
        Entry::Line => sqlx::query_scalar(
            "UPDATE gates SET next_place = next_place + 1 WHERE event_id = ? RETURNING next_place - 1",
        )
        .bind(join.event.as_str())
        .fetch_one(&mut *tx)
        .await
        .map_err(failed)?,
    };
    let row = sqlx::query(
        "INSERT INTO sessions (session_id, event_id, user_id, state, place, lobby, joined_at, seen_at)
         VALUES (?1, ?2, ?3, 'WAITING', ?4, ?5, ?6, ?6) RETURNING *",
    )
    .bind(join.session.to_string())
    .bind(join.event.as_str())
    .bind(join.user.to_string())
    .bind(place)
    .bind(entry == Entry::Lobby)
    .bind(at.as_millis())
    .fetch_one(&mut *tx)
    .await
    .map_err(failed)?;
    session::append(tx, &[join.session], None, SessionState::Waiting, at).await?;
    session::read(&row)
}

/// Takes out of the line who gave no sign of life, and from inside who began no order in time (W9).
async fn lapse(
    tx: &mut SqliteConnection,
    sale: &Sale,
    at: Timestamp,
    turn: &mut Turn,
) -> Result<(), StoreError> {
    let silent_since = at.as_millis() - i64::from(sale.rules.lapse_seconds) * 1_000;
    let abandoned = sqlx::query(
        "UPDATE sessions SET state = 'ABANDONED' WHERE event_id = ? AND state = 'WAITING' AND seen_at < ? RETURNING *",
    )
    .bind(sale.event.as_str())
    .bind(silent_since)
    .fetch_all(&mut *tx)
    .await
    .map_err(failed)?;
    record(tx, &abandoned, (SessionState::Waiting, SessionState::Abandoned), at, turn).await?;
    let expired = sqlx::query(
        "UPDATE sessions SET state = 'EXPIRED' WHERE event_id = ? AND state = 'ACTIVE' AND deadline <= ? RETURNING *",
    )
    .bind(sale.event.as_str())
    .bind(at.as_millis())
    .fetch_all(&mut *tx)
    .await
    .map_err(failed)?;
    record(tx, &expired, (SessionState::Active, SessionState::Expired), at, turn).await
}

/// Ends the sessions that have nothing to wait for once the sale is closed: places in line, and admissions without an
/// order. Who has an order may end it.
pub(super) async fn send_home(
    tx: &mut SqliteConnection,
    event: &EventId,
) -> Result<Vec<SessionRecord>, StoreError> {
    let at = now(tx).await?;
    let mut turn = Turn::default();
    for (from, to) in
        [(SessionState::Waiting, SessionState::Abandoned), (SessionState::Active, SessionState::Expired)]
    {
        let ended = sqlx::query(
            "UPDATE sessions SET state = ?, deadline = NULL WHERE event_id = ? AND state = ? RETURNING *",
        )
        .bind(to.as_str())
        .bind(event.as_str())
        .bind(from.as_str())
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
        record(tx, &ended, (from, to), at, &mut turn).await?;
    }
    Ok(turn.changed)
}

/// Lets in as many as the gate allows, smallest place first (W1, W2). Never pages by place: a join that committed late
/// is found all the same (W3).
async fn admit(
    tx: &mut SqliteConnection,
    sale: &Sale,
    at: Timestamp,
    turn: &mut Turn,
) -> Result<(), StoreError> {
    let inside = inside(tx, &sale.event).await?;
    let free = u64::from(sale.rules.gate.capacity).saturating_sub(inside).min(MOST_A_TURN);
    let first = first_in_line(tx, &sale.event, free).await?;
    if first.is_empty() {
        return Ok(());
    }
    let (gate, admitted) =
        gate(tx, &sale.event).await?.admit(at, sale.rules.gate, inside, first.len() as u64);
    let admitted = &first[..usize::try_from(admitted).map_err(StoreError::failed)?];
    if admitted.is_empty() {
        return Ok(());
    }
    write_gate(tx, &sale.event, gate).await?;
    let rows = sqlx::query(
        "UPDATE sessions SET state = 'ACTIVE', deadline = ?
         WHERE state = 'WAITING' AND session_id IN (SELECT value FROM json_each(?)) RETURNING *",
    )
    .bind(at.plus_seconds(sale.rules.active_seconds).as_millis())
    .bind(json_array(admitted)?)
    .fetch_all(&mut *tx)
    .await
    .map_err(failed)?;
    turn.admitted = rows.len() as u64;
    record(tx, &rows, (SessionState::Waiting, SessionState::Active), at, turn).await
}

/// How many take a slot, counted by the index.
async fn inside(tx: &mut SqliteConnection, event: &EventId) -> Result<u64, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM sessions WHERE event_id = ? AND state IN ('ACTIVE', 'ORDERING')",
    )
    .bind(event.as_str())
    .fetch_one(tx)
    .await
    .map_err(failed)?;
    u64::try_from(count).map_err(StoreError::failed)
}

async fn first_in_line(
    tx: &mut SqliteConnection,
    event: &EventId,
    most: u64,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar(
        "SELECT session_id FROM sessions WHERE event_id = ? AND state = 'WAITING' AND lobby = 0 ORDER BY place LIMIT ?",
    )
    .bind(event.as_str())
    .bind(int(most)?)
    .fetch_all(tx)
    .await
    .map_err(failed)
}

async fn gate(tx: &mut SqliteConnection, event: &EventId) -> Result<Gate, StoreError> {
    let row = sqlx::query("SELECT credit, credited_at FROM gates WHERE event_id = ?")
        .bind(event.as_str())
        .fetch_one(tx)
        .await
        .map_err(failed)?;
    let credit_milli = u64::try_from(row.int("credit")?).map_err(StoreError::failed)?;
    Ok(Gate { credit_milli, credited_at: row.time("credited_at")? })
}

async fn write_gate(tx: &mut SqliteConnection, event: &EventId, gate: Gate) -> Result<(), StoreError> {
    sqlx::query("UPDATE gates SET credit = ?, credited_at = ? WHERE event_id = ?")
        .bind(int(gate.credit_milli)?)
        .bind(gate.credited_at.as_millis())
        .bind(event.as_str())
        .execute(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

async fn record(
    tx: &mut SqliteConnection,
    rows: &[SqliteRow],
    (from, to): (SessionState, SessionState),
    at: Timestamp,
    turn: &mut Turn,
) -> Result<(), StoreError> {
    let mut sessions = rows.iter().map(session::read).collect::<Result<Vec<_>, _>>()?;
    sessions.sort_unstable_by_key(|session| match session.place {
        Place::Lobby => 0,
        Place::Line(place) => place,
    });
    let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
    session::append(tx, &ids, Some(from), to, at).await?;
    turn.changed.extend(sessions);
    Ok(())
}
