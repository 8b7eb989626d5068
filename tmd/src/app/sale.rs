//! The sale of an event: opened, held, ended, and looked at.

use std::sync::Arc;

use tmcore::EventId;
use tmcore::event::SaleAction;

use super::Office;
use super::room::Census;
use crate::ports::StoreError;
use crate::ports::catalog::{CatalogRefusal, EventRecord};

/// How a sale is going.
#[derive(Clone, Debug)]
pub struct SaleReport {
    /// The event.
    pub event: EventRecord,
    /// Who is in its waiting room.
    pub census: Census,
    /// Orders finalized, and what they paid.
    pub takings: (u64, i64),
}

impl Office {
    /// Moves a sale along.
    ///
    /// # Errors
    /// [`CatalogRefusal`].
    pub async fn change_sale(
        self: &Arc<Self>,
        event: &EventId,
        action: SaleAction,
    ) -> Result<EventRecord, CatalogRefusal> {
        let seed = self.world().entropy.bytes();
        let moved = self.store().change_sale(event, action, seed).await?;
        let record = self.refresh_event(event).await?;
        self.tell_sessions(&moved);
        self.ports.queue.announce(event);
        Ok(record)
    }

    /// Begins every sale whose time has come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_due_sales(self: &Arc<Self>) -> Result<(), StoreError> {
        for event in self.store().due_sales().await? {
            match self.change_sale(&event, SaleAction::Open).await {
                Ok(_) => tracing::info!(%event, "sale opened"),
                Err(CatalogRefusal::Store(error)) => return Err(error),
                Err(refusal) => tracing::warn!(%event, %refusal, "failed to open a sale that is due"),
            }
        }
        Ok(())
    }

    /// How a sale is going.
    ///
    /// # Errors
    /// [`StoreError`]. `None` when there is no such event.
    pub async fn sale_report(&self, event: &EventId) -> Result<Option<SaleReport>, StoreError> {
        let Some(record) = self.store().event(event).await? else { return Ok(None) };
        let room = self.room(event).await?;
        let census = room.map(|room| room.census(self.world().clock.monotonic())).unwrap_or_default();
        let takings = self.store().takings(event).await?;
        Ok(Some(SaleReport { event: record, census, takings }))
    }
}
