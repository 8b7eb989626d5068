//! What a transition asks of the rows. The provider's part is written down here and asked for after the commit (M5).

use tmcore::TicketId;
use tmcore::order::{Effect, Order, Transition};
use tmcore::payment::{Operation, PaymentState, ProviderKey, ProviderReference, check_capture};
use tmcore::seat::SeatState;
use tmcore::waiting_room::SessionState;

use super::{Desk, NewPayment, OrderRow, PaymentRow, SeatRow};
use crate::drill::{self, Mutant};
use crate::ports::StoreError;
use crate::ports::order::{CommandRefusal, NewTicket, OrderOutcome, TicketRecord};
use crate::ports::payment::PaymentRecord;
use crate::ports::waiting_room::{Inside, SessionRecord};

/// Seats and who has them afterwards.
type SeatSteps = Vec<(u32, SeatState)>;

impl Desk {
    /// Writes the transition of `before` and all of its effects, or changes nothing. `tickets` are those to be issued
    /// should it sell seats.
    pub(super) fn carry_out(
        &mut self,
        before: OrderRow,
        transition: Transition,
        tickets: &[NewTicket],
    ) -> Result<OrderOutcome, CommandRefusal> {
        let row = OrderRow { order: transition.order, ..before };
        let steps = self.seat_steps(&row, &transition.effects, tickets)?;
        let payment = self.asked(&row.order, &transition.effects)?;
        let seats_changed = self.write_seats(&row, &steps, &transition.effects);
        let mut session = None;
        for effect in &transition.effects {
            match effect {
                Effect::IssueTickets if drill::mutant(Mutant::NoTicket) => {}
                Effect::IssueTickets => self.issue(&row, tickets),
                Effect::ReturnSeats => self.end_tickets(&row),
                Effect::CloseSession => session = self.close_session(&row.order)?,
                _ => {}
            }
        }
        let payment = payment.map(|payment| self.write_payment(payment));
        let record = self.record(&row)?;
        self.write_order(row, transition.through);
        Ok(OrderOutcome { record, payment, session, seats_changed })
    }

    /// Gives back whatever the order still holds or has pinned. Fewer than it had is no fault: a hold that has passed may
    /// be somebody else's by now (S4).
    pub(super) fn release_seats(&mut self, row: &OrderRow) {
        for (index, state) in self.released(row) {
            self.write_seat(&row.order.parties.event, index, state);
        }
    }

    fn released(&self, row: &OrderRow) -> SeatSteps {
        let its = self
            .seats_of(row)
            .filter_map(|seat| Some((seat.line.index, seat.state.release(row.order.id, row.fence).ok()?)));
        its.collect()
    }

    fn seats_of(&self, row: &OrderRow) -> impl Iterator<Item = &SeatRow> {
        row.seats.iter().filter_map(|index| self.rows.seat(&row.order.parties.event, *index))
    }

    /// Who has the order's seats after these effects. A seat that is not the order's any more is a lost fence (S7).
    fn seat_steps(
        &self,
        row: &OrderRow,
        effects: &[Effect],
        tickets: &[NewTicket],
    ) -> Result<SeatSteps, CommandRefusal> {
        let (id, until) = (row.order.id, row.order.expires_at);
        let mut steps = SeatSteps::new();
        for effect in effects {
            let step = |seat: &SeatRow| match effect {
                Effect::HoldSeats if drill::mutant(Mutant::HoldTakenSeat) => {
                    Ok(SeatState::Held { order: id, until, fence: row.fence })
                }
                Effect::HoldSeats => seat.state.hold(self.at, id, until, row.fence).map_err(lost),
                Effect::PinSeats if drill::mutant(Mutant::FenceIgnored) => {
                    Ok(SeatState::Pinned { order: id, fence: row.fence })
                }
                Effect::PinSeats if drill::mutant(Mutant::CaptureBeforePin) => Ok(seat.state),
                Effect::PinSeats => seat.state.pin(self.at, id, row.fence).map_err(lost),
                Effect::SellSeats => {
                    let ticket = ticket_of(seat, tickets)?;
                    seat.state.sell(id, row.fence, ticket).map_err(lost)
                }
                _ => seat.state.hand_back(id).map_err(lost),
            };
            match effect {
                Effect::HoldSeats | Effect::PinSeats | Effect::SellSeats | Effect::ReturnSeats => {
                    for seat in self.seats_of(row) {
                        steps.push((seat.line.index, step(seat)?));
                    }
                }
                Effect::ReleaseSeats => steps.extend(self.released(row)),
                _ => {}
            }
        }
        Ok(steps)
    }

    /// Whether the seats changed hands for those who look: a pin is seen by nobody.
    fn write_seats(&mut self, row: &OrderRow, steps: &SeatSteps, effects: &[Effect]) -> bool {
        let event = &row.order.parties.event;
        for (index, state) in steps {
            self.write_seat(event, *index, *state);
        }
        let seen = !steps.is_empty() && !effects.contains(&Effect::PinSeats);
        if seen {
            self.tick(event);
        }
        seen
    }

