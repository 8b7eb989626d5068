//! No more are inside than the event's capacity (W1). Lowering it sends nobody out, so the highest it had counts.

use super::EventCase;

/// Looks at an event.
#[must_use]
pub fn of_event(case: &EventCase) -> Vec<String> {
    let (inside, capacity) = (case.inside, case.capacity);
    let said = || format!("{inside} are inside, and the capacity was never more than {capacity}");
    (inside > capacity).then(said).into_iter().collect()
}
