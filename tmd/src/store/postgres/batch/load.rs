//! Lays on the desk what a batch is about, by one statement that answers one row and the time.

use sqlx::PgConnection;

use crate::store::desk::{Desk, Wanted};
use crate::store::postgres::PgError;
use crate::store::row::Columns;

/// Everything that is wanted. $1 orders, $2 payments, $3, $4 newcomers (event, user), $5, $6 seats (order, seat), $7, $8
/// keys (user, key), $9, $10 joins (event, user).
///
/// Where rows are found by an index whose condition names few of them, `OFFSET 0` keeps the planner from reading all of
/// those few instead: open orders are not few in the middle of a sale. `|| ''` leaves the one index that begins with the buyer.
const LAY: &str = "
WITH wanted (order_id) AS MATERIALIZED (
  SELECT unnest($1::text[])
  UNION SELECT p.order_id FROM payments p WHERE p.provider_key = ANY ($2::text[])
  UNION SELECT o.order_id FROM unnest($3::text[], $4::text[]) w (event_id, user_id) CROSS JOIN LATERAL (
    SELECT order_id FROM orders o WHERE o.event_id = w.event_id AND o.user_id = w.user_id AND o.is_open = 1 OFFSET 0) o),
laid AS MATERIALIZED (SELECT o.* FROM wanted w JOIN orders o ON o.order_id = w.order_id),
issued AS MATERIALIZED (SELECT t.* FROM laid l JOIN tickets t ON t.order_id = l.order_id
  WHERE l.state IN ('FINALIZED', 'REFUNDING', 'REFUNDED')),
entering (event_id, user_id) AS MATERIALIZED (
  SELECT * FROM unnest($3::text[], $4::text[]) UNION SELECT * FROM unnest($9::text[], $10::text[]))
SELECT now_millis() AS at,
(SELECT coalesce(json_agg(json_build_array(order_id, event_id, user_id, session_id, state, expires_at, created_at, total,
    currency, attempts, declines, fence, seats, history))::text, '[]') FROM laid) AS orders,
(SELECT coalesce(json_agg(json_build_array(e.event_id, e.sale_state, e.sale_starts_at, e.waiting_room, e.capacity,
    e.admissions_per_minute, e.lapse_seconds, e.active_seconds, e.lobby_seconds, e.hold_ttl_seconds, e.seats_per_order,
    e.seats_per_buyer, e.currency, c.seq, g.next_place))::text, '[]')
  FROM (SELECT event_id FROM laid UNION SELECT event_id FROM entering) w
  JOIN events e ON e.event_id = w.event_id JOIN gates g ON g.event_id = e.event_id
  LEFT JOIN seat_clocks c ON c.event_id = e.event_id) AS sales,
(SELECT coalesce(json_agg(json_build_array(s.session_id, s.event_id, s.user_id, s.state, s.place, s.lobby, s.joined_at,
    s.deadline, s.order_id))::text, '[]')
  FROM (SELECT session_id FROM laid WHERE session_id IS NOT NULL
    UNION SELECT s.session_id FROM entering w CROSS JOIN LATERAL (
      SELECT session_id FROM sessions s WHERE s.user_id = w.user_id AND s.event_id || '' = w.event_id
        AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING') OFFSET 0) s) w
  JOIN sessions s ON s.session_id = w.session_id) AS sessions,
(SELECT coalesce(json_agg(json_build_array(i.event_id, i.seat_index, i.seat_id, s.section, s.row_label, s.number, l.name,
    l.price, e.currency, i.status, i.version, i.reserved_until, i.order_id, i.ticket_id))::text, '[]')
  FROM (SELECT l.event_id, j.value::bigint AS seat_index FROM laid l, json_array_elements_text(l.seats) j (value)
    UNION SELECT event_id, seat_index FROM issued
    UNION SELECT i.event_id, i.seat_index FROM unnest($5::text[], $6::text[]) w (order_id, seat_id)
      JOIN orders o ON o.order_id = w.order_id
      JOIN seat_inventory i ON i.event_id = o.event_id AND i.seat_id = w.seat_id) w
  JOIN seat_inventory i ON i.event_id = w.event_id AND i.seat_index = w.seat_index
  JOIN events e ON e.event_id = i.event_id
  JOIN seats s ON s.venue_id = e.venue_id AND s.seat_index = i.seat_index
  JOIN price_levels l ON l.event_id = i.event_id AND l.level = i.level) AS seats,
(SELECT coalesce(json_agg(json_build_array(p.provider_key, p.order_id, p.operation, p.attempt, p.state, p.detail, p.amount,
    p.currency, p.against))::text, '[]') FROM laid l JOIN payments p ON p.order_id = l.order_id) AS payments,
(SELECT coalesce(json_agg(json_build_array(ticket_id, order_id, user_id, event_id, seat_index, code, state, issued_at)
    ORDER BY seat_index)::text, '[]') FROM issued) AS tickets,
(SELECT coalesce(json_agg(json_build_array(w.event_id, w.user_id, (SELECT count(*) FROM tickets t
    WHERE t.event_id = w.event_id AND t.user_id = w.user_id AND t.state = 'VALID')))::text, '[]')
  FROM (SELECT * FROM unnest($3::text[], $4::text[]) n (event_id, user_id)
    UNION SELECT o.event_id, o.user_id FROM unnest($5::text[]) w (order_id)
      JOIN orders o ON o.order_id = w.order_id) w) AS owned,
(SELECT coalesce(json_agg(json_build_array(k.user_id, k.key, encode(k.fingerprint, 'hex'), k.lease_until, k.order_id,
    k.status, convert_from(k.body, 'UTF8')))::text, '[]')
  FROM (SELECT DISTINCT * FROM unnest($7::text[], $8::text[]) n (user_id, key)) w
  JOIN idempotency_keys k ON k.user_id = w.user_id AND k.key = w.key) AS keys";

/// Reads everything that is wanted and locked, then the time: by the database's clock, after the last lock (S4).
pub(in crate::store::postgres) async fn lay(
    tx: &mut PgConnection,
    wanted: &Wanted,
    send_lease_seconds: u32,
) -> Result<Desk, PgError> {
    let (events, users): (Vec<_>, Vec<_>) =
        wanted.newcomers.iter().map(|(event, user)| (event.to_string(), user.to_string())).unzip();
    let (orders, seats): (Vec<_>, Vec<_>) =
        wanted.seats.iter().map(|(order, seat)| (order.to_string(), seat.to_string())).unzip();
    let (key_users, keys): (Vec<_>, Vec<_>) =
        wanted.keys.iter().map(|key| (key.user.to_string(), key.key.to_string())).unzip();
    let (joined, joining): (Vec<_>, Vec<_>) =
        wanted.joins.iter().map(|(event, user)| (event.to_string(), user.to_string())).unzip();
    let row = sqlx::query(LAY)
        .bind(wanted.orders.iter().map(ToString::to_string).collect::<Vec<_>>())
        .bind(wanted.payments.iter().map(ToString::to_string).collect::<Vec<_>>())
        .bind(events)
        .bind(users)
        .bind(orders)
        .bind(seats)
        .bind(key_users)
        .bind(keys)
        .bind(joined)
        .bind(joining)
        .fetch_one(tx)
        .await?;
    let mut desk = Desk::new(row.time("at")?, send_lease_seconds);
    desk.lay(&row)?;
    Ok(desk)
}
