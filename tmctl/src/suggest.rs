//! Did you mean: the name that is closest to what was typed.

use tmapi::client::Client;
use tmapi::seat_map::SeatMapView;
use tmcore::EventId;

/// Less alike than this is no typing error (Jaro-Winkler, 0 to 1); in short ids a single slip weighs too much there.
const ALIKE: f64 = 0.75;
/// More names than this are not listed.
const MOST_LISTED: usize = 12;
/// How many events are looked at.
const EVENTS: u32 = 100;

/// The candidate closest to `typed`, if any is close; case does not matter.
pub fn closest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let likeness = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let one_slip = strsim::osa_distance(&typed, &candidate) <= 1;
        strsim::jaro_winkler(&typed, &candidate).max(if one_slip { ALIKE } else { 0.0 })
    };
    candidates
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// "did you mean" for an event that does not exist; by its id, or by its name.
pub async fn event(client: &Client, typed: &EventId) -> Option<String> {
    let page = client.events(None, Some(EVENTS)).await.ok()?;
    let ids = page.items.iter().map(|event| event.event_id.as_str());
    let by_id = closest(typed.as_str(), ids).map(str::to_owned);
    let found = by_id.or_else(|| {
        let name = closest(typed.as_str(), page.items.iter().map(|event| event.name.as_str()))?;
        let event = page.items.iter().find(|event| event.name == name)?;
        Some(event.event_id.to_string())
    });
    Some(found.map_or_else(|| "`tmctl events` lists them".to_owned(), |id| format!("did you mean `{id}`?")))
}

/// "did you mean" for one of a few names, or all of them.
pub fn one_of(typed: &str, known: &[&str]) -> String {
    match closest(typed, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            format!("there are {}", known.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", "))
        }
    }
}

/// "did you mean" for seats that are not on the map; nothing when all are.
pub fn seats<'a>(map: &SeatMapView, typed: impl Iterator<Item = &'a str>) -> Option<String> {
    let ids =
        || map.sections.iter().flat_map(|s| &s.rows).flat_map(|row| &row.ids).map(tmcore::SeatId::as_str);
    let unknown = typed.filter(|seat| !ids().any(|id| id == *seat));
    let hints: Vec<_> = unknown.filter_map(|seat| Some((seat, closest(seat, ids())?))).collect();
    if hints.is_empty() {
        return None;
    }
    let hints: Vec<_> = hints.iter().map(|(seat, close)| format!("`{close}` instead of `{seat}`")).collect();
    Some(format!("did you mean {}?", hints.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_close_and_nonsense_is_not() {
        assert_eq!(closest("EE1", ["E1", "X9"].into_iter()), Some("E1"));
        let names = ["Parkett", "Balkon links", "Balkon rechts"];
        assert_eq!(closest("parket", names.into_iter()), Some("Parkett"));
        assert_eq!(closest("balkon rechs", names.into_iter()), Some("Balkon rechts"));
        assert_eq!(closest("xyz", names.into_iter()), None);
        assert_eq!(closest("A-12-77", ["A-12-7", "B-1-1"].into_iter()), Some("A-12-7"));
    }
}
