//! Lays on the desk what a batch is about: one statement that answers one row, a JSON array for each kind of thing. To
//! fetch rows one by one from SQLite's thread costs more than to read them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use tmcore::event::{Sale, SaleRules, SaleState, SeatLimits};
use tmcore::idempotency::{Fingerprint, LedgerRow, LedgerState};
use tmcore::money::Currency;
use tmcore::order::{CardTries, Order, OrderParties, OrderState};
use tmcore::payment::{Operation, PaymentState, ProviderKey};
use tmcore::seat::{Fence, SeatState};
use tmcore::waiting_room::{GateLimits, SessionState};
use tmcore::{EventId, Money, OrderId, SeatId, SessionId, TicketId, Timestamp, UserId};

use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::order::{KeyRef, SeatLine, TicketRecord};
use crate::ports::payment::PaymentRecord;
use crate::ports::waiting_room::{Inside, Place, SessionRecord};
use crate::store::desk::{Desk, KeyRow, OrderRow, PaymentRow, Rows, SaleRow, SeatRow, Wanted};
use crate::store::sqlite::row::{Columns, parse};
use crate::store::sqlite::{failed, json_array};

/// Everything that is wanted. ?1 orders, ?2 payments, ?3 newcomers (event, user), ?4 seats (order, seat), ?5 keys (user,
/// key). What is small comes first in every join, and says how what is big is found.
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
    attempts, declines, fence, json(seats))) FROM laid) AS orders,
(SELECT json_group_array(json_array(e.event_id, e.sale_state, e.sale_starts_at, e.waiting_room, e.capacity,
    e.admissions_per_minute, e.lapse_seconds, e.active_seconds, e.lobby_seconds, e.hold_ttl_seconds, e.seats_per_order,
    e.seats_per_buyer, e.currency, c.seq))
  FROM (SELECT event_id FROM laid UNION SELECT value ->> 0 FROM json_each(?3)) w
  CROSS JOIN events e ON e.event_id = w.event_id LEFT JOIN seat_clocks c ON c.event_id = e.event_id) AS sales,
