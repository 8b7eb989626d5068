//! Whatever waits, in one transaction.

use async_trait::async_trait;

use super::waiting_room::join;
use super::{SqliteStore, begin, failed, idempotency, order};
use crate::ports::StoreError;
use crate::ports::batch::{Batch, BatchStore, Written};
use crate::store::desk::Desk;

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
}

impl SqliteStore {
    async fn write_all(&self, batch: &Batch) -> Result<Written, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = self.now();
        let claims = idempotency::claim_all(&mut tx, &batch.claims, at).await?;
        let joins = join::all(&mut tx, &batch.joins, at).await?;
        let desk = Desk::new(at, self.send_lease_seconds);
        let commands = order::all(&mut tx, desk, &batch.commands).await?;
        let kept = batch.commands.iter().zip(&commands).filter_map(|((_, keep), outcome)| {
            Some((&keep.as_ref()?.key, Some(outcome.as_ref().ok()?.kept.as_ref()?)))
        });
        let ends = batch.ends.iter().map(|(key, answer)| (key, answer.as_ref()));
        idempotency::finish_all(&mut tx, kept.chain(ends)).await?;
        tx.commit().await.map_err(failed)?;
        let claims = claims.into_iter().map(Ok).collect();
        Ok(Written { claims, joins, commands, ends: batch.ends.iter().map(|_| Ok(())).collect() })
    }
}
