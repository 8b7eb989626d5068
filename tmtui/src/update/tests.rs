use std::sync::Arc;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use tmapi::ProblemCode;
use tmapi::client::SaleAction;
use tmapi::event::SaleStatus;
use tmcore::seating::{Row, Seat};

use super::*;
use crate::action::{Buy, EventsPage, Follow, News, PlaceNews, SeatNews, Trouble, Wire};
use crate::house::House;
use crate::layout;
use crate::model::over::Mood;
use crate::model::visit::Link;
use crate::palette::Kind;
use crate::tests::sample::{
    at_event, availability, blocks, busy, delta, e1, enter, event_view, listed, model, now, order, place,
    press, seat_map, session, summary, theatre, told, typed,
};

const SIZE: (u16, u16) = (120, 40);
const STALE: std::time::Duration = std::time::Duration::from_secs(20);

fn basket(model: &Model) -> Vec<usize> {
    model.visit.as_ref().unwrap().basket.seats().to_vec()
}

fn toasts(model: &Model) -> String {
    model.over.toasts.iter().map(|toast| toast.text.as_str()).collect::<Vec<_>>().join("; ")
}

/// In the middle block of the theatre, seats before one's eyes.
fn at_seats(house: &Arc<House>) -> Model {
    let mut model = at_event(SIZE, house, |_| 0);
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.screen, Screen::Seats);
    model
}

fn taken(seq: u64, seat: usize) -> News {
    News::Seats(e1(), SeatNews::Delta(delta(seq, vec![[u32::try_from(seat).unwrap(), 1, 1]])))
}

#[test]
fn a_seat_that_somebody_else_takes_leaves_the_basket_and_the_like_is_offered() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "2b");
    let picked = basket(&model);
    assert_eq!(picked.len(), 2);
    told(&mut model, taken(2, picked[0]));
    assert_eq!(basket(&model), [picked[1]]);
    assert!(toasts(&model).contains("was taken by somebody else"), "{}", toasts(&model));
    let Some(Dialog::Offer { lost, instead }) = model.over.dialog.clone() else {
        panic!("nothing is offered")
    };
    assert_eq!(lost, picked[0]);
    assert_eq!(house.spots[instead].level, house.spots[lost].level);
    press(&mut model, KeyCode::Enter);
    assert_eq!(basket(&model), [picked[1], instead]);
    assert_eq!(model.over.dialog, None);
    // There is no way back to what is gone.
    for _ in 0..5 {
        press(&mut model, KeyCode::Char('u'));
        assert!(!basket(&model).contains(&picked[0]));
    }
}

#[test]
fn what_is_offered_may_be_taken_too_and_then_the_next_is_offered() {
    let house = theatre();
    let mut model = at_seats(&house);
    press(&mut model, KeyCode::Char(' '));
    let picked = basket(&model)[0];
    told(&mut model, taken(2, picked));
    let Some(Dialog::Offer { instead, .. }) = model.over.dialog.clone() else { panic!("nothing is offered") };
    told(&mut model, taken(3, instead));
    let Some(Dialog::Offer { instead: next, .. }) = model.over.dialog.clone() else {
        panic!("nothing is offered")
    };
    assert_ne!(next, instead);
    press(&mut model, KeyCode::Char('n'));
    assert_eq!(basket(&model), [] as [usize; 0]);
}

#[test]
fn two_seats_lost_at_once_are_offered_for_one_after_the_other() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "2b");
    let picked = basket(&model);
    let first = u32::try_from(*picked.iter().min().unwrap()).unwrap();
    told(&mut model, News::Seats(e1(), SeatNews::Delta(delta(2, vec![[first, 2, 2]]))));
    press(&mut model, KeyCode::Char('y'));
    assert!(matches!(model.over.dialog, Some(Dialog::Offer { .. })));
    press(&mut model, KeyCode::Char('y'));
    assert_eq!((model.over.dialog.clone(), basket(&model).len()), (None, 2));
}

#[test]
fn losing_the_stream_never_loses_the_pick() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "b");
    let picked = basket(&model);
    for wire in [
        Wire::Stale(STALE),
        Wire::Reconnecting(std::time::Duration::from_secs(3)),
        Wire::Lost("gone".to_owned()),
    ] {
        told(&mut model, News::Seats(e1(), SeatNews::Wire(wire)));
        assert_eq!(basket(&model), picked);
    }
    told(&mut model, News::Seats(e1(), SeatNews::Wire(Wire::Live)));
    told(&mut model, News::Seats(e1(), SeatNews::Snapshot(Box::new(availability(&house, |_| 0)))));
    assert_eq!((basket(&model), model.over.dialog.clone()), (picked, None));
    // A delta that does not fit is no end either: the whole is asked for.
    let far = SeatNews::Delta(delta(9, vec![[0, 1, 1]]));
    assert_eq!(told(&mut model, News::Seats(e1(), far)), [Command::Fetch(Fetch::Availability(e1()))]);
}

