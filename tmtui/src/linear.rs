//! The same purchase line by line: prompts and lists that a screen reader reads well, and that pipes can answer.

mod ask;
mod choose;

use anyhow::bail;
use tmapi::ProblemCode;
use tmapi::client::live::{Follow, LiveEvent, LiveState, follow};
use tmapi::event::{EventSummary, SaleStatus, WaitingRoomMode};
use tmapi::order::{OrderStatus, OrderView};
use tmapi::session::{SessionStatus, SessionView};
use tmcore::{EventId, SeatId, SessionId};

use crate::action::{Confirm, Trouble};
use crate::host::Host;
use crate::model::ticket::Tickets;
use crate::net::Office;
use crate::text;
use ask::{Answer, ask, is_yes, say};
use choose::Room;

/// Walks through a purchase. The end of the input, or `q`, ends it.
///
/// # Errors
/// What cannot be asked or told, and what the daemon refuses for good.
pub async fn run(office: &Office, event: Option<EventId>, readonly: bool) -> anyhow::Result<()> {
    let work = async {
        let Some(event) = find(office, event).await? else { return Ok(()) };
        describe(&event)?;
        if readonly {
            return look(office, &event).await;
        }
        let session = match event.waiting_room {
            WaitingRoomMode::On => match stand_in_line(office, &event).await? {
                Some(session) => Some(session),
                None => return Ok(()),
            },
            WaitingRoomMode::Off => None,
        };
        buy(office, &event, session).await
    };
    tokio::select! {
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => {
            say("Interrupted. What was sent may have happened: tmctl resume finishes it, tmctl status shows it.")?;
            Ok(())
        }
    }
}

fn failed(trouble: Trouble) -> anyhow::Error {
    let hint = trouble.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    anyhow::anyhow!("{}{hint}", trouble.text)
}

async fn find(office: &Office, event: Option<EventId>) -> anyhow::Result<Option<EventSummary>> {
    if let Some(event) = event {
        return Ok(Some(office.event(&event).await.map_err(failed)?.summary));
    }
    let events = office.events("", None).await.map_err(failed)?.events;
    if events.is_empty() {
        say("Nothing is on.")?;
        return Ok(None);
    }
    say(&format!("{} events.", events.len()))?;
    for (number, event) in (1..).zip(&events) {
        let when = text::time(event.starts_at, &Host::zone());
        let (name, venue) = (text::escape(&event.name), text::escape(&event.venue.name));
        let free = event.seats.available;
        say(&format!("{number}. {name}, {when}, {venue}, {free} seats free."))?;
    }
    loop {
        let Answer::Text(answer) = ask("Number of the event, or q: ").await? else { return Ok(None) };
        let chosen = answer.parse::<usize>().ok().and_then(|number| events.get(number.checked_sub(1)?));
        let by_id = || events.iter().find(|event| event.event_id.as_str() == answer);
        match chosen.or_else(by_id) {
            Some(event) => return Ok(Some(event.clone())),
            None => say("There is no such event.")?,
        }
    }
}

fn describe(event: &EventSummary) -> anyhow::Result<()> {
    let sale = match event.sale_status {
        SaleStatus::Scheduled => "the sale has not begun",
        SaleStatus::Open => "on sale",
        SaleStatus::Paused => "the sale is paused",
        SaleStatus::Closed => "the sale is over",
    };
    let from = event.from_price.map(|price| format!(", from {price}")).unwrap_or_default();
    say(&format!("{}: {sale}{from}.", text::escape(&event.name)))
}

async fn look(office: &Office, event: &EventSummary) -> anyhow::Result<()> {
    let room = Room::enter(office, &event.event_id).await.map_err(failed)?;
    room.tell_sections()?;
    say("Read only: nothing is bought.")
}

/// Waits until the waiting room lets the buyer in; nothing if it does not.
async fn stand_in_line(office: &Office, event: &EventSummary) -> anyhow::Result<Option<SessionId>> {
    if !is_yes("Stand in line? [Y/n] ").await? {
        return Ok(None);
    }
    let id = &event.event_id;
    let mut session = office.join(id).await.map_err(failed)?;
    let mut stream = follow(&office.client(id).map_err(failed)?, Follow::Session(session.session_id));
    let mut told = None;
    loop {
        tell_place(&session, &mut told)?;
        match session.status {
            SessionStatus::Active | SessionStatus::Ordering => {
                say("You are in.")?;
                return Ok(Some(session.session_id));
            }
            SessionStatus::Waiting => {}
            _ => bail!("the place in line is over: begin again"),
        }
        match stream.next().await {
            Some(LiveEvent::Session(event)) => session = event.session,
            Some(LiveEvent::State(LiveState::Reconnecting { .. })) => {
                say("The connection was cut; your place is kept. Connecting again.")?;
            }
            Some(LiveEvent::State(LiveState::Ended(_))) | None => {
                session = office.session(id, session.session_id).await.map_err(failed)?;
                if session.status == SessionStatus::Waiting {
                    bail!(
                        "the line cannot be followed any more; the place is kept: tmctl wait {}",
                        session.session_id
                    );
                }
            }
            Some(_) => {}
        }
    }
}

