//! Counters are what one comes to by counting.

use super::EventCase;

/// Looks at an event.
#[must_use]
pub fn of_event(case: &EventCase) -> Vec<String> {
    let (levels, planned) = &case.seats;
    let mut said = Vec::new();
    for level in levels.iter().filter(|level| level.counter != level.seats) {
        let (name, counter, seats) = (&level.name, level.counter, level.seats);
        said.push(format!("price level {name} is said to have {counter} seats, and has {seats}"));
    }
    let seats: u64 = levels.iter().map(|level| level.seats).sum();
    if *planned != seats {
        said.push(format!("the sections of the plan have {planned} seats, and the event has {seats}"));
    }
    let (clock, newest) = case.clock;
    if newest > clock {
        said.push(format!("a seat has change {newest}, and the last change of seats is said to be {clock}"));
    }
    let (next, worst) = case.next_place;
    if let Some(worst) = worst.filter(|worst| *worst >= next) {
        said.push(format!("somebody has place {worst}, and the next to join would get {next}"));
    }
    said
}
