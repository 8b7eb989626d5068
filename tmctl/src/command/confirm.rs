//! `tmctl confirm`: holds seats and authorizes the payment.

use std::time::Duration;

use tmapi::ProblemCode;
use tmapi::order::{OrderView, SeatsAndPayment};
use tmcore::{EventId, OrderId};

use super::Outcome;
use super::order::Order;
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::mutation::{SETTLE_PATIENCE, client_for_order, learn, perform};
use crate::pending::Mutation;
use crate::pick::{self, Choice, Chosen};
use crate::suggest;

/// How often seats are picked anew after somebody else was faster.
const MOST_PICKS: u32 = 5;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl confirm --best 2 --payment-token tok_ok
  tmctl confirm ord_01kaz... --seats A-12-7,A-12-8 --payment-token tok_ok
  TM_PAYMENT_TOKEN=tok_ok tmctl confirm --seats @last    keeps the token out of the process list
  tmctl seats E1 --best 2 -o id | tmctl confirm --seats - --payment-token tok_ok")]
pub struct Args {
    /// The order; left out, TM_ORDER or the one last begun
    #[arg(value_name = "ORDER")]
    order: Option<String>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    payment: Payment,
}

/// How it is paid, and for how long the provider is waited for.
#[derive(clap::Args, Clone, Debug)]
pub struct Payment {
    /// The card token of the payment provider [env: TM_PAYMENT_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    payment_token: Option<String>,
    /// How long to wait for the payment provider
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = argument::parse_duration)]
    payment_timeout: Duration,
}

impl Payment {
    pub fn token(&self, desk: &Desk) -> Result<String, Failure> {
        let named = self.payment_token.clone();
        named.or_else(|| desk.host.env("TM_PAYMENT_TOKEN").map(str::to_owned)).ok_or_else(|| {
            Failure::usage("how is it paid? no card token is named").hint(
                "--payment-token, or TM_PAYMENT_TOKEN; the sandbox takes tok_ok, tok_declined, tok_slow",
            )
        })
    }

    pub const fn patience(&self) -> Duration {
        self.payment_timeout
    }
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let id: OrderId = argument::one(desk, args.order.as_deref())?;
    let event = event_of(desk, id).await?;
    let order =
        confirm(desk, &Seating { order: Some(id), event, choice: args.choice }, &args.payment).await?;
    desk.out.show(&Order(order))?;
    desk.out.next(&format!("finalize {id}"));
    Ok(Exit::Ok)
}

async fn event_of(desk: &Desk, id: OrderId) -> Result<EventId, Failure> {
    if let Some(event) = desk.profile.state()?.event_of(&id.to_string()) {
        return Ok(event.clone());
    }
    let order = client_for_order(desk, id)?.order(id).await.doing(&format!("find {id}"))?;
    learn(desk, &order);
    Ok(order.event_id)
}

/// Seats for an order, or for a booking that has none yet.
pub struct Seating {
    pub order: Option<OrderId>,
    pub event: EventId,
    pub choice: Choice,
}

/// Asks for the seats; where any are good, for others as long as somebody else is faster.
pub async fn confirm(desk: &Desk, seating: &Seating, payment: &Payment) -> Result<OrderView, Failure> {
    let token = payment.token(desk)?;
    let mut attempt = 0;
    loop {
        let chosen = seating.choice.settle(desk, desk.anonymous(), &seating.event, attempt).await?;
        let request = SeatsAndPayment { seats: chosen.seats().to_vec(), payment_token: token.clone() };
        let mutation = match seating.order {
            Some(order) => Mutation::Confirm { order, request },
            None => Mutation::Book { event: seating.event.clone(), request },
        };
        let failure = match perform(desk, mutation, payment.patience()).await {
            Ok(order) => {
                desk.remember(|state| state.last.seats.clear());
                return Ok(order);
            }
            Err(failure) => failure,
        };
        attempt += 1;
        let lost = failure.code == Some(ProblemCode::SeatsUnavailable);
        match chosen {
            Chosen::Best(_) if lost && attempt < MOST_PICKS => {
                desk.out.note("somebody was faster: picking other seats");
            }
            chosen => return Err(with_likely_seats(desk, &seating.event, &chosen, failure).await),
        }
    }
}

async fn with_likely_seats(desk: &Desk, event: &EventId, chosen: &Chosen, failure: Failure) -> Failure {
    if failure.code != Some(ProblemCode::InvalidSeats) {
        return failure;
    }
    let Ok((map, _)) = pick::load(desk.anonymous(), event).await else { return failure };
    match suggest::seats(&map, chosen.seats().iter().map(tmcore::SeatId::as_str)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

const _: () = assert!(SETTLE_PATIENCE.as_secs() == 40, "the default of --payment-timeout");