#[test]
fn seats_that_the_own_order_holds_are_not_lost() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "b");
    let picked = basket(&model);
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Char('c'));
    let commands = {
        typed(&mut model, "tok_ok");
        press(&mut model, KeyCode::Enter)
    };
    let [Command::Buy(Buy::Confirm(confirm))] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!((confirm.seats.len(), confirm.card.as_str()), (2, "tok_ok"));
    // The stream tells of the hold before the answer is there.
    told(&mut model, taken(2, picked[0]));
    assert_eq!(basket(&model), picked);
    told(&mut model, News::Begun(e1(), Box::new(order("PENDING", &house, &[]))));
    told(&mut model, News::Order(e1(), Ok(Box::new(order("AUTHORIZED", &house, &picked)))));
    told(&mut model, taken(3, picked[1]));
    assert_eq!((basket(&model), model.over.dialog.clone()), (picked.clone(), None));
    assert!(matches!(press(&mut model, KeyCode::Char('f')).as_slice(), [Command::Buy(Buy::Finalize(..))]));
    // Pressed again it is not sent again.
    assert_eq!(press(&mut model, KeyCode::Char('f')), []);
    told(&mut model, News::Order(e1(), Ok(Box::new(order("FINALIZED", &house, &picked)))));
    assert_eq!((model.screen, model.tickets.all.len()), (Screen::Tickets, 2));
}

#[test]
fn s3_seats_that_a_confirm_could_not_have_are_offered_for() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "b");
    let picked = basket(&model);
    press(&mut model, KeyCode::Enter);
    typed(&mut model, "ttok_ok");
    press(&mut model, KeyCode::Enter);
    let trouble = Trouble {
        code: Some(ProblemCode::SeatsUnavailable),
        seats: vec![house.seat_id(picked[1]).unwrap().clone()],
        ..Trouble::new("some of the seats are not to be had")
    };
    told(&mut model, News::Order(e1(), Err(trouble)));
    assert_eq!(basket(&model), [picked[0]]);
    assert!(matches!(model.over.dialog, Some(Dialog::Offer { lost, .. }) if lost == picked[1]));
}

#[test]
fn a_decline_keeps_the_seats_and_asks_for_another_card() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "b");
    let picked = basket(&model);
    press(&mut model, KeyCode::Enter);
    typed(&mut model, "ttok_declined");
    press(&mut model, KeyCode::Enter);
    told(&mut model, News::Begun(e1(), Box::new(order("PENDING", &house, &[]))));
    let trouble = Trouble { code: Some(ProblemCode::Declined), ..Trouble::new("the card was declined") };
    told(&mut model, News::Order(e1(), Err(trouble)));
    assert_eq!(basket(&model), picked);
    typed(&mut model, "ttok_ok");
    let commands = press(&mut model, KeyCode::Enter);
    let [Command::Buy(Buy::Confirm(confirm))] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(confirm.order.map(|order| order.to_string()).as_deref(), Some(crate::tests::sample::ORDER));
}

#[test]
fn w10_nothing_is_confirmed_before_the_waiting_room_lets_in() {
    let house = theatre();
    let mut model = model(SIZE, Kind::OkabeIto, false);
    enter(&mut model, &summary("E1", "Gala", "on"), &house, |_| 0);
    assert_eq!(model.screen, Screen::Line);
    let commands = place(&mut model, session("WAITING", 30));
    assert!(matches!(commands.as_slice(), [Command::Follow(Follow::Place(..))]));
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.screen, Screen::Line);
    typed(&mut model, "vbc");
    assert_eq!(model.screen, Screen::Checkout, "looking and picking is free");
    assert_eq!(press(&mut model, KeyCode::Char('c')), []);
    assert!(toasts(&model).contains("has not let you in"), "{}", toasts(&model));
    let commands = place(&mut model, session("ACTIVE", 0));
    assert_eq!(commands, [Command::Bell]);
    assert!(toasts(&model).contains("you are in"));
    typed(&mut model, "ctok_ok");
    assert!(matches!(press(&mut model, KeyCode::Enter).as_slice(), [Command::Buy(Buy::Confirm(_))]));
}

#[test]
fn what_would_lose_something_asks_first() {
    let house = theatre();
    let mut model = model(SIZE, Kind::OkabeIto, false);
    enter(&mut model, &summary("E1", "Gala", "on"), &house, |_| 0);
    place(&mut model, session("WAITING", 3));
    assert_eq!(press(&mut model, KeyCode::Char('L')), []);
    assert_eq!(press(&mut model, KeyCode::Enter), [], "Enter is no yes here");
    press(&mut model, KeyCode::Char('L'));
    assert!(matches!(press(&mut model, KeyCode::Char('y')).as_slice(), [Command::Buy(Buy::Leave(..))]));
    // Another event would cost the place.
    told(&mut model, listed(vec![summary("E2", "Other", "on"), summary("E1", "Gala", "on")]));
    press(&mut model, KeyCode::Esc);
    assert_eq!(press(&mut model, KeyCode::Enter), []);
    assert_eq!(model.visit.as_ref().unwrap().event.event_id, e1());
    told(&mut model, News::Place(e1(), PlaceNews::Left(Ok(()))));
    assert!(!press(&mut model, KeyCode::Enter).is_empty());
    assert_eq!(press(&mut model, KeyCode::Char('q')), [Command::Quit]);
}

#[test]
fn readonly_changes_nothing() {
    let house = theatre();
    let mut model = model(SIZE, Kind::OkabeIto, false);
    model.look.readonly = true;
    enter(&mut model, &summary("E1", "Gala", "on"), &house, |_| 0);
    assert_eq!(model.screen, Screen::Venue);
    let mut all = Vec::new();
    for key in "bcct".chars() {
        all.extend(press(&mut model, KeyCode::Char(key)));
    }
    all.extend(typed(&mut model, "ok"));
    all.extend(press(&mut model, KeyCode::Enter));
    all.extend(press(&mut model, KeyCode::Esc));
    all.extend(typed(&mut model, ":sale"));
    all.extend(press(&mut model, KeyCode::Enter));
    for key in "OprXc".chars() {
        all.extend(press(&mut model, KeyCode::Char(key)));
        all.extend(press(&mut model, KeyCode::Char('y')));
    }
    let changes =
        |command: &&Command| matches!(command, Command::Buy(_) | Command::Run(..) | Command::SetCapacity(..));
    assert_eq!(all.iter().find(changes), None);
}

