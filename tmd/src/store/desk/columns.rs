//! Rows as a store's one statement answers them: a column for each kind of thing, a JSON array of arrays each. To fetch
//! rows one by one costs more than to read them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tmcore::event::{Sale, SaleRules, SaleState, SeatLimits};
use tmcore::idempotency::{Fingerprint, LedgerRow, LedgerState};
use tmcore::money::Currency;
use tmcore::order::{CardTries, Order, OrderParties, OrderState};
use tmcore::payment::{Operation, PaymentState, ProviderKey};
use tmcore::seat::Fence;
use tmcore::waiting_room::{GateLimits, SessionState};
use tmcore::{EventId, Money, OrderId, SeatId, SessionId, TicketId, Timestamp, UserId};

use super::{Desk, KeyRow, OrderRow, PaymentRow, Rows, SaleRow, SeatRow};
use crate::ports::StoreError;
use crate::ports::order::{KeyRef, SeatLine, TicketRecord};
use crate::ports::payment::PaymentRecord;
use crate::ports::waiting_room::{Inside, Place, SessionRecord};
use crate::store::row::order::seat_state;
use crate::store::row::{Columns, parse, strange};

impl Desk {
    /// Lays out what a statement answered: the columns `orders`, `sales`, `sessions`, `seats`, `payments`, `tickets`,
    /// `owned` and `keys`.
    pub fn lay(&mut self, row: &impl Columns) -> Result<(), StoreError> {
        read(row, &mut self.rows)
    }
}

fn read(row: &impl Columns, rows: &mut Rows) -> Result<(), StoreError> {
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

fn column<T: DeserializeOwned>(row: &impl Columns, name: &str) -> Result<Vec<T>, StoreError> {
    serde_json::from_str(row.text(name)?).map_err(StoreError::failed)
}

/// Of an order: ids, state, times, amount, card tries, fence, seats, history.
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
    String,
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
        Ok(OrderRow { order, fence: Fence(self.11), seats: self.12, history: parse(&self.13)? })
    }
}

/// Of an event: id, state and beginning of its sale, the rules of the waiting room and the sale, currency,
/// clock, next place.
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
    u64,
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
        Ok(SaleRow {
            sale,
            currency: parse(&self.12)?,
            clock: self.13.unwrap_or_default(),
            next_place: self.14,
        })
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
        let until = self.11.map(Timestamp::from_millis);
        let (state, version) = (seat_state((self.9, self.10), until, self.12, self.13)?, self.10);
        let price = (self.6, Money::new(self.7, parse::<Currency>(&self.8)?));
        let line =
            SeatLine { index: self.1, id: self.2, section: self.3, row: self.4, number: self.5, price };
        Ok((self.0, SeatRow { line, state, version }))
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
