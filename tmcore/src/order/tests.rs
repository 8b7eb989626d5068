use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::money::Currency;

fn order(state: OrderState) -> Order {
    let event = "E1".parse().expect("an id");
    let user = UserId::from_uuid(Uuid::from_u128(2));
    Order {
        id: OrderId::from_uuid(Uuid::from_u128(1)),
        parties: OrderParties { user, event, session: None },
        state,
        expires_at: Timestamp::from_millis(1_000),
        created_at: Timestamp::from_millis(0),
        total: Money::new(100, Currency::EUR),
        cards: CardTries::default(),
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Confirm,
    Authorized,
    Declined,
    NeverHappened,
    Finalize,
    Captured,
    CapturedInVain,
    CaptureRefused,
    Refund,
    Refunded,
    Cancel,
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Confirm),
        Just(Step::Authorized),
        Just(Step::Declined),
        Just(Step::NeverHappened),
        Just(Step::Finalize),
        Just(Step::Captured),
        Just(Step::CapturedInVain),
        Just(Step::CaptureRefused),
        Just(Step::Refund),
        Just(Step::Refunded),
        Just(Step::Cancel),
        Just(Step::Expire),
    ]
}

fn take(order: Order, step: Step, now: Timestamp) -> Result<Transition, OrderRefusal> {
    let total = order.total;
    match step {
        Step::Confirm => order.confirm(now, 1, total),
        Step::Authorized => Ok(order.authorized(now)),
        Step::Declined => Ok(order.declined(now)),
        Step::NeverHappened => Ok(order.authorization_never_happened(now)),
        Step::Finalize => order.finalize(now),
        Step::Captured => Ok(order.captured()),
        Step::CapturedInVain => Ok(order.captured_in_vain()),
        Step::CaptureRefused => Ok(order.capture_refused()),
        Step::Refund => order.refund(),
        Step::Refunded => Ok(order.refunded()),
        Step::Cancel => order.cancel(now),
        Step::Expire => Ok(order.expire(now)),
    }
}

/// The edges of the table at the top of the module.
fn is_edge(from: OrderState, to: OrderState) -> bool {
    use OrderState as S;
    matches!(
        (from, to),
        (S::Pending, S::Authorizing)
            | (S::Authorizing, S::Authorized | S::Pending)
            | (S::Authorized, S::Capturing)
            | (S::Capturing, S::Finalized | S::Failed)
            | (S::Finalized, S::Refunding)
            | (S::Refunding, S::Refunded)
            | (S::Pending | S::Authorizing | S::Authorized, S::Expired | S::Cancelled)
    )
}

proptest! {
    /// Whatever happens in whatever order: only edges of the table, money only out of pinned seats, and an end that
    /// was reached stays reached.
    #[test]
    fn m7_m8_only_the_listed_edges_and_capture_only_after_pin(
        steps in proptest::collection::vec((step(), 0..400_i64), 1..40)
    ) {
        let mut current = order(OrderState::Pending);
        let mut clock = 0;
        for (step, pause) in steps {
            clock += pause;
            let now = Timestamp::from_millis(clock);
            let before = current.clone();
            let Ok(after) = take(current.clone(), step, now) else { continue };
            let (from, to) = (before.state, after.order.state);
            let path: Vec<_> = [Some(from), after.through, Some(to)].into_iter().flatten().collect();
            let listed = from == to || path.windows(2).all(|edge| is_edge(edge[0], edge[1]));
            prop_assert!(listed, "{path:?} by {step:?}");
            let refunds = after.effects.contains(&Effect::Refund);
            prop_assert_eq!(refunds, to == OrderState::Refunding && from != to, "money goes back once");
            if refunds {
                prop_assert!(!after.effects.contains(&Effect::IssueTickets), "no ticket for money that goes back");
            }
            if after.effects.contains(&Effect::Capture) {
                prop_assert!(after.effects.contains(&Effect::PinSeats));
                prop_assert!(before.expires_at > now, "captured past its time");
            }
            if after.effects.contains(&Effect::IssueTickets) {
                prop_assert_eq!(from, OrderState::Capturing);
            }
            if !to.is_open() && from.is_open() {
                prop_assert!(after.effects.contains(&Effect::CloseSession));
            }
            if before.cards.attempts > 0 {
                prop_assert!(after.order.expires_at == before.expires_at, "M14: extended after a decline");
            }
            current = after.order;
        }
    }

    #[test]
    fn m9_a_late_authorization_is_voided(ended in prop_oneof![Just(OrderState::Expired), Just(OrderState::Cancelled)]) {
        let after = order(ended).authorized(Timestamp::from_millis(5_000));
        prop_assert_eq!(after.effects, vec![Effect::Void]);
        prop_assert_eq!(after.order.state, ended);
    }
}

#[test]
fn m14_the_third_decline_cancels_and_gives_the_seats_back() {
    let now = Timestamp::from_millis(10);
    let mut current = order(OrderState::Pending);
    for decline in 1..=3 {
        let total = current.total;
        current = current.confirm(now, 1, total).expect("pending").order;
        let after = current.declined(now);
        assert_eq!(after.effects.contains(&Effect::ReleaseSeats), decline == 3);
        current = after.order;
    }
    assert_eq!(current.state, OrderState::Cancelled);
}

#[test]
fn m8_finalizing_past_the_hold_ends_the_order_and_voids_the_card() {
    let after = order(OrderState::Authorized).finalize(Timestamp::from_millis(1_000)).expect("an end");
    assert_eq!(after.order.state, OrderState::Expired);
    assert_eq!(after.effects, vec![Effect::ReleaseSeats, Effect::Void, Effect::CloseSession]);
}

#[test]
fn state_names_read_back() {
    for state in OrderState::ALL {
        assert_eq!(OrderState::parse(state.as_str()), Some(state));
    }
}
