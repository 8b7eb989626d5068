//! An empty store, and what suites put into it.

use std::any::Any;
use std::sync::Arc;

use tmcore::event::{Sale, SaleAction, SaleRules, SaleState, SeatLimits};
use tmcore::money::Currency;
use tmcore::payment::Answer;
use tmcore::waiting_room::GateLimits;
use tmcore::{EventId, OrderId, SeatId, SessionId, TicketId, Timestamp, UserId};
use uuid::Uuid;

use crate::ports::Store;
use crate::ports::catalog::{EventRecord, Inventory, InventorySeat, PriceLevel, VenueRecord};
use crate::ports::order::{CommandRefusal, KeyRef, NewTicket, OrderCommand, OrderOutcome, Verdict};
use crate::ports::waiting_room::{Join, Joined, SessionRecord};

/// A store with nothing in it, and what has to live as long as it.
pub struct Stage {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Dropped after it.
    pub keep: Box<dyn Any>,
}

/// What a seat costs on this stage, minor units.
pub const PRICE: i64 = 1_000;

/// An event's id.
pub fn event_id(id: &str) -> EventId {
    id.parse().unwrap()
}

/// The `n`th seat's id.
pub fn seat(n: u32) -> SeatId {
    format!("S-{n}").parse().unwrap()
}

/// A user by number.
pub fn user(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

/// An order's id by number.
pub fn order_id(n: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(n))
}

/// A key of a user.
pub fn key(user: UserId, key: &str) -> KeyRef {
    KeyRef { user, key: key.parse().unwrap() }
}

/// An event that nothing is wrong with.
pub fn event(id: &str) -> EventRecord {
    let rules = SaleRules {
        waiting_room: true,
        gate: GateLimits { capacity: 100, admissions_per_minute: 1_000_000 },
        lapse_seconds: 60,
        active_seconds: 60,
        lobby_seconds: 0,
        hold_ttl_seconds: 60,
        seats: SeatLimits { per_order: 4, per_buyer: 6 },
    };
    EventRecord {
        sale: Sale { event: event_id(id), state: SaleState::Scheduled, starts_at: None, rules },
        name: format!("Event {id}"),
        starts_at: Timestamp::from_millis(1_900_000_000_000),
        venue: VenueRecord { id: id.parse().unwrap(), name: "The Hall".into(), city: "Ghent".into() },
        performers: vec![("ada".parse().unwrap(), "Ada".into())],
        currency: Currency::EUR,
        price_levels: vec![level(0)],
    }
}

fn level(seats: u32) -> PriceLevel {
    PriceLevel { name: "Standard".into(), color: "#000000".into(), price: PRICE, seats }
}

/// `count` seats `S-0`, `S-1`, … in one row.
pub fn inventory(count: u32) -> Inventory {
    let seats = (0..count).map(|n| InventorySeat {
        id: seat(n),
        section: 0,
        row: "A".into(),
        number: n.to_string(),
        level: 0,
    });
    Inventory {
        price_levels: vec![level(count)],
        sections: vec![("Hall".into(), count)],
        seats: seats.collect(),
        body: b"{}".as_slice().into(),
    }
}

impl Stage {
    /// An event on sale with `seats` seats.
    pub async fn on_sale(&self, record: EventRecord, seats: u32) -> EventId {
        let event = record.sale.event.clone();
        self.store.put_event(&record, Some(&inventory(seats)), true).await.unwrap();
        self.store.change_sale(&event, SaleAction::Open, [7; 32]).await.unwrap();
        event
    }

    /// An event on sale without a waiting room.
    pub async fn free_sale(&self, id: &str, seats: u32) -> EventId {
        let mut record = event(id);
        record.sale.rules.waiting_room = false;
        self.on_sale(record, seats).await
    }

    /// Joins; the session shares the user's number.
    pub async fn join(&self, event: &EventId, who: u128) -> Joined {
        let join = Join {
            session: SessionId::from_uuid(Uuid::from_u128(who)),
            user: user(who),
            event: event.clone(),
        };
        self.store.join(vec![join]).await.remove(0).unwrap()
    }

    /// The session of that number.
    pub async fn session(&self, who: u128) -> SessionRecord {
        self.store.session(SessionId::from_uuid(Uuid::from_u128(who))).await.unwrap().unwrap()
    }

    /// Carries out one command.
    ///
    /// # Errors
    /// The command's refusal.
    pub async fn apply(&self, command: OrderCommand) -> Result<OrderOutcome, CommandRefusal> {
        self.store.apply(vec![command]).await.remove(0)
    }

    /// An order of a user whose number it shares.
    pub async fn order(&self, event: &EventId, who: u128) -> OrderId {
        self.apply(create(event, who)).await.unwrap();
        order_id(who)
    }
}

/// Begins an order that shares the user's number.
pub fn create(event: &EventId, who: u128) -> OrderCommand {
    let key = key(user(who), "create");
    OrderCommand::Create { order: order_id(who), user: user(who), event: event.clone(), session: None, key }
}

/// Holds seats for it.
pub fn hold(who: u128, seats: &[u32]) -> OrderCommand {
    let seats = seats.iter().copied().map(seat).collect();
    OrderCommand::Hold { order: order_id(who), user: user(who), seats, key: key(user(who), "hold") }
}

/// Pins them.
pub fn pin(who: u128) -> OrderCommand {
    OrderCommand::Pin { order: order_id(who), user: user(who), key: key(user(who), "pin") }
}

/// The provider did it.
pub fn ok(reference: &str) -> Verdict {
    Verdict::Answered(Answer::Ok { reference: reference.parse().unwrap() })
}

/// Writes down what the provider said of the payment that the outcome left open.
///
/// # Errors
/// The refusal.
pub async fn settle(
    stage: &Stage,
    outcome: &OrderOutcome,
    verdict: Verdict,
) -> Result<OrderOutcome, CommandRefusal> {
    let payment = outcome.payment.as_ref().expect("a payment").key;
    let order = outcome.record.order.id.uuid().as_u128();
    let tickets = outcome.record.seats.iter().map(|line| NewTicket {
        id: TicketId::from_uuid(Uuid::from_u128(order * 1_000 + u128::from(line.index))),
        seat: line.id.clone(),
        code: format!("CODE{}", line.index),
    });
    stage.apply(OrderCommand::Settle { payment, verdict, tickets: tickets.collect() }).await
}
