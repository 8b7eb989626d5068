//! Houses and models to test with.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use serde_json::json;
use tmapi::availability::{AvailabilityView, SeatDelta};
use tmapi::event::{EventSummary, EventView, PriceLevelView, SeatTotals};
use tmapi::order::OrderView;
use tmapi::seat_map::{RowView, SeatMapView, SectionView};
use tmapi::session::SessionView;
use tmcore::money::Currency;
use tmcore::seating::demo::DemoVenue;
use tmcore::seating::{Category, Row, Seat, SeatingPlan, Section, Size};
use tmcore::{EventId, Money, Timestamp};

use crate::action::{Action, Command, EventsPage, News, PlaceNews, SeatNews, Wire};
use crate::house::House;
use crate::model::{Look, Model};
use crate::palette::{Kind, Paint};
use crate::update::update;

pub const SESSION: &str = "wrs_01h455vb4pex5vsknk084sn02q";
pub const ORDER: &str = "ord_01h455vb4pex5vsknk084sn02q";
/// A real stadium's plan, where there is one beside the project.
const STADIUM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/metalist-stadium.seating-plan.json");

pub fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

pub fn e1() -> EventId {
    "E1".parse().unwrap()
}

/// The seat map of a plan; the categories cost what is said, or 90, 80, 70 ...
pub fn seat_map(plan: &SeatingPlan, prices: &[(&str, i64)]) -> SeatMapView {
    let price =
        |place: usize| prices.get(place).map_or(9000 - 1000 * i64::try_from(place).unwrap(), |price| price.1);
    let seats = |place: usize| plan.seats().filter(|at| usize::from(at.seat.category) == place).count();
    let level = |(place, category): (usize, &Category)| PriceLevelView {
        name: category.name.clone(),
        color: category.color.clone(),
        price: Money::new(price(place), Currency::EUR),
        seats: u32::try_from(seats(place)).unwrap(),
    };
    let mut offset = 0;
    let mut section = |section: &Section| {
        let count = u32::try_from(section.seat_count()).unwrap();
        offset += count;
        SectionView {
            name: section.name.clone(),
            offset: offset - count,
            seat_count: count,
            rows: section.rows.iter().map(row_view).collect(),
        }
    };
    SeatMapView {
        event_id: e1(),
        width: plan.size.width,
        height: plan.size.height,
        seat_count: u32::try_from(plan.seat_count()).unwrap(),
        price_levels: plan.categories.iter().enumerate().map(level).collect(),
        sections: plan.sections.iter().map(&mut section).collect(),
        areas: plan.areas.iter().map(|area| serde_json::to_value(area).unwrap()).collect(),
    }
}

fn row_view(row: &Row) -> RowView {
    let accessible = (0_u16..).zip(&row.seats).filter(|(_, seat)| seat.accessible).map(|(place, _)| place);
    RowView {
        row: row.label.clone(),
        ids: row.seats.iter().map(|seat| seat.id.clone()).collect(),
        numbers: row.seats.iter().map(|seat| seat.number.clone()).collect(),
        x: row.seats.iter().map(|seat| seat.x).collect(),
        y: row.seats.iter().map(|seat| seat.y).collect(),
        levels: row.seats.iter().map(|seat| seat.category).collect(),
        accessible: accessible.collect(),
    }
}

fn demo(venue: &DemoVenue) -> Arc<House> {
    Arc::new(House::new(seat_map(&venue.plan, &venue.prices)).unwrap())
}

pub fn theatre() -> Arc<House> {
    demo(&DemoVenue::theatre())
}

pub fn arena() -> Arc<House> {
    demo(&DemoVenue::arena())
}

/// The stadium; nothing where its plan is not to be had.
pub fn stadium() -> Option<Arc<House>> {
    #[expect(clippy::disallowed_methods, reason = "the plan may lie elsewhere")]
    let path = std::env::var_os("TMD_IT_STADIUM_PLAN").unwrap_or_else(|| STADIUM.into());
    let bytes = std::fs::read(path).ok()?;
    let plan = tmcore::seating::parse(&bytes).unwrap();
    Some(Arc::new(House::new(seat_map(&plan, &[])).unwrap()))
}

