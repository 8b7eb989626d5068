//! `tmctl sale`: how a sale is going.

use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use tmapi::client::Client;
use tmapi::event::SaleStatus;
use tmapi::sale::SaleView;
use tmcore::EventId;

use super::Outcome;
use super::event::view::likely;
use super::events::sale;
use crate::argument;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::organiser::Organiser;
use crate::output::{Block, Look, Show};

/// How often a watched sale is asked about, unless asked otherwise.
const EVERY: &str = "2s";
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);

#[derive(clap::Args, Debug)]
#[command(
    disable_help_subcommand = true,
    before_help = "\
Examples:
  tmctl sale status E9
  tmctl sale status E9 --watch"
)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    organiser: Organiser,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show seats, line, orders and money of a sale
    Status(Status),
}

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl sale status E9
  tmctl sale status E9 --watch                until the sale is closed, or Ctrl-C
  tmctl sale status E9 --watch -o jsonl       a line whenever something changed")]
struct Status {
    /// The event; left out, the one last spoken of
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// Go on until the sale is closed, and show what changes
    #[arg(long)]
    watch: bool,
    /// How often to ask
    #[arg(long, value_name = "TIME", default_value = EVERY, value_parser = argument::parse_duration, requires = "watch")]
    every: Duration,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let Action::Status(status) = args.action;
    let event: EventId = argument::one(desk, status.event.as_deref())?;
    let client = args.organiser.client(desk)?;
    let view = fetch(desk, &client, &event).await?;
    desk.remember(|state| state.saw_event(&event));
    if status.watch {
        return watch(desk, &client, view, status.every.max(SHORTEST_PAUSE)).await;
    }
    let next = match view.sale_status {
        SaleStatus::Scheduled => format!("event open {event}"),
        SaleStatus::Paused => format!("event resume {event}"),
        SaleStatus::Open => format!("sale status {event} --watch"),
        SaleStatus::Closed => format!("show {event}"),
    };
    desk.out.show(&Sale(view))?;
    desk.out.next(&next);
    Ok(Exit::Ok)
}

async fn fetch(desk: &Desk, client: &Client, event: &EventId) -> Result<SaleView, Failure> {
    likely(desk, event, client.sale(event).await, &format!("look at the sale of {event}")).await
}

/// People see one picture that changes, programs a record whenever something did.
async fn watch(desk: &Desk, client: &Client, mut view: SaleView, every: Duration) -> Outcome {
    let event = view.event_id.clone();
    let mut above = desk.out.redraw(&Sale(view.clone()), 0)?;
    while view.sale_status != SaleStatus::Closed {
        tokio::time::sleep(every).await;
        let now = fetch(desk, client, &event).await?;
        let changed = SaleView { as_of: view.as_of, ..now.clone() } != view;
        if changed || desk.out.is_for_people() {
            above = desk.out.redraw(&Sale(now.clone()), above)?;
        }
        view = now;
    }
    desk.out.next(&format!("show {event}"));
    Ok(Exit::Ok)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Sale(SaleView);

impl Show for Sale {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let view = &self.0;
        let seats = view.seats;
        vec![Block::Fields(vec![
            ("event", view.event_id.to_string()),
            ("sale", sale(view.sale_status).to_owned()),
            ("as of", look.time(view.as_of)),
            ("seats", seats.all().to_string()),
            ("available", seats.available.to_string()),
            ("reserved", seats.reserved.to_string()),
            ("sold", seats.sold.to_string()),
            ("blocked", seats.blocked.to_string()),
            ("in line", view.waiting.to_string()),
            ("let in", view.active.to_string()),
            ("ordering", view.ordering.to_string()),
            ("capacity", view.capacity.to_string()),
            ("let in last minute", view.admitted_last_minute.to_string()),
            ("orders paid", view.orders_finalized.to_string()),
            ("revenue", view.revenue.to_string()),
        ])]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.0.event_id.to_string()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_EVENT", self.0.event_id.to_string())]
    }
}
