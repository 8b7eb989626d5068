//! `tmctl finalize`: takes the money and issues the tickets.

use std::time::Duration;

use tmapi::order::OrderView;
use tmcore::OrderId;

use super::Outcome;
use super::order::Order;
use crate::argument;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::mutation::perform;
use crate::pending::Mutation;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl finalize                  the order last confirmed
  tmctl finalize ord_01kaz... -o json | jq -r '.tickets[].code'")]
pub struct Args {
    /// The order; left out, TM_ORDER or the one last begun
    #[arg(value_name = "ORDER")]
    order: Option<String>,
    /// How long to wait for the payment provider
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = argument::parse_duration)]
    payment_timeout: Duration,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let id: OrderId = argument::one(desk, args.order.as_deref())?;
    let order = finalize(desk, id, args.payment_timeout).await?;
    desk.out.show(&Order(order))?;
    desk.out.next(&format!("tickets {id}"));
    Ok(Exit::Ok)
}

/// Takes the money and issues the tickets.
pub async fn finalize(desk: &Desk, order: OrderId, patience: Duration) -> Result<OrderView, Failure> {
    perform(desk, Mutation::Finalize { order }, patience).await
}
