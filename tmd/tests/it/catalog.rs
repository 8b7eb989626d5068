//! The catalogue: paged, searched, shown, and sent no more often than needed.

use std::collections::BTreeSet;

use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderName};
use tmapi::ProblemCode;
use tmapi::client::{SaleAction, SearchQuery};
use tmapi::event::{CreateEvent, EventPatch, SaleStatus, SeatTotals, WaitingRoomMode};
use tmcore::Timestamp;

use crate::harness::{Daemon, event_id, plan};
use crate::till::refusal;
use crate::wire::Ask;

fn day(day: u32) -> Timestamp {
    format!("2030-01-{day:02}T20:00:00Z").parse().unwrap()
}

impl Daemon {
    /// An event without seats.
    async fn announce(&self, id: &str, name: &str, settings: EventPatch) {
        let event = EventPatch {
            name: Some(name.to_owned()),
            starts_at: settings.starts_at.or_else(|| Some(day(1))),
            ..settings
        };
        self.organiser.create_event(&CreateEvent { event_id: event_id(id), event }).await.unwrap();
    }

    /// The ids of all events, page by page.
    async fn leaf_through(&self, limit: u32, mut between: impl AsyncFnMut(u32)) -> Vec<String> {
        let (mut ids, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = self.client().events(cursor.as_deref(), Some(limit)).await.unwrap();
            assert!(page.items.len() <= usize::try_from(limit).unwrap());
            ids.extend(page.items.iter().map(|event| event.event_id.to_string()));
            pages += 1;
            between(pages).await;
            cursor = page.next_cursor;
            if cursor.is_none() {
                return ids;
            }
        }
    }

    async fn found(&self, query: SearchQuery) -> Vec<String> {
        let page = self.client().search(&query).await.unwrap();
        assert_eq!(page.total, u64::try_from(page.items.len()).unwrap(), "{query:?}");
        page.items.iter().map(|event| event.event_id.to_string()).collect()
    }

    async fn found_by(&self, keyword: &str) -> Vec<String> {
        self.found(SearchQuery { keyword: Some(keyword.to_owned()), ..SearchQuery::default() }).await
    }

