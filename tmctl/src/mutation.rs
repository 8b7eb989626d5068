//! Sends what changes something: written down first, sent with its key, forgotten once it is answered for good (I13).

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError};
use tmapi::order::{OrderStatus, OrderView};
use tmcore::{EventId, OrderId};

use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::host::Host;
use crate::pending::{Entry, Goal, Mutation, Request};
use crate::progress::Progress;

/// How long a step waits for the payment provider to say, unless asked otherwise.
/// A daemon frees the key of a request that died after 30 s; this is a little longer.
pub const SETTLE_PATIENCE: Duration = Duration::from_secs(40);
const FIRST_POLL: Duration = Duration::from_millis(250);
const LONGEST_POLL: Duration = Duration::from_secs(2);

/// Does it once, whatever happens on the way, and waits until the order is settled.
pub async fn perform(desk: &Desk, mutation: Mutation, patience: Duration) -> Result<OrderView, Failure> {
    let event = event_of(desk, &mutation)?;
    let token = desk.token_for(event.as_ref())?;
    let own_guest = match (&event, &token) {
        (Some(event), Some(token)) => desk.is_own_guest(event, token)?,
        _ => false,
    };
    let entry = write_down(desk, mutation.clone(), event.clone(), token)?;
    match carry_on(desk, entry, patience).await {
        // A guest whose token has grown old begins anew; only what needs no earlier step can.
        Err(failure)
            if failure.code == Some(ProblemCode::Unauthenticated) && own_guest && is_first(&mutation) =>
        {
            if let Some(event) = &event {
                desk.remember(|state| state.forget_guest(event));
            }
            let token = desk.token_for(event.as_ref())?;
            carry_on(desk, write_down(desk, mutation, event, token)?, patience).await
        }
        outcome => outcome,
    }
}

const fn is_first(mutation: &Mutation) -> bool {
    matches!(mutation, Mutation::CreateOrder { .. } | Mutation::Book { .. })
}

fn event_of(desk: &Desk, mutation: &Mutation) -> Result<Option<EventId>, Failure> {
    Ok(match mutation {
        Mutation::CreateOrder { request } => Some(request.event_id.clone()),
        Mutation::Book { event, .. } => Some(event.clone()),
        Mutation::Confirm { order, .. }
        | Mutation::Finalize { order }
        | Mutation::Cancel { order }
        | Mutation::Settle { order, .. } => desk.profile.state()?.event_of(&order.to_string()).cloned(),
    })
}

fn write_down(
    desk: &Desk,
    mutation: Mutation,
    event: Option<EventId>,
    token: Option<String>,
) -> Result<Entry, Failure> {
    let request = Request {
        key: Host::idempotency_key(),
        slot: desk.profile.slot(),
        event,
        token,
        began_at: desk.host.now(),
        mutation,
    };
    let key = request.key.clone();
    let entry = Entry::begin(&desk.profile.home, request)?;
    if entry.request.key != key {
        desk.out.note("the same request was cut off before: going on with it");
    }
    Ok(entry)
}

/// Sends what is written down, or asks what became of it.
pub async fn carry_on(desk: &Desk, entry: Entry, patience: Duration) -> Result<OrderView, Failure> {
    let client = desk.client_with(entry.request.token.as_deref())?;
    let doing = entry.request.mutation.doing();
    desk.if_interrupted(format!("what was sent may have happened: {}", desk.out.command("resume")));
    let sent = answered(desk, &client, &entry.request, patience).await;
    let outcome = match sent {
        Ok(order) => {
            learn(desk, &order);
            settle(desk, &client, entry, order, patience).await
        }
        Err(error) if error.is_inconclusive() || error.code() == Some(ProblemCode::IdempotencyInFlight) => {
            Err(unknown(desk, error))
        }
        Err(error) => {
            entry.done()?;
            Err(error.into())
        }
    };
    desk.if_interrupted(None);
    outcome.doing(&doing)
}

/// Sends it, and again while the daemon is still busy with an earlier sending of the same.
async fn answered(
    desk: &Desk,
    client: &Client,
    request: &Request,
    patience: Duration,
) -> Result<OrderView, ClientError> {
    let until_done = async {
        loop {
            match request.send(client).await {
                Err(error) if error.code() == Some(ProblemCode::IdempotencyInFlight) => {
                    tokio::time::sleep(error.retry_after().unwrap_or(FIRST_POLL)).await;
                }
                answer => return answer,
            }
        }
    };
    let first = request.send(client).await;
    if first.as_ref().err().and_then(ClientError::code) != Some(ProblemCode::IdempotencyInFlight) {
        return first;
    }
    desk.out.note("the daemon is still busy with the first sending; waiting for its answer");
    tokio::time::timeout(patience, until_done).await.unwrap_or(first)
}

