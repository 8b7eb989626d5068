//! `tmctl show`: one event.

use serde::Serialize;
use tmapi::client::Client;
use tmapi::event::{EventView, PriceLevelView, WaitingRoomMode};
use tmcore::EventId;

use super::Outcome;
use super::events::{from_price, place, sale, waiting_room};
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::output::{Block, Look, Rows, Show, duration};
use crate::suggest;

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl show E1
  tmctl show @last -o json
  tmctl events -o id | tmctl show - -o jsonl")]
pub struct Args {
    /// The event; left out, the one last spoken of
    #[arg(value_name = "EVENT")]
    event: Option<String>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    for id in argument::many::<EventId>(desk, args.event.as_deref())? {
        let event = fetch(desk.anonymous(), &id).await?;
        desk.remember(|state| state.saw_event(&id));
        let next = match event.summary.waiting_room {
            WaitingRoomMode::On => format!("join {id}"),
            WaitingRoomMode::Off => format!("book {id} --best 2 --payment-token tok_ok"),
        };
        desk.out.show(&Event(event))?;
        desk.out.hint(&format!("see its seats: {}", desk.out.command(&format!("seats {id}"))));
        desk.out.next(&next);
    }
    Ok(Exit::Ok)
}

/// An event, or what may have been meant instead.
pub async fn fetch(client: &Client, id: &EventId) -> Result<EventView, Failure> {
    let answer = client.event(id).await;
    let missing = answer.as_ref().is_err_and(|error| error.status() == Some(404));
    match answer.doing(&format!("show {id}")) {
        Err(failure) if missing => Err(match suggest::event(client, id).await {
            Some(hint) => failure.hint(hint),
            None => failure,
        }),
        other => other,
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Event(EventView);

impl Show for Event {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        let EventView { summary, price_levels, settings } = &self.0;
        let performers: Vec<_> = summary.performers.iter().map(|performer| performer.name.as_str()).collect();
        let seats = summary.seats;
        let mut fields = vec![
            ("event", summary.event_id.to_string()),
            ("name", summary.name.clone()),
            ("starts", look.time(summary.starts_at)),
            ("venue", place(summary)),
            ("performers", performers.join(", ")),
            ("sale", sale(summary.sale_status).to_owned()),
            (
                "sale starts",
                summary
                    .sale_starts_at
                    .map_or_else(|| "when the organiser opens it".to_owned(), |at| look.time(at)),
            ),
            ("waiting room", waiting_room(summary.waiting_room).to_owned()),
            ("from", from_price(summary.from_price)),
            ("available", format!("{} of {}", seats.available, seats.all())),
            ("seats per order", settings.seats_per_order.to_string()),
            ("seats per buyer", settings.seats_per_buyer.to_string()),
            ("hold", duration(settings.hold_ttl_seconds.into())),
        ];
        fields.retain(|(_, value)| !value.is_empty());
        let row = |level: &PriceLevelView| {
            vec![level.name.clone(), level.price.to_string(), level.seats.to_string()]
        };
        let rows = price_levels.iter().map(row).collect();
        let prices = Rows { head: &["price level", "price", "seats"], rows, flexible: Some(0) };
        vec![Block::Fields(fields), Block::Rows(prices)]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.0.summary.event_id.to_string()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_EVENT", self.0.summary.event_id.to_string())]
    }
}