#[test]
fn the_organiser_is_asked_before_a_sale_changes() {
    let mut model = model(SIZE, Kind::OkabeIto, false);
    told(&mut model, listed(vec![summary("E1", "Gala", "on")]));
    assert_eq!(press(&mut model, KeyCode::Char('o')), [Command::Fetch(Fetch::Sale(e1()))]);
    assert_eq!(press(&mut model, KeyCode::Char('p')), []);
    assert_eq!(press(&mut model, KeyCode::Char('y')), [Command::Run(e1(), SaleAction::Pause)]);
    typed(&mut model, "c500");
    assert_eq!(press(&mut model, KeyCode::Enter), []);
    assert_eq!(press(&mut model, KeyCode::Char('y')), [Command::SetCapacity(e1(), 500)]);
    // Asked anew every two seconds, as long as somebody looks.
    let later = now().plus_seconds(3);
    let sale = Command::Fetch(Fetch::Sale(e1()));
    assert_eq!(update(&mut model, Action::Tick(later)), std::slice::from_ref(&sale));
    press(&mut model, KeyCode::Esc);
    assert!(!update(&mut model, Action::Tick(later.plus_seconds(3))).contains(&sale));
}

#[test]
fn a_click_picks_the_seat_that_is_drawn_there() {
    let house = theatre();
    let mut model = at_seats(&house);
    let map = layout::seats(SIZE).map;
    let (walk, seats) = (&model.visit.as_ref().unwrap().walk, house.blocks[0].shape.seats.clone());
    let origin = walk.origin(map);
    let sheet = walk.drawn.sheet.as_ref().unwrap();
    let places: Vec<_> = seats.clone().map(|seat| (seat, sheet.slot(seat).unwrap())).collect();
    let seen = |(seat, (column, line)): (usize, (u16, u16))| {
        let x = u16::try_from(i32::from(column) - origin.0).ok().filter(|x| *x < map.width)?;
        let y = u16::try_from(i32::from(line) - origin.1).ok().filter(|y| *y < map.height)?;
        Some((seat, map.x + x, map.y + y))
    };
    let (seat, column, row) = places.into_iter().filter_map(seen).nth(7).unwrap();
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column,
        row,
        modifiers: KeyModifiers::NONE,
    };
    update(&mut model, Action::Mouse(click));
    assert_eq!(basket(&model), [seat]);
    update(&mut model, Action::Mouse(click));
    assert_eq!(basket(&model), [] as [usize; 0]);
}

#[test]
fn an_order_may_have_so_many_seats_and_no_more() {
    let house = theatre();
    let mut model = at_seats(&house);
    for _ in 0..6 {
        press(&mut model, KeyCode::Char('n'));
        press(&mut model, KeyCode::Char(' '));
    }
    assert_eq!(basket(&model).len(), 4);
    assert!(toasts(&model).contains("an order may have 4 seats"), "{}", toasts(&model));
}

#[test]
fn commands_are_the_command_lines_verbs() {
    let house = theatre();
    let mut model = at_event(SIZE, &house, |_| 0);
    typed(&mut model, ":seat A-12-7");
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.screen, Screen::Seats);
    let seat = model.visit.as_ref().unwrap().walk.seat.unwrap();
    assert_eq!(house.seat_id(seat).unwrap().as_str(), "A-12-7");
    typed(&mut model, ":be");
    press(&mut model, KeyCode::Tab);
    typed(&mut model, "3");
    press(&mut model, KeyCode::Enter);
    assert_eq!(basket(&model).len(), 3);
    assert_eq!(press(&mut model, KeyCode::Char('y')).len(), 1);
    assert_eq!(
        press(&mut model, KeyCode::Char('Y')),
        [Command::Copy("tmctl seats E1 --section 'Stalls Centre'".to_owned())]
    );
    typed(&mut model, ":nonsense");
    press(&mut model, KeyCode::Enter);
    assert!(toasts(&model).contains("no command"), "{}", toasts(&model));
}

#[test]
fn the_command_for_the_clipboard_holds_no_card() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "bc");
    typed(&mut model, "ttok_secret");
    press(&mut model, KeyCode::Enter);
    let commands = press(&mut model, KeyCode::Char('Y'));
    let [Command::Copy(text)] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(text.starts_with("tmctl confirm") && !text.contains("tok_secret"), "{text}");
}

#[test]
fn the_status_of_the_stream_is_told_with_its_time() {
    let house = theatre();
    let mut model = at_event(SIZE, &house, |_| 0);
    told(
        &mut model,
        News::Seats(e1(), SeatNews::Wire(Wire::Reconnecting(std::time::Duration::from_millis(2500)))),
    );
    let link = model.visit.as_ref().unwrap().live.link.clone();
    assert_eq!(link, Link::Reconnecting(now().plus_seconds(3)));
    told(&mut model, News::Seats(e1(), SeatNews::Wire(Wire::Stale(STALE))));
    assert_eq!(model.visit.as_ref().unwrap().live.link, Link::Stale("2026-11-21T09:59:40Z".parse().unwrap()));
}

