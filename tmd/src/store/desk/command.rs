//! The commands, one function each. What can refuse a command comes before what it changes.

use tmcore::event::{Entry, EntryRefusal, Sale, SaleState};
use tmcore::history::Head;
use tmcore::order::{CardTries, Order, OrderParties, OrderRefusal, OrderState};
use tmcore::seat::Fence;
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, Money, OrderId, SeatId, SessionId, UserId};

use super::{Desk, OrderRow, SaleRow, SeatRow};
use crate::drill::{self, Mutant, Step};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, OrderCommand, OrderOutcome};
use crate::ports::waiting_room::{Inside, SessionRecord};

impl Desk {
    /// Carries out one command, or changes nothing.
    ///
    /// # Errors
    /// [`CommandRefusal`].
    pub fn run(&mut self, command: &OrderCommand) -> Result<OrderOutcome, CommandRefusal> {
        let outcome = match command {
            OrderCommand::Create { order, user, event, session, .. } => {
                drill::mark(Step::Create);
                self.create(*order, &Buyer { user: *user, event, session: *session })
            }
            OrderCommand::Hold { order, user, seats, .. } => {
                drill::mark(Step::Hold);
                self.hold(self.owned_by(*order, *user)?, seats)
            }
            OrderCommand::Settle { payment, verdict, tickets } => self.settle(*payment, verdict, tickets),
            OrderCommand::Pin { order, user, .. } => {
                drill::mark(Step::Pin);
                let (row, at) = (self.owned_by(*order, *user)?, self.at);
                if drill::mutant(Mutant::FinalizeAfterExpiry) || drill::mutant(Mutant::FenceIgnored) {
                    self.at = row.order.created_at;
                }
                let transition = row.order.clone().finalize(self.at).map_err(refused);
                let outcome = transition.and_then(|transition| self.carry_out(row, transition, &[]));
                self.at = at;
                outcome
            }
            OrderCommand::Cancel { order, user, .. } => {
                drill::mark(Step::Cancel);
                let row = self.owned_by(*order, *user)?;
                let transition = row.order.clone().cancel(self.at).map_err(refused)?;
                self.carry_out(row, transition, &[])
            }
            OrderCommand::Refund { order, .. } => {
                drill::mark(Step::Refund);
                let row = self.rows.orders.get(order).cloned().ok_or(CommandRefusal::NotFound)?;
                let transition = row.order.clone().refund().map_err(refused)?;
                self.carry_out(row, transition, &[])
            }
        }?;
        // The recovery point: whoever takes the key over goes on from this order (I7).
        if let Some(key) = command.key() {
            self.changes.claims.points.push((key.clone(), outcome.record.order.id));
        }
        Ok(outcome)
    }

    /// Writes down that an order's time is up.
    ///
    /// # Errors
    /// [`CommandRefusal`].
    pub fn expire(&mut self, order: OrderId) -> Result<OrderOutcome, CommandRefusal> {
        drill::mark(Step::Expire);
        let row = self.rows.orders.get(&order).cloned().ok_or(CommandRefusal::NotFound)?;
        let at = if drill::mutant(Mutant::SweptByState) { row.order.expires_at } else { self.at };
        let transition = row.order.clone().expire(at);
        self.carry_out(row, transition, &[])
    }

    fn create(&mut self, id: OrderId, buyer: &Buyer<'_>) -> Result<OrderOutcome, CommandRefusal> {
        let SaleRow { sale, currency, .. } = self.sale(buyer.event)?.clone();
        self.close_or_refuse_open_order(buyer)?;
        let admitted = self.admission(&sale, buyer)?;
        let limit = sale.rules.seats.per_buyer;
        let owned = self.owned_seats(buyer.event, buyer.user);
        if owned >= limit {
            return Err(CommandRefusal::PurchaseLimit { limit, owned });
        }
        let session = admitted.as_ref().map(|session| session.id);
        let order = Order {
            id,
            parties: OrderParties { user: buyer.user, event: buyer.event.clone(), session },
            state: OrderState::Pending,
            expires_at: self.at.plus_seconds(sale.rules.hold_ttl_seconds),
            created_at: self.at,
            total: Money::zero(currency),
            cards: CardTries::default(),
        };
        let inside = Inside { deadline: None, order: Some(id) };
        let session =
            session.map(|session| self.advance(session, SessionState::Ordering, inside)).transpose()?;
        let row = OrderRow { order, fence: Fence(0), seats: Vec::new(), history: Head::default() };
        let record = self.record(&row)?;
        self.write_order(row, None);
        Ok(OrderOutcome { record, payment: None, session, seats_changed: false })
    }

    /// An unfinished order stands in the way of another, unless its time is up.
    fn close_or_refuse_open_order(&mut self, buyer: &Buyer<'_>) -> Result<(), CommandRefusal> {
        let Some(open) = self.rows.open_order(buyer.event, buyer.user) else { return Ok(()) };
        let id = open.order.id;
        if !open.order.is_past(self.at) {
            return Err(CommandRefusal::OpenOrder(id));
        }
        self.expire(id).map(drop)
    }

