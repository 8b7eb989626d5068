//! The line: nobody inside who was not let in, never too many, and one place each.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Breach, Check, Step, breach, done};

/// When each buyer was first told to be inside.
fn admitted(history: &[Asked]) -> BTreeMap<u32, u64> {
    let mut at = BTreeMap::new();
    for asked in history.iter().filter(|asked| asked.step == Step::Wait && done(asked).is_some()) {
        let first = at.entry(asked.buyer).or_insert(asked.ended_millis);
        *first = asked.ended_millis.min(*first);
    }
    at
}

pub(super) fn admissions(history: &[Asked], found: &mut Vec<Breach>) {
    let inside = admitted(history);
    let orders = history.iter().filter(|asked| asked.step == Step::Order && done(asked).is_some());
    let strangers = orders.filter(|asked| inside.get(&asked.buyer).is_none_or(|at| *at > asked.ended_millis));
    for buyer in strangers.map(|asked| asked.buyer).collect::<BTreeSet<_>>() {
        breach(found, Check::Admitted, format!("buyer {buyer} began an order without having been let in"));
    }
}

/// A buyer was inside from when they knew it until they first asked for the last thing that only those inside can do.
pub(super) fn capacity(history: &[Asked], capacity: u64, found: &mut Vec<Breach>) {
    let mut last = BTreeMap::new();
    let mut first_asked = BTreeMap::new();
    for asked in history.iter().filter(|asked| done(asked).is_some()) {
        if matches!(asked.step, Step::Order | Step::Confirm | Step::Finalize | Step::Cancel) {
            let first = first_asked.entry((asked.buyer, asked.step)).or_insert(asked.began_millis);
            *first = asked.began_millis.min(*first);
        }
    }
    for ((buyer, _), began) in first_asked {
        let until = last.entry(buyer).or_insert(began);
        *until = began.max(*until);
    }
    let mut edges = Vec::new();
    for (buyer, from) in admitted(history) {
        if let Some(until) = last.get(&buyer).filter(|until| **until > from) {
            // Who goes in the same millisecond as another comes goes first.
            edges.extend([(from, 1_i8), (*until, -1)]);
        }
    }
    edges.sort_unstable_by_key(|&(at, step)| (at, step));
    let (mut inside, mut most) = (0_u64, (0, 0));
    for (at, step) in edges {
        inside = inside.saturating_add_signed(step.into());
        most = most.max((inside, at));
    }
    if most.0 > capacity {
        let (inside, at) = most;
        breach(
            found,
            Check::Capacity,
            format!("{inside} were inside at {at} ms, and the house holds {capacity}"),
        );
    }
}

/// W4: whoever joins again has the place that they had.
pub(super) fn places(history: &[Asked], found: &mut Vec<Breach>) {
    for asked in history {
        if let Some(known) = done(asked).filter(|known| known.places.len() > 1) {
            let what = format!("buyer {} has {} at once", asked.buyer, known.places.join(" and "));
            breach(found, Check::OnePlace, what);
        }
    }
}
