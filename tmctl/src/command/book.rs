//! `tmctl book`: all steps in one.

use std::time::Duration;

use tmapi::event::WaitingRoomMode;
use tmapi::order::{OrderStatus, OrderView};
use tmapi::session::SessionStatus;
use tmcore::{EventId, OrderId};

use super::Outcome;
use super::confirm::{Payment, Seating, confirm};
use super::order::Order;
use super::{finalize, join, order, show, wait};
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::mutation::learn;
use crate::pick::Choice;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl book E1 --best 2 --payment-token tok_ok
  tmctl book E1 --seats A-12-7,A-12-8 --payment-token tok_ok
  tmctl book E1 --best 4 --section Parkett --timeout 10m --payment-token tok_ok -o json")]
pub struct Args {
    /// The event; left out, the one last spoken of
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    payment: Payment,
    /// Give up waiting in line after this long; the place is kept
    #[arg(long, value_name = "TIME", value_parser = argument::parse_duration)]
    timeout: Option<Duration>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let event: EventId = argument::one(desk, args.event.as_deref())?;
    // What is missing is said before the first step is taken.
    args.payment.token(desk)?;
    let view = show::fetch(desk.anonymous(), &event).await?;
    desk.remember(|state| state.saw_event(&event));
    let seating = Seating { order: None, event, choice: args.choice };
    let order = match view.summary.waiting_room {
        WaitingRoomMode::Off => confirm(desk, &seating, &args.payment).await?,
        WaitingRoomMode::On => step_by_step(desk, seating, &args.payment, args.timeout).await?,
    };
    let id = order.order_id;
    desk.out.show(&Order(order))?;
    desk.out.next(&format!("tickets {id}"));
    Ok(Exit::Ok)
}

async fn step_by_step(
    desk: &Desk,
    seating: Seating,
    payment: &Payment,
    timeout: Option<Duration>,
) -> Result<OrderView, Failure> {
    let id = let_in(desk, &seating.event, timeout).await?;
    desk.out.note("3/4 holding seats and authorizing the payment");
    let step = confirm(desk, &Seating { order: Some(id), ..seating }, payment).await;
    let command = |text: String| format!("the order is still open: {}", desk.out.command(&text));
    let step = step.map_err(|failure| match failure.exit {
        // What is left of the order is worth more than the reason's own advice.
        Exit::Conflict | Exit::SoldOut | Exit::Usage => {
            failure.hint(command(format!("confirm {id} --best N --payment-token TOKEN")))
        }
        _ => failure,
    })?;
    desk.out.note(&format!("4/4 paying {}", step.total));
    finalize::finalize(desk, id, payment.patience()).await
}

/// Stands in line, and begins an order; takes up what an earlier try has come to.
async fn let_in(desk: &Desk, event: &EventId, timeout: Option<Duration>) -> Result<OrderId, Failure> {
    desk.out.note(&format!("1/4 standing in line for {event}"));
    let mut session = join::join(desk, event).await?.session;
    let client = desk.client_for(Some(event))?;
    if session.status == SessionStatus::Waiting {
        session = wait::until_admitted(desk, &client, session.session_id, timeout).await?;
    }
    if let Some(open) = session.order_id {
        let order = client.order(open).await.doing(&format!("go on with {open}"))?;
        learn(desk, &order);
        match order.status {
            OrderStatus::Pending => {
                desk.out.note(&format!("2/4 going on with {open}"));
                return Ok(open);
            }
            // It may be for other seats: nothing is paid that was not asked for now.
            status if status.is_open() => return Err(held_already(desk, &order)),
            _ => {}
        }
    }
    desk.out.note("2/4 let in: beginning an order");
    Ok(order::begin(desk, event, None).await?.order_id)
}

fn held_already(desk: &Desk, order: &OrderView) -> Failure {
    let (id, status) = (order.order_id, order::said(order.status));
    let seats: Vec<_> = order.seats.iter().map(|seat| seat.seat_id.as_str()).collect();
    let command = |verb: &str| desk.out.command(&format!("{verb} {id}"));
    let hint = format!("pay it or give it up first: `{}`, `{}`", command("finalize"), command("cancel"));
    Failure::new(Exit::Conflict, format!("{id} is {status} already, for {}", seats.join(", "))).hint(hint)
}
