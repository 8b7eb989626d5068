//! Whatever waits, in one transaction: what it is about is read by one statement, decided on the desk, and written by
//! one script.

mod load;
mod save;
mod script;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tmcore::{OrderId, Timestamp};

use super::{SqliteStore, begin, failed};
use crate::ports::StoreError;
use crate::ports::batch::{Batch, BatchStore, Written};
use crate::ports::order::OrderOutcome;
use crate::store::desk::{Desk, Wanted};

#[async_trait]
impl BatchStore for SqliteStore {
    async fn write(&self, batch: Batch) -> Written {
        match self.write_all(&batch).await {
            Ok(written) => written,
            // What the database refuses must not take the others with it: each for itself then.
            Err(StoreError::Failed(_)) if batch.len() > 1 => {
                let mut written = Written::default();
                for one in batch.apart() {
                    written.extend(self.write(one).await);
                }
                written
            }
            Err(error) => batch.refused(&error),
        }
    }

    /// A file has one writer.
    fn writes_side_by_side(&self) -> bool {
        false
    }
}

impl SqliteStore {
    async fn write_all(&self, batch: &Batch) -> Result<Written, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let mut desk = Desk::new(self.now(), self.send_lease_seconds);
        load::lay(&mut tx, &mut desk, &Wanted::by(batch)).await?;
        let written = desk.decide(batch)?;
        save::write(&mut tx, &desk).await?;
        tx.commit().await.map_err(failed)?;
        Ok(written)
    }
}

/// Ends the orders whose time is up.
pub(super) async fn expire(
    tx: &mut SqliteConnection,
    orders: impl Iterator<Item = OrderId>,
    (at, send_lease_seconds): (Timestamp, u32),
) -> Result<Vec<OrderOutcome>, StoreError> {
    let mut desk = Desk::new(at, send_lease_seconds);
    load::lay(tx, &mut desk, &Wanted { orders: orders.collect(), ..Wanted::default() }).await?;
    let ended = desk.expire_all()?;
    save::write(tx, &desk).await?;
    Ok(ended)
}