/// Upright blocks of straight rows, so many seats altogether: 40 rows of 50 a block, ten blocks beside each other.
pub fn blocks(seats: usize) -> SeatingPlan {
    let block = |number: usize| {
        let (left, top) = (number % 10 * 1100, number / 10 * 1300);
        let row = |row: usize| Row {
            label: (row + 1).to_string(),
            seats: (0..50).map(|seat| block_seat((number, row, seat), (left, top))).collect(),
        };
        Section { name: format!("Block {}", number + 1), rows: (0..40).map(row).collect() }
    };
    SeatingPlan {
        name: String::new(),
        size: Size { width: 11_000, height: 6_000 },
        categories: vec![
            Category { name: "Near".to_owned(), color: "#D55E00".to_owned() },
            Category { name: "Far".to_owned(), color: "#0072B2".to_owned() },
        ],
        sections: (0..seats / 2000).map(block).collect(),
        areas: Vec::new(),
    }
}

fn block_seat((block, row, seat): (usize, usize, usize), (left, top): (usize, usize)) -> Seat {
    Seat {
        id: format!("{}-{}-{}", block + 1, row + 1, seat + 1).parse().unwrap(),
        number: (seat + 1).to_string(),
        x: i32::try_from(left + seat * 20).unwrap(),
        y: i32::try_from(top + row * 28).unwrap(),
        category: u16::from(row >= 20),
        accessible: false,
    }
}

