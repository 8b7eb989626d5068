//! Leaving, and turns at the gate. Joins are written in batches.

use async_trait::async_trait;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use tmcore::event::{Sale, SaleState};
use tmcore::waiting_room::Gate;
use tmcore::{EventId, SessionId, Timestamp, UserId};

use super::{PgError, PostgresStore, begin, failed};
use crate::drill::{self, Mutant, Step};
use crate::ports::StoreError;
use crate::ports::waiting_room::{SessionRecord, Turn, WaitingRoomStore};
use crate::store::row::{self, Columns, int};

/// The most buyers let in by one turn; the next turn is a tick away.
const MOST_A_TURN: u64 = 1_000;
/// Signs of life that one statement writes down: some tens of thousands take a second, and a statement has five.
const SIGNS_A_STATEMENT: usize = 20_000;

#[async_trait]
impl WaitingRoomStore for PostgresStore {
    async fn leave(&self, id: SessionId, user: UserId) -> Result<Option<SessionRecord>, StoreError> {
        let left = sqlx::query(
            "WITH moved AS (UPDATE sessions
               SET state = CASE state WHEN 'WAITING' THEN 'LEFT' ELSE 'EXPIRED' END, deadline = NULL, order_id = NULL
               WHERE session_id = $1 AND user_id = $2 AND state IN ('WAITING', 'ACTIVE') RETURNING *),
             told AS (INSERT INTO session_events (session_id, from_state, to_state, at)
               SELECT session_id, CASE state WHEN 'LEFT' THEN 'WAITING' ELSE 'ACTIVE' END, state, now_millis() FROM moved)
             SELECT * FROM moved",
        )
        .bind(id.to_string())
        .bind(user.to_string())
        .fetch_optional(self.room())
        .await
        .map_err(failed)?;
        match left {
            Some(row) => row::session::read(&row).map(Some),
            None => Ok(self.session(id).await?.filter(|found| found.user == user)),
        }
    }

    async fn turn(&self, event: &EventId) -> Result<Turn, StoreError> {
        Ok(self.take_turn(event).await?)
    }

    /// Who is being moved at this instant gives no sign of life that would still matter, so nobody is waited for.
    async fn touch(&self, sessions: &[SessionId]) -> Result<(), StoreError> {
        for page in sessions.chunks(SIGNS_A_STATEMENT) {
            sqlx::query(
                "WITH alive AS MATERIALIZED (SELECT session_id FROM sessions
                   WHERE state = 'WAITING' AND session_id = ANY ($1) FOR UPDATE SKIP LOCKED)
                 UPDATE sessions s SET seen_at = now_millis() FROM alive a WHERE s.session_id = a.session_id",
            )
            .bind(page.iter().map(ToString::to_string).collect::<Vec<_>>())
            .execute(self.room())
            .await
            .map_err(failed)?;
        }
        Ok(())
    }

    async fn revive(&self) -> Result<(), StoreError> {
        let mut last = Some(String::new());
        while let Some(after) = last {
            last = sqlx::query_scalar(
                "WITH page AS MATERIALIZED (SELECT session_id FROM sessions
                   WHERE state = 'WAITING' AND session_id > $1 ORDER BY session_id LIMIT $2),
                 alive AS MATERIALIZED (SELECT s.session_id FROM sessions s
                   WHERE s.session_id = ANY (ARRAY(SELECT session_id FROM page)) AND s.state = 'WAITING' FOR UPDATE SKIP LOCKED),
                 seen AS (UPDATE sessions s SET seen_at = now_millis() FROM alive a WHERE s.session_id = a.session_id)
                 SELECT max(session_id) FROM page",
            )
            .bind(after)
            .bind(i64::try_from(SIGNS_A_STATEMENT).unwrap_or(i64::MAX))
            .fetch_one(self.room())
            .await
            .map_err(failed)?;
        }
        Ok(())
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM sessions WHERE session_id = $1")
            .bind(id.to_string())
            .fetch_optional(self.room())
            .await
            .map_err(failed)?;
        row.as_ref().map(row::session::read).transpose()
    }

    async fn live_sessions(
        &self,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM sessions WHERE state IN ('WAITING', 'ACTIVE', 'ORDERING') AND session_id > $1
             ORDER BY session_id LIMIT $2",
        )
        .bind(after.map_or_else(String::new, |id| id.to_string()))
        .bind(i64::from(limit))
        .fetch_all(self.room())
        .await
        .map_err(failed)?;
        rows.iter().map(row::session::read).collect()
    }
}

