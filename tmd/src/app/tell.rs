//! Tells whoever waits that something was committed. Always after the commit, never instead of it.

use std::sync::Arc;

use tmcore::EventId;
use tmcore::cache_key::CacheKey;
use tmcore::payment::Operation;

use super::Office;
use crate::ports::bus::Fact;
use crate::ports::order::OrderOutcome;
use crate::ports::waiting_room::SessionRecord;

/// The most sessions of one fact.
const FACT_RECORDS: usize = 256;

impl Office {
    /// Tells of sessions that changed without anybody being let in.
    pub fn tell_sessions(&self, sessions: &[SessionRecord]) {
        self.tell_moved(sessions, 0);
    }

    /// Tells of sessions that changed, and how many of one event were let in by it.
    pub fn tell_moved(&self, sessions: &[SessionRecord], admitted: u64) {
        self.rooms.take_in(sessions, (admitted, self.world().clock.monotonic()));
        if !self.config.is_shared() {
            return;
        }
        // One fact an event, and none too long to be sent on its own.
        let of_events = sessions.chunk_by(|one, next| one.event == next.event);
        for (number, records) in of_events.flat_map(|records| records.chunks(FACT_RECORDS)).enumerate() {
            let admitted = if number == 0 { admitted } else { 0 };
            self.ports.bus.publish(Fact::SessionsMoved { records: records.into(), admitted });
        }
    }

    /// Tells that seats of the event changed hands.
    pub fn tell_seats(&self, event: &EventId) {
        self.ports.bus.publish(Fact::SeatsChanged(event.clone()));
    }

    /// Tells that the event or its sale changed.
    pub async fn tell_event(&self, event: &EventId) {
        self.ports.cache.forget(&CacheKey::Event(event.clone())).await;
        self.ports.cache.forget(&CacheKey::SeatMap(event.clone())).await;
        self.ports.cache.forget(&CacheKey::Availability(event.clone())).await;
        self.ports.bus.publish(Fact::EventChanged(event.clone()));
        self.ports.queue.announce(event);
    }

    /// Tells of an order, and sends the void or refund it may have asked for: nobody waits for those.
    pub fn tell_order(self: &Arc<Self>, outcome: &OrderOutcome) {
        let order = &outcome.record.order;
        let event = &order.parties.event;
        if outcome.seats_changed {
            self.tell_seats(event);
            let until = order.state.can_expire().then_some(order.expires_at);
            self.ports.bus.publish(Fact::HoldMoved { event: event.clone(), order: order.id, until });
        }
        if let Some(session) = &outcome.session {
            self.tell_sessions(std::slice::from_ref(session));
            self.ports.queue.announce(event);
        }
        let nobody_waits = |operation| matches!(operation, Operation::Void | Operation::Refund);
        if let Some(payment) = outcome.payment.clone().filter(|payment| nobody_waits(payment.operation)) {
            let office = Arc::clone(self);
            self.lifecycle().spawn("undo", async move {
                if let Err(error) = office.drive(&payment).await {
                    let operation = payment.operation.as_str();
                    tracing::warn!(order = %payment.order, operation, %error, "failed now; the resolver goes on");
                }
            });
        }
    }
}