    /// The session by which the buyer is in; `None` where nobody needs one (W10).
    fn admission(&self, sale: &Sale, buyer: &Buyer<'_>) -> Result<Option<SessionRecord>, CommandRefusal> {
        if sale.state == SaleState::Closed {
            return Err(EntryRefusal::Over.into());
        }
        if !sale.rules.waiting_room {
            return match sale.enter(self.at)? {
                Entry::Line if sale.state == SaleState::Open => Ok(None),
                _ => Err(EntryRefusal::NotOnSale.into()),
            };
        }
        let found = self.rows.live_session(buyer.event, buyer.user);
        let admitted = found.filter(|session| {
            session.state == SessionState::Active
                && session.inside.deadline.is_some_and(|deadline| deadline > self.at)
                && buyer.session.is_none_or(|wanted| wanted == session.id)
        });
        if drill::mutant(Mutant::NoAdmission) {
            return Ok(None);
        }
        admitted.cloned().map(Some).ok_or(CommandRefusal::NotAdmitted)
    }

    fn hold(&mut self, row: OrderRow, ids: &[SeatId]) -> Result<OrderOutcome, CommandRefusal> {
        let event = row.order.parties.event.clone();
        let sale = self.sale(&event)?;
        let (rules, fence) = (sale.sale.rules, Fence(sale.clock + 1));
        let (mut found, missing) = self.find(&event, ids);
        let mut total = Money::zero(row.order.total.currency);
        for seat in &found {
            total = total.plus(seat.line.price.1).map_err(StoreError::failed)?;
        }
        let transition =
            row.order.clone().confirm(self.at, rules.hold_ttl_seconds, total).map_err(refused)?;
        if row.order.parties.session.is_some() && self.rows.ordering_session(&row.order).is_none() {
            return Err(CommandRefusal::NotAdmitted);
        }
        self.within_limits(&row.order, ids.len())?;
        if !missing.is_empty() {
            return Err(CommandRefusal::UnknownSeats(missing));
        }
        // A hold that a decline left is replaced as a whole: the buyer may want other seats now.
        let (order, until) = (row.order.id, transition.order.expires_at);
        let free = |seat: &&SeatRow| seat.state.release(order, row.fence).unwrap_or(seat.state);
        let taken = found.iter().filter(|seat| free(seat).hold(self.at, order, until, fence).is_err());
        let taken: Vec<_> = taken.map(|seat| seat.line.id.clone()).collect();
        if drill::mutant(Mutant::HoldInPart) {
            found.retain(|seat| !taken.contains(&seat.line.id));
        } else if !taken.is_empty() && !drill::mutant(Mutant::HoldTakenSeat) {
            return Err(CommandRefusal::SeatsTaken(taken));
        }
        let mut seats: Vec<_> = found.iter().map(|seat| seat.line.index).collect();
        seats.sort_unstable();
        self.release_seats(&row);
        self.carry_out(OrderRow { fence, seats, ..row }, transition, &[])
    }

    /// The named seats that the event has, and the names of those it does not.
    fn find(&self, event: &EventId, ids: &[SeatId]) -> (Vec<&SeatRow>, Vec<SeatId>) {
        let mut missing = Vec::new();
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            match self.rows.seat_by_id(event, id) {
                Some(seat) => found.push(seat),
                None => missing.push(id.clone()),
            }
        }
        (found, missing)
    }

    fn within_limits(&self, order: &Order, wanted: usize) -> Result<(), CommandRefusal> {
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let event = &order.parties.event;
        let limits = self.sale(event)?.sale.rules.seats;
        if wanted > limits.per_order {
            return Err(CommandRefusal::TooManySeats { limit: limits.per_order });
        }
        let owned = self.owned_seats(event, order.parties.user);
        if owned.saturating_add(wanted) > limits.per_buyer {
            return Err(CommandRefusal::PurchaseLimit { limit: limits.per_buyer, owned });
        }
        Ok(())
    }

    fn sale(&self, event: &EventId) -> Result<&SaleRow, CommandRefusal> {
        self.rows.sales.get(event).ok_or(CommandRefusal::NotFound)
    }

    fn owned_seats(&self, event: &EventId, user: UserId) -> u32 {
        self.rows.tickets.owned.get(&(event.clone(), user)).copied().unwrap_or_default()
    }

    /// Somebody else's order is no order.
    fn owned_by(&self, order: OrderId, user: UserId) -> Result<OrderRow, CommandRefusal> {
        let found = self.rows.orders.get(&order).filter(|row| row.order.parties.user == user);
        found.cloned().ok_or(CommandRefusal::NotFound)
    }
}

/// Who begins an order, and for what.
struct Buyer<'a> {
    user: UserId,
    event: &'a EventId,
    session: Option<SessionId>,
}

const fn refused(refusal: OrderRefusal) -> CommandRefusal {
    match refusal {
        OrderRefusal::State(OrderState::Expired) | OrderRefusal::Expired => CommandRefusal::Expired,
        OrderRefusal::State(state) => CommandRefusal::State(state),
    }
}
