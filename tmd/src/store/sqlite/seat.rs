//! The state of all seats at once.

use async_trait::async_trait;
use tmcore::{EventId, SeatId};

use super::{SqliteStore, block, failed};
use crate::ports::StoreError;
use crate::ports::seat::{BlockRefusal, SeatLedger, SeatSnapshot, Sections};
use crate::store::row;

#[async_trait]
impl SeatLedger for SqliteStore {
    /// One row for all seats: a digit each, put together by the database, which is a tenth of the cost of a row a seat.
    async fn seat_snapshot(&self, event: &EventId) -> Result<Option<SeatSnapshot>, StoreError> {
        let now = self.now();
        let row = sqlx::query(
            "SELECT seq,
               (SELECT group_concat(CASE WHEN status = 1 AND reserved_until <= ?2 THEN 0
                                         WHEN status IN (1, 2) THEN 1 WHEN status = 0 THEN 0 ELSE status - 1 END, ''
                                    ORDER BY seat_index)
                FROM seat_inventory WHERE event_id = ?1) AS codes
             FROM seat_clocks WHERE event_id = ?1",
        )
        .bind(event.as_str())
        .bind(now.as_millis())
        .fetch_optional(self.readers())
        .await
        .map_err(failed)?;
        row.map(|row| row::seat::snapshot(&row, now)).transpose()
    }

    async fn sections(&self, event: &EventId) -> Result<Option<Sections>, StoreError> {
        let sections: Option<String> =
            sqlx::query_scalar("SELECT sections FROM seat_maps WHERE event_id = ?")
                .bind(event.as_str())
                .fetch_optional(self.readers())
                .await
                .map_err(failed)?;
        sections.map(|text| serde_json::from_str(&text).map_err(StoreError::failed)).transpose()
    }

    async fn block_seats(
        &self,
        event: &EventId,
        seats: &[SeatId],
        blocked: bool,
    ) -> Result<u32, BlockRefusal> {
        block::set(self, event, seats, blocked).await
    }
}
