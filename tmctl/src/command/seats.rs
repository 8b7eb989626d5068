//! `tmctl seats`: what is left, by section or seat by seat, and the best of it.

use serde::Serialize;
use tmapi::availability::AvailabilityView;
use tmapi::client::{SeatState, SeatStates};
use tmapi::event::SeatTotals;
use tmapi::seat_map::{RowView, SeatMapView, SectionView};
use tmcore::{EventId, Money, SeatId};

use super::Outcome;
use super::events::from_price;
use crate::argument;
use crate::desk::Desk;
use crate::error::{Doing as _, Failure};
use crate::exit::Exit;
use crate::output::{Block, Look, Rows, Show};
use crate::pick::{Choice, Within};

#[derive(clap::Args, Debug)]
#[command(before_help = "\
Examples:
  tmctl seats E1                                 the sections and what is left in them
  tmctl seats E1 --section Parkett --available   the seats of one that are to be had
  tmctl seats E1 --best 2                        two side by side
  tmctl seats E1 --best 4 --price B -o id        the ids of four of one price level
  tmctl confirm --seats \"$(tmctl seats E1 --best 2 -o id | paste -sd,)\" --payment-token tok_ok")]
pub struct Args {
    /// The event; left out, the one last spoken of
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// List the seats of this section
    #[arg(long, value_name = "SECTION")]
    section: Option<String>,
    /// List the seats of this price level
    #[arg(long, visible_alias = "price", value_name = "LEVEL")]
    level: Option<String>,
    /// Only seats that are to be had
    #[arg(long)]
    available: bool,
    /// Pick the best N seats side by side, of the section and the price level if they are given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    best: Option<u8>,
}

pub async fn run(desk: &Desk, args: Args) -> Outcome {
    let event: EventId = argument::one(desk, args.event.as_deref())?;
    if let Some(count) = args.best {
        return best(desk, &event, count, args).await;
    }
    let (map, view) = load(desk, &event).await?;
    desk.remember(|state| state.saw_event(&event));
    if args.section.is_none() && args.level.is_none() && !args.available {
        desk.out.show(&Sections::of(&map, &view))?;
        if let Some(free) = view.sections.iter().find(|section| section.seats.available > 0) {
            let name = crate::output::escape::shell_word(&free.name).into_owned();
            desk.out.hint(&format!(
                "see its seats: {}",
                desk.out.command(&format!("seats {event} --section {name}"))
            ));
        }
        desk.out.next(&format!("seats {event} --best 2"));
        return Ok(Exit::Ok);
    }
    let within = Within { section: args.section.as_deref(), level: args.level.as_deref() };
    within.check(&map)?;
    let states = unpack(&event, &view)?;
    let mut seats = Seats::of(&map, &states);
    seats.0.retain(|seat| {
        within.section.is_none_or(|name| seat.section == name)
            && within.level.is_none_or(|name| seat.price_level == name)
    });
    if args.available {
        seats.0.retain(|seat| seat.status == Status::Available);
    }
    if seats.0.is_empty() {
        desk.out.note("no such seats");
    }
    desk.out.show(&seats)?;
    desk.out.next(&format!("seats {event} --best 2"));
    Ok(Exit::Ok)
}

async fn load(desk: &Desk, event: &EventId) -> Result<(SeatMapView, AvailabilityView), Failure> {
    let client = desk.anonymous();
    // An event that does not exist gets its "did you mean" here.
    let map = match client.seat_map(event).await {
        Err(error) if error.status() == Some(404) => {
            super::show::fetch(client, event).await?;
            return Err(error).doing(&format!("load the seats of {event}"));
        }
        answer => answer.doing(&format!("load the seats of {event}"))?,
    };
    let view = client.availability(event).await.doing(&format!("load the seats of {event}"))?;
    Ok((map, view))
}

fn unpack(event: &EventId, view: &AvailabilityView) -> Result<SeatStates, Failure> {
    SeatStates::unpack(view).map_err(|error| {
        Failure::new(Exit::Error, format!("failed to read the availability of {event}: {error}"))
    })
}

async fn best(desk: &Desk, event: &EventId, count: u8, args: Args) -> Outcome {
    let (map, view) = load(desk, event).await?;
    let states = unpack(event, &view)?;
    let choice = Choice { seats: Vec::new(), best: args.best, section: args.section, level: args.level };
    let chosen = choice.best(count, &map, &states, |_| 0)?;
    let mut seats = Seats::of(&map, &states);
    seats.0.retain(|seat| chosen.contains(&seat.seat_id));
    desk.remember(|state| {
        state.saw_event(event);
        state.last.seats.clone_from(&chosen);
    });
    desk.out.show(&seats)?;
    let ids: Vec<_> = chosen.iter().map(SeatId::as_str).collect();
    let has_order = desk.profile.state()?.last.order.is_some();
    let ids = crate::output::escape::shell_word(&ids.join(",")).into_owned();
    let verb = if has_order { "confirm".to_owned() } else { format!("book {event}") };
    desk.out.next(&format!("{verb} --seats {ids} --payment-token tok_ok"));
    Ok(Exit::Ok)
}

