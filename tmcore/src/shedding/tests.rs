use super::*;
use proptest::prelude::*;

const TARGET: Duration = Duration::from_millis(50);

fn any_class() -> impl Strategy<Value = Priority> {
    prop::sample::select(&Priority::ALL[..])
}

/// Looks at a queue, milliseconds of waiting each.
fn after(looks: impl IntoIterator<Item = u64>) -> Level {
    looks.into_iter().fold(Level::default(), |level, delay| level.after(Duration::from_millis(delay), TARGET))
}

proptest! {
    #[test]
    fn a_higher_class_is_never_refused_while_a_lower_one_is_let_in(
        delays in prop::collection::vec(0..500_u64, 0..200), high in any_class(), low in any_class(),
        draws in (0..1_000_u32, 0..1_000_u32), (in_flight, most) in (0..5_000_usize, 1..5_000_usize)
    ) {
        prop_assume!(high > low);
        let level = after(delays);
        prop_assert!(level.admits(high, draws.0) || !level.admits(low, draws.1), "{level:?}");
        prop_assert!(in_flight < high.room(most) || in_flight >= low.room(most));
    }

    #[test]
    fn everything_is_let_in_at_low_load(
        delays in prop::collection::vec(0..=50_u64, 0..200), class in any_class(), draw in 0..1_000_u32, most in 2..5_000_usize
    ) {
        prop_assert!(after(delays).admits(class, draw));
        prop_assert!(most / 2 - 1 < class.room(most), "half of the room is everybody's");
    }

    #[test]
    fn what_is_about_to_be_paid_is_never_refused_for_delay(
        delays in prop::collection::vec(0..5_000_u64, 0..500), draw in 0..1_000_u32
    ) {
        prop_assert!(after(delays).admits(Priority::Finalize, draw));
    }

    #[test]
    fn one_late_look_refuses_nobody(delay in 51..100_000_u64, class in any_class(), draw in 0..1_000_u32) {
        prop_assert!(after([0, delay, 0]).admits(class, draw));
    }

    #[test]
    fn a_standing_queue_lets_in_less_each_time_and_an_empty_one_more(
        delays in prop::collection::vec(0..500_u64, 0..200), late in 51..5_000_u64
    ) {
        let level = after(delays.iter().copied().chain([late, late]));
        let (less, more) = (level.after(Duration::from_millis(late), TARGET), level.after(Duration::ZERO, TARGET));
        prop_assert!(less.thousandths() < level.thousandths() || level.thousandths() == 1_000);
        prop_assert!(more.thousandths() > level.thousandths());
    }
}

#[test]
fn ten_looks_a_second_refuse_all_but_payments_within_seven_seconds_and_let_all_in_again_within_ten() {
    let down = after(std::iter::repeat_n(5_000, 70));
    assert_eq!(down.thousandths(), 1_000);
    let up = (0..100).fold(down, |level, _| level.after(Duration::ZERO, TARGET));
    assert_eq!(up, Level::default());
}

/// A queue that is fed ten times what is served, looked at ten times a second: what is let in settles near a tenth.
#[test]
fn under_ten_times_the_load_what_is_let_in_stays_near_what_is_served() {
    let (offered, served) = (10_000_u64, 1_000_u64);
    let (mut level, mut waiting, mut useful) = (Level::default(), 0_u64, 0_u64);
    for look in 0..600 {
        let browse = (0..1_000).filter(|draw| level.admits(Priority::Browse, *draw)).count() as u64;
        waiting += offered * browse / 1_000;
        let now = waiting.min(served);
        waiting -= now;
        if look >= 100 {
            useful += now;
            assert!(waiting < served * 5, "{waiting} wait");
        }
        level = level.after(Duration::from_millis(waiting * 100 / served), TARGET);
    }
    assert!(useful >= served * 500 * 9 / 10, "{useful}");
}

#[test]
fn every_route_has_its_class() {
    use Priority as P;
    for (method, path, class) in [
        ("GET", "/livez", None),
        ("GET", "/readyz", None),
        ("POST", "/api/orders/ord_1:finalize", Some(P::Finalize)),
        ("POST", "/api/orders/ord_1:refund", Some(P::Finalize)),
        ("POST", "/api/orders/ord_1:confirm", Some(P::Confirm)),
        ("POST", "/api/orders/ord_1:cancel", Some(P::Confirm)),
        ("POST", "/api/orders", Some(P::Confirm)),
        ("POST", "/api/bookings/E1", Some(P::Confirm)),
        ("POST", "/api/events/E1:pause", Some(P::Confirm)),
        ("POST", "/api/ticket-checks", Some(P::Confirm)),
        ("POST", "/api/payment-callbacks", Some(P::Callback)),
        ("GET", "/api/waiting-room/sessions/wrs_1", Some(P::Poll)),
        ("DELETE", "/api/waiting-room/sessions/wrs_1", Some(P::Poll)),
        ("GET", "/api/sse/waiting-room/sessions/wrs_1", Some(P::Poll)),
        ("GET", "/api/orders/ord_1", Some(P::Poll)),
        ("GET", "/api/tickets/tkt_1", Some(P::Poll)),
        ("POST", "/api/waiting-room/sessions", Some(P::Join)),
        ("GET", "/api/events", Some(P::Browse)),
        ("GET", "/api/events/E1", Some(P::Browse)),
        ("GET", "/api/events/E1/availability", Some(P::Browse)),
        ("GET", "/api/sse/events/E1/seats", Some(P::Browse)),
        ("GET", "/api/events/search", Some(P::Search)),
        ("GET", "/nowhere", Some(P::Search)),
    ] {
        assert_eq!(Priority::of(method, path), class, "{method} {path}");
    }
    assert!(Priority::ALL.is_sorted());
}
