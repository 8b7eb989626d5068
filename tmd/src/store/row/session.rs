//! Rows of sessions.

use tmcore::waiting_room::SessionState;

use super::{Columns, strange};
use crate::ports::StoreError;
use crate::ports::waiting_room::{Inside, Place, SessionRecord};

/// A session of a row with all columns.
pub fn read(row: &impl Columns) -> Result<SessionRecord, StoreError> {
    let state = SessionState::parse(row.text("state")?).ok_or_else(|| strange("session state"))?;
    let place = if row.int("lobby")? != 0 {
        Place::Lobby
    } else {
        Place::Line(u64::try_from(row.int("place")?).map_err(StoreError::failed)?)
    };
    Ok(SessionRecord {
        id: row.parse("session_id")?,
        event: row.parse("event_id")?,
        user: row.parse("user_id")?,
        state,
        place,
        joined_at: row.time("joined_at")?,
        inside: Inside { deadline: row.time_opt("deadline")?, order: row.parse_opt("order_id")? },
    })
}

/// In the order of places, those of the lobby first.
pub fn by_place(session: &SessionRecord) -> u64 {
    match session.place {
        Place::Lobby => 0,
        Place::Line(place) => place,
    }
}
