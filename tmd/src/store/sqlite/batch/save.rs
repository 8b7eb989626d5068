//! Writes back what changed on the desk: one statement a kind of row.
//!
//! `OR FAIL`, because whatever fails takes the whole transaction with it: SQLite need not keep copies of pages to undo a
//! single statement. `w` is the script's: its rows are in the column `value`.

use sqlx::SqliteConnection;

use super::script::Script;
use crate::ports::StoreError;
use crate::store::desk::{Desk, Statement};

pub(super) async fn write(tx: &mut SqliteConnection, desk: &Desk) -> Result<(), StoreError> {
    let mut script = Script::default();
    for part in desk.script()? {
        script.add(sql(part.statement), part);
    }
    script.run(tx).await
}

/// The words of a statement.
const fn sql(statement: Statement) -> &'static str {
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

const INSERT_KEYS: &str =
    "INSERT OR FAIL INTO idempotency_keys (user_id, key, fingerprint, lease_until, is_booking, created_at)
  SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5 FROM w";

const TAKE_KEYS: &str = "UPDATE OR FAIL idempotency_keys SET lease_until = w.value ->> 2 FROM w
  WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1 AND lease_until IS NOT NULL";

/// Where an order has got to.
macro_rules! progress {
    () => {
        "state = w.value ->> '$[0][1]', expires_at = w.value ->> '$[0][2]', seats = w.value ->> '$[0][3]',
    total = w.value ->> '$[1][0]', attempts = w.value ->> '$[1][1]', declines = w.value ->> '$[1][2]',
    fence = w.value ->> '$[1][3]', history = w.value ->> '$[1][4]'
  FROM w WHERE order_id = w.value ->> '$[0][0]' AND orders.state = w.value ->> 2"
    };
}

// What is not named is not written, and no index that depends on it.
const UPDATE_ORDERS: &str = concat!("UPDATE OR FAIL orders SET ", progress!());

const END_ORDERS: &str = concat!("UPDATE OR FAIL orders SET is_open = 0, ", progress!());

const INSERT_ORDERS: &str = "INSERT OR FAIL INTO orders (order_id, state, expires_at, seats, total, attempts, declines,
    fence, history, event_id, user_id, session_id, created_at, currency, is_open)
  SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', value ->> '$[1][0]',
    value ->> '$[1][1]', value ->> '$[1][2]', value ->> '$[1][3]', value ->> '$[1][4]', value ->> '$[2][0]', value ->> '$[2][1]',
    value ->> '$[2][2]', value ->> '$[3][0]', value ->> '$[3][1]', value ->> '$[3][2]' FROM w";

const INSERT_ORDER_EVENTS: &str =
    "INSERT OR FAIL INTO order_events (order_id, from_state, to_state, at, number, hash)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, unhex(value ->> 5) FROM w";

const POINT_KEYS: &str = "UPDATE OR FAIL idempotency_keys SET order_id = w.value ->> 2 FROM w
  WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1";

const UPDATE_SEATS: &str = "UPDATE OR FAIL seat_inventory SET status = w.value ->> '$[2][0]', reserved_until = w.value ->> '$[2][1]',
    order_id = w.value ->> '$[2][2]', ticket_id = w.value ->> '$[2][3]', version = w.value ->> 3
  FROM w
  WHERE event_id = w.value ->> 0 AND seat_index = w.value ->> 1
    AND status = w.value ->> '$[4][0]' AND version = w.value ->> '$[4][1]'";

const UPDATE_CLOCKS: &str = "UPDATE OR FAIL seat_clocks SET seq = w.value ->> 2 FROM w
  WHERE event_id = w.value ->> 0 AND seq = w.value ->> 1";

const UPDATE_GATES: &str = "UPDATE OR FAIL gates SET next_place = w.value ->> 2 FROM w
  WHERE event_id = w.value ->> 0 AND next_place = w.value ->> 1";

const INSERT_SESSIONS: &str = "INSERT OR FAIL INTO sessions (session_id, event_id, user_id, place, lobby, state, joined_at, seen_at)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 'WAITING', value ->> 5, value ->> 5 FROM w";

const UPDATE_SESSIONS: &str =
    "UPDATE OR FAIL sessions SET state = w.value ->> 1, deadline = w.value ->> 2, order_id = w.value ->> 3
  FROM w WHERE session_id = w.value ->> 0 AND state = w.value ->> 4";

const INSERT_SESSION_EVENTS: &str =
    "INSERT OR FAIL INTO session_events (session_id, from_state, to_state, at)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM w";

const INSERT_PAYMENTS: &str = "INSERT OR FAIL INTO payments (provider_key, order_id, operation, attempt, state, detail, amount,
    currency, against, due_at, created_at)
  SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', value ->> '$[0][4]',
    value ->> '$[0][5]', value ->> '$[1][0]', value ->> '$[1][1]', value ->> '$[1][2]', value ->> '$[2][0]',
    value ->> '$[2][1]'
  FROM w";

const SETTLE_PAYMENTS: &str =
    "UPDATE OR FAIL payments SET state = w.value ->> 1, detail = w.value ->> 2 FROM w
  WHERE provider_key = w.value ->> 0 AND state IN ('INTENT', 'SENT', 'UNKNOWN')";

const PUT_OFF_PAYMENTS: &str = "UPDATE OR FAIL payments SET state = 'UNKNOWN', tries = tries + 1,
    due_at = (w.value ->> 1) + 1000 * min((w.value ->> 2) << min(tries, 10), w.value ->> 3)
  FROM w
  WHERE provider_key = w.value ->> 0 AND state IN ('INTENT', 'SENT', 'UNKNOWN')";

const END_TICKETS: &str =
    "UPDATE OR FAIL tickets SET state = 'VOID' FROM w WHERE ticket_id = w.value AND state = 'VALID'";

const INSERT_TICKETS: &str =
    "INSERT OR FAIL INTO tickets (ticket_id, code, issued_at, event_id, seat_index, order_id, user_id, state)
  SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> 1, value ->> 2, value ->> 3,
    value ->> 4, 'VALID' FROM w";

const INSERT_LEDGER: &str =
    "INSERT OR FAIL INTO ledger_entries (provider_key, order_id, at, account, amount, currency)
  SELECT value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> 1, value ->> 2, value ->> 3
  FROM w";

const ANSWER_KEYS: &str = "UPDATE OR FAIL idempotency_keys SET lease_until = NULL, status = w.value ->> 2,
    body = CAST(w.value ->> 3 AS BLOB), order_id = coalesce(w.value ->> 4, order_id)
  FROM w
  WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1 AND lease_until = w.value ->> 5";

const FORGET_KEYS: &str = "DELETE FROM idempotency_keys
  WHERE (user_id, key, lease_until) IN (SELECT value ->> 0, value ->> 1, value ->> 3 FROM w WHERE value ->> 2 IS NULL)
    AND order_id IS NULL";

const REOPEN_KEYS: &str =
    "UPDATE OR FAIL idempotency_keys SET lease_until = 0, order_id = coalesce(w.value ->> 2, order_id)
  FROM w
  WHERE user_id = w.value ->> 0 AND idempotency_keys.key = w.value ->> 1 AND lease_until = w.value ->> 3";
