//! Who the office is.

use async_trait::async_trait;
use tmcore::identity::Identity;

use super::{SqliteStore, failed};
use crate::ports::StoreError;
use crate::ports::identity::IdentityStore;
use crate::store::row;

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn identify(&self, own: &Identity) -> Result<Identity, StoreError> {
        let mut writer = self.writer().await?;
        sqlx::query("INSERT OR IGNORE INTO office_identity (one, keys, provider) VALUES (1, ?, ?)")
            .bind(own.keys.to_string())
            .bind(own.provider.to_string())
            .execute(&mut *writer)
            .await
            .map_err(failed)?;
        let row = sqlx::query(row::identity::READ).fetch_one(&mut *writer).await.map_err(failed)?;
        row::identity::read(&row)
    }

    async fn forget_identity(&self) -> Result<(), StoreError> {
        let mut writer = self.writer().await?;
        sqlx::query(row::identity::FORGET).execute(&mut *writer).await.map(drop).map_err(failed)
    }
}
