//! What changes an order: written down first, sent with its key, forgotten once it is answered for good. The notes are
//! the command line's own, so `tmctl resume` finishes what was cut off here, and this program what was cut off there.

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError};
use tmapi::order::{CreateOrder, OrderView, SeatsAndPayment};
use tmcore::{EventId, OrderId, SessionId};
use tmctl::pending::{Entry, Goal, Mutation, Request};

use super::office::Office;
use crate::action::{Confirm, Trouble};
use crate::host::Host;

/// How long the payment provider is waited for; the screen asks on afterwards.
const PATIENCE: Duration = Duration::from_secs(40);
const FIRST_POLL: Duration = Duration::from_millis(250);
const LONGEST_POLL: Duration = Duration::from_secs(2);

impl Office {
    /// Begins an order.
    pub async fn begin(&self, event: &EventId, session: Option<SessionId>) -> Result<OrderView, Trouble> {
        let request = CreateOrder { event_id: event.clone(), session_id: session };
        let answer = self.perform(event, Mutation::CreateOrder { request }).await;
        match answer {
            // A guest whose token has grown old begins anew, where nobody had to be let in first.
            Err(trouble)
                if trouble.code == Some(ProblemCode::Unauthenticated)
                    && session.is_none()
                    && self.is_own_guest(event)? =>
            {
                self.keep(|state| state.forget_guest(event))?;
                let request = CreateOrder { event_id: event.clone(), session_id: None };
                self.perform(event, Mutation::CreateOrder { request }).await
            }
            // An order that was begun before, here or by the command line, is gone on with.
            Err(trouble) if trouble.code == Some(ProblemCode::OpenOrderExists) => {
                self.last_order(event).await.ok_or(trouble)
            }
            answer => answer,
        }
    }

    /// The order last spoken of, if it is of this event and open.
    async fn last_order(&self, event: &EventId) -> Option<OrderView> {
        let state = self.profile.state().ok()?;
        let last = state.last.order.filter(|order| state.event_of(&order.to_string()) == Some(event))?;
        let order = self.order(event, last).await.ok()?;
        order.status.is_open().then_some(order)
    }

    /// Holds seats and has the card authorized.
    pub async fn confirm(&self, confirm: Confirm) -> Result<OrderView, Trouble> {
        let Some(order) = confirm.order else { return Err(Trouble::new("there is no order to confirm")) };
        let request = SeatsAndPayment { seats: confirm.seats, payment_token: confirm.card };
        self.perform(&confirm.event, Mutation::Confirm { order, request }).await
    }

    /// Pays.
    pub async fn finalize(&self, event: &EventId, order: OrderId) -> Result<OrderView, Trouble> {
        self.perform(event, Mutation::Finalize { order }).await
    }

    /// Gives an order up.
    pub async fn cancel(&self, event: &EventId, order: OrderId) -> Result<OrderView, Trouble> {
        self.perform(event, Mutation::Cancel { order }).await
    }

    /// Does it once, whatever happens on the way.
    async fn perform(&self, event: &EventId, mutation: Mutation) -> Result<OrderView, Trouble> {
        let request = Request {
            key: Host::idempotency_key(),
            slot: self.profile.slot(),
            event: Some(event.clone()),
            token: self.token(event)?,
            began_at: Host::now(),
            mutation,
        };
        let entry = Entry::begin(&self.profile.home, request)?;
        self.finish(entry).await
    }

    /// How many requests of this daemon and this context were cut off.
    pub fn cut_off(&self) -> usize {
        self.left_over().map_or(0, |entries| entries.len())
    }

    fn left_over(&self) -> Result<Vec<Entry>, Trouble> {
        let mut entries = Entry::cut_off(&self.profile.home)?;
        entries.retain(|entry| entry.request.slot == self.profile.slot());
        Ok(entries)
    }

    /// Finishes what was cut off, here or in the command line, with the same keys. The first that cannot be finished
    /// ends it.
    pub async fn resume(&self) -> Result<Vec<OrderView>, Trouble> {
        let mut orders = Vec::new();
        for entry in self.left_over()? {
            orders.push(self.finish(entry).await?);
        }
        Ok(orders)
    }

    /// Sends what is written down until it is answered for good.
    async fn finish(&self, entry: Entry) -> Result<OrderView, Trouble> {
        let goal = entry.request.mutation.goal();
        let client = match (&entry.request.token, &entry.request.event) {
            // The answer to the first request of a guest, who had no token before it.
            (None, Some(event)) if matches!(entry.request.mutation, Mutation::Settle { .. }) => {
                self.client(event)?
            }
            (token, _) => self.client_with(token.as_deref())?,
        };
        let order = match answered(&client, &entry.request).await {
            Ok(order) => order,
            Err(error) => {
                let trouble = Trouble::from(error);
                // Of what may have happened the note is kept: the next try goes on with its key.
                if !trouble.is_open {
                    entry.done()?;
                }
                return Err(trouble);
            }
        };
        self.learn(&order)?;
        if !goal.is_unsettled(order.status) {
            entry.done()?;
            return Ok(order);
        }
        // An order that a guest began without a token answered with one.
        let client = self.client(&order.event_id)?;
        let entry = entry.becomes(Mutation::Settle { order: order.order_id, goal })?;
        let order = settled(&client, order, goal).await;
        if !goal.is_unsettled(order.status) {
            entry.done()?;
        }
        self.learn(&order)?;
        Ok(order)
    }

    /// Keeps what later steps, and the command line, need of an order.
    fn learn(&self, order: &OrderView) -> Result<(), Trouble> {
        self.keep(|state| {
            state.saw_order(order.order_id, &order.event_id);
            if let Some(token) = &order.access_token {
                state.keep_guest(&order.event_id, token.clone());
            }
            if !order.tickets.is_empty() {
                let tickets: Vec<_> = order.tickets.iter().map(|ticket| ticket.ticket_id).collect();
                state.saw_tickets(&tickets, &order.event_id);
            }
        })
    }
}

/// Sends it, and again while the daemon is still busy with an earlier sending of the same.
async fn answered(client: &Client, request: &Request) -> Result<OrderView, ClientError> {
    let mut waited = Duration::ZERO;
    loop {
        match request.send(client).await {
            Err(error) if error.code() == Some(ProblemCode::IdempotencyInFlight) && waited < PATIENCE => {
                let pause = error.retry_after().unwrap_or(FIRST_POLL).max(FIRST_POLL);
                waited += pause;
                tokio::time::sleep(pause).await;
            }
            answer => return answer,
        }
    }
}

/// A 202 is not final: asks until it is, or patience ends.
async fn settled(client: &Client, mut order: OrderView, goal: Goal) -> OrderView {
    let (mut pause, mut waited) = (FIRST_POLL, Duration::ZERO);
    while goal.is_unsettled(order.status) && waited < PATIENCE {
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(LONGEST_POLL);
        if let Ok(now) = client.order(order.order_id).await {
            order = now;
        }
    }
    order
}
