//! `tmctl cancel`: gives an order up.

use tmcore::OrderId;

use super::Outcome;
use super::order::Order;
use crate::argument;
use crate::desk::Desk;
use crate::exit::Exit;
use crate::mutation::{SETTLE_PATIENCE, perform};
use crate::pending::Mutation;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl cancel                    the order last begun
  tmctl cancel ord_01kaz...")]
pub struct Args {
    /// The order; left out, TM_ORDER or the one last begun
    #[arg(value_name = "ORDER")]
    order: Option<String>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    for order in argument::many::<OrderId>(desk, args.order.as_deref())? {
        let cancelled = perform(desk, Mutation::Cancel { order }, SETTLE_PATIENCE).await?;
        let event = cancelled.event_id.clone();
        desk.out.show(&Order(cancelled))?;
        desk.out.next(&format!("show {event}"));
    }
    Ok(Exit::Ok)
}
