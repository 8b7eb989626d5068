use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use crate::action::{Action, News, PlaceNews, SeatNews, Trouble, Wire};
use crate::house::House;
use crate::model::{Model, Screen};
use crate::palette::Kind;
use crate::tests::sample::{
    arena, at_event, blocks, busy, delta, e1, enter, listed, model, now, order, place, press, seat_map,
    session, stadium, summary, theatre, told, typed,
};
use crate::update::update;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// What is on the screen, without blanks at the ends of lines.
pub fn drawn(model: &Model) -> String {
    lines(&buffer(model)).join("\n")
}

fn buffer(model: &Model) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(model.look.size.0, model.look.size.1)).unwrap();
    terminal.draw(|frame| super::draw(model, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y: u16| {
        let mut text = String::new();
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            text += symbol;
            x += u16::try_from(crate::text::width(symbol)).unwrap().max(1);
        }
        text.trim_end().to_owned()
    };
    (0..area.height).map(line).collect()
}

/// The same, and below it a letter for the style of each cell, with what the letters mean.
fn in_colour(model: &Model) -> String {
    let buffer = buffer(model);
    let mut styles: Vec<(Color, Color, Modifier)> = vec![(Color::Reset, Color::Reset, Modifier::empty())];
    let mut text = lines(&buffer).join("\n") + "\n\n";
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            // The style of a blank is seen only where it has a background.
            let is_blank = cell.symbol() == " "
                && cell.bg == Color::Reset
                && !cell.modifier.contains(Modifier::REVERSED);
            let style = if is_blank { styles[0] } else { (cell.fg, cell.bg, cell.modifier) };
            let at = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
                styles.push(style);
                styles.len() - 1
            });
            line.push(if at == 0 { '.' } else { char::from(b'a' + u8::try_from(at - 1).unwrap()) });
        }
        text += line.trim_end_matches('.');
        text.push('\n');
    }
    for (at, (fg, bg, modifier)) in styles.iter().enumerate().skip(1) {
        let letter = char::from(b'a' + u8::try_from(at - 1).unwrap());
        writeln!(text, "{letter}: {fg:?} on {bg:?} {modifier:?}").unwrap();
    }
    text
}

/// Every size, in colours and in plain ASCII.
fn snap(name: &str, build: impl Fn((u16, u16), Kind) -> Model) {
    for size in SIZES {
        let (columns, lines) = size;
        let mut model = build(size, Kind::OkabeIto);
        let colour = if columns < 200 { in_colour(&model) } else { drawn(&model) };
        insta::assert_snapshot!(format!("{name}_{columns}x{lines}_colour"), colour);
        model.look.paint.kind = Kind::Mono;
        model.look.paint.ascii = true;
        let plain = drawn(&model);
        assert!(plain.is_ascii(), "{name}: {:?}", plain.chars().find(|c| !c.is_ascii()));
        insta::assert_snapshot!(format!("{name}_{columns}x{lines}_ascii"), plain);
    }
}

fn inside(house: &Arc<House>, size: (u16, u16), section: &str, depth: usize) -> Model {
    let mut model = at_event(size, house, busy);
    let block = house.find_block(section).unwrap();
    model.visit.as_mut().unwrap().walk.enter(house, block, size);
    for _ in 0..depth {
        press(&mut model, KeyCode::Enter);
    }
    model
}

fn house_screens(name: &str, house: &Arc<House>, section: &str) {
    snap(&format!("{name}_venue"), |size, _| inside(house, size, section, 0));
    snap(&format!("{name}_section"), |size, _| inside(house, size, section, 1));
    snap(&format!("{name}_seats"), |size, _| {
        let mut model = inside(house, size, section, 2);
        typed(&mut model, "2b");
        model.over.toasts.clear();
        model
    });
}

#[test]
fn the_theatre_looks_right() {
    house_screens("theatre", &theatre(), "Stalls Centre");
    snap("theatre_bent", |size, _| inside(&theatre(), size, "Circle Left", 2));
}

#[test]
fn the_arena_looks_right() {
    house_screens("arena", &arena(), "Lower 107");
}

#[test]
fn the_stadium_looks_right() {
    if let Some(stadium) = stadium() {
        house_screens("stadium", &stadium, "West 2");
    }
}

fn events(size: (u16, u16)) -> Model {
    let mut model = model(size, Kind::OkabeIto, false);
    let mut soon = summary("E3", "A Midsummer Night's Dream", "on");
    soon.sale_status = tmapi::event::SaleStatus::Scheduled;
    soon.sale_starts_at = Some(now().plus_seconds(93_600));
    let mut gone = summary("E4", "Chamber Music at Noon", "off");
    gone.seats.available = 0;
    let events =
        vec![summary("E1", "The Winter's Tale", "on"), summary("E2", "Thousand Amps", "on"), soon, gone];
    told(&mut model, listed(events));
    model
}

#[test]
fn the_list_of_events_looks_right() {
    snap("events", |size, _| events(size));
}

