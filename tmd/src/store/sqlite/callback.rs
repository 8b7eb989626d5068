//! What the payment provider told by itself.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use super::{SqliteStore, begin, failed};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::callback::{CallbackStore, Known, Telling};
use crate::store::row::{self, Columns, json_array};

#[async_trait]
impl CallbackStore for SqliteStore {
    async fn known(&self, tellings: &[Telling]) -> Result<Vec<Known>, StoreError> {
        let mut tx = self.readers().begin().await.map_err(failed)?;
        let ids: Vec<_> = tellings.iter().map(|telling| &telling.event_id).collect();
        let heard: HashSet<String> = sqlx::query_scalar(
            "SELECT event_id FROM provider_callbacks WHERE event_id IN (SELECT value FROM json_each(?))",
        )
        .bind(json_array(&ids)?)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?
        .into_iter()
        .collect();
        let keys: Vec<_> = tellings.iter().map(|telling| telling.key.to_string()).collect();
        let rows =
            sqlx::query("SELECT * FROM payments WHERE provider_key IN (SELECT value FROM json_each(?))")
                .bind(json_array(&keys)?)
                .fetch_all(&mut *tx)
                .await
                .map_err(failed)?;
        let mut payments = HashMap::with_capacity(rows.len());
        for row in &rows {
            payments.insert(row.text("provider_key")?.to_owned(), row::payment::read(row)?);
        }
        let known = tellings.iter().zip(keys).map(|(telling, key)| {
            if heard.contains(&telling.event_id) {
                return Known::Heard;
            }
            let payment = payments.get(&key).cloned();
            payment.map_or(Known::Stranger, |payment| Known::About(Box::new(payment)))
        });
        Ok(known.collect())
    }

    async fn keep(&self, tellings: &[Telling]) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        let mut tx = begin(&mut writer).await?;
        let at = self.now();
        drill::mark(Step::KeepCallback);
        let rows: Vec<_> =
            tellings.iter().map(|telling| (&telling.event_id, telling.key.to_string())).collect();
        sqlx::query(
            "INSERT INTO provider_callbacks (event_id, provider_key, received_at)
             SELECT value ->> 0, value ->> 1, ?1 FROM json_each(?2) WHERE true ON CONFLICT (event_id) DO NOTHING",
        )
        .bind(at.as_millis())
        .bind(json_array(&rows)?)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}