#[test]
fn counts_by_section_follow_every_change() {
    let house = Arc::new(House::new(seat_map(&blocks(80_000), &[])).unwrap());
    let mut model = at_event(SIZE, &house, busy);
    for seq in 2..60_u64 {
        let first = u32::try_from(seq * 997 % 79_000).unwrap();
        let changes = vec![[first, 700, u32::try_from(seq % 4).unwrap()]];
        told(&mut model, News::Seats(e1(), SeatNews::Delta(delta(seq, changes))));
    }
    let stock = model.visit.as_ref().unwrap().live.stock.as_ref().unwrap();
    for block in 0..house.blocks.len() {
        let free = house.blocks[block].shape.seats.clone().filter(|seat| stock.is_free(*seat)).count();
        assert_eq!(usize::try_from(stock.block(block, None).free).unwrap(), free);
    }
    assert_eq!(stock.all(None).all, 80_000);
}

#[test]
fn an_event_named_at_the_start_is_gone_into() {
    let mut model = model(SIZE, Kind::OkabeIto, false);
    let commands = start(&mut model, Some(e1()));
    assert!(commands.contains(&Command::Fetch(Fetch::Event(e1()))));
    let event = summary("E1", "Gala", "on");
    let commands = told(&mut model, News::Event(e1(), Ok(Box::new(event_view(&event)))));
    assert!(commands.contains(&Command::Follow(Follow::Seats(e1()))));
    assert_eq!(model.screen, Screen::Venue);
}

fn mouse(kind: MouseEventKind, (column, row): (u16, u16)) -> Action {
    Action::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

/// One block of 160 rows of 200 seats: more than a screen holds, as seats and as dots.
fn at_large_block(depth: usize) -> (Arc<House>, Model) {
    let mut plan = blocks(2000);
    let section = &mut plan.sections[0];
    let seat = section.rows[0].seats[0].clone();
    let seat = |row: i32, number: i32| Seat {
        id: format!("X-{row}-{number}").parse().unwrap(),
        number: number.to_string(),
        x: number * 20,
        y: row * 28,
        ..seat.clone()
    };
    section.rows = (0..160)
        .map(|row| Row { label: row.to_string(), seats: (0..200).map(|number| seat(row, number)).collect() })
        .collect();
    let house = Arc::new(House::new(seat_map(&plan, &[])).unwrap());
    let mut model = at_event(SIZE, &house, |_| 0);
    for _ in 0..depth {
        press(&mut model, KeyCode::Enter);
    }
    model.visit.as_mut().unwrap().walk.go(&house, 80 * 200 + 100, SIZE);
    (house, model)
}

#[test]
fn dragging_and_the_wheel_move_what_is_seen_of_a_large_section() {
    for (depth, screen) in [(1, Screen::Section), (2, Screen::Seats)] {
        let (_, mut model) = at_large_block(depth);
        assert_eq!(model.screen, screen);
        let map = layout::seats(SIZE).map;
        let corner = |model: &Model| {
            let walk = &model.visit.as_ref().unwrap().walk;
            if screen == Screen::Seats { walk.origin(map) } else { walk.dots(map) }
        };
        let cursor = model.visit.as_ref().unwrap().walk.seat;
        let before = corner(&model);
        let lines = if screen == Screen::Seats { 1 } else { 2 };
        update(&mut model, mouse(MouseEventKind::ScrollUp, (10, 10)));
        assert_eq!(corner(&model), (before.0, before.1 - lines), "{screen:?}");
        update(&mut model, mouse(MouseEventKind::ScrollDown, (10, 10)));
        assert_eq!(corner(&model), before);
        // What is under the mouse goes with it.
        update(&mut model, mouse(MouseEventKind::Down(MouseButton::Middle), (50, 20)));
        model.over.drag = Some((50, 20));
        update(&mut model, mouse(MouseEventKind::Drag(MouseButton::Left), (54, 23)));
        assert_eq!(corner(&model), (before.0 - 4, before.1 - 3 * lines), "{screen:?}");
        update(&mut model, mouse(MouseEventKind::Up(MouseButton::Left), (54, 23)));
        assert_eq!((model.over.drag, model.visit.as_ref().unwrap().walk.seat), (None, cursor));
        // It ends at the edge, and comes back at once.
        for _ in 0..200 {
            update(&mut model, mouse(MouseEventKind::ScrollUp, (10, 10)));
        }
        assert_eq!(corner(&model).1, 0);
        update(&mut model, mouse(MouseEventKind::ScrollDown, (10, 10)));
        assert_eq!(corner(&model).1, lines, "{screen:?}");
        for _ in 0..200 {
            update(&mut model, mouse(MouseEventKind::ScrollDown, (10, 10)));
        }
        let end = corner(&model);
        update(&mut model, mouse(MouseEventKind::ScrollUp, (10, 10)));
        assert_eq!(corner(&model).1, end.1 - lines, "{screen:?}");
        // A key brings the cursor into view again.
        press(&mut model, KeyCode::Left);
        assert!(corner(&model).1 < end.1);
    }
}

#[test]
fn the_wheel_goes_through_lists_and_over_help_nothing_below_is_meant() {
    let house = theatre();
    let mut model = at_event(SIZE, &house, |_| 0);
    let block = |model: &Model| model.visit.as_ref().unwrap().walk.block;
    update(&mut model, mouse(MouseEventKind::ScrollDown, (100, 10)));
    assert_eq!(block(&model), 1);
    update(&mut model, mouse(MouseEventKind::ScrollUp, (100, 10)));
    assert_eq!(block(&model), 0);
    // The third line of the list is the third section; a second click goes in.
    let list = layout::sections(SIZE);
    let click = || mouse(MouseEventKind::Down(MouseButton::Left), (list.x + 3, list.y + 2));
    update(&mut model, click());
    assert_eq!((block(&model), model.screen), (2, Screen::Venue));
    update(&mut model, click());
    assert_eq!(model.screen, Screen::Section);
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Char('?'));
    let scroll = model.visit.as_ref().unwrap().walk.scroll;
    update(&mut model, mouse(MouseEventKind::ScrollDown, (30, 20)));
    assert_eq!((model.over.help, model.visit.as_ref().unwrap().walk.scroll), (Some(1), scroll));
    let map = layout::seats(SIZE).map;
    for column in 0..map.width {
        update(&mut model, mouse(MouseEventKind::Down(MouseButton::Left), (column, map.y + map.height / 2)));
        model.over.help = Some(0);
    }
    assert_eq!(basket(&model), [] as [usize; 0]);
    update(&mut model, mouse(MouseEventKind::Down(MouseButton::Left), (10, 10)));
    assert_eq!(model.over.help, None);
    // Freed, the mouse is the terminal's.
    assert_eq!(press(&mut model, KeyCode::Char('m')), [Command::Mouse(false)]);
    assert_eq!(press(&mut model, KeyCode::Char('m')), [Command::Mouse(true)]);
}

