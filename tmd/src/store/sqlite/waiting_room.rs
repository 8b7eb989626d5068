//! Joining, leaving, and turns at the gate.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::event::{Sale, SaleState};
use tmcore::waiting_room::{Gate, SessionState};
use tmcore::{EventId, SessionId, Timestamp, UserId};

use super::{SqliteStore, begin, catalog, failed, session};
use crate::drill::{self, Mutant, Step};
use crate::ports::StoreError;
use crate::ports::waiting_room::{Inside, SessionRecord, Turn, WaitingRoomStore};
use crate::store::row::{self, Columns, int, json_array};

// SQLite uses a partial index only where the statement repeats the index's own condition, word for word: hence the
// `state IN ('WAITING', 'ACTIVE', 'ORDERING')` beside narrower ones below. Source: <https://www.sqlite.org/partialindex.html>.

/// The most buyers let in by one turn; the next turn is a tick away.
const MOST_A_TURN: u64 = 1_000;

#[async_trait]
impl WaitingRoomStore for SqliteStore {
    async fn leave(&self, id: SessionId, user: UserId) -> Result<Option<SessionRecord>, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = self.now();
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
        let at = self.now();
        let mut turn = Turn::default();
        lapse(&mut tx, &sale, at, &mut turn).await?;
        if sale.state == SaleState::Open {
            admit(&mut tx, &sale, at, &mut turn).await?;
        }
        if !turn.changed.is_empty() {
            drill::mark(Step::Turn);
            tx.commit().await.map_err(failed)?;
        }
        Ok(turn)
    }

    async fn touch(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        sqlx::query(
            "UPDATE sessions SET seen_at = ?
             WHERE state = 'WAITING' AND session_id IN (SELECT value FROM json_each(?))",
        )
        .bind(self.now().as_millis())
        .bind(json_array(sessions)?)
        .execute(&mut *writer)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn revive(&self) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        sqlx::query("UPDATE sessions SET seen_at = ? WHERE state = 'WAITING'")
            .bind(self.now().as_millis())
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
        rows.iter().map(row::session::read).collect()
    }
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
        "UPDATE sessions SET state = 'EXPIRED'
         WHERE event_id = ? AND state = 'ACTIVE' AND state IN ('WAITING', 'ACTIVE', 'ORDERING') AND deadline <= ?
         RETURNING *",
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
    at: Timestamp,
) -> Result<Vec<SessionRecord>, StoreError> {
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
    let overlooked = u64::from(drill::mutant(Mutant::CapacityPlusOne));
    let inside = inside(tx, &sale.event).await?.saturating_sub(overlooked);
    let before = gate(tx, &sale.event).await?;
    // However long the line is, only those are read whom there is credit for.
    let (_, most) = before.admit(at, sale.rules.gate, inside, MOST_A_TURN);
    let first = first_in_line(tx, &sale.event, most).await?;
    let (gate, admitted) = before.admit(at, sale.rules.gate, inside, first.len() as u64);
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
        "SELECT COUNT(*) FROM sessions
         WHERE event_id = ? AND state IN ('ACTIVE', 'ORDERING') AND state IN ('WAITING', 'ACTIVE', 'ORDERING')",
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
    let sql = if drill::mutant(Mutant::PagedByPlace) {
        "SELECT session_id FROM sessions WHERE event_id = ?1 AND state = 'WAITING' AND lobby = 0 AND place >
           (SELECT coalesce(max(place), 0) FROM sessions WHERE event_id = ?1 AND state <> 'WAITING') ORDER BY place LIMIT ?2"
    } else {
        "SELECT session_id FROM sessions
         WHERE event_id = ? AND state = 'WAITING' AND state IN ('WAITING', 'ACTIVE', 'ORDERING') AND lobby = 0
         ORDER BY place LIMIT ?"
    };
    sqlx::query_scalar(sql).bind(event.as_str()).bind(int(most)?).fetch_all(tx).await.map_err(failed)
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
    let mut sessions = rows.iter().map(row::session::read).collect::<Result<Vec<_>, _>>()?;
    sessions.sort_unstable_by_key(row::session::by_place);
    let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
    session::append(tx, &ids, Some(from), to, at).await?;
    turn.changed.extend(sessions);
    Ok(())
}
