use std::sync::Arc;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use tmapi::ProblemCode;
use tmapi::client::SaleAction;

use super::*;
use crate::action::{Buy, Follow, News, PlaceNews, SeatNews, Trouble, Wire};
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
    assert_eq!(update(&mut model, Action::Tick(later)), [Command::Fetch(Fetch::Sale(e1()))]);
    press(&mut model, KeyCode::Esc);
    assert_eq!(update(&mut model, Action::Tick(later.plus_seconds(3))), []);
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