    /// Whether the order's seats could be sold to it now.
    pub(super) fn has_its_seats(&self, row: &OrderRow) -> bool {
        let probe = TicketId::from_uuid(uuid::Uuid::nil());
        self.seats_of(row).filter(|seat| seat.state.sell(row.order.id, row.fence, probe).is_ok()).count()
            == row.seats.len()
    }

    /// The payment that the effects ask for, if they do.
    fn asked(&self, order: &Order, effects: &[Effect]) -> Result<Option<PaymentRow>, CommandRefusal> {
        let authorization = || self.rows.authorization(order.id);
        for effect in effects {
            let (operation, attempt, against) = match effect {
                Effect::Authorize => (Operation::Authorize, order.cards.attempts, None),
                Effect::Capture => (Operation::Capture, 1, Some(self.capturable(order)?)),
                Effect::Void | Effect::Refund => {
                    let Some((_, reference)) = authorization() else { continue };
                    match effect {
                        Effect::Void => (Operation::Void, order.cards.attempts, Some(reference)),
                        _ => (Operation::Refund, 1, Some(reference)),
                    }
                }
                _ => continue,
            };
            return Ok(Some(payment(order, operation, attempt, against)));
        }
        Ok(None)
    }

    /// The authorization to be captured: never more than was authorized (M3).
    fn capturable(&self, order: &Order) -> Result<ProviderReference, StoreError> {
        let Some((amount, reference)) = self.rows.authorization(order.id) else {
            return Err(StoreError::failed(format_args!("{} has no authorization", order.id)));
        };
        check_capture(amount, order.total).map_err(StoreError::failed)?;
        Ok(reference)
    }

    /// Writes a payment down as sent: whoever commits this sends it now, or the resolver does after the lease. Written
    /// twice it is one: its key is its name.
    fn write_payment(&mut self, row: PaymentRow) -> PaymentRecord {
        let key = row.record.key;
        if let Some(there) = self.rows.payments.get(&key) {
            return there.record.clone();
        }
        if drill::mutant(Mutant::NoIntent) {
            return row.record;
        }
        self.changes.payments.new.push(NewPayment::of(key, row.record.operation, self.send_lease_seconds));
        let record = row.record.clone();
        self.rows.lay_payment(row);
        record
    }

    fn issue(&mut self, row: &OrderRow, tickets: &[NewTicket]) {
        let parties = &row.order.parties;
        let issued: Vec<_> = self
            .seats_of(row)
            .filter_map(|seat| {
                let ticket = tickets.iter().find(|ticket| ticket.seat == seat.line.id)?;
                Some(TicketRecord {
                    id: ticket.id,
                    owner: (row.order.id, parties.user),
                    event: parties.event.clone(),
                    seat: seat.line.clone(),
                    code: ticket.code.clone(),
                    valid: true,
                    issued_at: self.at,
                })
            })
            .collect();
        if let Some(owned) = self.rows.tickets.owned.get_mut(&(parties.event.clone(), parties.user)) {
            *owned += u32::try_from(issued.len()).unwrap_or(u32::MAX);
        }
        self.changes.tickets.new.extend(issued.iter().cloned());
        self.rows.tickets.of_order.insert(row.order.id, issued);
    }

    fn end_tickets(&mut self, row: &OrderRow) {
        for ticket in self.rows.tickets.of_order.get_mut(&row.order.id).into_iter().flatten() {
            ticket.valid = false;
            self.changes.tickets.ended.push(ticket.id);
        }
    }

    fn close_session(&mut self, order: &Order) -> Result<Option<SessionRecord>, StoreError> {
        let Some(session) = self.rows.ordering_session(order) else { return Ok(None) };
        let inside = Inside { deadline: None, order: session.inside.order };
        self.advance(session.id, SessionState::Done, inside).map(Some)
    }
}

fn payment(
    order: &Order,
    operation: Operation,
    attempt: u32,
    against: Option<ProviderReference>,
) -> PaymentRow {
    let key = ProviderKey::derive(order.id, operation, attempt);
    let (state, amount) = (PaymentState::Sent, order.total);
    PaymentRow { record: PaymentRecord { order: order.id, operation, key, state, amount, against }, attempt }
}

fn ticket_of(seat: &SeatRow, tickets: &[NewTicket]) -> Result<TicketId, StoreError> {
    let ticket = tickets.iter().find(|ticket| ticket.seat == seat.line.id);
    ticket.map(|ticket| ticket.id).ok_or_else(|| StoreError::failed("a seat is to be sold without a ticket"))
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
const fn lost(_: tmcore::seat::SeatRefusal) -> CommandRefusal {
    CommandRefusal::FenceLost
}