/// Tells the place when it has changed enough to be worth a line: a tenth, or one of the last ten.
fn tell_place(session: &SessionView, told: &mut Option<u64>) -> anyhow::Result<()> {
    let Some(ahead) = session.ahead.filter(|_| session.status == SessionStatus::Waiting) else {
        return Ok(());
    };
    let is_news = told.is_none_or(|told| ahead < 10 && ahead != told || ahead * 10 <= told * 9);
    if is_news {
        *told = Some(ahead);
        let estimate = session.estimate.and_then(|estimate| estimate.high_seconds);
        let estimate = estimate.map(|high| format!(", at most about {}", text::duration(high.into())));
        say(&format!("{ahead} ahead of you{}.", estimate.unwrap_or_default()))?;
    }
    Ok(())
}

async fn buy(office: &Office, event: &EventSummary, session: Option<SessionId>) -> anyhow::Result<()> {
    let mut room = Room::enter(office, &event.event_id).await.map_err(failed)?;
    let mut order = None;
    let mut seats = Vec::new();
    loop {
        if seats.is_empty() {
            seats = match room.choose().await? {
                Some(seats) => seats,
                None => return give_up(office, order).await,
            };
        }
        room.tell_seats(&seats)?;
        let Answer::Text(card) = ask("Payment token, or q: ").await? else {
            return give_up(office, order).await;
        };
        if card.is_empty() {
            continue;
        }
        if order.is_none() {
            order = Some(office.begin(&event.event_id, session).await.map_err(failed)?);
        }
        let confirm = Confirm {
            event: event.event_id.clone(),
            session,
            order: order.as_ref().map(|order| order.order_id),
            seats: room.ids(&seats),
            card,
        };
        match office.confirm(confirm).await {
            Ok(held) if held.status == OrderStatus::Authorized => {
                say("The seats are held and the card is good.")?;
                return pay(office, event, held).await;
            }
            Ok(held) => say(&format!(
                "The order is {:?}: the payment did not come about. Try another card.",
                held.status
            ))?,
            Err(trouble) if trouble.code == Some(ProblemCode::SeatsUnavailable) => {
                room.refresh(office).await.map_err(failed)?;
                seats = offered(&room, seats, &trouble.seats).await?;
            }
            Err(trouble) if trouble.code == Some(ProblemCode::Declined) || trouble.is_open => {
                say(&format!("{}. Nothing is done twice: try again.", text::escape(&trouble.text)))?;
            }
            Err(trouble) => return Err(failed(trouble)),
        }
    }
}

/// For each seat that somebody else took the nearest like it is offered.
async fn offered(room: &Room, mut seats: Vec<usize>, lost: &[SeatId]) -> anyhow::Result<Vec<usize>> {
    for id in lost {
        let Some(gone) = room.house.find(id) else { continue };
        seats.retain(|seat| *seat != gone);
        say(&format!("{} was taken by somebody else.", room.called(gone)))?;
        let Some(instead) = room.alternative(gone, &seats) else {
            say("Nothing like it is free.")?;
            continue;
        };
        if is_yes(&format!("Take {} instead? [Y/n] ", room.called(instead))).await? {
            seats.push(instead);
        }
    }
    Ok(seats)
}

async fn give_up(office: &Office, order: Option<OrderView>) -> anyhow::Result<()> {
    if let Some(order) = order {
        office.cancel(&order.event_id, order.order_id).await.map_err(failed)?;
        say("The order was given up; nothing was paid.")?;
    }
    Ok(())
}

async fn pay(office: &Office, event: &EventSummary, order: OrderView) -> anyhow::Result<()> {
    if !is_yes(&format!("Pay {}? [Y/n] ", order.total)).await? {
        return give_up(office, Some(order)).await;
    }
    let paid = loop {
        match office.finalize(&event.event_id, order.order_id).await {
            Ok(paid) if paid.status == OrderStatus::Finalized => break paid,
            Ok(paid) => bail!("the order is {:?}: tmctl resume goes on with it", paid.status),
            Err(trouble) if trouble.is_open => {
                say(&format!("{}. It may have happened all the same.", text::escape(&trouble.text)))?;
                if !is_yes("Try again with the same key? [Y/n] ").await? {
                    bail!("tmctl resume finishes it");
                }
            }
            Err(trouble) => return Err(failed(trouble)),
        }
    };
    say(&format!("Paid. {} tickets.", paid.tickets.len()))?;
    let tickets = Tickets { all: paid.tickets, ..Tickets::default() };
    say(&tickets.as_text())
}
