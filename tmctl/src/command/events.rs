//! `tmctl events`: the catalogue.

use serde::Serialize;
use tmapi::event::{EventSummary, SaleStatus, WaitingRoomMode};
use tmcore::Money;

use super::Outcome;
use crate::desk::Desk;
use crate::error::Doing as _;
use crate::exit::Exit;
use crate::output::{Block, Look, Rows, Show};

/// The most events asked for at once.
const PAGE: u32 = 100;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl events                      what is on
  tmctl events --limit 500          more of it
  tmctl events -o id | head -1      the bare id, for scripts
  tmctl events -o jsonl             one JSON document an event")]
pub struct Args {
    /// The most events to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// A list of events.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Events(pub Vec<EventSummary>);

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let client = desk.anonymous();
    let limit = args.limit as usize;
    let mut events = Vec::new();
    let mut cursor = None;
    loop {
        let wanted = u32::try_from(limit - events.len()).unwrap_or(PAGE).min(PAGE);
        let page = client.events(cursor.as_deref(), Some(wanted)).await.doing("list the events")?;
        events.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || events.len() >= limit {
            break;
        }
    }
    events.truncate(limit);
    let first = events.first().map(|event| event.event_id.clone());
    desk.out.show(&Events(events))?;
    match first {
        None => desk.out.note("no events"),
        Some(first) => desk.out.next(&format!("show {first}")),
    }
    if cursor.is_some() {
        desk.out.hint("there are more events: --limit lists them");
    }
    Ok(Exit::Ok)
}

impl Show for Events {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let row = |event: &EventSummary| {
            vec![
                event.event_id.to_string(),
                event.name.clone(),
                look.time(event.starts_at),
                place(event),
                sale(event.sale_status).to_owned(),
                from_price(event.from_price),
                event.seats.available.to_string(),
            ]
        };
        let rows = self.0.iter().map(row).collect();
        let head = &["event", "name", "starts", "venue", "sale", "from", "available"];
        vec![Block::Rows(Rows { head, rows, flexible: Some(1) })]
    }

    fn ids(&self) -> Vec<String> {
        self.0.iter().map(|event| event.event_id.to_string()).collect()
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        self.0.first().map(|event| ("TM_EVENT", event.event_id.to_string())).into_iter().collect()
    }
}

/// The venue and its town.
pub fn place(event: &EventSummary) -> String {
    if event.venue.city.is_empty() {
        event.venue.name.clone()
    } else {
        format!("{}, {}", event.venue.name, event.venue.city)
    }
}

pub fn from_price(price: Option<Money>) -> String {
    price.map_or_else(|| "-".to_owned(), |price| price.to_string())
}

/// A sale's status in a word.
pub const fn sale(status: SaleStatus) -> &'static str {
    match status {
        SaleStatus::Scheduled => "scheduled",
        SaleStatus::Open => "open",
        SaleStatus::Paused => "paused",
        SaleStatus::Closed => "closed",
    }
}

/// Whether buyers queue, in a word.
pub const fn waiting_room(mode: WaitingRoomMode) -> &'static str {
    match mode {
        WaitingRoomMode::On => "on",
        WaitingRoomMode::Off => "off",
    }
}
