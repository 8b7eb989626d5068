//! Plain keyword search: every word must occur somewhere in name, venue, town or performers.

use sqlx::{Database, Encode, QueryBuilder, Type};

use crate::ports::search::SearchQuery;

/// Adds the conditions of a query on [`super::row::event::EVENT`]. `like` is the dialect's word for a comparison that
/// takes small letters for capitals.
pub fn conditions<DB: Database>(sql: &mut QueryBuilder<DB>, query: &SearchQuery, like: &str)
where
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    sql.push(" WHERE 1 = 1");
    for word in &query.keywords {
        let pattern = pattern(word);
        sql.push(format_args!(" AND (e.name || ' ' || v.name || ' ' || v.city {like} "));
        sql.push_bind(pattern.clone());
        sql.push(" ESCAPE '\\' OR EXISTS (SELECT 1 FROM event_performers p WHERE p.event_id = e.event_id");
        sql.push(format_args!(" AND p.name {like} "));
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
fn pattern(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