fn unknown(desk: &Desk, error: ClientError) -> Failure {
    let failure = Failure::from(error);
    let known = failure.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let command = desk.out.command("resume");
    failure
        .hint(format!("it may have happened all the same: `{command}` finishes it with the same key{known}"))
}

/// Keeps what later commands need of an order.
pub fn learn(desk: &Desk, order: &OrderView) {
    desk.remember(|state| {
        state.saw_order(order.order_id, &order.event_id);
        if let Some(token) = &order.access_token {
            state.keep_guest(&order.event_id, token.clone());
        }
        if !order.tickets.is_empty() {
            let tickets: Vec<_> = order.tickets.iter().map(|ticket| ticket.ticket_id).collect();
            state.saw_tickets(&tickets, &order.event_id);
        }
    });
}

/// A 202 is not final: asks until it is.
async fn settle(
    desk: &Desk,
    client: &Client,
    mut entry: Entry,
    mut order: OrderView,
    patience: Duration,
) -> Result<OrderView, Failure> {
    let goal = entry.request.mutation.goal();
    let access_token = order.access_token.clone();
    let client = match &access_token {
        Some(token) => client.with_token(token)?,
        None => client.clone(),
    };
    entry.request.token = access_token.clone().or(entry.request.token);
    if goal.is_unsettled(order.status) {
        let progress = Progress::new(desk);
        progress.say("the payment provider has not answered yet");
        entry = entry.becomes(Mutation::Settle { order: order.order_id, goal })?;
        // Running out of patience is no error: the verdict tells it.
        let _ = tokio::time::timeout(patience, asked(&client, &mut order, goal)).await;
        learn(desk, &order);
    }
    // A booking whose authorization took its time stops there: paying is the step that is left of it.
    if goal == Goal::Finalized
        && order.status == OrderStatus::Authorized
        && !matches!(entry.request.mutation, Mutation::Finalize { .. })
    {
        let rest = Mutation::Finalize { order: order.order_id };
        let entry = entry.followed_by(Host::idempotency_key(), rest)?;
        return Box::pin(carry_on(desk, entry, patience)).await;
    }
    let verdict = verdict(desk, goal, OrderView { access_token, ..order });
    let is_open = verdict.as_ref().is_err_and(|failure| failure.exit == Exit::Pending);
    if !is_open {
        entry.done()?;
    }
    verdict
}

/// Asks about an order until it is settled; a question that fails is asked again.
async fn asked(client: &Client, order: &mut OrderView, goal: Goal) {
    let mut pause = FIRST_POLL;
    while goal.is_unsettled(order.status) {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_POLL);
        if let Ok(now) = client.order(order.order_id).await {
            *order = now;
        }
    }
}

/// What an order's status means for what was wanted of it.
fn verdict(desk: &Desk, goal: Goal, order: OrderView) -> Result<OrderView, Failure> {
    use OrderStatus as S;
    let id = order.order_id;
    let good = match goal {
        Goal::Created => true,
        Goal::Authorized => matches!(order.status, S::Authorized | S::Capturing | S::Finalized),
        Goal::Finalized => order.status == S::Finalized,
        Goal::Cancelled => matches!(order.status, S::Cancelled | S::Expired),
    };
    if good {
        return Ok(order);
    }
    let command = |text: &str| format!("`{}`", desk.out.command(text));
    Err(match order.status {
        S::Authorizing | S::Capturing => {
            Failure::new(Exit::Pending, "the payment provider has not answered yet; the seats stay held")
                .hint(format!("{} asks again", command("resume")))
        }
        S::Pending => Failure::new(Exit::Declined, "the payment did not come about; the order is still open")
            .hint(format!("try another card: {}", command(&format!("confirm {id} --payment-token TOKEN")))),
        S::Failed => {
            Failure::new(Exit::Declined, "the payment was refused; the seats went back and nothing was paid")
        }
        S::Expired => Failure::new(Exit::Expired, "the order's time is up; its seats went back")
            .hint(format!("begin again: {}", command(&format!("order {}", order.event_id)))),
        S::Cancelled => {
            Failure::new(Exit::Declined, "the order was cancelled; its seats went back and nothing was paid")
        }
        S::Authorized => {
            Failure::new(Exit::Pending, "the seats are held and the payment is authorized, but not taken")
                .hint(format!("go on with {}", command(&format!("finalize {id}"))))
        }
        S::Finalized | S::Refunding | S::Refunded => Failure::new(
            Exit::Conflict,
            format!("the order is {} already", crate::command::order::said(order.status)),
        ),
    })
}

/// The client for an order that was spoken of before.
pub fn client_for_order(desk: &Desk, order: OrderId) -> Result<Client, Failure> {
    let event = desk.profile.state()?.event_of(&order.to_string()).cloned();
    desk.client_for(event.as_ref())
}
