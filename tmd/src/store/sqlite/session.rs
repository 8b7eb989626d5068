//! Rows of sessions, read and moved along.

use sqlx::SqliteConnection;
use tmcore::waiting_room::SessionState;
use tmcore::{SessionId, Timestamp};

use super::failed;
use crate::ports::StoreError;
use crate::ports::waiting_room::{Inside, SessionRecord};
use crate::store::row::session::read;
use crate::store::row::{int, json_array};

/// A session by its id.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    id: SessionId,
) -> Result<Option<SessionRecord>, StoreError> {
    let row = sqlx::query("SELECT * FROM sessions WHERE session_id = ?")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    row.as_ref().map(read).transpose()
}

/// Writes a session's new state, if it still has the one it was read with, and appends the edge.
pub(super) async fn advance(
    tx: &mut SqliteConnection,
    session: &SessionRecord,
    state: SessionState,
    inside: Inside,
    at: Timestamp,
) -> Result<SessionRecord, StoreError> {
    let written = sqlx::query(
        "UPDATE sessions SET state = ?, deadline = ?, order_id = ? WHERE session_id = ? AND state = ?",
    )
    .bind(state.as_str())
    .bind(inside.deadline.map(Timestamp::as_millis))
    .bind(inside.order.map(|order| order.to_string()))
    .bind(session.id.to_string())
    .bind(session.state.as_str())
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    if written.rows_affected() != 1 || !session.state.may_become(state) {
        return Err(StoreError::failed(format_args!(
            "no edge {:?} -> {state:?} for {}",
            session.state, session.id
        )));
    }
    append(tx, &[session.id], Some(session.state), state, at).await?;
    Ok(SessionRecord { state, inside, ..session.clone() })
}

/// Appends one edge for each session.
pub(super) async fn append(
    tx: &mut SqliteConnection,
    sessions: &[SessionId],
    from: Option<SessionState>,
    to: SessionState,
    at: Timestamp,
) -> Result<(), StoreError> {
    if sessions.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO session_events (session_id, from_state, to_state, at) SELECT value, ?, ?, ? FROM json_each(?)",
    )
    .bind(from.map(SessionState::as_str))
    .bind(to.as_str())
    .bind(int(at.as_millis())?)
    .bind(json_array(sessions)?)
    .execute(tx)
    .await
    .map_err(failed)?;
    Ok(())
}
