//! Did you mean: the name that is closest to what was typed.

use tmapi::client::Client;
use tmapi::seat_map::SeatMapView;
use tmcore::EventId;

/// Less alike than this is no typing error (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;
/// How many events are looked at.
const EVENTS: u32 = 100;

/// The candidate closest to `typed`, if any is close; case does not matter.
pub fn closest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let likeness = |candidate: &str| strsim::jaro_winkler(&typed, &candidate.to_lowercase());
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

/// "did you mean" for a section.
pub fn section(map: &SeatMapView, typed: &str) -> String {
    let names = || map.sections.iter().map(|section| section.name.as_str());
    closest(typed, names()).map_or_else(
        || format!("`tmctl seats {}` lists them", map.event_id),
        |name| format!("did you mean `{name}`?"),
    )
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
        let names = ["Parkett", "Balkon links", "Balkon rechts"];
        assert_eq!(closest("parket", names.into_iter()), Some("Parkett"));
        assert_eq!(closest("balkon rechs", names.into_iter()), Some("Balkon rechts"));
        assert_eq!(closest("xyz", names.into_iter()), None);
        assert_eq!(closest("A-12-77", ["A-12-7", "B-1-1"].into_iter()), Some("A-12-7"));
    }
}