#[test]
fn every_verb_of_a_buyers_command_line_may_be_typed_and_no_other_is_made_up() {
    let line = tmctl::command_line();
    let theirs: Vec<_> = line.get_subcommands().map(clap::Command::get_name).collect();
    let ours: Vec<_> = verbs().iter().map(|(verb, ..)| *verb).collect();
    let buyers =
        "events show search seats join wait status leave order confirm finalize cancel tickets book resume";
    for verb in buyers.split(' ') {
        assert!(ours.contains(&verb) && theirs.contains(&verb), "{verb}");
    }
    // What the command line has as options of `seats`, and what only a screen needs.
    let only_here = ["seat", "best", "refresh", "quit"];
    for verb in ours {
        assert!(theirs.contains(&verb) || only_here.contains(&verb), "{verb}");
    }
    let event = line.find_subcommand("event").unwrap();
    for verb in ["open", "pause", "resume", "close", "capacity"] {
        assert!(event.find_subcommand(verb).is_some(), "{verb}");
    }
}

#[test]
fn every_command_for_the_clipboard_is_one_of_the_command_line() {
    let house = theatre();
    let mut model = model(SIZE, Kind::OkabeIto, false);
    let mut commands = Vec::new();
    let mut copy = |model: &mut Model| match press(model, KeyCode::Char('Y')).as_slice() {
        [Command::Copy(text)] => commands.push(text.clone()),
        other => panic!("{other:?}"),
    };
    told(&mut model, listed(vec![summary("E1", "Gala", "on")]));
    copy(&mut model);
    enter(&mut model, &summary("E1", "Gala", "on"), &house, |_| 0);
    copy(&mut model);
    place(&mut model, session("WAITING", 3));
    copy(&mut model);
    place(&mut model, session("ACTIVE", 0));
    copy(&mut model);
    press(&mut model, KeyCode::Enter);
    copy(&mut model);
    typed(&mut model, "bc");
    copy(&mut model);
    typed(&mut model, "ttok_ok");
    press(&mut model, KeyCode::Enter);
    let picked = basket(&model);
    told(&mut model, News::Order(e1(), Ok(Box::new(order("AUTHORIZED", &house, &picked)))));
    copy(&mut model);
    told(&mut model, News::Order(e1(), Ok(Box::new(order("FINALIZED", &house, &picked)))));
    copy(&mut model);
    typed(&mut model, ":sale");
    press(&mut model, KeyCode::Enter);
    copy(&mut model);
    assert_eq!(commands.len(), 9);
    for command in commands {
        // Of quoted words there is only the section's name.
        let (plain, quoted) = command.split_once(" '").unwrap_or((&command, ""));
        let words = plain.split(' ').chain((!quoted.is_empty()).then(|| quoted.trim_end_matches('\'')));
        let read = tmctl::command_line().try_get_matches_from(words);
        assert!(read.is_ok(), "{command}: {:?}", read.err());
    }
}