(SELECT json_group_array(json_array(s.session_id, s.event_id, s.user_id, s.state, s.place, s.lobby, s.joined_at, s.deadline,
    s.order_id))
  FROM (SELECT session_id FROM laid WHERE session_id IS NOT NULL
    UNION SELECT s.session_id FROM json_each(?3) w CROSS JOIN sessions s
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
        .fetch_one(tx)
        .await
        .map_err(failed)?;
    read(&row, &mut desk.rows)
}

fn read(row: &SqliteRow, rows: &mut Rows) -> Result<(), StoreError> {
    for order in column::<OrderColumns>(row, "orders")? {
        rows.lay_order(order.read()?);
    }
    for sale in column::<SaleColumns>(row, "sales")? {
        let sale = sale.read()?;
        rows.sales.insert(sale.sale.event.clone(), sale);
    }
    for session in column::<SessionColumns>(row, "sessions")? {
        rows.lay_session(session.read()?);
    }
    for seat in column::<SeatColumns>(row, "seats")? {
        let (event, seat) = seat.read()?;
        rows.lay_seat(event, seat);
    }
    for payment in column::<PaymentColumns>(row, "payments")? {
        rows.lay_payment(payment.read()?);
    }
    for ticket in column::<TicketColumns>(row, "tickets")? {
        let ticket = ticket.read(rows)?;
        rows.tickets.of_order.entry(ticket.owner.0).or_default().push(ticket);
    }
    for (event, user, owned) in column::<(EventId, UserId, u32)>(row, "owned")? {
        rows.tickets.owned.insert((event, user), owned);
    }
    for key in column::<KeyColumns>(row, "keys")? {
        let (key, row) = key.read()?;
        rows.keys.insert(key, row);
    }
    Ok(())
}

fn column<T: DeserializeOwned>(row: &SqliteRow, name: &str) -> Result<Vec<T>, StoreError> {
    serde_json::from_str(row.text(name)?).map_err(StoreError::failed)
}

fn strange(what: &str) -> StoreError {
    StoreError::failed(format_args!("the store holds an unknown {what}"))
}

/// Of an order: ids, state, times, amount, card tries, fence, seats.
#[derive(Deserialize)]
struct OrderColumns(
    OrderId,
    EventId,
    UserId,
    Option<SessionId>,
    String,
    i64,
    i64,
    i64,
    String,
    u32,
    u32,
    i64,
    Vec<u32>,
);

impl OrderColumns {
    fn read(self) -> Result<OrderRow, StoreError> {
        let Self(id, event, user, session, state, expires_at, created_at, total, currency, ..) = &self;
        let order = Order {
            id: *id,
            parties: OrderParties { user: *user, event: event.clone(), session: *session },
            state: OrderState::parse(state).ok_or_else(|| strange("order state"))?,
            expires_at: Timestamp::from_millis(*expires_at),
            created_at: Timestamp::from_millis(*created_at),
            total: Money::new(*total, parse::<Currency>(currency)?),
            cards: CardTries { attempts: self.9, declines: self.10 },
        };
        Ok(OrderRow { order, fence: Fence(self.11), seats: self.12 })
    }
}

/// Of an event: id, state and beginning of its sale, the rules of the waiting room and the sale, currency, clock.
#[derive(Deserialize)]
struct SaleColumns(
    EventId,
    String,
    Option<i64>,
    i64,
    u32,
    u32,
    u32,
    u32,
    u32,
    u32,
    u32,
    u32,
    String,
    Option<i64>,
);

impl SaleColumns {
    fn read(self) -> Result<SaleRow, StoreError> {
        let rules = SaleRules {
            waiting_room: self.3 != 0,
            gate: GateLimits { capacity: self.4, admissions_per_minute: self.5 },
            lapse_seconds: self.6,
            active_seconds: self.7,
            lobby_seconds: self.8,
            hold_ttl_seconds: self.9,
            seats: SeatLimits { per_order: self.10, per_buyer: self.11 },
        };
        let state = SaleState::parse(&self.1).ok_or_else(|| strange("sale state"))?;
        let starts_at = self.2.map(Timestamp::from_millis);
        let sale = Sale { event: self.0, state, starts_at, rules };
        Ok(SaleRow { sale, currency: parse(&self.12)?, clock: self.13.unwrap_or_default() })
    }
}

/// Of a session: ids, state, place, whether that is in the lobby, when it joined, and what it was let in for.
#[derive(Deserialize)]
struct SessionColumns(SessionId, EventId, UserId, String, u64, i64, i64, Option<i64>, Option<OrderId>);

impl SessionColumns {
    fn read(self) -> Result<SessionRecord, StoreError> {
        Ok(SessionRecord {
            id: self.0,
            event: self.1,
            user: self.2,
            state: SessionState::parse(&self.3).ok_or_else(|| strange("session state"))?,
            place: if self.5 == 0 { Place::Line(self.4) } else { Place::Lobby },
            joined_at: Timestamp::from_millis(self.6),
            inside: Inside { deadline: self.7.map(Timestamp::from_millis), order: self.8 },
        })
    }
}

/// Of a seat: its event, what it is and costs, who has it.
#[derive(Deserialize)]
struct SeatColumns(
    EventId,
    u32,
    SeatId,
    String,
    String,
    String,
    String,
    i64,
    String,
    i64,
    i64,
    Option<i64>,
    Option<OrderId>,
    Option<TicketId>,
);

impl SeatColumns {
    fn read(self) -> Result<(EventId, SeatRow), StoreError> {
        let (state, version) = (self.state()?, self.10);
        let price = (self.6, Money::new(self.7, parse::<Currency>(&self.8)?));
        let line =
            SeatLine { index: self.1, id: self.2, section: self.3, row: self.4, number: self.5, price };
        Ok((self.0, SeatRow { line, state, version }))
    }

    fn state(&self) -> Result<SeatState, StoreError> {
        let fence = Fence(self.10);
        let order = || self.12.ok_or_else(|| strange("owner of a seat"));
        let until = || self.11.map(Timestamp::from_millis).ok_or_else(|| strange("end of a hold"));
        Ok(match self.9 {
            0 => SeatState::Available,
            1 if drill::mutant(Mutant::HoldNeedsSweeper) => {
                SeatState::Held { order: order()?, until: Timestamp::from_millis(i64::MAX), fence }
            }
            1 => SeatState::Held { order: order()?, until: until()?, fence },
            2 => SeatState::Pinned { order: order()?, fence },
            3 => SeatState::Sold { order: order()?, ticket: self.13.ok_or_else(|| strange("ticket"))? },
            _ => SeatState::Blocked,
        })
    }
}

/// Of a payment: key, order, operation, attempt, state and its detail, amount, what it acts on.
#[derive(Deserialize)]
struct PaymentColumns(ProviderKey, OrderId, String, u32, String, Option<String>, i64, String, Option<String>);

impl PaymentColumns {
    fn read(self) -> Result<PaymentRow, StoreError> {
        let state = PaymentState::from_stored(&self.4, self.5.as_deref());
        let record = PaymentRecord {
            order: self.1,
            operation: Operation::parse(&self.2).ok_or_else(|| strange("operation"))?,
            key: self.0,
            state: state.ok_or_else(|| strange("payment state"))?,
            amount: Money::new(self.6, parse::<Currency>(&self.7)?),
            against: self.8.as_deref().map(parse).transpose()?,
        };
        Ok(PaymentRow { record, attempt: self.3 })
    }
}

/// Of a ticket: ids, event and seat, code, state, when it was issued.
#[derive(Deserialize)]
struct TicketColumns(TicketId, OrderId, UserId, EventId, u32, String, String, i64);

impl TicketColumns {
    fn read(self, rows: &Rows) -> Result<TicketRecord, StoreError> {
        let seat = rows.seat(&self.3, self.4).ok_or_else(|| strange("seat of a ticket"))?;
        Ok(TicketRecord {
            id: self.0,
            owner: (self.1, self.2),
            seat: seat.line.clone(),
            event: self.3,
            code: self.5,
            valid: self.6 == "VALID",
            issued_at: Timestamp::from_millis(self.7),
        })
    }
}

/// Of a key: whose, its name, fingerprint, lease, order, and the answer: status and body.
#[derive(Deserialize)]
struct KeyColumns(UserId, String, String, Option<i64>, Option<OrderId>, Option<u16>, Option<String>);

impl KeyColumns {
    fn read(self) -> Result<(KeyRef, KeyRow), StoreError> {
        let mut fingerprint = [0; 32];
        hex::decode_to_slice(&self.2, &mut fingerprint).map_err(StoreError::failed)?;
        let state = match (self.3, self.5, self.6) {
            (Some(lease), ..) => LedgerState::InFlight { lease_until: Timestamp::from_millis(lease) },
            (None, Some(status), Some(body)) => LedgerState::Done { status, body: body.into_bytes().into() },
            _ => return Err(strange("end of a key")),
        };
        let key = KeyRef { user: self.0, key: parse(&self.1)? };
        let ledger = LedgerRow { fingerprint: Fingerprint::from_bytes(fingerprint), state };
        Ok((key, KeyRow { ledger, order: self.4 }))
    }
}
