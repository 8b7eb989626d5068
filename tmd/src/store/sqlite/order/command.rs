//! The commands, one function each. A refusal writes nothing: the caller rolls the savepoint back.

use sqlx::SqliteConnection;
use tmcore::event::{Entry, EntryRefusal, Sale, SaleState};
use tmcore::order::{Order, OrderParties, OrderRefusal, OrderState};
use tmcore::seat::Fence;
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, Money, OrderId, SeatId, SessionId, Timestamp, UserId};

use super::effect;
use super::{Stored, seats, settle};
use crate::drill::{self, Step};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, KeyRef, OrderCommand, OrderOutcome};
use crate::ports::waiting_room::{Inside, SessionRecord};
use crate::store::sqlite::row::{Columns, parse};
use crate::store::sqlite::{catalog, failed, session, waiting_room};

pub(super) async fn run(
    tx: &mut SqliteConnection,
    command: &OrderCommand,
    at: Timestamp,
) -> Result<OrderOutcome, CommandRefusal> {
    match command {
        OrderCommand::Create { order, user, event, session, key } => {
            drill::mark(Step::Create);
            remember(tx, key, *order).await?;
            create(tx, *order, Buyer { user: *user, event, session: *session }, at).await
        }
        OrderCommand::Hold { order, user, seats, key } => {
            drill::mark(Step::Hold);
            remember(tx, key, *order).await?;
            let stored = owned(tx, *order, *user).await?;
            hold(tx, stored, seats, at).await
        }
        OrderCommand::Settle { payment, verdict, tickets } => {
            settle::run(tx, payment, verdict, tickets, at).await
        }
        OrderCommand::Pin { order, user, key } => {
            drill::mark(Step::Pin);
            remember(tx, key, *order).await?;
            let stored = owned(tx, *order, *user).await?;
            let transition = stored.order.clone().finalize(at).map_err(refused)?;
            effect::carry_out(tx, stored, transition, &[], at).await
        }
        OrderCommand::Cancel { order, user, key } => {
            drill::mark(Step::Cancel);
            remember(tx, key, *order).await?;
            let stored = owned(tx, *order, *user).await?;
            let transition = stored.order.clone().cancel(at).map_err(refused)?;
            effect::carry_out(tx, stored, transition, &[], at).await
        }
    }
}

/// Writes down that an order's time is up.
pub(super) async fn expire(
    tx: &mut SqliteConnection,
    stored: Stored,
    at: Timestamp,
) -> Result<OrderOutcome, StoreError> {
    drill::mark(Step::Expire);
    let transition = stored.order.clone().expire(at);
    effect::carry_out(tx, stored, transition, &[], at).await.map_err(|refusal| match refusal {
        CommandRefusal::Store(error) => error,
        other => StoreError::failed(other),
    })
}

/// Who begins an order, and for what.
struct Buyer<'a> {
    user: UserId,
    event: &'a EventId,
    session: Option<SessionId>,
}

async fn create(
    tx: &mut SqliteConnection,
    id: OrderId,
    buyer: Buyer<'_>,
    at: Timestamp,
) -> Result<OrderOutcome, CommandRefusal> {
    let sale = catalog::sale(tx, buyer.event).await?.ok_or(CommandRefusal::NotFound)?;
    close_or_refuse_open_order(tx, &buyer, at).await?;
    let admitted = admission(tx, &sale, &buyer, at).await?;
    let limit = sale.rules.seats.per_buyer;
    let owned = owned_seats(tx, buyer.event, buyer.user).await?;
    if owned >= limit {
        return Err(CommandRefusal::PurchaseLimit { limit, owned });
    }
    let currency = currency(tx, buyer.event).await?;
    let session = admitted.as_ref().map(|session| session.id);
    let order = Order {
        id,
        parties: OrderParties { user: buyer.user, event: buyer.event.clone(), session },
        state: OrderState::Pending,
        expires_at: at.plus_seconds(sale.rules.hold_ttl_seconds),
        created_at: at,
        total: Money::zero(currency),
        cards: tmcore::order::CardTries::default(),
    };
    let stored = Stored { order, fence: Fence(0), seats: Vec::new() };
    stored.insert(tx, at).await?;
    let session = match admitted {
        Some(session) => {
            let inside = Inside { deadline: None, order: Some(id) };
            Some(session::advance(tx, &session, SessionState::Ordering, inside, at).await?)
        }
        None => None,
    };
    let record = stored.into_record(tx, at).await?;
    Ok(OrderOutcome { record, payment: None, session, seats_changed: false })
}

/// An unfinished order stands in the way of another, unless its time is up.
async fn close_or_refuse_open_order(
    tx: &mut SqliteConnection,
    buyer: &Buyer<'_>,
    at: Timestamp,
) -> Result<(), CommandRefusal> {
    let row = sqlx::query(
        "SELECT * FROM orders WHERE event_id = ? AND user_id = ?
           AND state IN ('PENDING', 'AUTHORIZING', 'AUTHORIZED', 'CAPTURING')",
    )
    .bind(buyer.event.as_str())
    .bind(buyer.user.to_string())
    .fetch_optional(&mut *tx)
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok(()) };
    let open = Stored::read(&row)?;
    if !open.order.is_past(at) {
        return Err(CommandRefusal::OpenOrder(open.order.id));
    }
    expire(tx, open, at).await?;
    Ok(())
}

