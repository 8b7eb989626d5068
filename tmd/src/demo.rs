//! The events that `--demo` puts on: something to buy on a fresh machine.
//!
//! | event | where | how it is sold |
//! |---|---|---|
//! | `E1` | theatre, about 1,200 seats | on sale, with a waiting room |
//! | `E2` | arena, about 18,000 seats | on sale, with a waiting room |
//! | `E3` | theatre | the sale begins in thirty days |
//! | `E4` | theatre | on sale, without a waiting room |

use std::sync::Arc;

use anyhow::Context;
use tmcore::event::SaleAction;
use tmcore::seating::demo::DemoVenue;
use tmcore::{EventId, Timestamp};

use crate::app::Office;
use crate::app::catalog::EventError;
use crate::app::record::EventRecord;
use crate::app::refusal::CatalogRefusal;
use crate::http::{import, organiser};

const DAY_SECONDS: u32 = 86_400;

struct Show {
    id: &'static str,
    name: &'static str,
    performers: &'static [&'static str],
    in_days: u32,
    sale_in_days: u32,
    waiting_room: bool,
    arena: bool,
}

const SHOWS: [Show; 4] = [
    Show {
        id: "E1",
        name: "The Winter's Tale",
        performers: &["Kingfisher Company"],
        in_days: 60,
        sale_in_days: 0,
        waiting_room: true,
        arena: false,
    },
    Show {
        id: "E2",
        name: "Night of a Thousand Amps",
        performers: &["The Parallel Lines", "Ada and the Engines"],
        in_days: 90,
        sale_in_days: 0,
        waiting_room: true,
        arena: true,
    },
    Show {
        id: "E3",
        name: "A Midsummer Night's Dream",
        performers: &["Kingfisher Company"],
        in_days: 200,
        sale_in_days: 30,
        waiting_room: true,
        arena: false,
    },
    Show {
        id: "E4",
        name: "Chamber Music at Noon",
        performers: &["Quartet Halcyon"],
        in_days: 30,
        sale_in_days: 0,
        waiting_room: false,
        arena: false,
    },
];

/// Puts the demo events on. Those that are there already stay as they are.
///
/// # Errors
/// When the store fails.
pub async fn put_on(office: &Arc<Office>) -> anyhow::Result<()> {
    let now = office.world().clock.now();
    for show in &SHOWS {
        let event: EventId = show.id.parse()?;
        put_on_one(office, show, &event, now).await.with_context(|| format!("failed to put on {event}"))?;
    }
    Ok(())
}

async fn put_on_one(
    office: &Arc<Office>,
    show: &Show,
    event: &EventId,
    now: Timestamp,
) -> anyhow::Result<()> {
    let house = if show.arena { DemoVenue::arena() } else { DemoVenue::theatre() };
    let prices = house.prices.iter().map(|(name, price)| ((*name).to_owned(), *price)).collect();
    let inventory = import::inventory(event, &house.plan, &prices, DemoVenue::CURRENCY)
        .map_err(|refusal| anyhow::anyhow!("{}", refusal.problem.detail))?;
    let mut record = EventRecord {
        name: show.name.to_owned(),
        starts_at: now.plus_seconds(show.in_days * DAY_SECONDS),
        currency: DemoVenue::CURRENCY,
        price_levels: inventory.price_levels.clone(),
        performers: performers(show)?,
        ..organiser::blank(event.clone(), &office.config.event_defaults)
    };
    house.venue_name.clone_into(&mut record.venue.name);
    house.city.clone_into(&mut record.venue.city);
    record.sale.rules.waiting_room = show.waiting_room;
    record.sale.starts_at = Some(now.plus_seconds(show.sale_in_days * DAY_SECONDS));
    match office.put_event(&record, Some(&inventory), true).await {
        Err(EventError::Refused(CatalogRefusal::Exists)) => return Ok(()),
        other => other?,
    };
    if show.sale_in_days == 0 {
        office.change_sale(event, SaleAction::Open).await?;
    }
    Ok(())
}

fn performers(show: &Show) -> anyhow::Result<Vec<(tmcore::PerformerId, String)>> {
    let named = show
        .performers
        .iter()
        .map(|name| Ok((name.to_lowercase().replace(' ', "-").parse()?, (*name).to_owned())));
    named.collect()
}
