//! What the payment provider told by itself.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use super::{PgError, PostgresStore, begin, failed};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::callback::{CallbackStore, Known, Telling};
use crate::store::row::{self, Columns};

#[async_trait]
impl CallbackStore for PostgresStore {
    async fn known(&self, tellings: &[Telling]) -> Result<Vec<Known>, StoreError> {
        let mut connection = self.money().acquire().await.map_err(failed)?;
        let ids: Vec<_> = tellings.iter().map(|telling| telling.event_id.as_str()).collect();
        let heard: HashSet<String> =
            sqlx::query_scalar("SELECT event_id FROM provider_callbacks WHERE event_id = ANY ($1)")
                .bind(ids)
                .fetch_all(&mut *connection)
                .await
                .map_err(failed)?
                .into_iter()
                .collect();
        let keys: Vec<_> = tellings.iter().map(|telling| telling.key.to_string()).collect();
        let rows = sqlx::query("SELECT * FROM payments WHERE provider_key = ANY ($1)")
            .bind(&keys)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        let mut payments = HashMap::with_capacity(rows.len());
        for row in &rows {
            payments.insert(row.text("provider_key")?, row::payment::read(row)?);
        }
        let known = tellings.iter().zip(keys).map(|(telling, key)| {
            if heard.contains(&telling.event_id) {
                return Known::Heard;
            }
            let payment = payments.get(key.as_str()).cloned();
            payment.map_or(Known::Stranger, |payment| Known::About(Box::new(payment)))
        });
        Ok(known.collect())
    }

    async fn keep(&self, tellings: &[Telling]) -> Result<(), StoreError> {
        Ok(self.keep_all(tellings).await?)
    }
}

impl PostgresStore {
    async fn keep_all(&self, tellings: &[Telling]) -> Result<(), PgError> {
        let mut tx = begin(self.money()).await?;
        drill::mark(Step::KeepCallback);
        let rows = tellings.iter().map(|telling| (telling.event_id.clone(), telling.key.to_string()));
        let (ids, keys): (Vec<_>, Vec<_>) = rows.unzip();
        sqlx::query(
            "INSERT INTO provider_callbacks (event_id, provider_key, received_at)
             SELECT w.id, w.key, now_millis() FROM unnest($1::text[], $2::text[]) w (id, key) ORDER BY w.id
             ON CONFLICT (event_id) DO NOTHING",
        )
        .bind(ids)
        .bind(keys)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }
}
