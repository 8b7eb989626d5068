//! Which seats: named ones, or the best that are left.

use tmapi::client::{Client, SeatState, SeatStates};
use tmapi::seat_map::SeatMapView;
use tmcore::seating::Wish;
use tmcore::{EventId, SeatId};

use crate::argument;
use crate::desk::Desk;
use crate::error::Failure;
use crate::exit::Exit;
use crate::suggest;

/// The seats wanted.
#[derive(clap::Args, Clone, Debug)]
#[group(multiple = true)]
pub struct Choice {
    /// Seats by id, parted by commas; `-` reads them from stdin, `@last` means those last picked
    #[arg(long, value_name = "SEATS", value_delimiter = ',', conflicts_with = "best")]
    pub seats: Vec<String>,
    /// The best N seats side by side that are left: dearest level, nobody left alone, foremost row, nearest to its middle
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub best: Option<u8>,
    /// Only seats of this section
    #[arg(long, value_name = "SECTION", requires = "best")]
    pub section: Option<String>,
    /// Only seats of this price level
    #[arg(long, visible_alias = "price", value_name = "LEVEL", requires = "best")]
    pub level: Option<String>,
}

/// Where seats are looked for: everywhere, unless narrowed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Within<'a> {
    pub section: Option<&'a str>,
    pub level: Option<&'a str>,
}

/// What was chosen, and whether another choice may take its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// These and no others.
    Named(Vec<SeatId>),
    /// Any as good.
    Best(Vec<SeatId>),
}

impl Chosen {
    pub fn seats(&self) -> &[SeatId] {
        match self {
            Self::Named(seats) | Self::Best(seats) => seats,
        }
    }
}

impl Choice {
    /// Settles the seats. `attempt` counts from 0: after seats were lost to somebody else, luck picks among all that
    /// are left, so that two who want the best do not meet again.
    pub async fn settle(
        &self,
        desk: &Desk,
        client: &Client,
        event: &EventId,
        attempt: u32,
    ) -> Result<Chosen, Failure> {
        let Some(count) = self.best else {
            let named = if self.seats.is_empty() {
                argument::many(desk, None)
            } else {
                argument::list(desk, &self.seats)
            };
            return Ok(Chosen::Named(named?));
        };
        let (map, states) = load(client, event).await?;
        let luck = |among: usize| if attempt == 0 { 0 } else { desk.host.draw(among) };
        self.best(count, &map, &states, luck).map(Chosen::Best)
    }

    /// The best `count` that are left; or, of all that would do, the one that `luck` draws.
    pub fn best(
        &self,
        count: u8,
        map: &SeatMapView,
        states: &SeatStates,
        luck: impl FnOnce(usize) -> usize,
    ) -> Result<Vec<SeatId>, Failure> {
        let within = Within { section: self.section.as_deref(), level: self.level.as_deref() };
        within.check(map)?;
        let unreadable = |error| Failure::new(Exit::Error, format!("failed to read the seat map: {error}"));
        let plan = map.plan().map_err(unreadable)?;
        let wish = Wish { count, category: self.level.clone(), section: self.section.clone() };
        let all = map.rows(&plan).all(|seat| states.get(seat) == SeatState::Available, &wish);
        let luck = luck(all.len());
        let Some(group) = all.into_iter().nth(luck) else { return Err(none_left(states, count, within)) };
        let ids: Vec<_> = plan.seats().map(|at| &at.seat.id).collect();
        Ok(group.into_iter().filter_map(|seat| ids.get(seat).copied().cloned()).collect())
    }
}

/// The geometry and what is left.
pub async fn load(client: &Client, event: &EventId) -> Result<(SeatMapView, SeatStates), Failure> {
    let loaded = tokio::try_join!(client.seat_map(event), client.availability(event));
    let (map, view) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return Err(not_loaded(client, event, error).await),
    };
    let states = SeatStates::unpack(&view).map_err(|error| {
        Failure::new(Exit::Error, format!("failed to read the availability of {event}: {error}"))
    })?;
    Ok((map, states))
}

async fn not_loaded(client: &Client, event: &EventId, error: tmapi::client::ClientError) -> Failure {
    let missing = error.status() == Some(404);
    let failure = Failure::from(error).doing(&format!("load the seats of {event}"));
    let hint = if missing { suggest::event(client, event).await } else { None };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

impl Within<'_> {
    /// Refuses a section or level that does not exist.
    pub fn check(self, map: &SeatMapView) -> Result<(), Failure> {
        let sections: Vec<_> = map.sections.iter().map(|section| section.name.as_str()).collect();
        let levels: Vec<_> = map.price_levels.iter().map(|level| level.name.as_str()).collect();
        for (kind, name, known) in [("section", self.section, sections), ("price level", self.level, levels)]
        {
            if let Some(name) = name.filter(|name| !known.contains(name)) {
                let event = &map.event_id;
                let failure = Failure::new(Exit::NotFound, format!("{event} has no {kind} `{name}`"));
                return Err(failure.hint(suggest::one_of(name, &known)));
            }
        }
        Ok(())
    }
}

