use proptest::prelude::*;

use super::*;

const HOUSE: House = House { has_waiting_room: true, capacity: 2, hold_ttl_millis: 900 };

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
        ..Known::default()
    })
}

fn refused(code: &str) -> Outcome {
    Outcome::Fail(code.to_owned())
}

/// Seats held for the buyer's order until a time of the office's clock.
fn held(buyer: u32, seats: &[&str], until_millis: i64) -> Outcome {
    let Outcome::Ok(known) = order(buyer, seats, &[]) else { unreachable!() };
    Outcome::Ok(Known { until_millis: Some(until_millis), ..known })
}

/// Somebody inside who begins an order and holds a seat, one step a tenth of a second.
fn hold(buyer: u32, at: u64, until_millis: i64) -> Vec<Asked> {
    let mut history = purchase(buyer, at);
    history.truncate(4);
    history[3] = told(buyer, Step::Confirm, at + 100, held(buyer, &["A-1"], until_millis));
    history
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
    history.push(told(1, Step::Order, 50, refused("open-order-exists")));
    assert_eq!(checks(&history), [Check::OneAnswer, Check::Refusals]);
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
fn s2_a_seat_that_is_held_for_two_at_once_is_found() {
    // Both know that they have it at 301 ms, and neither can have lost it before 700.
    let two = [hold(1, 100, 5_900), hold(2, 200, 6_000)].concat();
    assert_eq!(checks(&two), [Check::OneHolder]);
    // Whoever gave it up, or let it lapse by either clock, leaves it to the next.
    let given_up = told(1, Step::Cancel, 250, refused("order-state"));
    assert_eq!(checks(&[two.clone(), vec![given_up]].concat()), []);
    assert_eq!(checks(&[hold(1, 100, 5_900), hold(2, 800, 6_600)].concat()), []);
    assert_eq!(checks(&[hold(1, 100, 5_900), hold(2, 200, 6_800)].concat()), []);
    // A refusal to take the money gives nothing up.
    let mut lost = hold(1, 100, 5_900);
    lost.push(told(1, Step::Finalize, 210, refused("fence-lost")));
    assert!(checks(&[lost, hold(2, 200, 6_000)].concat()).contains(&Check::OneHolder));
}

#[test]
fn s2_a_seat_that_is_held_after_it_was_sold_is_found() {
    let mut sold = hold(1, 100, 5_900);
    sold.push(told(1, Step::Finalize, 300, order(1, &["A-1"], &["tkt_1"])));
    assert_eq!(checks(&[sold.clone(), hold(2, 5_000, 9_000)].concat()), [Check::OneHolder]);
    assert_eq!(checks(&[sold, purchase(2, 5_000)].concat()), []);
}

#[test]
fn s4_m14_an_order_that_ends_before_its_time_is_found() {
    for (step, code) in
        [(Step::Finalize, "order-expired"), (Step::Finalize, "fence-lost"), (Step::Cancel, "order-expired")]
    {
        let mut history = hold(1, 0, 5_900);
        history.push(told(1, step, 500, refused(code)));
        assert_eq!(checks(&history), [Check::InTime], "{code}");
        // As fast as the office's clock may walk, its time may be up by then.
        history[4].ended_millis = 700;
        assert_eq!(checks(&history), [], "{code}");
    }
}

#[test]
fn m8_a_payment_after_the_end_is_found() {
    let mut history = hold(1, 0, 5_900);
    history.push(told(1, Step::Late, 2_000, refused("order-expired")));
    assert_eq!(checks(&history), []);
    // Whoever is told that others have the seats was heard too late.
    history[4].outcome = refused("fence-lost");
    assert_eq!(checks(&history), [Check::NotLate]);
    history[4].outcome = order(1, &["A-1"], &["tkt_1"]);
    assert_eq!(checks(&history), [Check::NotLate]);
    // What was bought too late was bought all the same.
    let bought =
        [hold(2, 3_000, 9_000), vec![told(2, Step::Finalize, 3_200, order(2, &["A-1"], &["tkt_2"]))]];
    assert_eq!(
        checks(&[vec![history], bought.to_vec()].concat().concat()),
        [Check::OneOwner, Check::OneHolder, Check::NotLate]
    );
}

#[test]
fn i5_m12_what_has_to_be_refused_and_is_not_is_found() {
    for (step, code, check) in [
        (Step::Reuse, "idempotency-key-reused", Check::OneRequest),
        (Step::Forge, "unauthenticated", Check::Unforged),
    ] {
        let mut history = purchase(1, 0);
        let mut asked = told(1, step, 10, refused(code));
        asked.key = history[3].key.clone().filter(|_| step == Step::Reuse);
        history.push(asked);
        assert_eq!(checks(&history), [], "{code}");
        history[5].outcome = refused("malformed");
        assert!(checks(&history).contains(&Check::Refusals), "{code}");
        history[5].outcome = history[3].outcome.clone();
        assert_eq!(checks(&history), [check]);
    }
}

#[test]
fn i7_a_refusal_that_only_the_cut_off_request_can_explain_is_found() {
    for (step, code, cause) in
        [(Step::Order, "open-order-exists", Step::Order), (Step::Confirm, "order-state", Step::Cancel)]
    {
        let mut history = purchase(1, 0);
        history.truncate(2);
        history.push(told(1, step, 10, refused(code)));
        assert_eq!(checks(&history), [Check::Refusals], "{code}");
        // What the buyer did besides explains it.
        let mut other = told(1, cause, 5, refused("order-state"));
        other.outcome = order(1, &[], &[]);
        other.key = Some("another".to_owned());
        history.push(other);
        assert_eq!(checks(&history), [], "{code}");
        // What they did afterwards does not.
        history[3].began_millis = 11;
        assert_eq!(checks(&history), [Check::Refusals], "{code}");
    }
}

#[test]
fn w4_two_places_are_found() {
    let mut history = purchase(1, 0);
    let places = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
    history.push(told(
        1,
        Step::Rejoin,
        1,
        Outcome::Ok(Known { places: places(&["ses_1"]), ..Known::default() }),
    ));
    assert_eq!(checks(&history), []);
    history[5].outcome = Outcome::Ok(Known { places: places(&["ses_1", "ses_2"]), ..Known::default() });
    assert_eq!(checks(&history), [Check::OnePlace]);
}

#[test]
fn without_a_waiting_room_nobody_has_to_be_let_in() {
    let mut history = purchase(1, 0);
    history.drain(..2);
    assert_eq!(check(&history, House { has_waiting_room: false, ..HOUSE }), []);
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