#[test]
fn a_long_list_is_asked_for_page_by_page_and_the_cursor_stays_on_its_event() {
    let events = |from: usize, to: usize| -> Vec<_> {
        (from..to).map(|at| summary(&format!("E{at}"), &format!("Show {at}"), "on")).collect()
    };
    let page = |is_first, events, next: Option<&str>| {
        let page = EventsPage { is_first, events, next: next.map(str::to_owned) };
        News::Events(String::new(), Ok(page))
    };
    let mut model = model(SIZE, Kind::OkabeIto, false);
    told(&mut model, page(true, events(0, 100), Some("E99")));
    assert_eq!(press(&mut model, KeyCode::Down), []);
    let more = Command::Fetch(Fetch::Events(String::new(), Some("E99".to_owned())));
    assert_eq!(press(&mut model, KeyCode::Char('G')), [more]);
    assert_eq!(press(&mut model, KeyCode::Up), [], "asked for once");
    let name = |model: &Model| model.catalogue.chosen().unwrap().name.clone();
    assert_eq!(name(&model), "Show 98");
    // One that came in meanwhile is not listed twice.
    told(&mut model, page(false, events(99, 180), None));
    assert_eq!((model.catalogue.events.len(), name(&model)), (180, "Show 98".to_owned()));
    // The beginning is asked for again now and then, and the rest stays.
    let list = Command::Fetch(Fetch::Events(String::new(), None));
    assert_eq!(update(&mut model, Action::Tick(now().plus_seconds(10))), std::slice::from_ref(&list));
    assert_eq!(update(&mut model, Action::Tick(now().plus_seconds(11))), []);
    let mut fresh = events(0, 100);
    fresh[98].name = "Show 98, sold out".to_owned();
    told(&mut model, page(true, fresh, Some("E99")));
    assert_eq!((model.catalogue.events.len(), name(&model)), (180, "Show 98, sold out".to_owned()));
    assert_eq!(press(&mut model, KeyCode::Char('G')), [], "its end is known");
    // One is new at the top: the list is another, and the cursor stays where it was.
    press(&mut model, KeyCode::Char('g'));
    let newer = [summary("A1", "Newer", "on")].into_iter().chain(events(0, 99)).collect();
    told(&mut model, page(true, newer, Some("E98")));
    assert_eq!((model.catalogue.at, name(&model)), (1, "Show 0".to_owned()));
    // What was asked with other words is of no interest any more.
    typed(&mut model, "/gala");
    press(&mut model, KeyCode::Enter);
    told(&mut model, page(true, events(5, 6), None));
    assert_eq!(model.catalogue.events.len(), 100);
    // Without an answer it is asked again sooner.
    told(&mut model, News::Events("gala".to_owned(), Err(Trouble::new("no answer"))));
    let gala = Command::Fetch(Fetch::Events("gala".to_owned(), None));
    assert_eq!(update(&mut model, Action::Tick(now().plus_seconds(14))), [gala]);
}

#[test]
fn a_sale_that_changes_is_told_and_asked_about_now_and_then() {
    let house = theatre();
    let mut model = at_seats(&house);
    let ask = Command::Fetch(Fetch::Event(e1()));
    assert_eq!(update(&mut model, Action::Tick(now().plus_seconds(9))), []);
    assert_eq!(update(&mut model, Action::Tick(now().plus_seconds(10))), [ask]);
    let mut tell = |status| {
        let mut event = summary("E1", "Gala", "off");
        event.sale_status = status;
        let commands = told(&mut model, News::Event(e1(), Ok(Box::new(event_view(&event)))));
        (commands, toasts(&model), crate::view::drawn(&model))
    };
    let (commands, toasts, drawn) = tell(SaleStatus::Paused);
    assert_eq!(commands, [Command::Bell]);
    assert!(toasts.contains("holds the sale") && drawn.contains("SALE PAUSED"), "{drawn}");
    assert_eq!(tell(SaleStatus::Paused).0, []);
    let (_, toasts, drawn) = tell(SaleStatus::Open);
    assert!(toasts.contains("goes on") && !drawn.contains("SALE PAUSED"), "{drawn}");
    let (_, toasts, drawn) = tell(SaleStatus::Closed);
    assert!(toasts.contains("the sale is over") && drawn.contains("SALE OVER"), "{drawn}");
    // That nobody answers is the streams' to tell.
    let before = model.over.toasts.clone();
    told(&mut model, News::Event(e1(), Err(Trouble::new("no answer"))));
    assert_eq!(model.over.toasts, before);
}

#[test]
fn what_is_asked_in_passing_does_not_end_what_is_under_way() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "bc");
    typed(&mut model, "ttok_ok");
    press(&mut model, KeyCode::Enter);
    let picked = basket(&model);
    let seen = |status| News::OrderSeen(e1(), Ok(Box::new(order(status, &house, &picked))));
    told(&mut model, News::Order(e1(), Ok(Box::new(order("AUTHORIZED", &house, &picked)))));
    assert_eq!(press(&mut model, KeyCode::Char('f')).len(), 1);
    told(&mut model, seen("AUTHORIZED"));
    assert_eq!(press(&mut model, KeyCode::Char('f')), [], "it is still under way");
    told(&mut model, News::OrderSeen(e1(), Err(Trouble::new("no answer"))));
    assert_eq!(model.visit.as_ref().unwrap().checkout.trouble, None);
    told(&mut model, News::Order(e1(), Ok(Box::new(order("CAPTURING", &house, &picked)))));
    // It is asked about until it is settled.
    let asked: Vec<_> =
        (1..7).flat_map(|s| update(&mut model, Action::Tick(now().plus_seconds(s)))).collect();
    assert_eq!(
        asked.iter().filter(|c| matches!(c, Command::Fetch(Fetch::Order(..)))).count(),
        2,
        "{asked:?}"
    );
    told(&mut model, seen("FINALIZED"));
    assert_eq!(model.screen, Screen::Tickets);
}