#[test]
fn the_waiting_room_looks_right() {
    snap("line", |size, _| {
        let mut model = model(size, Kind::OkabeIto, false);
        enter(&mut model, &summary("E1", "The Winter's Tale", "on"), &theatre(), busy);
        for (second, ahead) in (0..).zip([240, 236, 228, 220, 190, 170, 140, 131, 130, 90, 60, 30]) {
            update(&mut model, Action::Tick(now().plus_seconds(second * 5)));
            place(&mut model, session("WAITING", ahead));
        }
        told(&mut model, News::Place(e1(), PlaceNews::Wire(Wire::Live)));
        model
    });
}

#[test]
fn the_checkout_looks_right() {
    snap("checkout", |size, _| {
        let house = theatre();
        let mut model = inside(&house, size, "Stalls Centre", 2);
        typed(&mut model, "3bc");
        typed(&mut model, "ttok_ok");
        press(&mut model, KeyCode::Enter);
        let picked = model.visit.as_ref().unwrap().basket.seats().to_vec();
        told(&mut model, News::Order(e1(), Ok(Box::new(order("AUTHORIZED", &house, &picked)))));
        model.over.toasts.clear();
        model
    });
    snap("checkout_trouble", |size, _| {
        let mut model = inside(&theatre(), size, "Stalls Centre", 2);
        typed(&mut model, "2bc");
        typed(&mut model, "ttok_lost");
        press(&mut model, KeyCode::Enter);
        let trouble = Trouble { is_open: true, ..Trouble::new("no answer in time") };
        told(&mut model, News::Order(e1(), Err(trouble)));
        model
    });
}

#[test]
fn the_tickets_look_right() {
    snap("tickets", |size, _| {
        let house = theatre();
        let mut model = inside(&house, size, "Stalls Centre", 2);
        told(&mut model, News::Order(e1(), Ok(Box::new(order("FINALIZED", &house, &[300, 301])))));
        model.over.toasts.clear();
        model
    });
}

#[test]
fn the_organisers_console_looks_right() {
    snap("console", |size, _| {
        let mut model = events(size);
        press(&mut model, KeyCode::Char('o'));
        for second in 0..60_u32 {
            let sold = 9 * second;
            let sale = serde_json::json!({"eventId": "E1", "saleStatus": "OPEN",
                "asOf": now().plus_seconds(second * 2).to_string(),
                "seats": {"available": 1194 - sold, "reserved": 40, "sold": sold, "blocked": 5},
                "waiting": u64::from(600 - second * 8), "active": 12, "ordering": 38, "capacity": 50,
                "admittedLastMinute": 300, "ordersFinalized": sold / 2,
                "revenue": {"amount": sold * 8900, "currency": "EUR"}});
            told(&mut model, News::Sale(e1(), Ok(Box::new(serde_json::from_value(sale).unwrap()))));
        }
        model
    });
}

#[test]
fn what_lies_over_a_screen_looks_right() {
    snap("help", |size, _| {
        let mut model = inside(&theatre(), size, "Stalls Centre", 2);
        press(&mut model, KeyCode::Char('?'));
        model
    });
    snap("offer", |size, _| {
        let mut model = inside(&theatre(), size, "Stalls Centre", 2);
        typed(&mut model, "2b");
        let lost = u32::try_from(model.visit.as_ref().unwrap().basket.seats()[0]).unwrap();
        told(
            &mut model,
            News::Seats(e1(), SeatNews::Wire(Wire::Reconnecting(std::time::Duration::from_secs(3)))),
        );
        told(&mut model, News::Seats(e1(), SeatNews::Delta(delta(2, vec![[lost, 1, 1]]))));
        model
    });
    snap("command", |size, _| {
        let mut model = events(size);
        typed(&mut model, ":s");
        model
    });
}

#[test]
fn a_tiny_terminal_gets_a_line() {
    let mut model = at_event((59, 18), &theatre(), busy);
    assert_eq!(drawn(&model).trim_end(), "60x18 needed, this is 59x18");
    update(&mut model, Action::Resize(60, 18));
    insta::assert_snapshot!("smallest_venue", drawn(&model));
    for size in [(1, 1), (59, 1), (60, 2), (200, 17)] {
        update(&mut model, Action::Resize(size.0, size.1));
        drawn(&model);
    }
}

