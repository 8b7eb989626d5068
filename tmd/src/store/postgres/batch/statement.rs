//! The words of the statements that write a batch. `{w}` stands for the rows: each is a JSON array in `w.value`.
//!
//! What another process may have written meanwhile is passed over (`ON CONFLICT DO NOTHING`), and missed when the rows are
//! counted.

use crate::store::desk::Statement;

/// The words of a statement.
pub(super) const fn sql(statement: Statement) -> &'static str {
    match statement {
        Statement::InsertKeys => INSERT_KEYS,
        Statement::TakeKeys => TAKE_KEYS,
        Statement::UpdateOrders => UPDATE_ORDERS,
        Statement::EndOrders => END_ORDERS,
        Statement::InsertOrders => INSERT_ORDERS,
        Statement::InsertOrderEvents => INSERT_ORDER_EVENTS,
        Statement::PointKeys => POINT_KEYS,
        Statement::UpdateSeats => UPDATE_SEATS,
        Statement::UpdateClocks => UPDATE_CLOCKS,
        Statement::UpdateGates => UPDATE_GATES,
        Statement::InsertSessions => INSERT_SESSIONS,
        Statement::UpdateSessions => UPDATE_SESSIONS,
        Statement::InsertSessionEvents => INSERT_SESSION_EVENTS,
        Statement::InsertPayments => INSERT_PAYMENTS,
        Statement::SettlePayments => SETTLE_PAYMENTS,
        Statement::PutOffPayments => PUT_OFF_PAYMENTS,
        Statement::EndTickets => END_TICKETS,
        Statement::InsertTickets => INSERT_TICKETS,
        Statement::InsertLedger => INSERT_LEDGER,
        Statement::AnswerKeys => ANSWER_KEYS,
        Statement::ForgetKeys => FORGET_KEYS,
        Statement::ReopenKeys => REOPEN_KEYS,
    }
}

const INSERT_KEYS: &str = "INSERT INTO idempotency_keys (user_id, key, fingerprint, lease_until, is_booking, created_at)
  SELECT w.value ->> 0, w.value ->> 1, decode(w.value ->> 2, 'hex'), (w.value ->> 3)::bigint, (w.value ->> 4)::bigint,
    (w.value ->> 5)::bigint FROM {w} ON CONFLICT DO NOTHING";

const TAKE_KEYS: &str = "UPDATE idempotency_keys k SET lease_until = (w.value ->> 2)::bigint FROM {w}
  WHERE k.user_id = w.value ->> 0 AND k.key = w.value ->> 1 AND k.lease_until IS NOT NULL";