#[test]
fn an_order_whose_time_is_up_is_asked_about_and_its_seats_stay_picked() {
    let house = theatre();
    let mut model = at_seats(&house);
    typed(&mut model, "bc");
    typed(&mut model, "ttok_ok");
    press(&mut model, KeyCode::Enter);
    let picked = basket(&model);
    told(&mut model, News::Order(e1(), Ok(Box::new(order("AUTHORIZED", &house, &picked)))));
    // The sample's time is up after nine minutes.
    assert_eq!(update(&mut model, Action::Tick(now().plus_seconds(537))).len(), 1, "only the event");
    let asked = update(&mut model, Action::Tick(now().plus_seconds(540)));
    assert!(matches!(asked.as_slice(), [Command::Fetch(Fetch::Order(..))]), "{asked:?}");
    told(&mut model, News::OrderSeen(e1(), Ok(Box::new(order("EXPIRED", &house, &picked)))));
    let checkout = &model.visit.as_ref().unwrap().checkout;
    assert!(checkout.order.is_none() && checkout.trouble.as_ref().unwrap().text.contains("time is up"));
    assert_eq!((basket(&model), model.screen), (picked, Screen::Checkout));
    assert!(
        matches!(press(&mut model, KeyCode::Char('c')).as_slice(), [Command::Buy(Buy::Confirm(c))] if c.order.is_none())
    );
}

#[test]
fn booking_picks_holds_and_pays_unless_something_comes_between() {
    let house = theatre();
    let book = || {
        let mut model = at_event(SIZE, &house, |_| 0);
        typed(&mut model, ":book tok_ok");
        let commands = press(&mut model, KeyCode::Enter);
        assert!(matches!(commands.as_slice(), [Command::Buy(Buy::Confirm(c))] if c.seats.len() == 2));
        (basket(&model), model)
    };
    let (picked, mut model) = book();
    let held = || News::Order(e1(), Ok(Box::new(order("AUTHORIZED", &house, &picked))));
    assert!(matches!(told(&mut model, held()).as_slice(), [Command::Buy(Buy::Finalize(..))]));
    let (_, mut model) = book();
    told(
        &mut model,
        News::Order(e1(), Err(Trouble { code: Some(ProblemCode::Declined), ..Trouble::new("declined") })),
    );
    typed(&mut model, "c");
    assert_eq!(told(&mut model, held()), [Command::Bell], "after a decline every step is asked for");
}

#[test]
fn a_place_the_daemon_does_not_know_any_more_is_no_reason_to_be_stuck() {
    let house = theatre();
    let mut model = model(SIZE, Kind::OkabeIto, false);
    enter(&mut model, &summary("E1", "Gala", "on"), &house, |_| 0);
    place(&mut model, session("WAITING", 3));
    let lost = Wire::Lost("unauthenticated".to_owned());
    told(&mut model, News::Place(e1(), PlaceNews::Wire(lost)));
    assert_eq!(press(&mut model, KeyCode::Enter), [Command::Buy(Buy::Join(e1()))]);
    let follow = place(&mut model, session("WAITING", 9));
    assert!(matches!(follow.as_slice(), [Command::Follow(Follow::Place(..))]), "{follow:?}");
    let unknown = Trouble { code: Some(ProblemCode::NotFound), ..Trouble::new("no such place") };
    told(&mut model, News::Place(e1(), PlaceNews::Left(Err(unknown))));
    assert!(model.visit.as_ref().unwrap().place.is_none());
    // Other trouble is no reason to give it up.
    place(&mut model, session("WAITING", 9));
    told(&mut model, News::Place(e1(), PlaceNews::Left(Err(Trouble::new("no answer")))));
    assert!(model.visit.as_ref().unwrap().place.is_some());
    // It would lapse if the program ended: that is asked first.
    assert_eq!(press(&mut model, KeyCode::Char('q')), []);
    assert!(crate::view::drawn(&model).contains("The place lapses"));
    assert_eq!(press(&mut model, KeyCode::Char('y')), [Command::Quit]);
}

#[test]
fn what_was_cut_off_is_told_and_its_orders_are_shown() {
    let house = theatre();
    let mut model = at_seats(&house);
    assert!(start(&mut model, None).contains(&Command::Fetch(Fetch::CutOff)));
    told(&mut model, News::CutOff(0));
    assert_eq!(toasts(&model), "");
    told(&mut model, News::CutOff(2));
    assert!(toasts(&model).contains(":resume"));
    typed(&mut model, ":resume");
    assert_eq!(press(&mut model, KeyCode::Enter), [Command::Buy(Buy::Resume)]);
    let commands = told(&mut model, News::Resumed(Ok(vec![order("FINALIZED", &house, &[300])])));
    assert!(commands.contains(&Command::Fetch(Fetch::Tickets)), "{commands:?}");
    assert_eq!((model.screen, model.tickets.all.len()), (Screen::Tickets, 1));
    model.look.readonly = true;
    typed(&mut model, ":resume");
    assert_eq!(press(&mut model, KeyCode::Enter), []);
}

#[test]
fn the_list_of_sections_is_sorted_as_one_likes() {
    let house = theatre();
    let mut model = at_event(SIZE, &house, busy);
    let sorted = |model: &Model| {
        let visit = model.visit.as_ref().unwrap();
        visit.walk.sorted(&house, visit.live.stock.as_ref())
    };
    let stock = |model: &Model| model.visit.as_ref().unwrap().live.stock.clone().unwrap();
    let plan: Vec<_> = (0..house.blocks.len()).collect();
    assert_eq!(sorted(&model), plan);
    press(&mut model, KeyCode::Char('s'));
    let held = stock(&model);
    let price = |block: &usize| house.levels[held.cheapest(&house, *block).unwrap()].price.amount;
    let prices: Vec<_> = sorted(&model).iter().map(price).collect();
    assert!(prices.is_sorted() && prices.first() < prices.last(), "{prices:?}");
    press(&mut model, KeyCode::Char('s'));
    let free: Vec<_> = sorted(&model).iter().map(|block| held.block(*block, None).free).collect();
    assert!(free.is_sorted_by(|a, b| a >= b) && free.first() > free.last(), "{free:?}");
    press(&mut model, KeyCode::Char('s'));
    let names: Vec<_> = sorted(&model).iter().map(|block| house.block_name(*block)).collect();
    assert!(names.is_sorted(), "{names:?}");
    press(&mut model, KeyCode::Char('s'));
    assert_eq!(sorted(&model), plan);
}

