//! Which seats an organiser may keep back.

use tmcore::seat::SeatState;
use tmcore::{SeatId, Timestamp};

use super::SeatRow;
use crate::ports::seat::BlockRefusal;

/// Which of the named seats were not found.
pub fn missing(ids: &[SeatId], found: &[SeatRow]) -> Vec<SeatId> {
    ids.iter().filter(|id| found.iter().all(|seat| seat.line.id != **id)).cloned().collect()
}

/// The seats to be written so that all of those found are blocked, or on sale again.
///
/// # Errors
/// [`BlockRefusal::Taken`] where somebody is about to pay: keeping a seat back then would take money without a ticket.
pub fn decide(found: Vec<SeatRow>, at: Timestamp, blocked: bool) -> Result<Vec<SeatRow>, BlockRefusal> {
    let (mut change, mut taken) = (Vec::new(), Vec::new());
    for seat in found {
        let state = seat.state.expire(at).unwrap_or(seat.state);
        match (state, blocked) {
            (SeatState::Available, true) | (SeatState::Blocked, false) => change.push(seat),
            (SeatState::Blocked, true) | (_, false) => {}
            (_, true) => taken.push(seat.line.id),
        }
    }
    if taken.is_empty() { Ok(change) } else { Err(BlockRefusal::Taken(taken)) }
}
