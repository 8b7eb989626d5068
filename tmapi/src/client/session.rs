//! Waiting-room sessions.

use tmcore::{EventId, SessionId};

use super::call::{Call, segment};
use super::{Client, ClientError};
use crate::session::{JoinWaitingRoom, JoinedSession, SessionView};

fn path(session: SessionId) -> String {
    format!("/api/waiting-room/sessions/{}", segment(&session))
}

/// Every method answers [`ClientError`] as its variants tell.
#[allow(clippy::missing_errors_doc)]
impl Client {
    /// `POST /api/waiting-room/sessions`: a place in line, or the one the buyer already has. Without a credential it
    /// makes a guest, and then a lost answer is not asked for again: it would make a second one.
    pub async fn join(&self, event: &EventId) -> Result<JoinedSession, ClientError> {
        let body = JoinWaitingRoom { event_id: event.clone() };
        let call = Call::post("/api/waiting-room/sessions".to_owned()).json(&body)?;
        self.call(call.idempotent_if(self.has_token())).await
    }

    /// `GET /api/waiting-room/sessions/{sessionId}`; counts as a sign of life.
    pub async fn session(&self, session: SessionId) -> Result<SessionView, ClientError> {
        self.call(Call::get(path(session))).await
    }

    /// `DELETE /api/waiting-room/sessions/{sessionId}`: gives the place up.
    pub async fn leave(&self, session: SessionId) -> Result<(), ClientError> {
        self.call_unit(Call::delete(path(session))).await
    }
}