/// How a seat stands, as the wire calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Available,
    Reserved,
    Sold,
    Blocked,
}

impl Status {
    const fn said(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Reserved => "reserved",
            Self::Sold => "sold",
            Self::Blocked => "blocked",
        }
    }
}

impl From<SeatState> for Status {
    fn from(state: SeatState) -> Self {
        match state {
            SeatState::Available => Self::Available,
            SeatState::Reserved => Self::Reserved,
            SeatState::Sold => Self::Sold,
            SeatState::Blocked => Self::Blocked,
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Sections(Vec<Section>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as on the wire")]
struct Section {
    section: String,
    #[serde(flatten)]
    seats: SeatTotals,
    from_price: Option<Money>,
}

impl Sections {
    fn of(map: &SeatMapView, view: &AvailabilityView) -> Self {
        let section = |section: &SectionView| {
            let counted = view.sections.iter().find(|counted| counted.name == section.name);
            let levels = section.rows.iter().flat_map(|row| &row.levels);
            let prices =
                levels.filter_map(|level| map.price_levels.get(usize::from(*level))).map(|level| level.price);
            Section {
                section: section.name.clone(),
                seats: counted.map(|counted| counted.seats).unwrap_or_default(),
                from_price: prices.min_by_key(|price| price.amount),
            }
        };
        Self(map.sections.iter().map(section).collect())
    }
}

impl Show for Sections {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let row = |section: &Section| {
            let SeatTotals { available, reserved, sold, blocked } = section.seats;
            let mut row = vec![section.section.clone()];
            row.extend([available, reserved, sold, blocked].map(|count| count.to_string()));
            row.push(from_price(section.from_price));
            row
        };
        let rows = self.0.iter().map(row).collect();
        let head = &["section", "available", "reserved", "sold", "blocked", "from"];
        vec![Block::Rows(Rows { head, rows, flexible: Some(0) })]
    }

    fn ids(&self) -> Vec<String> {
        self.0.iter().map(|section| section.section.clone()).collect()
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Seats(Vec<Seat>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as on the wire")]
struct Seat {
    seat_id: SeatId,
    section: String,
    row: String,
    number: String,
    price_level: String,
    price: Option<Money>,
    status: Status,
    accessible: bool,
}

impl Seats {
    fn of(map: &SeatMapView, states: &SeatStates) -> Self {
        let mut seats = Vec::new();
        for part in &map.sections {
            let mut first = part.offset as usize;
            for row in &part.rows {
                let place = |place| seat(map, part, row, place, states.get(first + place));
                seats.extend((0..row.ids.len()).filter_map(place));
                first += row.ids.len();
            }
        }
        Self(seats)
    }
}

fn seat(
    map: &SeatMapView,
    section: &SectionView,
    row: &RowView,
    place: usize,
    state: SeatState,
) -> Option<Seat> {
    let level = row.levels.get(place).and_then(|level| map.price_levels.get(usize::from(*level)));
    Some(Seat {
        seat_id: row.ids.get(place)?.clone(),
        section: section.name.clone(),
        row: row.row.clone(),
        number: row.numbers.get(place).cloned().unwrap_or_default(),
        price_level: level.map(|level| level.name.clone()).unwrap_or_default(),
        price: level.map(|level| level.price),
        status: state.into(),
        accessible: row.accessible.iter().any(|accessible| usize::from(*accessible) == place),
    })
}

impl Show for Seats {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let row = |seat: &Seat| {
            vec![
                seat.seat_id.to_string(),
                seat.section.clone(),
                seat.row.clone(),
                seat.number.clone(),
                seat.price_level.clone(),
                from_price(seat.price),
                seat.status.said().to_owned(),
                if seat.accessible { "wheelchair".to_owned() } else { String::new() },
            ]
        };
        let rows = self.0.iter().map(row).collect();
        let head = &["seat", "section", "row", "number", "level", "price", "status", ""];
        vec![Block::Rows(Rows { head, rows, flexible: Some(1) })]
    }

    fn ids(&self) -> Vec<String> {
        self.0.iter().map(|seat| seat.seat_id.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pick::tests::venue;

    #[test]
    fn shapes_of_sections_and_seats() {
        let (map, view) = venue("0120000000003");
        insta::assert_json_snapshot!("sections", Sections::of(&map, &view));
        let states = SeatStates::unpack(&view).unwrap();
        let mut seats = Seats::of(&map, &states);
        seats.0.retain(|seat| ["P-1-1", "P-1-2", "P-1-3", "B-1-3"].contains(&seat.seat_id.as_str()));
        insta::assert_json_snapshot!("seats", seats);
    }
}
