//! An event as its organiser sees it.

use serde::Serialize;
use tmapi::client::ClientError;
use tmapi::event::{EventView, PriceLevelView};
use tmcore::EventId;

use super::super::events::{place, sale, waiting_room};
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::output::{Block, Look, Rows, Show, duration};
use crate::suggest;

/// An answer about an event, or what may have been meant instead.
pub async fn likely<T>(
    desk: &Desk,
    event: &EventId,
    answer: Result<T, ClientError>,
    what: &str,
) -> Result<T, Failure> {
    let missing = answer.as_ref().is_err_and(|error| error.status() == Some(404));
    match answer.doing(what) {
        Err(failure) if missing => Err(match suggest::event(desk.anonymous(), event).await {
            Some(hint) => failure.hint(hint),
            None => failure,
        }),
        other => other,
    }
}

#[derive(Serialize)]
#[serde(transparent)]
pub struct Event(pub EventView);

impl Show for Event {
    fn blocks(&self, look: &Look) -> Vec<Block> {
        vec![Block::Fields(fields(&self.0, look))]
    }

    fn ids(&self) -> Vec<String> {
        vec![self.0.summary.event_id.to_string()]
    }

    fn env(&self) -> Vec<(&'static str, String)> {
        vec![("TM_EVENT", self.0.summary.event_id.to_string())]
    }
}

/// What can be set of an event, and how it stands.
pub fn fields(event: &EventView, look: &Look) -> Vec<(&'static str, String)> {
    let EventView { summary, settings, .. } = event;
    let seats = summary.seats;
    vec![
        ("event", summary.event_id.to_string()),
        ("name", summary.name.clone()),
        ("starts", look.time(summary.starts_at)),
        ("venue", place(summary)),
        ("sale", sale(summary.sale_status).to_owned()),
        ("sale starts", summary.sale_starts_at.map_or_else(|| "by hand".to_owned(), |at| look.time(at))),
        ("seats", seats.all().to_string()),
        ("available", seats.available.to_string()),
        ("blocked", seats.blocked.to_string()),
        ("waiting room", waiting_room(summary.waiting_room).to_owned()),
        ("capacity", format!("{} at once", settings.capacity)),
        ("rate", format!("{} a minute", settings.admissions_per_minute)),
        ("hold", duration(settings.hold_ttl_seconds.into())),
        ("seats per order", settings.seats_per_order.to_string()),
        ("seats per buyer", settings.seats_per_buyer.to_string()),
    ]
}

/// Price levels, one a row.
pub fn price_rows(levels: &[PriceLevelView]) -> Block {
    let row =
        |level: &PriceLevelView| vec![level.name.clone(), level.price.to_string(), level.seats.to_string()];
    let rows = levels.iter().map(row).collect();
    Block::Rows(Rows { head: &["price level", "price", "seats"], rows, flexible: Some(0) })
}
