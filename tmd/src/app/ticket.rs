//! Tickets: looked up by their owner, checked at the door.

use tmcore::ticket::TicketCode;
use tmcore::{TicketId, UserId};

use super::Office;
use crate::ports::StoreError;
use crate::ports::order::TicketRecord;

/// What a check at the door finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Good for its seat.
    Valid(TicketRecord),
    /// Was good once.
    Void(TicketRecord),
    /// None of ours.
    Forged,
}

impl Office {
    /// The user's ticket; somebody else's is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn own_ticket(
        &self,
        ticket: TicketId,
        user: UserId,
    ) -> Result<Option<TicketRecord>, StoreError> {
        Ok(self.store().ticket(ticket).await?.filter(|found| found.owner.1 == user))
    }

    /// Checks what a QR code carries, or what somebody typed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn check_ticket(&self, code: &str) -> Result<Checked, StoreError> {
        let Ok(code) = TicketCode::parse(code) else { return Ok(Checked::Forged) };
        let Some(found) = self.store().ticket(code.ticket_id()).await? else { return Ok(Checked::Forged) };
        if !code.verify(&self.ticket_key, &found.event, &found.seat.id) {
            return Ok(Checked::Forged);
        }
        Ok(if found.valid { Checked::Valid(found) } else { Checked::Void(found) })
    }
}
