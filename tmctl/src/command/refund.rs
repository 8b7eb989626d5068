//! `tmctl refund`: gives the money of an order back.

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError};
use tmapi::order::{OrderStatus, OrderView};
use tmcore::OrderId;

use super::Outcome;
use super::order::Order;
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::host::Host;
use crate::organiser::Organiser;
use crate::progress::Progress;

const FIRST_POLL: Duration = Duration::from_millis(250);
const LONGEST_POLL: Duration = Duration::from_secs(2);

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl refund ord_01kaz...               its tickets end now, its seats are for sale again
  tmctl refund ord_01kaz... --timeout 5s  do not wait longer for the payment provider")]
pub struct Args {
    /// The order; left out, TM_ORDER or the one last begun
    #[arg(value_name = "ORDER")]
    order: Option<String>,
    /// How long to wait for the payment provider
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = argument::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    organiser: Organiser,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let client = args.organiser.client(desk)?;
    for id in argument::many::<OrderId>(desk, args.order.as_deref())? {
        let order = refund(desk, &client, id, args.timeout).await.doing(&format!("refund {id}"))?;
        let is_done = order.status == OrderStatus::Refunded;
        desk.out.show(&Order(order))?;
        if !is_done {
            let command = desk.out.command(&format!("refund {id}"));
            return Err(Failure::new(
                Exit::Pending,
                format!("the payment provider has not given {id} back yet"),
            )
            .hint(format!("it goes on by itself; `{command}` says where it stands")));
        }
        desk.out.next("reconcile");
    }
    Ok(Exit::Ok)
}

/// Asks, and asks again under the same key until the money is back: that changes nothing more.
async fn refund(
    desk: &Desk,
    client: &Client,
    id: OrderId,
    patience: Duration,
) -> Result<OrderView, ClientError> {
    let key = Host::idempotency_key();
    let mut order = client.refund(id, &key).await?;
    let progress = Progress::new(desk);
    let asked = async {
        let mut pause = FIRST_POLL;
        while order.status == OrderStatus::Refunding {
            progress.say("the payment provider has not given the money back yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_POLL);
            match client.refund(id, &key).await {
                Ok(now) => order = now,
                Err(error) if error.code() == Some(ProblemCode::IdempotencyInFlight) => {}
                Err(error) if error.is_inconclusive() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    // Running out of patience is no error: the status tells.
    tokio::time::timeout(patience, asked).await.unwrap_or(Ok(()))?;
    Ok(order)
}
