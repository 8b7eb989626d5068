//! Whatever waits, in one transaction: what it is about is read by one statement, decided on the desk, and written by
//! one script.

mod load;
mod save;
mod script;

use async_trait::async_trait;
use sqlx::SqliteConnection;
use tmcore::{OrderId, Timestamp};

use super::waiting_room::join;
use super::{SqliteStore, begin, failed};
use crate::ports::StoreError;
use crate::ports::batch::{Batch, BatchStore, Decided, Written};
use crate::ports::idempotency::Keep;
use crate::ports::order::{CommandRefusal, OrderCommand, OrderOutcome};
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
}

impl SqliteStore {
    async fn write_all(&self, batch: &Batch) -> Result<Written, StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = self.now();
        let mut desk = Desk::new(at, self.send_lease_seconds);
        load::lay(&mut tx, &mut desk, &Wanted::by(batch)).await?;
        let claims = batch.claims.iter().map(|claim| Ok(desk.claim(claim))).collect();
        let joins = join::all(&mut tx, &batch.joins, at).await?;
        let commands = run(&mut desk, &batch.commands)?;
        for (key, answer) in &batch.ends {
            desk.end(key.clone(), answer.clone());
        }
        save::write(&mut tx, &desk).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Written { claims, joins, commands, ends: batch.ends.iter().map(|_| Ok(())).collect() })
    }
}

/// Carries every command out; what ends a claim is kept with it.
fn run(desk: &mut Desk, commands: &[(OrderCommand, Option<Keep>)]) -> Result<Vec<Decided>, StoreError> {
    let mut all = Vec::with_capacity(commands.len());
    for (command, keep) in commands {
        let outcome = desk.run(command);
        if let Err(CommandRefusal::Store(error)) = outcome {
            return Err(error);
        }
        let mut kept = None;
        if let Some(keep) = keep {
            kept = keep.answer(outcome.as_ref().map(|outcome| &outcome.record));
            if kept.is_some() {
                desk.end(keep.key.clone(), kept.clone());
            }
        }
        all.push(Decided { outcome, kept });
    }
    Ok(all)
}

/// Ends the orders whose time is up.
pub(super) async fn expire(
    tx: &mut SqliteConnection,
    orders: impl Iterator<Item = OrderId>,
    (at, send_lease_seconds): (Timestamp, u32),
) -> Result<Vec<OrderOutcome>, StoreError> {
    let mut desk = Desk::new(at, send_lease_seconds);
    load::lay(tx, &mut desk, &Wanted { orders: orders.collect(), ..Wanted::default() }).await?;
    let ended = desk.order_ids().into_iter().map(|order| desk.expire(order)).collect::<Result<_, _>>();
    let ended = ended.map_err(|refusal| match refusal {
        CommandRefusal::Store(error) => error,
        other => StoreError::failed(other),
    })?;
    save::write(tx, &desk).await?;
    Ok(ended)
}