    /// As it goes over the wire: a client would decompress it.
    async fn get(&self, path: &str, fields: &[(HeaderName, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let ask = fields
            .iter()
            .fold(Ask::new(&format!("GET {path}")), |ask, (name, value)| ask.header(name.as_str(), value));
        let answer = ask.send(&self.url).await;
        (answer.status, answer.headers, answer.body)
    }
}

/// Pages are in order of start and id, without gaps or repeats, also while events are added.
#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_event_once_and_in_order() {
    let daemon = Daemon::start().await;
    // Many begin at the same time: only the id tells them apart.
    for n in [7, 3, 11, 1, 9, 5, 10, 2, 8, 4, 6] {
        let starts_at = Some(day(1 + n % 3));
        daemon.announce(&format!("E{n:02}"), "Show", EventPatch { starts_at, ..EventPatch::default() }).await;
    }
    let expected =
        ["E03", "E06", "E09", "E01", "E04", "E07", "E10", "E02", "E05", "E08", "E11"].map(str::to_owned);
    for limit in [1, 3, 4, 10, 11, 100] {
        assert_eq!(daemon.leaf_through(limit, async |_| ()).await, expected, "by {limit}");
    }
    let ids = daemon
        .leaf_through(2, async |page| {
            let starts_at = Some(day(3));
            let id = format!("F{page}");
            if page < 4 {
                daemon.announce(&id, "New", EventPatch { starts_at, ..EventPatch::default() }).await;
            }
        })
        .await;
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no repeats: {ids:?}");
    assert!(expected.iter().all(|id| ids.contains(id)), "no gaps: {ids:?}");
    assert!(
        ["F1", "F2", "F3"].iter().all(|id| ids.contains(&(*id).to_owned())),
        "what came is there: {ids:?}"
    );
    for cursor in ["zz", "ff", "4e4f4e45", " ", "0"] {
        let refused = daemon.client().events(Some(cursor), None).await;
        assert_eq!(refusal(refused), (400, ProblemCode::InvalidParameter), "{cursor}");
    }
}

/// Words are looked for in every name, all of them, each as it is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_takes_words_as_they_are_and_looks_everywhere() {
    let daemon = Daemon::start().await;
    let with = |venue: &str, city: &str, performers: &[&str]| EventPatch {
        venue: Some(venue.to_owned()),
        city: Some(city.to_owned()),
        performers: Some(performers.iter().map(|name| (*name).to_owned()).collect()),
        ..EventPatch::default()
    };
    daemon.announce("E1", "100% Jazz", with("Blue Note", "Hamburg", &["Ada Quartet"])).await;
    daemon.announce("E2", "1000 Jazz Hands", with("Red Note", "Berlin", &["The Ghosts", "Bo_Bo"])).await;
    daemon.announce("E3", "Night of the BoXBo", with("Old Hall", "Hamburg", &[])).await;
    daemon.announce("E4", r"Back\slash", with("Old Hall", "Bremen", &["Ada Solo"])).await;
    for (keyword, expected) in [
        ("jazz", &["E1", "E2"][..]),
        ("JAZZ hamburg", &["E1"]),
        ("note", &["E1", "E2"]),
        ("hamburg", &["E1", "E3"]),
        ("ghost", &["E2"]),
        ("ada", &["E1", "E4"]),
        ("ada hall", &["E4"]),
        ("100%", &["E1"]),
        ("%", &["E1"]),
        ("_", &["E2"]),
        ("bo_bo", &["E2"]),
        (r"\", &["E4"]),
        (r"k\s", &["E4"]),
        ("ada ghost", &[]),
        ("'; DROP TABLE events", &[]),
        ("", &["E1", "E2", "E3", "E4"]),
    ] {
        assert_eq!(daemon.found_by(keyword).await, expected, "{keyword:?}");
    }
}

/// From `start` on, before `end`, and page by page, each counted over all.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_cut_by_time_and_paged() {
    let daemon = Daemon::start().await;
    for n in 1..=7 {
        let starts_at = Some(day(n));
        daemon.announce(&format!("E{n}"), "Show", EventPatch { starts_at, ..EventPatch::default() }).await;
    }
    let between = |start: Option<u32>, end: Option<u32>| SearchQuery {
        start: start.map(day),
        end: end.map(day),
        ..SearchQuery::default()
    };
    assert_eq!(daemon.found(between(Some(3), Some(5))).await, ["E3", "E4"]);
    assert_eq!(daemon.found(between(Some(6), None)).await, ["E6", "E7"]);
    assert_eq!(daemon.found(between(None, Some(2))).await, ["E1"]);
    assert_eq!(daemon.found(between(Some(5), Some(5))).await, [""; 0]);
    for (page, expected) in [(1, &["E2", "E3"][..]), (2, &["E4", "E5"]), (3, &["E6"]), (4, &[])] {
        let query = SearchQuery { page: Some(page), page_size: Some(2), ..between(Some(2), Some(7)) };
        let found = daemon.client().search(&query).await.unwrap();
        let ids: Vec<_> = found.items.iter().map(|event| event.event_id.to_string()).collect();
        assert_eq!(
            (ids.as_slice(), found.total, found.page, found.page_size),
            (&expected.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()[..], 5, page, 2)
        );
    }
}

