//! The state of all seats at once.

use async_trait::async_trait;
use tmcore::{EventId, SeatId};

use super::{PostgresStore, block, failed};
use crate::ports::StoreError;
use crate::ports::seat::{BlockRefusal, SeatLedger, SeatSnapshot, Sections};
use crate::store::row::{self, Columns};

#[async_trait]
impl SeatLedger for PostgresStore {
    /// One row for all seats: a digit each, put together by the database. Seats, number and time are of one statement, so
    /// of one instant.
    async fn seat_snapshot(&self, event: &EventId) -> Result<Option<SeatSnapshot>, StoreError> {
        let row = sqlx::query(
            "SELECT c.seq, read_millis() AS at,
               (SELECT string_agg(CASE WHEN i.status = 1 AND i.reserved_until <= read_millis() THEN '0'
                                       WHEN i.status IN (1, 2) THEN '1' WHEN i.status = 0 THEN '0'
                                       ELSE (i.status - 1)::text END, '' ORDER BY i.seat_index)
                FROM seat_inventory i WHERE i.event_id = c.event_id) AS codes
             FROM seat_clocks c WHERE c.event_id = $1",
        )
        .bind(event.as_str())
        .fetch_optional(self.browse())
        .await
        .map_err(failed)?;
        row.map(|row| row::seat::snapshot(&row, row.time("at")?)).transpose()
    }

    async fn sections(&self, event: &EventId) -> Result<Option<Sections>, StoreError> {
        let sections: Option<String> =
            sqlx::query_scalar("SELECT sections FROM seat_maps WHERE event_id = $1")
                .bind(event.as_str())
                .fetch_optional(self.browse())
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
