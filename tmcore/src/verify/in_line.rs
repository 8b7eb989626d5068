//! Nobody was let in before somebody with a better place (W2).

use std::collections::BTreeMap;

use super::{EventCase, Stretch};
use crate::EventId;

/// Looks at who waits and who is inside.
#[must_use]
pub fn of_event(case: &EventCase) -> Vec<String> {
    let (Some(waiting), Some(inside)) = case.line else { return Vec::new() };
    let said = || format!("place {inside} is inside, and place {waiting} still waits");
    (waiting < inside).then(said).into_iter().collect()
}

/// Appends those who were let in next; says so when they had a better place than who was let in before them.
pub fn append(lines: &mut BTreeMap<EventId, Stretch>, event: &EventId, next: Stretch) -> Option<String> {
    let Some(line) = lines.get_mut(event) else {
        lines.insert(event.clone(), next);
        return None;
    };
    let before = std::mem::replace(&mut line.last, next.last);
    let said = || format!("place {} of {event} was let in after place {before}", next.first);
    (next.first <= before).then(said)
}