/// An event shows where, who, when, what it costs and by which rules it is sold.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_shows_all_that_a_buyer_may_want_to_know() {
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    let patch = EventPatch {
        name: Some("Hamlet".to_owned()),
        venue: Some("Globe".to_owned()),
        city: Some("London".to_owned()),
        performers: Some(vec!["Second Company".to_owned(), "First Company".to_owned()]),
        currency: Some("GBP".to_owned()),
        sale_starts_at: Some("2029-12-01T10:00:00Z".parse().unwrap()),
        seats_per_order: Some(4),
        capacity: Some(7),
        ..EventPatch::default()
    };
    daemon.import(&event, plan(2, 3), patch).await.unwrap();
    let view = daemon.client().event(&event).await.unwrap();
    let summary = &view.summary;
    assert_eq!(
        (summary.name.as_str(), summary.venue.name.as_str(), summary.venue.city.as_str()),
        ("Hamlet", "Globe", "London")
    );
    assert_eq!(summary.starts_at, day(1));
    assert_eq!(summary.sale_starts_at.unwrap().to_string(), "2029-12-01T10:00:00Z");
    assert_eq!((summary.sale_status, summary.waiting_room), (SaleStatus::Scheduled, WaitingRoomMode::On));
    let performers: Vec<_> = summary.performers.iter().map(|performer| performer.name.as_str()).collect();
    assert_eq!(performers, ["Second Company", "First Company"], "as the organiser listed them");
    let price = summary.from_price.unwrap();
    assert_eq!((price.amount, price.currency.code()), (1_000, "GBP"));
    assert_eq!(summary.seats, SeatTotals { available: 6, ..SeatTotals::default() });
    assert_eq!((view.price_levels.len(), view.price_levels[0].seats), (1, 6));
    assert_eq!((view.settings.seats_per_order, view.settings.capacity), (4, 7));
    let listed = daemon.client().events(None, None).await.unwrap().items;
    assert_eq!(listed, std::slice::from_ref(summary), "lists show the same");
}

/// A seat's place in the map is its place in the availability.
#[tokio::test(flavor = "multi_thread")]
async fn the_map_says_which_seat_is_which() {
    let daemon = Daemon::start().await;
    let event = daemon.open_event("E1", 3, 4).await;
    let map = daemon.client().seat_map(&event).await.unwrap();
    assert_eq!((map.seat_count, map.sections.len(), map.width), (12, 1, 1_000));
    let section = &map.sections[0];
    assert_eq!((section.name.as_str(), section.offset, section.seat_count), ("Hall", 0, 12));
    let ids: Vec<_> = section.rows.iter().flat_map(|row| row.ids.iter().map(ToString::to_string)).collect();
    assert_eq!((ids[0].as_str(), ids[4].as_str(), ids[11].as_str()), ("A-1", "B-1", "C-4"));
    let (row, level) = (&section.rows[1], &map.price_levels[0]);
    assert_eq!((row.row.as_str(), row.numbers[2].as_str(), row.x[2], row.y[2]), ("B", "3", 30, 10));
    assert_eq!((row.levels[2], level.name.as_str(), level.price.amount), (0, "Standard", 1_000));
    let index = ids.iter().position(|id| id == "C-2").unwrap();
    let block = tmapi::event::BlockSeats { seats: crate::harness::seats(&["C-2"]) };
    daemon.organiser.block(&event, &block).await.unwrap();
    crate::harness::eventually("the blocked seat shows", async || {
        let look = daemon.client().availability(&event).await.unwrap();
        let states = tmapi::client::SeatStates::unpack(&look).unwrap();
        let blocked = |state: &tmapi::client::SeatState| *state == tmapi::client::SeatState::Blocked;
        states.as_slice().iter().position(blocked) == Some(index)
    })
    .await;
}