/// What the daemon tells of seats that stand so: 0 free, 1 held, 2 sold, 3 blocked.
pub fn availability(house: &House, state: impl Fn(usize) -> u8) -> AvailabilityView {
    let states: Vec<_> = (0..house.seat_count()).map(state).collect();
    let pack = |four: &[u8]| four.iter().rev().fold(0_u8, |byte, bits| (byte << 2) | bits);
    let packed: Vec<u8> = states.chunks(4).map(pack).collect();
    AvailabilityView {
        event_id: e1(),
        seq: 1,
        as_of: now(),
        seat_count: u32::try_from(states.len()).unwrap(),
        totals: SeatTotals::default(),
        status: base64(&packed),
        sections: Vec::new(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            (0..3).fold(0_u32, |number, at| (number << 8) | u32::from(three.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            let is_there = digit <= three.len();
            let place = usize::try_from((number >> (18 - 6 * digit)) & 63).unwrap();
            text.push(if is_there { char::from(DIGITS[place]) } else { '=' });
        }
    }
    text
}

/// Half of the seats gone, as by chance but the same each time; the nearer sections more than the others.
pub fn busy(seat: usize) -> u8 {
    let mixed = (seat.wrapping_mul(2_654_435_761) >> 7) & 0xff;
    let wave = (seat / 90) % 5 * 25;
    match mixed {
        0..4 => 3,
        4..20 => 1,
        taken if taken < 70 + wave => 2,
        _ => 0,
    }
}

pub fn delta(seq: u64, changes: Vec<[u32; 3]>) -> SeatDelta {
    SeatDelta {
        event_id: e1(),
        from: seq - 1,
        seq,
        as_of: now(),
        changes,
        totals: SeatTotals::default(),
        sections: Vec::new(),
    }
}

pub fn summary(id: &str, name: &str, waiting_room: &str) -> EventSummary {
    let event = json!({"eventId": id, "name": name, "startsAt": "2027-01-20T19:30:00Z",
        "venue": {"venueId": "V1", "name": "Kingfisher Theatre", "city": "Rotterdam"},
        "performers": [{"performerId": "P1", "name": "The Quartet"}], "saleStatus": "OPEN",
        "waitingRoom": waiting_room, "fromPrice": {"amount": 3900, "currency": "EUR"},
        "seats": {"available": 800, "reserved": 20, "sold": 380, "blocked": 0}});
    serde_json::from_value(event).unwrap()
}

pub fn event_view(summary: &EventSummary) -> EventView {
    let settings = json!({"holdTtlSeconds": 600, "capacity": 100, "admissionsPerMinute": 60, "seatsPerOrder": 4,
        "seatsPerBuyer": 8, "lapseSeconds": 120, "activeSeconds": 600, "lobbySeconds": 0});
    EventView {
        summary: summary.clone(),
        price_levels: Vec::new(),
        settings: serde_json::from_value(settings).unwrap(),
    }
}

pub fn session(status: &str, ahead: u64) -> SessionView {
    let mut session = json!({"sessionId": SESSION, "eventId": "E1", "status": status, "waiting": ahead + 5,
        "lobby": false, "paused": false, "joinedAt": "2026-11-21T09:59:00Z"});
    if status == "WAITING" {
        session["position"] = json!(ahead + 1);
        session["ahead"] = json!(ahead);
        session["estimate"] = json!({"lowSeconds": 40, "highSeconds": 90});
    } else {
        session["expiresAt"] = json!("2026-11-21T10:10:00Z");
    }
    serde_json::from_value(session).unwrap()
}

pub fn order(status: &str, house: &House, seats: &[usize]) -> OrderView {
    let seat = |seat: &usize| {
        let named = house.named(*seat).unwrap();
        json!({"seatId": named.seat.id, "section": named.section, "row": named.row, "number": named.seat.number,
            "priceLevel": "A", "price": house.price(*seat).unwrap()})
    };
    let ticket = |seat: &usize| {
        let named = house.named(*seat).unwrap();
        json!({"ticketId": "tkt_01h455vb4pex5vsknk084sn02q", "orderId": ORDER, "eventId": "E1",
            "seatId": named.seat.id, "section": named.section, "row": named.row, "number": named.seat.number,
            "code": "AGQ72YQOXR2NJDPA5VPLGWFVGNOZMXBUBFIE2KNXTMJLLJZWGY3A", "issuedAt": "2026-11-21T10:01:00Z"})
    };
    let tickets: Vec<_> = if status == "FINALIZED" { seats.iter().map(ticket).collect() } else { Vec::new() };
    let order = json!({"orderId": ORDER, "userId": "usr_01h455vb4pex5vsknk084sn02q", "eventId": "E1",
        "status": status, "expiresAt": "2026-11-21T10:09:00Z", "createdAt": "2026-11-21T09:59:00Z",
        "seats": seats.iter().map(seat).collect::<Vec<_>>(), "total": {"amount": 0, "currency": "EUR"},
        "tickets": tickets});
    serde_json::from_value(order).unwrap()
}

pub fn model(size: (u16, u16), kind: Kind, ascii: bool) -> Model {
    Model::new(Look {
        size,
        paint: Paint { kind, ascii },
        readonly: false,
        zone: TimeZone::UTC,
        now: now(),
        office: "http://127.0.0.1:8080".to_owned(),
        mouse: true,
    })
}

/// Somebody at an event without a line, its seats before them.
pub fn at_event(size: (u16, u16), house: &Arc<House>, state: impl Fn(usize) -> u8) -> Model {
    let mut model = model(size, Kind::OkabeIto, false);
    enter(&mut model, &summary("E1", "The Winter's Tale", "off"), house, state);
    model
}

pub fn enter(model: &mut Model, event: &EventSummary, house: &Arc<House>, state: impl Fn(usize) -> u8) {
    told(model, listed(vec![event.clone()]));
    press(model, KeyCode::Enter);
    told(model, News::Event(event.event_id.clone(), Ok(Box::new(event_view(event)))));
    told(model, News::House(e1(), Ok(Arc::clone(house))));
    told(model, News::Seats(e1(), SeatNews::Wire(Wire::Live)));
    told(model, News::Seats(e1(), SeatNews::Snapshot(Box::new(availability(house, state)))));
}

/// The first page of the list, and the last.
pub fn listed(events: Vec<EventSummary>) -> News {
    News::Events(String::new(), Ok(EventsPage { is_first: true, events, next: None }))
}

pub fn told(model: &mut Model, news: News) -> Vec<Command> {
    update(model, Action::Told(news))
}

pub fn place(model: &mut Model, session: SessionView) -> Vec<Command> {
    told(model, News::Place(e1(), PlaceNews::Now(Box::new(session))))
}

pub fn press(model: &mut Model, code: KeyCode) -> Vec<Command> {
    update(model, Action::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// Types characters one after the other; answers what the last one led to.
pub fn typed(model: &mut Model, text: &str) -> Vec<Command> {
    let mut last = Vec::new();
    for character in text.chars() {
        last = press(model, KeyCode::Char(character));
    }
    last
}
