use proptest::prelude::*;

use super::sample::{
    NOW, at, end, event, event_case, good_order, money, ok, order, order_id, payment, session_id, sold_seat,
    ticket_id, user,
};
use super::*;
use crate::UserId;
use crate::order::OrderState;
use crate::payment::{Operation, PaymentState};
use crate::seat::{Fence, SeatState};
use crate::waiting_room::SessionState;

/// The rules that do not hold for a case.
fn broken(case: &Case, now: Timestamp) -> Vec<Rule> {
    let mut report = Report::default();
    report.look(case, now);
    assert_eq!(report.holds(), report.findings.values().all(|finding| finding.first.is_empty()));
    report.findings.into_iter().filter(|(_, finding)| finding.breaches > 0).map(|(rule, _)| rule).collect()
}

fn of(case: OrderCase) -> Case {
    Case::Order(Box::new(case))
}

/// A way to spoil an order, the states in which it is one, and the rule that must find it.
type Plant = (Rule, &'static [OrderState], fn(&mut OrderCase));

const OPEN: &[OrderState] =
    &[OrderState::Pending, OrderState::Authorizing, OrderState::Authorized, OrderState::Capturing];
const EXPIRING: &[OrderState] = &[OrderState::Pending, OrderState::Authorizing, OrderState::Authorized];
const SOLD: &[OrderState] = &[OrderState::Finalized];
const ENDED: &[OrderState] = &[OrderState::Expired, OrderState::Cancelled, OrderState::Failed];
const BOOKED: &[OrderState] = &[OrderState::Finalized, OrderState::Refunding, OrderState::Refunded];

const PLANTS: &[Plant] = &[
    (Rule::HoldsNeverOverlap, OPEN, |case| {
        let other = SeatState::Held { order: order_id(2), until: at(60), fence: Fence(6) };
        case.hold.seats[0].1 = Some(other);
    }),
    (Rule::HoldsNeverOverlap, OPEN, |case| case.hold.seats[0].1 = Some(SeatState::Available)),
    (Rule::HoldsNeverOverlap, OPEN, |case| case.hold.fence = Fence(4)),
    (Rule::HoldsNeverOverlap, &OrderState::ALL, |case| case.hold.seats[0].1 = None),
    (Rule::HoldsNeverOverlap, ENDED, |case| {
        case.hold.seats[0].1 = Some(SeatState::Pinned { order: order_id(1), fence: Fence(5) });
    }),
    (Rule::CapturedIsTicketedOrRefunded, SOLD, |case| drop(case.tickets.pop())),
    (Rule::CapturedIsTicketedOrRefunded, SOLD, |case| case.tickets[0].is_valid = false),
    (Rule::CapturedIsTicketedOrRefunded, &[OrderState::Refunding, OrderState::Refunded], |case| {
        case.payments.retain(|payment| payment.operation != Operation::Refund);
    }),
    (Rule::CapturedIsTicketedOrRefunded, ENDED, |case| {
        case.payments.retain(|payment| payment.operation != Operation::Capture);
        case.payments.push(payment(Operation::Capture, ok("cap"), case.order.total.amount));
    }),
    (Rule::AuthorizedIsCapturedOrVoided, ENDED, |case| {
        case.payments.retain(|payment| payment.operation != Operation::Void);
    }),
    (Rule::AuthorizedIsCapturedOrVoided, ENDED, |case| {
        for void in case.payments.iter_mut().filter(|payment| payment.operation == Operation::Void) {
            void.state = PaymentState::Declined { reason: "too late".into() };
        }
    }),
    (Rule::AuthorizedIsCapturedOrVoided, BOOKED, |case| {
        let mut second = payment(Operation::Authorize, ok("auth2"), case.order.total.amount);
        second.key = crate::payment::ProviderKey::derive(order_id(1), Operation::Authorize, 2);
        case.payments.push(second);
    }),
    (Rule::PaidIsTicketed, SOLD, |case| drop(case.tickets.pop())),
    (Rule::PaidIsTicketed, SOLD, |case| {
        case.payments.retain(|payment| payment.operation != Operation::Capture);
    }),
    (Rule::PaidIsTicketed, SOLD, |case| case.tickets[0].user = UserId::from_uuid(uuid::Uuid::from_u128(8))),
    (Rule::PaidIsTicketed, SOLD, |case| case.tickets[0].seat.1 = 99),
    (Rule::PaidIsTicketed, SOLD, |case| {
        let extra = TicketLine { id: ticket_id(99), ..case.tickets[0].clone() };
        case.tickets.push(extra);
    }),
    (Rule::PaidIsTicketed, SOLD, |case| case.hold.seats.clear()),
    (Rule::PaidIsTicketed, &[OrderState::Refunded, OrderState::Refunding], |case| {
        case.tickets[0].is_valid = true;
    }),
    (Rule::PaidIsTicketed, ENDED, |case| {
        case.hold.seats[0].1 = Some(SeatState::Sold { order: order_id(1), ticket: ticket_id(0) });
    }),
    (Rule::MoneyIsConserved, BOOKED, |case| case.order.total = money(case.order.total.amount + 1)),
    (Rule::MoneyIsConserved, BOOKED, |case| case.payments[1].amount.amount += 1),
    (Rule::MoneyIsConserved, BOOKED, |case| drop(case.payments.remove(0))),
    (Rule::MoneyIsConserved, BOOKED, |case| {
        let mut second = payment(Operation::Capture, ok("cap2"), case.order.total.amount);
        second.key = crate::payment::ProviderKey::derive(order_id(1), Operation::Capture, 2);
        case.payments.push(second);
    }),
    (Rule::BooksBalance, BOOKED, |case| case.books.truncate(1)),
    (Rule::BooksBalance, BOOKED, |case| case.books[0].1.amount.amount += 1),
    (Rule::BooksBalance, BOOKED, |case| case.books.push(case.books[0])),
    (Rule::BooksBalance, ENDED, |case| {
        case.books.extend(order(OrderState::Finalized, 1, 5, false).books);
    }),
    (Rule::NobodyOrdersUnadmitted, &OrderState::ALL, |case| {
        case.order.parties.session = None;
        case.admission = Admission { is_needed: true, session: None };
    }),
    (Rule::NobodyOrdersUnadmitted, &OrderState::ALL, |case| {
        case.order.parties.session = Some(session_id());
        case.admission.session = None;
    }),
    (Rule::NobodyOrdersUnadmitted, &OrderState::ALL, |case| {
        case.order.parties.session = Some(session_id());
        case.admission.session = Some((user(), event(), SessionState::Waiting, None));
    }),
    (Rule::NobodyOrdersUnadmitted, &OrderState::ALL, |case| {
        let state = if case.order.state.is_open() { SessionState::Ordering } else { SessionState::Done };
        case.order.parties.session = Some(session_id());
        case.admission.session = Some((user(), event(), state, Some(order_id(2))));
    }),
    (Rule::NothingIsStuck, EXPIRING, |case| case.order.expires_at = at(-61)),
    (
        Rule::NothingIsStuck,
        &[OrderState::Authorizing, OrderState::Capturing, OrderState::Refunding],
        |case| {
            case.payments.last_mut().unwrap().created_at = at(-61);
        },
    ),
    (
        Rule::NothingIsStuck,
        &[OrderState::Authorizing, OrderState::Capturing, OrderState::Refunding],
        |case| {
            case.payments.pop();
        },
    ),
];

proptest! {
    #[test]
    fn an_order_that_nothing_is_wrong_with_breaks_no_rule(case in good_order()) {
        prop_assert_eq!(broken(&of(case), NOW), vec![]);
    }

    /// Every rule about orders has its breach found, in every state in which it can be one.
    #[test]
    fn what_is_planted_in_an_order_is_found_by_its_rule(
        plant in 0..PLANTS.len(), pick: prop::sample::Index, seats in 1..5_u32, price in 1..9_000_i64, by_session: bool,
    ) {
        let (rule, states, spoil) = PLANTS[plant];
        let mut case = order(*pick.get(states), seats, price, by_session);
        spoil(&mut case);
        let found = broken(&of(case.clone()), NOW);
        prop_assert!(found.contains(&rule), "plant {}: {:?} is not among {:?}: {:?}", plant, rule, found, case);
    }

    /// Steps of before there were hashes are told, and no breach.
    #[test]
    fn an_order_whose_first_steps_are_older_than_hashes_is_told(state in 0..OrderState::ALL.len(), old: prop::sample::Index) {
        let mut case = order(OrderState::ALL[state], 1, 10, true);
        let edges: Vec<_> = case.history.edges.iter().map(|(edge, _)| *edge).collect();
        let old = old.index(edges.len()) + 1;
        let mut head = crate::history::Head { edges: u32::try_from(old).unwrap(), hash: None };
        for (n, edge) in edges.iter().enumerate() {
            let hash = (n >= old).then(|| head.append(case.order.id, (edge.from, edge.to), edge.at).1);
            case.history.edges[n].1 = hash;
        }
        case.history.head = head;
        let mut report = Report::default();
        report.look(&of(case), NOW);
        prop_assert!(report.holds(), "{:?}", report);
        prop_assert_eq!(report.unhashed, 1);
    }

    /// S4: what a hold past its time has lost is nobody's loss, and not a breach before it counts as stuck.
    #[test]
    fn s4_a_hold_past_its_time_may_have_lost_its_seats(late in 0..60_i64, seats in 1..5_u32) {
        for state in [OrderState::Authorizing, OrderState::Authorized] {
            let mut case = order(state, seats, 10, true);
            case.order.expires_at = at(-late);
            case.hold.seats[0].1 = Some(SeatState::Available);
            prop_assert_eq!(broken(&of(case), NOW), vec![]);
        }
    }

    /// W1, W2, C1.
    #[test]
    fn an_event_is_looked_at_by_its_counters(inside in 0..50_u64, room in 0..50_u64) {
        let good = event_case(inside, inside + room);
        prop_assert_eq!(broken(&Case::Event(good.clone()), NOW), vec![]);
        let spoiled = |spoil: &dyn Fn(&mut EventCase)| {
            let mut case = good.clone();
            spoil(&mut case);
            broken(&Case::Event(case), NOW)
        };
        prop_assert_eq!(spoiled(&|case| case.inside = case.capacity + 1), vec![Rule::CapacityIsKept]);
        prop_assert_eq!(spoiled(&|case| case.line = (Some(3), Some(4))), vec![Rule::AdmittedInOrder]);
        let counters: [&dyn Fn(&mut EventCase); 5] = [
            &|case| case.seats.0[0].counter += 1,
            &|case| case.seats.0[0].counter -= 1,
            &|case| case.seats.1 += 1,
            &|case| case.clock.1 += 1,
            &|case| case.next_place.0 -= 1,
        ];
        for spoil in counters {
            prop_assert_eq!(spoiled(spoil), vec![Rule::CountersEqualSeats]);
        }
    }

    /// W2: wherever the pages of the admissions begin, the same are out of order.
    #[test]
    fn w2_an_admission_out_of_order_is_found_across_pages(
        mut places in prop::collection::btree_set(0..1_000_u64, 2..40), cut in 0..40_usize, swap: Option<prop::sample::Index>,
    ) {
        let mut places: Vec<_> = std::mem::take(&mut places).into_iter().collect();
        if let Some(at) = &swap {
            let at = at.index(places.len() - 1);
            places.swap(at, at + 1);
        }
        let look = |places: &[u64]| {
            let mut report = Report::default();
            for place in places {
                let case = AdmissionCase { session: session_id(), event: event(), place: *place };
                report.look(&Case::Admission(case), NOW);
            }
            report
        };
        let (left, right) = places.split_at(cut.min(places.len()));
        let mut report = look(left);
        report.merge(look(right));
        let finding = &report.findings[&Rule::AdmittedInOrder];
        prop_assert_eq!(finding.looked, places.len() as u64);
        prop_assert_eq!(finding.breaches, u64::from(swap.is_some()));
    }

    /// However many pages there are, everything is counted, and the first twenty are told.
    #[test]
    fn breaches_are_counted_over_pages_and_the_first_are_told(pages in prop::collection::vec(0..30_usize, 0..6)) {
        let mut report = Report::default();
        for page in &pages {
            let mut found = Report::default();
            for _ in 0..*page {
                found.look(&of(order(OrderState::Finalized, 1, 1, true)), NOW);
                found.breach(Rule::BooksBalance, &"ord", "said".to_owned());
            }
            report.merge(found);
        }
        let all: usize = pages.iter().sum();
        let finding = report.findings.remove(&Rule::BooksBalance).unwrap_or_default();
        prop_assert_eq!((finding.looked, finding.breaches), (all as u64, all as u64));
        prop_assert_eq!(finding.first.len(), all.min(MAX_TOLD));
    }
}

/// S1, S2.
#[test]
fn a_seat_is_looked_at_with_its_tickets_and_its_order() {
    assert_eq!(broken(&Case::Seat(sold_seat()), NOW), []);
    let spoiled = |spoil: &dyn Fn(&mut SeatCase)| {
        let mut case = sold_seat();
        spoil(&mut case);
        broken(&Case::Seat(case), NOW)
    };
    let (tickets, overlap) = (vec![Rule::OneTicketASeat], vec![Rule::HoldsNeverOverlap]);
    assert_eq!(spoiled(&|case| case.tickets.push((ticket_id(1), order_id(2)))), tickets);
    assert_eq!(spoiled(&|case| case.tickets.clear()), tickets);
    assert_eq!(spoiled(&|case| case.tickets[0].1 = order_id(2)), tickets);
    assert_eq!(spoiled(&|case| case.state = SeatState::Available), tickets);
    assert_eq!(spoiled(&|case| case.order = None), overlap);
    assert_eq!(spoiled(&|case| case.order.as_mut().unwrap().seats.clear()), overlap);
    assert_eq!(spoiled(&|case| case.order.as_mut().unwrap().event = "E2".parse().unwrap()), overlap);
    assert_eq!(spoiled(&|case| case.order = Some(end(OrderState::Refunded))), overlap);
    let held = SeatState::Held { order: order_id(1), until: at(-500), fence: Fence(1) };
    let reserve = |state, seat| {
        let order = Some(end(state));
        let case = SeatCase { state: seat, order, tickets: Vec::new(), ..sold_seat() };
        broken(&Case::Seat(case), NOW)
    };
    let pinned = SeatState::Pinned { order: order_id(1), fence: Fence(1) };
    for state in OrderState::ALL {
        assert_eq!(reserve(state, held).is_empty(), state.can_expire(), "{state:?}");
        assert_eq!(reserve(state, pinned).is_empty(), state == OrderState::Capturing, "{state:?}");
        assert_eq!(reserve(state, SeatState::Blocked), []);
    }
}

/// W9, I7.
#[test]
fn who_is_inside_past_the_time_is_stuck_and_so_is_a_booking_that_was_left() {
    let session = |state, deadline, order| {
        broken(&Case::Session(SessionCase { session: session_id(), state, deadline, order }), NOW)
    };
    let stuck = vec![Rule::NothingIsStuck];
    assert_eq!(session(SessionState::Active, Some(at(-60)), None), []);
    assert_eq!(session(SessionState::Active, Some(at(-61)), None), stuck);
    assert_eq!(session(SessionState::Waiting, None, None), []);
    assert_eq!(session(SessionState::Ordering, None, None), stuck);
    assert_eq!(session(SessionState::Ordering, None, Some(end(OrderState::Expired))), stuck);
    assert_eq!(session(SessionState::Ordering, None, Some(end(OrderState::Authorized))), []);
    let other = OrderEnd { session: None, ..end(OrderState::Authorized) };
    assert_eq!(session(SessionState::Ordering, None, Some(other)), stuck);
    let key = |lease_until, is_booking, is_answered| {
        let order = Some(order_id(1));
        broken(&Case::Key(KeyCase { user: user(), lease_until, is_booking, is_answered, order }), NOW)
    };
    assert_eq!(key(Some(at(-61)), true, false), stuck);
    assert_eq!(key(Some(at(-60)), true, false), []);
    assert_eq!(key(Some(at(-6_000)), false, false), [], "its buyer may still come");
    assert_eq!(key(None, false, false), stuck);
    assert_eq!(key(None, true, true), []);
}

#[test]
fn every_rule_has_a_name_of_its_own_and_a_sentence() {
    let names: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        assert!(rule.sentence().ends_with('.') && rule.sentence().len() < 90, "{rule:?}");
    }
}
