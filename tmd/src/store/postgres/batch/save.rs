//! Writes back what changed on the desk, by one statement for all kinds of rows.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, PgConnection};

use super::statement;
use crate::ports::StoreError;
use crate::store::desk::{Desk, Part};
use crate::store::postgres::PgError;

/// Writes every row, or fails: a row that is not as it was read is a rival's (S7).
pub(super) async fn write(tx: &mut PgConnection, desk: &Desk) -> Result<(), PgError> {
    let parts = desk.script()?;
    if parts.is_empty() {
        return Ok(());
    }
    let sql = together(&parts)?;
    let wanted: Vec<_> =
        parts.iter().map(|part| part.statement.writes_every_row().then_some(part.rows)).collect();
    let query = sqlx::query_scalar::<_, Vec<i64>>(AssertSqlSafe(sql));
    let written = parts.into_iter().fold(query, |query, part| query.bind(part.array)).fetch_one(tx).await?;
    let is_whole = |(wanted, written): (Option<usize>, i64)| {
        wanted.is_none_or(|wanted| usize::try_from(written) == Ok(wanted))
    };
    if wanted.into_iter().zip(written).all(is_whole) { Ok(()) } else { Err(PgError::Rival) }
}

/// One statement of all parts that answers how many rows each wrote. Each counts the rows of the one before, which has to
/// be carried out for that: so they come in order. None of them sees what another wrote, and none has to.
fn together(parts: &[Part]) -> Result<String, StoreError> {
    let mut sql = String::from("WITH ");
    let mut counts = Vec::with_capacity(parts.len());
    for (n, part) in (1..).zip(parts) {
        let rows = match n {
            1 => "jsonb_array_elements($1::jsonb) w (value)".to_owned(),
            _ => format!(
                "(SELECT value FROM jsonb_array_elements(${n}::jsonb) WHERE (SELECT count(*) FROM s{}) >= 0) w (value)",
                n - 1
            ),
        };
        let words = statement::sql(part.statement).replace("{w}", &rows);
        let comma = if n == 1 { "" } else { ",\n" };
        write!(sql, "{comma}s{n} AS ({words} RETURNING 1)").map_err(StoreError::failed)?;
        counts.push(format!("(SELECT count(*) FROM s{n})"));
    }
    write!(sql, "\nSELECT ARRAY[{}]", counts.join(", ")).map_err(StoreError::failed)?;
    Ok(sql)
}