fn none_left(states: &SeatStates, count: u8, within: Within<'_>) -> Failure {
    let left = states.as_slice().iter().filter(|state| **state == SeatState::Available).count();
    let place = within.section.or(within.level).map(|name| format!(" in {name}")).unwrap_or_default();
    let failure = Failure::new(Exit::SoldOut, format!("no {count} seats side by side are left{place}"));
    match left {
        0 => failure.hint("no seat is left at all; seats of orders that lapse come back"),
        _ => failure
            .hint(format!("{left} are left here and there: take fewer at a time, or name them with --seats")),
    }
}

#[cfg(test)]
pub mod tests {
    use std::ops::Range;

    use serde_json::json;
    use tmapi::availability::AvailabilityView;

    use super::*;

    /// Two sections: Parkett with rows of 6 and 4, Balkon with a row of 3; `status` is a digit a seat.
    pub fn venue(status: &str) -> (SeatMapView, AvailabilityView) {
        let row = |name: &str, section: &str, count: usize, accessible: &[u16]| {
            let ids: Vec<_> = (1..=count).map(|n| format!("{section}-{name}-{n}")).collect();
            let numbers: Vec<_> = (1..=count).map(|n| n.to_string()).collect();
            let level = u8::from(section != "P");
            json!({"row": name, "ids": ids, "numbers": numbers, "x": vec![0; count], "y": vec![0; count],
                "levels": vec![level; count], "accessible": accessible})
        };
        let price = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        let map = json!({"eventId": "E1", "width": 10, "height": 10, "seatCount": 13, "areas": [],
            "priceLevels": [
                {"name": "A", "color": "#ff0000", "price": price(4950), "seats": 10},
                {"name": "B", "color": "#00ff00", "price": price(2500), "seats": 3}],
            "sections": [
                {"name": "Parkett", "offset": 0, "seatCount": 10, "rows": [row("1", "P", 6, &[0]), row("2", "P", 4, &[])]},
                {"name": "Balkon", "offset": 10, "seatCount": 3, "rows": [row("1", "B", 3, &[])]}]});
        let digits: Vec<u8> = status.bytes().map(|digit| digit - b'0').collect();
        let packed: Vec<u8> =
            digits.chunks(4).map(|four| four.iter().rev().fold(0, |byte, bits| (byte << 2) | bits)).collect();
        let totals = |range: Range<usize>| {
            let count =
                |state| digits[range.clone()].iter().map(|digit| usize::from(*digit == state)).sum::<usize>();
            json!({"available": count(0), "reserved": count(1), "sold": count(2), "blocked": count(3)})
        };
        let section = |name: &str, range| {
            let mut section = totals(range);
            section["name"] = json!(name);
            section
        };
        let view = json!({"eventId": "E1", "seq": 1, "asOf": "2026-11-21T10:00:00Z", "seatCount": 13,
            "totals": totals(0..13), "status": base64(&packed),
            "sections": [section("Parkett", 0..10), section("Balkon", 10..13)]});
        (serde_json::from_value(map).unwrap(), serde_json::from_value(view).unwrap())
    }

    fn base64(bytes: &[u8]) -> String {
        use base64::Engine as _;
        base64::prelude::BASE64_STANDARD.encode(bytes)
    }

    fn best(status: &str, count: u8, (section, level): (Option<&str>, Option<&str>)) -> Option<String> {
        let (map, view) = venue(status);
        let states = SeatStates::unpack(&view).unwrap();
        let [section, level] = [section, level].map(|name| name.map(str::to_owned));
        let choice = Choice { seats: Vec::new(), best: Some(count), section, level };
        let seats = choice.best(count, &map, &states, |_| 0).ok()?;
        Some(seats.iter().map(SeatId::as_str).collect::<Vec<_>>().join(","))
    }

    const ANYWHERE: (Option<&str>, Option<&str>) = (None, None);
    const BALKON: (Option<&str>, Option<&str>) = (Some("Balkon"), None);
    const LEVEL_B: (Option<&str>, Option<&str>) = (None, Some("B"));

    #[test]
    fn the_best_are_side_by_side_dear_in_front_near_the_middle() {
        assert_eq!(best("0000000000000", 2, ANYWHERE).as_deref(), Some("P-1-3,P-1-4"));
        assert_eq!(best("0000000000000", 1, BALKON).as_deref(), Some("B-1-1"), "B-1-2 would part the others");
        assert_eq!(best("0000000000000", 3, LEVEL_B).as_deref(), Some("B-1-1,B-1-2,B-1-3"));
        assert_eq!(
            best("0010000000000", 2, ANYWHERE).as_deref(),
            Some("P-2-1,P-2-2"),
            "nobody is left alone"
        );
        assert_eq!(
            best("0010002222000", 2, ANYWHERE).as_deref(),
            Some("P-1-4,P-1-5"),
            "where it cannot be helped"
        );
        assert_eq!(best("2222222220000", 1, ANYWHERE).as_deref(), Some("P-2-4"), "the Balkon costs less");
    }

    #[test]
    fn wheelchair_places_are_taken_last_and_rows_are_not_joined() {
        assert_eq!(best("0111112222222", 1, ANYWHERE).as_deref(), Some("P-1-1"));
        assert_eq!(best("0111112222220", 1, ANYWHERE).as_deref(), Some("B-1-3"));
        assert_eq!(best("2222202222222", 1, ANYWHERE).as_deref(), Some("P-1-6"));
        assert_eq!(best("2222200222222", 2, ANYWHERE), None);
        assert_eq!(best("0000000000000", 7, ANYWHERE), None);
    }
}
