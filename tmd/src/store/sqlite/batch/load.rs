//! Lays on the desk what a batch is about, by one statement that answers one row.

use sqlx::SqliteConnection;

use crate::ports::StoreError;
use crate::store::desk::{Desk, Wanted};
use crate::store::row::json_array;
use crate::store::sqlite::failed;

/// Everything that is wanted. ?1 orders, ?2 payments, ?3 newcomers (event, user), ?4 seats (order, seat), ?5 keys (user,
/// key), ?6 joins (event, user). What is small comes first in every join, and says how what is big is found.
const LAY: &str = "
WITH wanted (order_id) AS (
  SELECT value FROM json_each(?1)
  UNION SELECT p.order_id FROM json_each(?2) w CROSS JOIN payments p ON p.provider_key = w.value
  UNION SELECT o.order_id FROM json_each(?3) w CROSS JOIN orders o
    WHERE o.event_id = w.value ->> 0 AND o.user_id = w.value ->> 1 AND o.is_open = 1),
laid AS MATERIALIZED (SELECT o.* FROM wanted w CROSS JOIN orders o ON o.order_id = w.order_id),
issued AS NOT MATERIALIZED (SELECT t.* FROM laid l CROSS JOIN tickets t ON t.order_id = l.order_id
  WHERE l.state IN ('FINALIZED', 'REFUNDING', 'REFUNDED'))
SELECT
(SELECT json_group_array(json_array(order_id, event_id, user_id, session_id, state, expires_at, created_at, total, currency,
    attempts, declines, fence, json(seats), history)) FROM laid) AS orders,
(SELECT json_group_array(json_array(e.event_id, e.sale_state, e.sale_starts_at, e.waiting_room, e.capacity,
    e.admissions_per_minute, e.lapse_seconds, e.active_seconds, e.lobby_seconds, e.hold_ttl_seconds, e.seats_per_order,
    e.seats_per_buyer, e.currency, c.seq, g.next_place))
  FROM (SELECT event_id FROM laid UNION SELECT value ->> 0 FROM json_each(?3) UNION SELECT value ->> 0 FROM json_each(?6)) w
  CROSS JOIN events e ON e.event_id = w.event_id CROSS JOIN gates g ON g.event_id = e.event_id
  LEFT JOIN seat_clocks c ON c.event_id = e.event_id) AS sales,
(SELECT json_group_array(json_array(s.session_id, s.event_id, s.user_id, s.state, s.place, s.lobby, s.joined_at, s.deadline,
    s.order_id))
  FROM (SELECT session_id FROM laid WHERE session_id IS NOT NULL
    UNION SELECT s.session_id FROM json_each(?3) w CROSS JOIN sessions s
      WHERE s.event_id = w.value ->> 0 AND s.user_id = w.value ->> 1 AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')
    UNION SELECT s.session_id FROM json_each(?6) w CROSS JOIN sessions s
      WHERE s.event_id = w.value ->> 0 AND s.user_id = w.value ->> 1 AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')) w
  CROSS JOIN sessions s ON s.session_id = w.session_id) AS sessions,
(SELECT json_group_array(json_array(i.event_id, i.seat_index, i.seat_id, s.section, s.row_label, s.number, l.name, l.price,
    e.currency, i.status, i.version, i.reserved_until, i.order_id, i.ticket_id))
  FROM (SELECT l.event_id, j.value AS seat_index FROM laid l CROSS JOIN json_each(l.seats) j
    UNION SELECT event_id, seat_index FROM issued
    UNION SELECT i.event_id, i.seat_index FROM json_each(?4) w CROSS JOIN orders o ON o.order_id = w.value ->> 0
      CROSS JOIN seat_inventory i ON i.event_id = o.event_id AND i.seat_id = w.value ->> 1) w
  CROSS JOIN seat_inventory i ON i.event_id = w.event_id AND i.seat_index = w.seat_index
  CROSS JOIN events e ON e.event_id = i.event_id
  CROSS JOIN seats s ON s.venue_id = e.venue_id AND s.seat_index = i.seat_index
  CROSS JOIN price_levels l ON l.event_id = i.event_id AND l.level = i.level) AS seats,
(SELECT json_group_array(json_array(p.provider_key, p.order_id, p.operation, p.attempt, p.state, p.detail, p.amount,
    p.currency, p.against)) FROM laid l CROSS JOIN payments p ON p.order_id = l.order_id) AS payments,
(SELECT json_group_array(json_array(ticket_id, order_id, user_id, event_id, seat_index, code, state, issued_at)
    ORDER BY seat_index) FROM issued) AS tickets,
(SELECT json_group_array(json_array(w.event_id, w.user_id, (SELECT COUNT(*) FROM tickets t
    WHERE t.event_id = w.event_id AND t.user_id = w.user_id AND t.state = 'VALID')))
  FROM (SELECT value ->> 0 AS event_id, value ->> 1 AS user_id FROM json_each(?3)
    UNION SELECT o.event_id, o.user_id FROM json_each(?4) w CROSS JOIN orders o ON o.order_id = w.value ->> 0) w) AS owned,
(SELECT json_group_array(json_array(k.user_id, k.key, hex(k.fingerprint), k.lease_until, k.order_id, k.status,
    CAST(k.body AS TEXT)))
  FROM json_each(?5) w CROSS JOIN idempotency_keys k ON k.user_id = w.value ->> 0 AND k.key = w.value ->> 1) AS keys";

/// Reads everything that is wanted and not there.
pub(super) async fn lay(
    tx: &mut SqliteConnection,
    desk: &mut Desk,
    wanted: &Wanted,
) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let orders: Vec<_> = wanted.orders.iter().collect();
    let payments: Vec<_> = wanted.payments.iter().map(ToString::to_string).collect();
    let keys: Vec<_> = wanted.keys.iter().map(|key| (key.user, key.key.as_str())).collect();
    let row = sqlx::query(LAY)
        .bind(json_array(&orders)?)
        .bind(json_array(&payments)?)
        .bind(json_array(&wanted.newcomers)?)
        .bind(json_array(&wanted.seats)?)
        .bind(json_array(&keys)?)
        .bind(json_array(&wanted.joins)?)
        .fetch_one(tx)
        .await
        .map_err(failed)?;
    desk.lay(&row)
}
