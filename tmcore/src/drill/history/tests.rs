use proptest::prelude::*;

use super::*;

const HOUSE: House = House { has_waiting_room: true, capacity: 2 };

fn told(buyer: u32, step: Step, at: u64, outcome: Outcome) -> Asked {
    let key = (step != Step::Wait && step != Step::Join).then(|| format!("{}-{buyer}", step.as_str()));
    Asked { buyer, step, key, began_millis: at, ended_millis: at + 1, outcome }
}

fn order(buyer: u32, seats: &[&str], tickets: &[&str]) -> Outcome {
    let all = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Outcome::Ok(Known {
        order: Some(format!("ord_{buyer}")),
        status: "FINALIZED".to_owned(),
        seats: all(seats),
        tickets: all(tickets),
    })
}

/// A purchase with nothing wrong in it.
fn purchase(buyer: u32, at: u64) -> Vec<Asked> {
    let (seat, ticket) = (format!("A-{buyer}"), format!("tkt_{buyer}"));
    vec![
        told(buyer, Step::Join, at, Outcome::Ok(Known::default())),
        told(buyer, Step::Wait, at + 1, Outcome::Ok(Known::default())),
        told(buyer, Step::Order, at + 3, order(buyer, &[], &[])),
        told(buyer, Step::Confirm, at + 5, order(buyer, &[&seat], &[])),
        told(buyer, Step::Finalize, at + 7, order(buyer, &[&seat], &[&ticket])),
    ]
}

fn checks(history: &[Asked]) -> Vec<Check> {
    let mut checks: Vec<_> = check(history, HOUSE).into_iter().map(|breach| breach.check).collect();
    checks.sort_unstable();
    checks.dedup();
    checks
}

#[test]
fn s1_a_seat_that_was_sold_to_two_is_found() {
    let mut history = [purchase(1, 0), purchase(2, 100)].concat();
    history.push(told(3, Step::Wait, 200, Outcome::Ok(Known::default())));
    history.push(told(3, Step::Finalize, 210, order(3, &["A-1"], &["tkt_3"])));
    assert_eq!(checks(&history), [Check::OneOwner]);
    // Who is told twice of the same order has not bought twice.
    let again = history[4].clone();
    assert_eq!(checks(&[purchase(1, 0), vec![again]].concat()), []);
}

#[test]
fn m4_a_payment_without_its_tickets_is_found() {
    for tickets in [&[][..], &["tkt_1", "tkt_9"]] {
        let mut history = purchase(1, 0);
        history[4].outcome = order(1, &["A-1"], tickets);
        assert_eq!(checks(&history), [Check::Ticketed], "{tickets:?}");
    }
    let mut history = [purchase(1, 0), purchase(2, 100)].concat();
    history[9].outcome = order(2, &["A-2"], &["tkt_1"]);
    assert_eq!(checks(&history), [Check::Ticketed]);
}

#[test]
fn i4_two_answers_under_one_key_are_found() {
    let mut history = purchase(1, 0);
    history.push(told(1, Step::Order, 50, Outcome::Fail("open-order-exists".to_owned())));
    assert_eq!(checks(&history), [Check::OneAnswer]);
}

#[test]
fn w10_an_order_without_admission_is_found() {
    let mut history = purchase(1, 0);
    history.remove(1);
    assert_eq!(checks(&history), [Check::Admitted]);
    // Whoever was let in later was not inside yet.
    let mut history = purchase(1, 0);
    history[1].ended_millis = 1_000;
    assert_eq!(checks(&history), [Check::Admitted]);
}

#[test]
fn w2_one_more_than_the_house_holds_is_found() {
    assert_eq!(checks(&[purchase(1, 0), purchase(2, 0)].concat()), []);
    assert_eq!(checks(&[purchase(1, 0), purchase(2, 0), purchase(3, 0)].concat()), [Check::Capacity]);
}

#[test]
fn a_refusal_that_nobody_should_meet_and_an_answer_that_never_came_are_found() {
    let mut history = purchase(1, 0);
    history[4].outcome = Outcome::Fail("internal".to_owned());
    assert_eq!(checks(&history), [Check::Refusals]);
    history[4].outcome = Outcome::Info("no answer".to_owned());
    assert_eq!(checks(&history), [Check::Answered]);
}

#[test]
fn without_a_waiting_room_nobody_has_to_be_let_in() {
    let mut history = purchase(1, 0);
    history.drain(..2);
    assert_eq!(check(&history, House { has_waiting_room: false, capacity: 0 }), []);
}

proptest! {
    /// Purchases that do not overlap beyond the capacity are never called a breach, in whatever order they are written.
    #[test]
    fn nothing_is_found_where_nothing_is_wrong(starts in proptest::collection::vec(0_u64..10_000, 0..40), seed: u64) {
        let lanes = starts.len().div_ceil(2) as u64;
        let mut history: Vec<_> = (0..).zip(&starts).flat_map(|(buyer, _)| {
            // Two at a time: each lane is busy for eight milliseconds.
            purchase(buyer, u64::from(buyer) / 2 * 8)
        }).collect();
        let mut dice = crate::drill::Dice::new(seed ^ lanes);
        for at in (1..history.len()).rev() {
            history.swap(at, usize::try_from(dice.below(at as u64 + 1)).unwrap());
        }
        prop_assert_eq!(check(&history, HOUSE), []);
    }
}
