//! Who the office is.

use async_trait::async_trait;
use tmcore::identity::Identity;

use super::{PostgresStore, failed};
use crate::ports::StoreError;
use crate::ports::identity::IdentityStore;
use crate::store::row;

#[async_trait]
impl IdentityStore for PostgresStore {
    async fn identify(&self, own: &Identity) -> Result<Identity, StoreError> {
        let mut connection = self.browse().acquire().await.map_err(failed)?;
        // Waits for whoever writes it at this moment. The next statement sees what that one committed.
        sqlx::query(
            "INSERT INTO office_identity (one, keys, provider) VALUES (1, $1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(own.keys.to_string())
        .bind(own.provider.to_string())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
        let row = sqlx::query(row::identity::READ).fetch_one(&mut *connection).await.map_err(failed)?;
        row::identity::read(&row)
    }

    async fn forget_identity(&self) -> Result<(), StoreError> {
        sqlx::query(row::identity::FORGET).execute(self.browse()).await.map(drop).map_err(failed)
    }
}
