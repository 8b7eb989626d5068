//! No order's past was changed: its edges are as many as it says, and each has the hash that it must have
//! ([`crate::history`]). Edges without a hash are older than hashes, so they come before all that have one.

use super::OrderCase;
use crate::Timestamp;

/// Looks at an order's history.
#[must_use]
pub fn of_order(case: &OrderCase, _now: Timestamp) -> Vec<String> {
    let head = case.history.head;
    let mut said = Vec::new();
    let mut before = None;
    for (place, (edge, hash)) in (1..).zip(&case.history.edges) {
        if edge.number != place {
            said.push(format!("edge {} stands where edge {place} has to", edge.number));
        }
        match hash {
            Some(hash) if *hash != edge.hash(case.order.id, before) => {
                said.push(format!("edge {} is not what it was when it was written", edge.number));
            }
            None if before.is_some() => said.push(format!("edge {} has lost its hash", edge.number)),
            _ => {}
        }
        before = hash.or(before);
    }
    let edges = case.history.edges.len();
    if usize::try_from(head.edges) != Ok(edges) || head.hash != before {
        said.push(format!("the order has {edges} edges, and its own record says {} others", head.edges));
    }
    said
}

/// Whether some of its edges are older than hashes.
#[must_use]
pub fn has_unhashed(case: &OrderCase) -> bool {
    case.history.edges.first().is_some_and(|(_, hash)| hash.is_none())
}