#[test]
fn names_of_others_are_shown_and_never_executed() {
    let hostile = "Evil \u{1b}]0;owned\u{7}\u{1b}[31m \u{202e}gnorw 東京ドーム שלום עולם \u{9b}2J and much, much longer than any line";
    let mut plan = blocks(4000);
    for (number, section) in plan.sections.iter_mut().enumerate() {
        section.name = format!("{hostile} {number}");
        for row in &mut section.rows {
            row.label = format!("\u{1b}[5m{}", row.label);
        }
    }
    for category in &mut plan.categories {
        category.name = format!("{hostile} {}", category.name);
    }
    let house = Arc::new(House::new(seat_map(&plan, &[])).unwrap());
    for size in SIZES {
        let mut model = model(size, Kind::OkabeIto, false);
        let mut event = summary("E1", hostile, "off");
        event.venue.name = hostile.to_owned();
        event.venue.city = hostile.to_owned();
        enter(&mut model, &event, &house, busy);
        let mut all = Vec::new();
        for keys in ["", "\n", "\n", "b", "c", "\u{1b}\u{1b}\u{1b}\u{1b}"] {
            for key in keys.chars() {
                press(
                    &mut model,
                    match key {
                        '\n' => KeyCode::Enter,
                        '\u{1b}' => KeyCode::Esc,
                        other => KeyCode::Char(other),
                    },
                );
            }
            told(&mut model, News::Order(e1(), Err(Trouble::new(hostile))));
            told(&mut model, News::Seats(e1(), SeatNews::Wire(Wire::Lost(hostile.to_owned()))));
            all.push(bytes(&model));
        }
        assert_eq!(model.screen, Screen::Events);
        for written in all {
            let text = String::from_utf8(written).unwrap();
            // Of escapes there are only those that the program itself writes: CSI with digits.
            for part in text.split('\u{1b}').skip(1) {
                assert!(part.starts_with('['), "{part:?}");
                let end = part[1..].find(|c: char| c.is_ascii_alphabetic()).unwrap();
                assert!(
                    part[1..=end].chars().all(|c| c.is_ascii_digit() || matches!(c, ';' | '?')),
                    "{part:?}"
                );
            }
            assert!(!text.contains(['\u{7}', '\u{9b}', '\u{202e}']), "{size:?}");
            assert!(text.contains(r"\u{1b}]0;"), "{size:?}: an escape stands as text");
        }
    }
}

/// What a first frame writes to a terminal.
fn bytes(model: &Model) -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, model, None);
    out
}

/// What a frame writes to a terminal that shows another model before it.
fn frame(out: &mut Vec<u8>, model: &Model, before: Option<&Buffer>) {
    let mut backend = CrosstermBackend::new(out);
    let next = buffer(model);
    let empty = Buffer::empty(next.area);
    let changes = before.unwrap_or(&empty).diff(&next);
    ratatui::backend::Backend::draw(&mut backend, changes.into_iter()).unwrap();
    io::Write::flush(&mut backend).unwrap();
}

/// A frame with 100 changed seats writes at most 4 kB, on the screen that shows seats and on the one that shows dots.
#[test]
fn a_hundred_changed_seats_are_few_bytes() {
    const MOST: usize = 4096;
    let houses = [
        Some(theatre()),
        Some(arena()),
        stadium(),
        Some(Arc::new(House::new(seat_map(&blocks(80_000), &[])).unwrap())),
    ];
    for house in houses.into_iter().flatten() {
        for size in SIZES {
            for depth in 0..3 {
                let mut model = at_event(size, &house, busy);
                let block = model.visit.as_ref().unwrap().walk.block;
                for _ in 0..depth {
                    press(&mut model, KeyCode::Enter);
                }
                let before = buffer(&model);
                let seats = house.blocks[block].shape.seats.clone();
                // All over the section, each another state than before.
                let step = (seats.len() / 100).max(1);
                let stock = model.visit.as_ref().unwrap().live.stock.clone().unwrap();
                let changes = seats.step_by(step).take(100).map(|seat| {
                    let state = u32::from(stock.is_free(seat));
                    [u32::try_from(seat).unwrap(), 1, state]
                });
                told(&mut model, News::Seats(e1(), SeatNews::Delta(delta(2, changes.collect()))));
                let mut out = Vec::new();
                frame(&mut out, &model, Some(&before));
                assert!(out.len() <= MOST, "{size:?} depth {depth}: {} bytes", out.len());
                assert!(!out.is_empty(), "{size:?} depth {depth}: nothing was drawn");
            }
        }
    }
}

/// Stills in the documents are those of the snapshots: a comment names which, the block below it shows it.
#[test]
fn the_stills_in_the_documents_are_what_is_drawn() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut count = 0;
    for document in ["README.md", "docs/tmtui.md"] {
        let text = std::fs::read_to_string(format!("{root}/{document}")).unwrap();
        for part in text.split("<!-- ").skip(1) {
            let (name, rest) = part.split_once(" -->\n```text\n").expect("a block below the comment");
            let still = rest.split("\n```").next().unwrap();
            let file =
                format!("{root}/tmtui/src/view/snapshots/tmtui__view__tests__{name}_80x24_colour.snap");
            let snapshot = std::fs::read_to_string(file).unwrap();
            let drawn = snapshot.splitn(3, "---\n").nth(2).unwrap();
            assert!(drawn.starts_with(still), "{document}: {name} is drawn otherwise now");
            count += 1;
        }
    }
    assert!(count >= 8, "{count} stills");
}