/// The session by which the buyer is in; `None` where nobody needs one (W10).
async fn admission(
    tx: &mut SqliteConnection,
    sale: &Sale,
    buyer: &Buyer<'_>,
    at: Timestamp,
) -> Result<Option<SessionRecord>, CommandRefusal> {
    if sale.state == SaleState::Closed {
        return Err(EntryRefusal::Over.into());
    }
    if !sale.rules.waiting_room {
        return match sale.enter(at)? {
            Entry::Line if sale.state == SaleState::Open => Ok(None),
            _ => Err(EntryRefusal::NotOnSale.into()),
        };
    }
    let found = waiting_room::live_session(tx, buyer.event, buyer.user).await?;
    let admitted = found.filter(|session| {
        session.state == SessionState::Active
            && session.inside.deadline.is_some_and(|deadline| deadline > at)
            && buyer.session.is_none_or(|wanted| wanted == session.id)
    });
    admitted.map(Some).ok_or(CommandRefusal::NotAdmitted)
}

async fn hold(
    tx: &mut SqliteConnection,
    mut stored: Stored,
    ids: &[SeatId],
    at: Timestamp,
) -> Result<OrderOutcome, CommandRefusal> {
    let sale = catalog::sale(tx, &stored.order.parties.event).await?.ok_or(CommandRefusal::NotFound)?;
    let found = seats::by_id(tx, &sale.event, ids).await?;
    let mut total = Money::zero(stored.order.total.currency);
    for seat in &found {
        total = total.plus(seat.line.price.1).map_err(StoreError::failed)?;
    }
    let transition = stored.order.clone().confirm(at, sale.rules.hold_ttl_seconds, total).map_err(refused)?;
    still_admitted(tx, &stored.order).await?;
    within_limits(tx, &sale, &stored.order, ids.len()).await?;
    let missing = seats::missing(ids, &found);
    if !missing.is_empty() {
        return Err(CommandRefusal::UnknownSeats(missing));
    }
    // A hold that a decline left is replaced as a whole: the buyer may want other seats now.
    let released = seats::release(tx, &stored).await?;
    let found = if released > 0 { seats::by_id(tx, &sale.event, ids).await? } else { found };
    let fence = seats::next_fence(tx, &sale.event).await?;
    let until = transition.order.expires_at;
    let taken: Vec<_> = found
        .iter()
        .filter(|seat| seat.state.hold(at, stored.order.id, until, fence).is_err())
        .map(|seat| seat.line.id.clone())
        .collect();
    if !taken.is_empty() {
        return Err(CommandRefusal::SeatsTaken(taken));
    }
    stored.fence = fence;
    stored.seats = found.iter().map(|seat| seat.line.index).collect();
    effect::carry_out(tx, stored, transition, &[], at).await
}

/// The order's session must still be the buyer's way in (W10).
async fn still_admitted(tx: &mut SqliteConnection, order: &Order) -> Result<(), CommandRefusal> {
    let Some(id) = order.parties.session else { return Ok(()) };
    let found = session::load(tx, id).await?;
    let inside = found
        .is_some_and(|found| found.state == SessionState::Ordering && found.inside.order == Some(order.id));
    if inside { Ok(()) } else { Err(CommandRefusal::NotAdmitted) }
}

async fn within_limits(
    tx: &mut SqliteConnection,
    sale: &Sale,
    order: &Order,
    wanted: usize,
) -> Result<(), CommandRefusal> {
    let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
    let limits = sale.rules.seats;
    if wanted > limits.per_order {
        return Err(CommandRefusal::TooManySeats { limit: limits.per_order });
    }
    let owned = owned_seats(tx, &sale.event, order.parties.user).await?;
    if owned.saturating_add(wanted) > limits.per_buyer {
        return Err(CommandRefusal::PurchaseLimit { limit: limits.per_buyer, owned });
    }
    Ok(())
}

async fn owned_seats(tx: &mut SqliteConnection, event: &EventId, user: UserId) -> Result<u32, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS owned FROM tickets WHERE event_id = ? AND user_id = ? AND state = 'VALID'",
    )
    .bind(event.as_str())
    .bind(user.to_string())
    .fetch_one(tx)
    .await
    .map_err(failed)?;
    row.count("owned")
}

async fn currency(tx: &mut SqliteConnection, event: &EventId) -> Result<tmcore::money::Currency, StoreError> {
    let code: String = sqlx::query_scalar("SELECT currency FROM events WHERE event_id = ?")
        .bind(event.as_str())
        .fetch_one(tx)
        .await
        .map_err(failed)?;
    parse(&code)
}

/// Somebody else's order is no order.
async fn owned(tx: &mut SqliteConnection, order: OrderId, user: UserId) -> Result<Stored, CommandRefusal> {
    Stored::load(tx, order)
        .await?
        .filter(|stored| stored.order.parties.user == user)
        .ok_or(CommandRefusal::NotFound)
}

/// The recovery point: whoever takes the key over goes on from this order (I7).
async fn remember(tx: &mut SqliteConnection, key: &KeyRef, order: OrderId) -> Result<(), StoreError> {
    sqlx::query("UPDATE idempotency_keys SET order_id = ? WHERE user_id = ? AND key = ?")
        .bind(order.to_string())
        .bind(key.user.to_string())
        .bind(key.key.as_str())
        .execute(tx)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) const fn refused(refusal: OrderRefusal) -> CommandRefusal {
    match refusal {
        OrderRefusal::State(OrderState::Expired) | OrderRefusal::Expired => CommandRefusal::Expired,
        OrderRefusal::State(state) => CommandRefusal::State(state),
    }
}
