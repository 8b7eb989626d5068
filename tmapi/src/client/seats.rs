//! The state of every seat, unpacked from two bits a seat and kept up to date by deltas.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::availability::{AvailabilityView, SeatDelta};

/// How one seat stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeatState {
    /// To be had.
    Available,
    /// Held or being paid.
    Reserved,
    /// Ticketed.
    Sold,
    /// Kept back by the organiser.
    Blocked,
}

impl SeatState {
    const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::Available,
            1 => Self::Reserved,
            2 => Self::Sold,
            _ => Self::Blocked,
        }
    }
}

/// The states of an event's seats in geometry order, as of one `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatStates {
    seq: u64,
    states: Vec<SeatState>,
}

/// Something is missing between what is known and what came: fetch anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seat states have a gap")]
pub struct SeatGap;

impl SeatStates {
    /// Unpacks an answer.
    ///
    /// # Errors
    /// [`SeatGap`] when the status text is no base64 or too short for the seats it speaks of.
    pub fn unpack(view: &AvailabilityView) -> Result<Self, SeatGap> {
        let bytes = BASE64_STANDARD.decode(&view.status).map_err(|_| SeatGap)?;
        let count = usize::try_from(view.seat_count).map_err(|_| SeatGap)?;
        if bytes.len() < count.div_ceil(4) {
            return Err(SeatGap);
        }
        let of_byte = |byte: &u8| [0, 2, 4, 6].map(|shift| SeatState::from_bits(byte >> shift));
        let states = bytes.iter().flat_map(of_byte).take(count).collect();
        Ok(Self { seq: view.seq, states })
    }

    /// The version they are of.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The seat at a place of the geometry; a place that does not exist is blocked.
    #[must_use]
    pub fn get(&self, index: usize) -> SeatState {
        self.states.get(index).copied().unwrap_or(SeatState::Blocked)
    }

    /// All of them, in geometry order.
    #[must_use]
    pub fn as_slice(&self) -> &[SeatState] {
        &self.states
    }

    /// Brings them up to date; an older delta changes nothing.
    ///
    /// # Errors
    /// [`SeatGap`] when the delta builds on a version newer than this one, or names seats that do not exist.
    pub fn apply(&mut self, delta: &SeatDelta) -> Result<(), SeatGap> {
        // A hold ends without a new version: a delta of this very version may tell of it. Statuses are absolute, so one
        // that is applied twice does no harm.
        if delta.seq < self.seq {
            return Ok(());
        }
        if delta.from > self.seq {
            return Err(SeatGap);
        }
        for [first, count, bits] in &delta.changes {
            let range = usize::try_from(*first).ok().zip(usize::try_from(*count).ok());
            let run = range
                .and_then(|(first, count)| self.states.get_mut(first..first.checked_add(count)?))
                .ok_or(SeatGap)?;
            run.fill(SeatState::from_bits(u8::try_from(*bits).map_err(|_| SeatGap)?));
        }
        self.seq = delta.seq;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(count: u32, bytes: &[u8]) -> AvailabilityView {
        AvailabilityView {
            event_id: "E1".parse().unwrap(),
            seq: 7,
            as_of: tmcore::Timestamp::from_millis(0),
            seat_count: count,
            totals: crate::event::SeatTotals::default(),
            status: BASE64_STANDARD.encode(bytes),
            sections: vec![],
        }
    }

    fn delta(from: u64, seq: u64, changes: &[[u32; 3]]) -> SeatDelta {
        SeatDelta {
            event_id: "E1".parse().unwrap(),
            from,
            seq,
            as_of: tmcore::Timestamp::from_millis(0),
            changes: changes.to_vec(),
            totals: crate::event::SeatTotals::default(),
            sections: vec![],
        }
    }

    #[test]
    fn the_first_seat_is_in_the_lowest_bits() {
        use SeatState::{Available, Blocked, Reserved, Sold};
        let states = SeatStates::unpack(&view(5, &[0b11_10_01_00, 0b10])).unwrap();
        assert_eq!(states.as_slice(), [Available, Reserved, Sold, Blocked, Sold]);
        assert_eq!(states.get(99), Blocked);
    }

    #[test]
    fn a_delta_changes_runs_and_a_gap_is_noticed() {
        let mut states = SeatStates::unpack(&view(5, &[0, 0])).unwrap();
        states.apply(&delta(7, 9, &[[1, 2, 2], [4, 1, 1]])).unwrap();
        assert_eq!(states.seq(), 9);
        assert_eq!(
            (states.get(2), states.get(3), states.get(4)),
            (SeatState::Sold, SeatState::Available, SeatState::Reserved)
        );
        states.apply(&delta(6, 8, &[[0, 5, 3]])).unwrap();
        assert_eq!(states.get(0), SeatState::Available);
        states.apply(&delta(9, 9, &[[4, 1, 0]])).unwrap();
        assert_eq!((states.seq(), states.get(4)), (9, SeatState::Available));
        assert_eq!(states.apply(&delta(10, 11, &[])), Err(SeatGap));
        assert_eq!(states.apply(&delta(9, 10, &[[4, 2, 0]])), Err(SeatGap));
        assert_eq!(states.apply(&delta(9, 10, &[[u32::MAX, u32::MAX, 0]])), Err(SeatGap));
        assert_eq!(SeatStates::unpack(&view(5, &[0])), Err(SeatGap));
    }
}