impl PostgresStore {
    /// All daemons take turns at one gate: its row is locked before anybody is counted, so what is counted stays (W1).
    async fn take_turn(&self, event: &EventId) -> Result<Turn, PgError> {
        let mut tx = begin(self.room()).await?;
        let Some(before) = lock_gate(&mut tx, event).await? else { return Ok(Turn::default()) };
        let (sale, at) = sale(&mut tx, event).await?;
        let mut turn = Turn::default();
        lapse(&mut tx, &sale, at, &mut turn).await?;
        if sale.state == SaleState::Open {
            admit(&mut tx, (&sale, before), at, &mut turn).await?;
        }
        if !turn.changed.is_empty() {
            drill::mark(Step::Turn);
            tx.commit().await?;
        }
        Ok(turn)
    }
}

/// Locks the event's gate: nobody joins and nobody else lets in until the transaction ends.
async fn lock_gate(tx: &mut PgConnection, event: &EventId) -> Result<Option<Gate>, PgError> {
    let row = sqlx::query("SELECT credit, credited_at FROM gates WHERE event_id = $1 FOR UPDATE")
        .bind(event.as_str())
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let credit_milli = u64::try_from(row.int("credit")?).map_err(StoreError::failed)?;
    Ok(Some(Gate { credit_milli, credited_at: row.time("credited_at")? }))
}

/// The sale as it stands behind the lock, and the time.
async fn sale(tx: &mut PgConnection, event: &EventId) -> Result<(Sale, Timestamp), PgError> {
    let row = sqlx::query("SELECT e.*, now_millis() AS at FROM events e WHERE e.event_id = $1")
        .bind(event.as_str())
        .fetch_one(tx)
        .await?;
    Ok((row::event::sale(&row)?, row.time("at")?))
}

/// Takes out of the line who gave no sign of life, and from inside who began no order in time (W9). Who is at it right now,
/// giving a sign or beginning an order, is passed over.
async fn lapse(tx: &mut PgConnection, sale: &Sale, at: Timestamp, turn: &mut Turn) -> Result<(), PgError> {
    let rows = sqlx::query(
        "WITH found AS MATERIALIZED (SELECT session_id, state FROM sessions
           WHERE event_id = $1 AND ((state = 'WAITING' AND seen_at < $2)
             OR (state = 'ACTIVE' AND deadline <= $3))
           FOR UPDATE SKIP LOCKED),
         moved AS (UPDATE sessions s SET state = CASE f.state WHEN 'WAITING' THEN 'ABANDONED' ELSE 'EXPIRED' END
           FROM found f WHERE s.session_id = f.session_id RETURNING s.*, f.state AS was),
         told AS (INSERT INTO session_events (session_id, from_state, to_state, at)
           SELECT session_id, was, state, $3 FROM moved)
         SELECT * FROM moved",
    )
    .bind(sale.event.as_str())
    .bind(at.as_millis() - i64::from(sale.rules.lapse_seconds) * 1_000)
    .bind(at.as_millis())
    .fetch_all(tx)
    .await?;
    record(&rows, turn).map(drop)
}

