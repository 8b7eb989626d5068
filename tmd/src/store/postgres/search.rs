//! Plain keyword search.

use async_trait::async_trait;
use sqlx::QueryBuilder;

use super::{PostgresStore, catalog, failed};
use crate::ports::StoreError;
use crate::ports::catalog::EventRecord;
use crate::ports::search::{SearchIndex, SearchQuery};
use crate::store::row;
use crate::store::search::conditions;

/// Takes small letters for capitals, as the database's locale has them.
const LIKE: &str = "ILIKE";

#[async_trait]
impl SearchIndex for PostgresStore {
    async fn search(&self, query: &SearchQuery) -> Result<(Vec<EventRecord>, u64), StoreError> {
        let mut connection = self.browse().acquire().await.map_err(failed)?;
        let mut count = QueryBuilder::new("SELECT COUNT(*) FROM events e JOIN venues v USING (venue_id)");
        conditions(&mut count, query, LIKE);
        let total: i64 = count.build_query_scalar().fetch_one(&mut *connection).await.map_err(failed)?;
        let mut select = QueryBuilder::new(row::event::EVENT);
        conditions(&mut select, query, LIKE);
        select.push(" ORDER BY starts_at, event_id LIMIT ").push_bind(i64::from(query.limit));
        select.push(" OFFSET ").push_bind(i64::from(query.offset));
        let rows = select.build().fetch_all(&mut *connection).await.map_err(failed)?;
        let hits = catalog::read_events(&mut connection, &rows).await?;
        Ok((hits, u64::try_from(total).map_err(StoreError::failed)?))
    }
}
