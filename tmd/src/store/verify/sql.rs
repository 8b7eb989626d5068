//! What is asked, in the words that both dialects know.

/// Events behind $1, at most $2. `state IN ('WAITING', …)` names the index.
pub const EVENTS: &str = "SELECT e.event_id, e.capacity, e.highest_capacity, coalesce(g.next_place, 0) AS next_place,
    coalesce(c.seq, 0) AS clock, CAST(m.sections AS TEXT) AS sections,
    (SELECT count(*) FROM sessions s WHERE s.event_id = e.event_id AND s.state IN ('ACTIVE', 'ORDERING')
      AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')) AS inside,
    (SELECT min(s.place) FROM sessions s WHERE s.event_id = e.event_id AND s.state = 'WAITING' AND s.lobby = 0
      AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')) AS best_waiting,
    (SELECT max(s.place) FROM sessions s WHERE s.event_id = e.event_id AND s.state IN ('ACTIVE', 'ORDERING')
      AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')) AS worst_inside,
    (SELECT max(s.place) FROM sessions s WHERE s.event_id = e.event_id AND s.lobby = 0
      AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')) AS worst_place,
    (SELECT coalesce(max(i.version), 0) FROM seat_inventory i WHERE i.event_id = e.event_id) AS newest
  FROM events e LEFT JOIN gates g ON g.event_id = e.event_id LEFT JOIN seat_clocks c ON c.event_id = e.event_id
    LEFT JOIN seat_maps m ON m.event_id = e.event_id
  WHERE e.event_id > $1 ORDER BY e.event_id LIMIT $2";

/// Price levels of the events behind $1 and up to $2.
pub const LEVELS: &str = "SELECT l.event_id, l.name, l.seats AS counter, coalesce(i.seats, 0) AS seats
  FROM price_levels l LEFT JOIN (SELECT event_id, level, count(*) AS seats FROM seat_inventory
    WHERE event_id > $1 AND event_id <= $2 GROUP BY event_id, level) i ON i.event_id = l.event_id AND i.level = l.level
  WHERE l.event_id > $1 AND l.event_id <= $2 ORDER BY l.event_id, l.level";

/// A seat and the order that has it.
macro_rules! seat {
    () => {
        "SELECT i.event_id, i.seat_index, i.seat_id, i.status, i.version, i.reserved_until, i.order_id, i.ticket_id,
    o.state AS order_state, o.event_id AS order_event, o.session_id AS order_session, CAST(o.seats AS TEXT) AS order_seats
  FROM seat_inventory i LEFT JOIN orders o ON o.order_id = i.order_id "
    };
}

/// Seats behind ($1, $2), at most $3.
pub const SEATS: &str = concat!(
    seat!(),
    "WHERE (i.event_id, i.seat_index) > ($1, $2) ORDER BY i.event_id, i.seat_index LIMIT $3"
);

/// The seat $2 of the event $1.
pub const SEAT: &str = concat!(seat!(), "WHERE i.event_id = $1 AND i.seat_id = $2");

/// Valid tickets for seats behind ($1, $2) and up to ($3, $4).
pub const TICKETS_OF_SEATS: &str = "SELECT event_id, seat_index, ticket_id, order_id FROM tickets
  WHERE state = 'VALID' AND (event_id, seat_index) > ($1, $2) AND (event_id, seat_index) <= ($3, $4)
  ORDER BY event_id, seat_index, ticket_id";

/// Valid tickets for the seat $2 of the event $1.
pub const TICKETS_OF_SEAT: &str = "SELECT t.event_id, t.seat_index, t.ticket_id, t.order_id
  FROM seat_inventory i JOIN tickets t ON t.event_id = i.event_id AND t.seat_index = i.seat_index AND t.state = 'VALID'
  WHERE i.event_id = $1 AND i.seat_id = $2 ORDER BY t.ticket_id";

/// Orders from $1 on, at most $2, with their sessions. Who read the event's row just before it was sold by the waiting room
/// again may have written a little later: 10 s.
pub const ORDERS: &str =
    "SELECT o.order_id, o.event_id, o.user_id, o.session_id, o.state, o.expires_at, o.created_at, o.total, o.currency,
    o.attempts, o.declines, o.fence, '[]' AS seats, o.history,
    CAST(CASE WHEN e.waiting_room = 1 AND o.created_at > e.free_until + 10000 THEN 1 ELSE 0 END AS BIGINT) AS is_needed,
    s.user_id AS session_user, s.event_id AS session_event, s.state AS session_state, s.order_id AS session_order
  FROM orders o LEFT JOIN events e ON e.event_id = o.event_id LEFT JOIN sessions s ON s.session_id = o.session_id
  WHERE o.order_id >= $1 ORDER BY o.order_id LIMIT $2";

/// Tickets of the orders from $1 to $2.
pub const TICKETS_OF_ORDERS: &str =
    "SELECT order_id, ticket_id, event_id, seat_index, user_id, state, issued_at FROM tickets
  WHERE order_id >= $1 AND order_id <= $2 ORDER BY order_id, seat_index, ticket_id";

/// Payments of the orders from $1 to $2.
pub const PAYMENTS: &str =
    "SELECT order_id, provider_key, operation, state, detail, amount, currency, against, created_at
  FROM payments WHERE order_id >= $1 AND order_id <= $2 ORDER BY order_id, created_at, attempt";

/// The books of the orders from $1 to $2.
pub const BOOKS: &str = "SELECT order_id, provider_key, account, amount, currency FROM ledger_entries
  WHERE order_id >= $1 AND order_id <= $2 ORDER BY order_id, ledger_entry_id";

/// Edges of the orders from $1 to $2; the hash in hexadecimal digits. What a daemon of before there were numbers wrote since has
/// number 0.
pub const ORDER_EVENTS: &str =
    "SELECT order_id, coalesce(number, 0) AS number, from_state, to_state, at, HEX(hash) AS hash
  FROM order_events
  WHERE order_id >= $1 AND order_id <= $2 ORDER BY order_id, number";

/// Sessions behind $1, at most $2, with their orders.
pub const SESSIONS: &str = "SELECT s.session_id, s.state AS state, s.deadline, o.state AS order_state,
    o.event_id AS order_event, o.session_id AS order_session, '[]' AS order_seats
  FROM sessions s LEFT JOIN orders o ON o.order_id = s.order_id
  WHERE s.session_id > $1 ORDER BY s.session_id LIMIT $2";

/// Who was let in after edge $1, at most $2.
pub const ADMISSIONS: &str = "SELECT e.session_event_id, e.session_id, s.event_id, s.place
  FROM session_events e JOIN sessions s ON s.session_id = e.session_id
  WHERE e.to_state = 'ACTIVE' AND e.session_event_id > $1 ORDER BY e.session_event_id LIMIT $2";

/// Keys behind ($1, $2), at most $3.
pub const KEYS: &str = "SELECT user_id, key, lease_until, is_booking, status, order_id FROM idempotency_keys
  WHERE (user_id, key) > ($1, $2) ORDER BY user_id, key LIMIT $3";

/// Orders of the user $1, at most $2.
pub const ORDERS_OF_USER: &str = "SELECT order_id FROM orders WHERE user_id = $1 ORDER BY order_id LIMIT $2";

/// Edges of sessions.
macro_rules! session_edges {
    () => {
        "SELECT s.session_id, s.event_id, s.place, s.lobby, e.from_state, e.to_state, e.at
  FROM session_events e JOIN sessions s ON s.session_id = e.session_id "
    };
}

/// Edges of the session $1.
pub const SESSION_LIFE: &str =
    concat!(session_edges!(), "WHERE e.session_id = $1 ORDER BY e.session_event_id LIMIT 1000");

/// Edges of the sessions of the user $1.
pub const USER_LIFE: &str = concat!(
    session_edges!(),
    "WHERE e.session_id IN (SELECT session_id FROM sessions WHERE user_id = $1) ORDER BY e.session_event_id LIMIT 1000"
);

/// The seats on the lists of the orders from $1 to $2, and who has them.
pub fn seats_of_orders(seats_of_list: &str) -> String {
    format!(
        "SELECT o.order_id, j.value AS seat_index, i.status, i.version, i.reserved_until, i.order_id AS owner, i.ticket_id
         FROM orders o {seats_of_list} LEFT JOIN seat_inventory i ON i.event_id = o.event_id AND i.seat_index = j.value
         WHERE o.order_id >= $1 AND o.order_id <= $2 ORDER BY o.order_id, j.value"
    )
}

/// Orders of the event $1 with the seat $2 on their list, at most $3.
pub fn orders_of_seat(seats_of_list: &str) -> String {
    format!(
        "SELECT o.order_id FROM orders o {seats_of_list} WHERE o.event_id = $1 AND j.value = $2 ORDER BY o.order_id LIMIT $3"
    )
}
