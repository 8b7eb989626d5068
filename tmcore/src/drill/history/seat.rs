//! Seats: one order's at a time, until its time is up, and sold once.

use std::collections::BTreeMap;

use super::{Asked, Breach, Check, House, Known, Step, breach, done, is_refused_with};

/// What was told of orders that are paid, once each.
fn paid(history: &[Asked]) -> BTreeMap<&str, (&Asked, &Known)> {
    let told = history.iter().filter(|asked| matches!(asked.step, Step::Finalize | Step::Late));
    let told = told.filter_map(|asked| {
        let known = done(asked)?;
        Some((known.order.as_deref()?, (asked, known)))
    });
    told.collect()
}

pub(super) fn owners(history: &[Asked], found: &mut Vec<Breach>) {
    let (mut seats, mut tickets) = (BTreeMap::new(), BTreeMap::new());
    for (order, (asked, known)) in paid(history) {
        for seat in &known.seats {
            if let Some(other) = seats.insert(seat, order) {
                breach(found, Check::OneOwner, format!("{seat} was sold to {other} and to {order}"));
            }
        }
        if known.tickets.is_empty() || known.tickets.len() != known.seats.len() {
            let (buyer, seats, tickets) = (asked.buyer, known.seats.len(), known.tickets.len());
            breach(
                found,
                Check::Ticketed,
                format!("{order} of buyer {buyer}: {seats} seats, {tickets} tickets"),
            );
        }
        for ticket in &known.tickets {
            if let Some(other) = tickets.insert(ticket, order) {
                breach(found, Check::Ticketed, format!("{ticket} belongs to {other} and to {order}"));
            }
        }
    }
}

/// A hold that somebody was told of.
#[derive(Clone, Copy, Debug)]
struct Hold<'a> {
    order: &'a str,
    seats: &'a [String],
    /// It was taken between these, by the crowd's clock.
    began_millis: u64,
    ended_millis: u64,
    /// When its time is up, by the office's clock.
    until_millis: i64,
    /// When it was sold for good, or when something was asked for or told that may have ended it before its time.
    sold_millis: u64,
    over_millis: u64,
}

fn holds(history: &[Asked]) -> Vec<Hold<'_>> {
    let mut holds: BTreeMap<&str, Hold<'_>> = BTreeMap::new();
    let mut over: BTreeMap<u32, u64> = BTreeMap::new();
    for asked in history {
        if asked.step == Step::Cancel || is_refused_with(asked, &["declined", "order-expired"]) {
            let first = over.entry(asked.buyer).or_insert(asked.began_millis);
            *first = asked.began_millis.min(*first);
        }
    }
    let taken = history.iter().filter(|asked| asked.step == Step::Confirm);
    for asked in taken {
        let Some(Known { order: Some(order), seats, until_millis: Some(until), .. }) = done(asked) else {
            continue;
        };
        let hold = holds.entry(order).or_insert_with(|| Hold {
            order,
            seats,
            began_millis: asked.began_millis,
            ended_millis: asked.ended_millis,
            until_millis: *until,
            sold_millis: u64::MAX,
            over_millis: over.get(&asked.buyer).copied().unwrap_or(u64::MAX),
        });
        hold.began_millis = hold.began_millis.min(asked.began_millis);
        hold.ended_millis = hold.ended_millis.min(asked.ended_millis);
    }
    for (order, (asked, _)) in paid(history) {
        if let Some(hold) = holds.get_mut(order) {
            hold.sold_millis = asked.ended_millis;
        }
    }
    holds.into_values().collect()
}

impl Hold<'_> {
    /// Whether the order has its seats without doubt: by the crowd's clock `at` some time, by the office's before `until`.
    const fn runs(&self, at_millis: u64, house: House) -> bool {
        let least = self.began_millis + house.shortest_hold_millis();
        self.ended_millis <= at_millis && at_millis < self.over_millis && at_millis < least
    }

    /// Whether both orders were told that they have a seat, when neither can have lost it.
    fn is_beside(&self, other: &Self, house: House) -> bool {
        let at = self.ended_millis.max(other.ended_millis);
        let ttl = i64::try_from(house.hold_ttl_millis).unwrap_or(i64::MAX);
        let both_run = self.runs(at, house) && other.runs(at, house);
        let by_the_office = other.until_millis.abs_diff(self.until_millis) < ttl.unsigned_abs();
        let is_sold = |one: &Self, two: &Self| one.sold_millis <= two.began_millis;
        both_run && by_the_office || is_sold(self, other) || is_sold(other, self)
    }
}

/// S2: no seat is held for two orders at once, nor for one when it is sold to another.
pub(super) fn holders(history: &[Asked], house: House, found: &mut Vec<Breach>) {
    let holds = holds(history);
    let mut by_seat: BTreeMap<&str, Vec<&Hold<'_>>> = BTreeMap::new();
    for hold in &holds {
        for seat in hold.seats {
            by_seat.entry(seat).or_default().push(hold);
        }
    }
    for (seat, holds) in by_seat {
        for (at, hold) in holds.iter().enumerate() {
            for other in holds.iter().skip(at + 1).filter(|other| hold.is_beside(other, house)) {
                let (one, two) = (hold.order, other.order);
                breach(found, Check::OneHolder, format!("{seat} was held for {one} and for {two} at once"));
            }
        }
    }
}

/// S4, M14: nobody is told that their time is up, or that their seats are lost, before it can be. M8: nobody pays after
/// they were told.
pub(super) fn ends(history: &[Asked], house: House, found: &mut Vec<Breach>) {
    let mut begun: BTreeMap<u32, u64> = BTreeMap::new();
    for asked in history.iter().filter(|asked| matches!(asked.step, Step::Order | Step::Confirm)) {
        let first = begun.entry(asked.buyer).or_insert(asked.began_millis);
        *first = asked.began_millis.min(*first);
    }
    for asked in history {
        let (buyer, step) = (asked.buyer, asked.step.as_str());
        if asked.step == Step::Late && (done(asked).is_some() || is_refused_with(asked, &["fence-lost"])) {
            let what = format!("buyer {buyer} was told that the time is up, and then heard all the same");
            breach(found, Check::NotLate, what);
        }
        let Some(begun) = begun.get(&buyer) else { continue };
        let had = asked.ended_millis.saturating_sub(*begun);
        let is_early = had < house.shortest_hold_millis();
        if is_early && is_refused_with(asked, &["order-expired", "fence-lost"]) {
            let what = format!(
                "buyer {buyer} began an order, and {had} ms later was told at {step} that it is lost"
            );
            breach(found, Check::InTime, what);
        }
    }
}
