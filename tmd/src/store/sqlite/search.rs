//! Plain keyword search: every word must occur somewhere in name, venue, town or performers.

use async_trait::async_trait;
use sqlx::QueryBuilder;

use super::{SqliteStore, catalog, failed};
use crate::ports::StoreError;
use crate::ports::catalog::EventRecord;
use crate::ports::search::{SearchIndex, SearchQuery};

#[async_trait]
impl SearchIndex for SqliteStore {
    async fn search(&self, query: &SearchQuery) -> Result<(Vec<EventRecord>, u64), StoreError> {
        let mut connection = self.searchers.acquire().await.map_err(failed)?;
        let mut count = QueryBuilder::new("SELECT COUNT(*) FROM events e JOIN venues v USING (venue_id)");
        conditions(&mut count, query);
        let total: i64 = count.build_query_scalar().fetch_one(&mut *connection).await.map_err(failed)?;
        let mut select = QueryBuilder::new(catalog::select_events());
        conditions(&mut select, query);
        select.push(" ORDER BY starts_at, event_id LIMIT ").push_bind(query.limit);
        select.push(" OFFSET ").push_bind(query.offset);
        let rows = select.build().fetch_all(&mut *connection).await.map_err(failed)?;
        let hits = catalog::read_events(&mut connection, &rows).await?;
        Ok((hits, u64::try_from(total).map_err(StoreError::failed)?))
    }
}

fn conditions(sql: &mut QueryBuilder<sqlx::Sqlite>, query: &SearchQuery) {
    sql.push(" WHERE 1 = 1");
    for word in &query.keywords {
        let pattern = like(word);
        sql.push(" AND (e.name || ' ' || v.name || ' ' || v.city LIKE ").push_bind(pattern.clone());
        sql.push(" ESCAPE '\\' OR EXISTS (SELECT 1 FROM event_performers p WHERE p.event_id = e.event_id AND p.name LIKE ");
        sql.push_bind(pattern).push(" ESCAPE '\\'))");
    }
    if let Some(from) = query.from {
        sql.push(" AND e.starts_at >= ").push_bind(from.as_millis());
    }
    if let Some(until) = query.until {
        sql.push(" AND e.starts_at < ").push_bind(until.as_millis());
    }
}

/// The word anywhere, with LIKE's own signs taken as they are.
fn like(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
