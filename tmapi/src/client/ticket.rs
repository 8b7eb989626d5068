//! Tickets.

use tmcore::TicketId;

use super::call::{Call, segment};
use super::{Client, ClientError};
use crate::ticket::{CheckTicket, TicketCheck, TicketView};

/// Every method answers [`ClientError`] as its variants tell.
#[allow(clippy::missing_errors_doc)]
impl Client {
    /// `GET /api/tickets/{ticketId}`.
    pub async fn ticket(&self, ticket: TicketId) -> Result<TicketView, ClientError> {
        self.call(Call::get(format!("/api/tickets/{}", segment(&ticket)))).await
    }

    /// `POST /api/ticket-checks` (organiser).
    pub async fn check_ticket(&self, check: &CheckTicket) -> Result<TicketCheck, ClientError> {
        self.call(Call::post("/api/ticket-checks".to_owned()).json(check)?.idempotent_if(true)).await
    }
}