/// Lets in as many as the gate allows, smallest place first (W1, W2). Never pages by place: a join that committed late
/// is found all the same (W3).
async fn admit(
    tx: &mut PgConnection,
    (sale, before): (&Sale, Gate),
    at: Timestamp,
    turn: &mut Turn,
) -> Result<(), PgError> {
    let overlooked = u64::from(drill::mutant(Mutant::CapacityPlusOne));
    let inside = inside(tx, &sale.event).await?.saturating_sub(overlooked);
    // However long the line is, only those are read whom there is credit for.
    let (_, most) = before.admit(at, sale.rules.gate, inside, MOST_A_TURN);
    if most == 0 {
        return Ok(());
    }
    let deadline = at.plus_seconds(sale.rules.active_seconds);
    let rows = let_in(tx, &sale.event, most, (at, deadline)).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let (gate, _) = before.admit(at, sale.rules.gate, inside, rows.len() as u64);
    sqlx::query("UPDATE gates SET credit = $2, credited_at = $3 WHERE event_id = $1")
        .bind(sale.event.as_str())
        .bind(int(gate.credit_milli)?)
        .bind(gate.credited_at.as_millis())
        .execute(tx)
        .await?;
    turn.admitted = record(&rows, turn)?;
    Ok(())
}

/// How many take a slot, counted by the index. Only a turn makes them more.
async fn inside(tx: &mut PgConnection, event: &EventId) -> Result<u64, PgError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sessions WHERE event_id = $1 AND state IN ('ACTIVE', 'ORDERING')",
    )
    .bind(event.as_str())
    .fetch_one(tx)
    .await?;
    Ok(u64::try_from(count).map_err(StoreError::failed)?)
}

/// The first of the line are inside.
async fn let_in(
    tx: &mut PgConnection,
    event: &EventId,
    most: u64,
    (at, deadline): (Timestamp, Timestamp),
) -> Result<Vec<PgRow>, PgError> {
    let beyond = if drill::mutant(Mutant::PagedByPlace) {
        "(SELECT coalesce(max(place), 0) FROM sessions WHERE event_id = $1 AND state <> 'WAITING')"
    } else {
        "-1"
    };
    let sql = format!(
        "WITH first AS MATERIALIZED (SELECT session_id FROM sessions
           WHERE event_id = $1 AND state = 'WAITING' AND lobby = 0 AND place > {beyond}
           ORDER BY place LIMIT $2 FOR UPDATE),
         moved AS (UPDATE sessions s SET state = 'ACTIVE', deadline = $4
           FROM first f WHERE s.session_id = f.session_id RETURNING s.*),
         told AS (INSERT INTO session_events (session_id, from_state, to_state, at)
           SELECT session_id, 'WAITING', state, $3 FROM moved ORDER BY place)
         SELECT * FROM moved"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(event.as_str())
        .bind(int(most)?)
        .bind(at.as_millis())
        .bind(deadline.as_millis())
        .fetch_all(tx)
        .await?;
    Ok(rows)
}

/// Ends the sessions that have nothing to wait for once the sale is closed: places in line, and admissions without an
/// order. Who has an order may end it. The gate is locked.
pub(super) async fn send_home(tx: &mut PgConnection, event: &EventId) -> Result<Vec<SessionRecord>, PgError> {
    let rows = sqlx::query(
        "WITH found AS MATERIALIZED (SELECT session_id, state FROM sessions
           WHERE event_id = $1 AND state IN ('WAITING', 'ACTIVE') ORDER BY session_id FOR UPDATE),
         moved AS (UPDATE sessions s SET deadline = NULL, state = CASE f.state WHEN 'WAITING' THEN 'ABANDONED' ELSE 'EXPIRED' END
           FROM found f WHERE s.session_id = f.session_id RETURNING s.*, f.state AS was),
         told AS (INSERT INTO session_events (session_id, from_state, to_state, at)
           SELECT session_id, was, state, now_millis() FROM moved)
         SELECT * FROM moved",
    )
    .bind(event.as_str())
    .fetch_all(tx)
    .await?;
    let mut turn = Turn::default();
    record(&rows, &mut turn)?;
    Ok(turn.changed)
}

/// Notes who moved, in the order of places; answers how many.
fn record(rows: &[PgRow], turn: &mut Turn) -> Result<u64, PgError> {
    let mut sessions = rows.iter().map(row::session::read).collect::<Result<Vec<_>, _>>()?;
    sessions.sort_unstable_by_key(row::session::by_place);
    turn.changed.extend(sessions);
    Ok(rows.len() as u64)
}