#[test]
fn p_narrows_everything_down_to_a_price() {
    let house = theatre();
    let mut model = at_event(SIZE, &house, |_| 0);
    press(&mut model, KeyCode::Char('p'));
    press(&mut model, KeyCode::Char('p'));
    let level = model.visit.as_ref().unwrap().walk.level.unwrap();
    assert_eq!(level, 1);
    typed(&mut model, "3b");
    let picked = basket(&model);
    assert!(picked.len() == 3 && picked.iter().all(|seat| house.spots[*seat].level == level), "{picked:?}");
    press(&mut model, KeyCode::Enter);
    // Wherever one is, also where the seat beside is of another price.
    let edges = (1..house.seat_count()).filter(|seat| house.spots[*seat].level != level);
    for edge in edges.step_by(97) {
        model.visit.as_mut().unwrap().walk.go(&house, edge - 1, SIZE);
        press(&mut model, KeyCode::Char('n'));
        let next = model.visit.as_ref().unwrap().walk.seat.unwrap();
        assert!(house.spots[next].level == level && !picked.contains(&next), "{edge}");
    }
    for _ in 0..house.levels.len() - 1 {
        press(&mut model, KeyCode::Char('p'));
    }
    assert_eq!(model.visit.as_ref().unwrap().walk.level, None, "after the last come all");
}

#[test]
fn the_entrance_is_on_the_ticket_where_the_plan_draws_one() {
    let mut plan = blocks(4000);
    let gate = |label: &str, x| tmcore::seating::Area {
        shape: tmcore::seating::Shape::Text { at: tmcore::seating::Point { x, y: 0 } },
        label: Some(label.to_owned()),
    };
    plan.areas = vec![gate("Gate A \u{1b}[31m", 0), gate("Gate B", 2000)];
    let house = Arc::new(House::new(seat_map(&plan, &[])).unwrap());
    let mut model = at_event(SIZE, &house, |_| 0);
    let paid = order("FINALIZED", &house, &[0, 3999]);
    told(&mut model, News::Order(e1(), Ok(Box::new(paid))));
    assert!(crate::view::drawn(&model).contains(r"Gate A \u{1b}[31m"), "{}", crate::view::drawn(&model));
    press(&mut model, KeyCode::Down);
    assert!(crate::view::drawn(&model).contains("Gate B"));
    let commands = press(&mut model, KeyCode::Char('s'));
    let [Command::Save { text, name }] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(
        text.contains("Gate B") && !text.contains('\u{1b}') && name.starts_with("tickets-ord_"),
        "{text}"
    );
}

fn any_action() -> impl Strategy<Value = Action> {
    let keys = prop::sample::select(
        " bnucpsxftvLJoOXrRTyYm?:/+-=123456789hjklgGq\u{1b}e".chars().collect::<Vec<_>>(),
    );
    let codes = prop::sample::select(vec![
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
    ]);
    let key = |code| Action::Key(KeyEvent::new(code, KeyModifiers::NONE));
    let kinds = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Left),
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
    ]);
    let mouse = (kinds, 0..140_u16, 0..50_u16).prop_map(|(kind, column, row)| {
        Action::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    });
    prop_oneof![
        6 => keys.prop_map(move |character| key(KeyCode::Char(character))),
        4 => codes.prop_map(key),
        3 => mouse,
        1 => (1..220_u16, 1..70_u16).prop_map(|(columns, lines)| Action::Resize(columns, lines)),
        1 => (0..600_u32).prop_map(|seconds| Action::Tick(now().plus_seconds(seconds))),
        2 => (2..40_u64, 0..1200_u32, 0..4_u32).prop_map(|(seq, seat, state)| {
            Action::Told(News::Seats(e1(), SeatNews::Delta(delta(seq, vec![[seat, 3, state]]))))
        }),
        1 => Just(()).prop_map(|()| {
            Action::Told(News::Place(e1(), PlaceNews::Now(Box::new(session("ACTIVE", 0)))))
        }),
        1 => Just(()).prop_map(|()| Action::Told(News::Order(e1(), Err(Trouble::new("no"))))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// Whatever is pressed, clicked and told in whatever order: it can be drawn, a basket holds free seats only, never
    /// one twice, and never more than an order may have.
    #[test]
    fn whatever_happens_it_can_be_drawn_and_the_basket_is_sound(actions in prop::collection::vec(any_action(), 1..120)) {
        let house = theatre();
        let mut model = model((100, 30), Kind::OkabeIto, false);
        enter(&mut model, &summary("E1", "Gala", "on"), &house, busy);
        for action in actions {
            update(&mut model, action);
            crate::view::drawn(&model);
            let Some(visit) = &model.visit else { continue };
            let seats = visit.basket.seats();
            let mut sorted = seats.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), seats.len());
            let stock = visit.live.stock.as_ref().unwrap();
            prop_assert!(visit.checkout.holds() || seats.iter().all(|seat| stock.is_free(*seat)));
        }
        prop_assert!(model.over.toasts.iter().all(|toast| toast.mood != Mood::Bad || !toast.text.is_empty()));
    }
}
