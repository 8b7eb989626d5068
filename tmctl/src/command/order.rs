//! `tmctl order`: begins an order.

use serde::Serialize;
use tmapi::order::{CreateOrder, OrderSeat, OrderStatus, OrderView};
use tmcore::{EventId, SeatId, SessionId};

use super::Outcome;
use crate::argument;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::mutation::{SETTLE_PATIENCE, perform};
use crate::output::{Block, Look, Rows, Show};
use crate::pending::Mutation;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl order E1
  tmctl order                     for the event last spoken of
  eval \"$(tmctl order -o env)\"    sets TM_ORDER for this shell")]
pub struct Args {
    /// The event; left out, the one last spoken of
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// The place in line that was let in; left out, yours for the event
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let event: EventId = argument::one(desk, args.event.as_deref())?;
    let session = args.session.as_deref().map(|session| argument::one(desk, Some(session))).transpose()?;
    let order = begin(desk, &event, session).await?;
    let (id, seats) = (order.order_id, desk.profile.state()?.last.seats);
    desk.out.show(&Order(order))?;
    let seats: Vec<_> = seats.iter().map(SeatId::as_str).collect();
    let seats = match seats.as_slice() {
        [] => "--best 2".to_owned(),
        seats => format!("--seats {}", crate::output::escape::shell_word(&seats.join(","))),
    };
    desk.out.next(&format!("confirm {id} {seats} --payment-token tok_ok"));
    Ok(Exit::Ok)
}

/// Begins an order.
pub async fn begin(desk: &Desk, event: &EventId, session: Option<SessionId>) -> Result<OrderView, Failure> {
    let request = CreateOrder { event_id: event.clone(), session_id: session };
    perform(desk, Mutation::CreateOrder { request }, SETTLE_PATIENCE).await
}

/// An order, as it is shown.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Order(pub OrderView);

impl Show for Order {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let order = &self.0;
        let mut fields = vec![
            ("order", order.order_id.to_string()),
            ("event", order.event_id.to_string()),
            ("status", said(order.status).to_owned()),
        ];
        if order.status.is_open() {
            fields.push(("expires", look.deadline(order.expires_at)));
        }
        if !order.seats.is_empty() {
            fields.push(("total", order.total.to_string()));
        }
        if !order.tickets.is_empty() {
            fields.push(("tickets", order.tickets.len().to_string()));
        }
        let row = |seat: &OrderSeat| {
            vec![
                seat.seat_id.to_string(),
                seat.section.clone(),
                seat.row.clone(),
                seat.number.clone(),
                seat.price_level.clone(),
                seat.price.to_string(),
            ]
        };
        let rows = order.seats.iter().map(row).collect();
        let seats =
            Rows { head: &["seat", "section", "row", "number", "level", "price"], rows, flexible: Some(1) };
        vec![Block::Fields(fields), Block::Rows(seats)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.0.order_id.to_string()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_ORDER", self.0.order_id.to_string())]
    }
}

/// An order's status in a word.
pub const fn said(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Authorizing => "authorizing",
        OrderStatus::Authorized => "authorized",
        OrderStatus::Capturing => "capturing",
        OrderStatus::Finalized => "finalized",
        OrderStatus::Refunding => "refunding",
        OrderStatus::Refunded => "refunded",
        OrderStatus::Expired => "expired",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Failed => "failed",
    }
}
