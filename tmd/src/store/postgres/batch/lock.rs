//! Locks all rows that the decisions of a batch depend on, in the one order (see [`crate::store::postgres`]).

use sqlx::PgConnection;

use crate::store::desk::Wanted;
use crate::store::postgres::PgError;

/// $1, $2 keys (user, key), $3 orders, $4 payments, $5, $6 newcomers (event, user), $7 events that are joined.
///
/// Each step asks the one before it, which has to be carried out for that: so they come in this order, whatever the
/// planner thinks. Ids come as an array, so that rows are found by them however few there seem to be. What is read here is
/// thrown away: a row that had to be waited for may have brought others with it, which only the next statement sees.
const LOCK: &str = "
WITH k AS MATERIALIZED (
  SELECT 1 FROM idempotency_keys k
  WHERE (k.user_id, k.key) IN (SELECT w.user_id, w.key FROM unnest($1::text[], $2::text[]) w (user_id, key))
  ORDER BY k.user_id, k.key FOR UPDATE OF k),
named (order_id) AS MATERIALIZED (
  SELECT unnest($3::text[])
  UNION SELECT p.order_id FROM payments p WHERE p.provider_key = ANY ($4::text[])
  UNION SELECT o.order_id FROM unnest($5::text[], $6::text[]) w (event_id, user_id) CROSS JOIN LATERAL (
    SELECT order_id FROM orders o WHERE o.event_id = w.event_id AND o.user_id = w.user_id AND o.is_open = 1 OFFSET 0) o),
inside (session_id) AS MATERIALIZED (
  SELECT s.session_id FROM unnest($5::text[], $6::text[]) w (event_id, user_id) CROSS JOIN LATERAL (
    SELECT session_id FROM sessions s WHERE s.user_id = w.user_id AND s.event_id || '' = w.event_id
      AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING') OFFSET 0) s),
o AS MATERIALIZED (
  SELECT o.event_id FROM orders o
  WHERE (SELECT count(*) FROM k) >= 0 AND o.order_id = ANY (ARRAY(SELECT order_id FROM named))
  ORDER BY o.order_id FOR UPDATE OF o),
c AS MATERIALIZED (
  SELECT 1 FROM seat_clocks c
  WHERE c.event_id = ANY (ARRAY(SELECT event_id FROM o))
  ORDER BY c.event_id FOR UPDATE OF c),
g AS MATERIALIZED (
  SELECT 1 FROM gates g WHERE (SELECT count(*) FROM c) >= 0 AND g.event_id = ANY ($7::text[])
  ORDER BY g.event_id FOR UPDATE OF g),
s AS MATERIALIZED (
  SELECT 1 FROM sessions s
  WHERE (SELECT count(*) FROM g) >= 0 AND s.session_id = ANY (ARRAY(SELECT session_id FROM inside)) AND s.state = 'ACTIVE'
  ORDER BY s.session_id FOR UPDATE OF s)
SELECT count(*) FROM s";

/// Waits for each no longer than the connection's `lock_timeout` (S9).
pub(in crate::store::postgres) async fn lock(tx: &mut PgConnection, wanted: &Wanted) -> Result<(), PgError> {
    let keys = wanted.keys.iter().chain(&wanted.written_keys);
    let (key_users, keys): (Vec<_>, Vec<_>) =
        keys.map(|key| (key.user.to_string(), key.key.to_string())).unzip();
    let (events, users): (Vec<_>, Vec<_>) =
        wanted.newcomers.iter().map(|(event, user)| (event.to_string(), user.to_string())).unzip();
    sqlx::query(LOCK)
        .bind(key_users)
        .bind(keys)
        .bind(wanted.orders.iter().map(ToString::to_string).collect::<Vec<_>>())
        .bind(wanted.payments.iter().map(ToString::to_string).collect::<Vec<_>>())
        .bind(events)
        .bind(users)
        .bind(wanted.joins.iter().map(|(event, _)| event.to_string()).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}