/// Where an order has got to.
macro_rules! progress {
    () => {
        "state = w.value #>> '{0,1}', expires_at = (w.value #>> '{0,2}')::bigint,
    seats = (w.value #>> '{0,3}')::json, total = (w.value #>> '{1,0}')::bigint,
    attempts = (w.value #>> '{1,1}')::bigint, declines = (w.value #>> '{1,2}')::bigint,
    fence = (w.value #>> '{1,3}')::bigint, history = w.value #>> '{1,4}'
  FROM {w} WHERE o.order_id = w.value #>> '{0,0}' AND o.state = w.value ->> 2"
    };
}

const UPDATE_ORDERS: &str = concat!("UPDATE orders o SET ", progress!());

const END_ORDERS: &str = concat!("UPDATE orders o SET is_open = 0, ", progress!());

const INSERT_ORDERS: &str =
    "INSERT INTO orders (order_id, state, expires_at, seats, total, attempts, declines, fence, history, event_id,
    user_id, session_id, created_at, currency, is_open)
  SELECT w.value #>> '{0,0}', w.value #>> '{0,1}', (w.value #>> '{0,2}')::bigint, (w.value #>> '{0,3}')::json,
    (w.value #>> '{1,0}')::bigint, (w.value #>> '{1,1}')::bigint, (w.value #>> '{1,2}')::bigint,
    (w.value #>> '{1,3}')::bigint, w.value #>> '{1,4}', w.value #>> '{2,0}', w.value #>> '{2,1}', w.value #>> '{2,2}',
    (w.value #>> '{3,0}')::bigint, w.value #>> '{3,1}', (w.value #>> '{3,2}')::bigint FROM {w} ON CONFLICT DO NOTHING";

const INSERT_ORDER_EVENTS: &str =
    "INSERT INTO order_events (order_id, from_state, to_state, at, number, hash)
  SELECT w.value ->> 0, w.value ->> 1, w.value ->> 2, (w.value ->> 3)::bigint, (w.value ->> 4)::bigint,
    decode(w.value ->> 5, 'hex') FROM {w}";

const POINT_KEYS: &str = "UPDATE idempotency_keys k SET order_id = w.value ->> 2 FROM {w}
  WHERE k.user_id = w.value ->> 0 AND k.key = w.value ->> 1";

const UPDATE_SEATS: &str = "UPDATE seat_inventory i SET status = (w.value #>> '{2,0}')::bigint,
    reserved_until = (w.value #>> '{2,1}')::bigint, order_id = w.value #>> '{2,2}', ticket_id = w.value #>> '{2,3}',
    version = (w.value ->> 3)::bigint
  FROM {w}
  WHERE i.event_id = w.value ->> 0 AND i.seat_index = (w.value ->> 1)::bigint
    AND i.status = (w.value #>> '{4,0}')::bigint AND i.version = (w.value #>> '{4,1}')::bigint";

const UPDATE_CLOCKS: &str = "UPDATE seat_clocks c SET seq = (w.value ->> 2)::bigint FROM {w}
  WHERE c.event_id = w.value ->> 0 AND c.seq = (w.value ->> 1)::bigint";

const UPDATE_GATES: &str = "UPDATE gates g SET next_place = (w.value ->> 2)::bigint FROM {w}
  WHERE g.event_id = w.value ->> 0 AND g.next_place = (w.value ->> 1)::bigint";

const INSERT_SESSIONS: &str = "INSERT INTO sessions (session_id, event_id, user_id, place, lobby, state, joined_at, seen_at)
  SELECT w.value ->> 0, w.value ->> 1, w.value ->> 2, (w.value ->> 3)::bigint, (w.value ->> 4)::bigint, 'WAITING',
    (w.value ->> 5)::bigint, (w.value ->> 5)::bigint FROM {w} ON CONFLICT DO NOTHING";

const UPDATE_SESSIONS: &str = "UPDATE sessions s SET state = w.value ->> 1, deadline = (w.value ->> 2)::bigint, order_id = w.value ->> 3
  FROM {w} WHERE s.session_id = w.value ->> 0 AND s.state = w.value ->> 4";

const INSERT_SESSION_EVENTS: &str = "INSERT INTO session_events (session_id, from_state, to_state, at)
  SELECT w.value ->> 0, w.value ->> 1, w.value ->> 2, (w.value ->> 3)::bigint FROM {w}";

const INSERT_PAYMENTS: &str =
    "INSERT INTO payments (provider_key, order_id, operation, attempt, state, detail, amount, currency,
    against, due_at, created_at)
  SELECT w.value #>> '{0,0}', w.value #>> '{0,1}', w.value #>> '{0,2}', (w.value #>> '{0,3}')::bigint,
    w.value #>> '{0,4}', w.value #>> '{0,5}', (w.value #>> '{1,0}')::bigint, w.value #>> '{1,1}',
    w.value #>> '{1,2}', (w.value #>> '{2,0}')::bigint, (w.value #>> '{2,1}')::bigint FROM {w}";

const SETTLE_PAYMENTS: &str = "UPDATE payments p SET state = w.value ->> 1, detail = w.value ->> 2 FROM {w}
  WHERE p.provider_key = w.value ->> 0 AND p.state IN ('INTENT', 'SENT', 'UNKNOWN')";

const PUT_OFF_PAYMENTS: &str =
    "UPDATE payments p SET state = 'UNKNOWN', tries = p.tries + 1, due_at = (w.value ->> 1)::bigint
    + 1000 * least((w.value ->> 2)::bigint << least(p.tries, 10)::int, (w.value ->> 3)::bigint)
  FROM {w}
  WHERE p.provider_key = w.value ->> 0 AND p.state IN ('INTENT', 'SENT', 'UNKNOWN')";

const END_TICKETS: &str =
    "UPDATE tickets t SET state = 'VOID' FROM {w} WHERE t.ticket_id = w.value #>> '{}' AND t.state = 'VALID'";

const INSERT_TICKETS: &str =
    "INSERT INTO tickets (ticket_id, code, issued_at, event_id, seat_index, order_id, user_id, state)
  SELECT w.value #>> '{0,0}', w.value #>> '{0,1}', (w.value #>> '{0,2}')::bigint, w.value ->> 1,
    (w.value ->> 2)::bigint, w.value ->> 3, w.value ->> 4, 'VALID' FROM {w}";

const INSERT_LEDGER: &str =
    "INSERT INTO ledger_entries (provider_key, order_id, at, account, amount, currency)
  SELECT w.value #>> '{0,0}', w.value #>> '{0,1}', (w.value #>> '{0,2}')::bigint, w.value ->> 1,
    (w.value ->> 2)::bigint, w.value ->> 3 FROM {w}";

const ANSWER_KEYS: &str =
    "UPDATE idempotency_keys k SET lease_until = NULL, status = (w.value ->> 2)::bigint,
    body = convert_to(w.value ->> 3, 'UTF8'), order_id = coalesce(w.value ->> 4, k.order_id)
  FROM {w} WHERE k.user_id = w.value ->> 0 AND k.key = w.value ->> 1 AND k.lease_until = (w.value ->> 5)::bigint";

const FORGET_KEYS: &str = "DELETE FROM idempotency_keys k USING {w}
  WHERE k.user_id = w.value ->> 0 AND k.key = w.value ->> 1
    AND coalesce(w.value ->> 2, k.order_id) IS NULL AND k.lease_until = (w.value ->> 3)::bigint";

const REOPEN_KEYS: &str =
    "UPDATE idempotency_keys k SET lease_until = 0, order_id = coalesce(w.value ->> 2, k.order_id) FROM {w}
  WHERE k.user_id = w.value ->> 0 AND k.key = w.value ->> 1
    AND coalesce(w.value ->> 2, k.order_id) IS NOT NULL AND k.lease_until = (w.value ->> 3)::bigint";
