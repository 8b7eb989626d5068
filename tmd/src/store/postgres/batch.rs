//! Whatever waits, in one transaction and five trips to the server: begin, lock, read, write, commit.

mod load;
mod lock;
mod save;
mod statement;

use std::time::Duration;

use async_trait::async_trait;

use super::transaction::Tx;
use super::{PgError, PostgresStore, begin};
use crate::ports::StoreError;
use crate::ports::batch::{Batch, BatchStore, Written};
use crate::ports::order::OrderOutcome;
use crate::store::desk::Wanted;

pub(super) use load::lay;
pub(super) use lock::lock;

/// How often a batch that met a rival is tried as a whole. Each time what the rival wrote is there to be read.
const RIVAL_TRIES: u32 = 4;
/// A server that goes silent in the middle of a batch is given up after this long.
const PATIENCE: Duration = Duration::from_secs(12);

#[async_trait]
impl BatchStore for PostgresStore {
    async fn write(&self, batch: Batch) -> Written {
        if batch.is_empty() {
            return Written::default();
        }
        for _ in 0..RIVAL_TRIES {
            match self.attempt(&batch).await {
                Ok(written) => return written,
                Err(PgError::Rival) => {}
                // What the database refuses must not take the others with it: each for itself then.
                Err(PgError::Store(StoreError::Failed(_))) if batch.len() > 1 => break,
                Err(PgError::Store(error)) => return batch.refused(&error),
            }
        }
        if batch.len() == 1 {
            return batch.refused(&StoreError::Busy);
        }
        let mut written = Written::default();
        for one in batch.apart() {
            written.extend(self.write(one).await);
        }
        written
    }

    fn writes_side_by_side(&self) -> bool {
        true
    }
}

impl PostgresStore {
    async fn attempt(&self, batch: &Batch) -> Result<Written, PgError> {
        let silent = |_| StoreError::Unreachable("the server went silent".into());
        tokio::time::timeout(PATIENCE, self.write_all(batch)).await.map_err(silent)?
    }

    async fn write_all(&self, batch: &Batch) -> Result<Written, PgError> {
        let has_only_joins = batch.len() == batch.joins.len();
        let mut tx = begin(if has_only_joins { self.room() } else { self.money() }).await?;
        let wanted = Wanted::by(batch);
        lock(&mut tx, &wanted).await?;
        let mut desk = lay(&mut tx, &wanted, self.send_lease_seconds).await?;
        let written = desk.decide(batch)?;
        save::write(&mut tx, &desk).await?;
        tx.commit().await?;
        Ok(written)
    }

    /// Ends those of the orders whose time is up.
    pub(super) async fn expire(&self, tx: &mut Tx, wanted: &Wanted) -> Result<Vec<OrderOutcome>, PgError> {
        lock(tx, wanted).await?;
        let mut desk = lay(tx, wanted, self.send_lease_seconds).await?;
        let ended = desk.expire_all()?;
        save::write(tx, &desk).await?;
        Ok(ended)
    }
}