/// What a client has is not sent again; what it has not is sent the way it takes it, and is the same either way.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_validated_and_compressed_without_changing() {
    let daemon = Daemon::start().await;
    daemon.open_event("E1", 20, 200).await;
    for n in 2..10 {
        daemon.announce(&format!("E{n}"), "Show", EventPatch::default()).await;
    }
    for path in ["/api/events", "/api/events/E1", "/api/events/E1/seat-map", "/api/events/E1/availability"] {
        // The answer of one look: the next may be a later one.
        let (status, plain, body) = daemon.get(path, &[(ACCEPT_ENCODING, "identity")]).await;
        assert_eq!((status, plain.get(CONTENT_ENCODING)), (200, None), "{path}");
        assert_eq!(plain[VARY], "accept-encoding", "{path}");
        let cache = plain[CACHE_CONTROL].to_str().unwrap();
        let expected = if path.ends_with("seat-map") {
            "public, max-age=31536000, immutable"
        } else {
            "public, max-age=1"
        };
        assert_eq!(cache, expected, "{path}");
        let (status, coded, zipped) = daemon.get(path, &[(ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!((status, &coded[ETAG]), (200, &plain[ETAG]), "{path}");
        let json = |bytes: &[u8]| {
            let mut json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            json.as_object_mut().unwrap().remove("asOf");
            json
        };
        if coded.contains_key(CONTENT_ENCODING) {
            assert!(zipped.len() < body.len() && zipped.starts_with(&[0x1f, 0x8b]), "{path}");
            let mut unzipped = Vec::new();
            std::io::copy(&mut flate2::read::GzDecoder::new(&*zipped), &mut unzipped).unwrap();
            assert_eq!(json(&unzipped), json(&body), "{path}");
        } else {
            assert!(body.len() < 1_024, "{path} is worth compressing");
        }
        let etag = plain[ETAG].to_str().unwrap();
        for known in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            let (status, fields, body) = daemon.get(path, &[(IF_NONE_MATCH, &known)]).await;
            assert_eq!((status, body.len()), (304, 0), "{path}: {known}");
            assert_eq!((&fields[ETAG], &fields[CACHE_CONTROL]), (&plain[ETAG], &plain[CACHE_CONTROL]));
        }
        assert_eq!(daemon.get(path, &[(IF_NONE_MATCH, "\"x\"")]).await.0, 200, "{path}");
    }
}

/// Until the sale begins a map may change, and its validator with it; then it is for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_map_is_for_ever_only_once_the_sale_began() {
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    daemon.import(&event, plan(1, 4), EventPatch::default()).await.unwrap();
    let path = "/api/events/E1/seat-map";
    let (_, first, _) = daemon.get(path, &[]).await;
    assert_eq!(first[CACHE_CONTROL], "public, max-age=1");
    daemon.import(&event, plan(1, 5), EventPatch::default()).await.unwrap();
    let known = first[ETAG].to_str().unwrap();
    let (status, second, _) = daemon.get(path, &[(IF_NONE_MATCH, known)]).await;
    assert_eq!(status, 200);
    assert_ne!(second[ETAG], first[ETAG]);
    daemon.organiser.sale_action(&event, SaleAction::Open).await.unwrap();
    let (_, third, _) = daemon.get(path, &[]).await;
    assert_eq!(
        (&third[ETAG], third[CACHE_CONTROL].to_str().unwrap()),
        (&second[ETAG], "public, max-age=31536000, immutable")
    );
}

/// The validator of an availability is of the seats: the same while nothing changes, another once something did.
#[tokio::test(flavor = "multi_thread")]
async fn an_availability_has_another_validator_once_a_seat_changed() {
    let daemon = Daemon::start().await;
    let event = event_id("E1");
    daemon.import(&event, plan(1, 4), EventPatch::default()).await.unwrap();
    let etag = async || {
        let (status, fields, _) = daemon.get("/api/events/E1/availability", &[]).await;
        assert_eq!(status, 200);
        fields[ETAG].to_str().unwrap().to_owned()
    };
    let first = etag().await;
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!(etag().await, first, "nothing changed, the cached answer is another one by now");
    // As many seats, all free as before, but in rows of two.
    daemon.import(&event, plan(2, 2), EventPatch::default()).await.unwrap();
    assert_ne!(etag().await, first);
    let second = etag().await;
    daemon.open_event("E2", 1, 1).await;
    daemon.organiser.sale_action(&event, SaleAction::Open).await.unwrap();
    let block = tmapi::event::BlockSeats { seats: crate::harness::seats(&["B-1"]) };
    daemon.organiser.block(&event, &block).await.unwrap();
    crate::harness::eventually("another validator", async || etag().await != second).await;
}
