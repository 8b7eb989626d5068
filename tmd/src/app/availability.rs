//! Which seats are to be had, counted by section, and what changed between two looks.

use tmcore::{EventId, Timestamp};

use super::Office;
use crate::ports::StoreError;
use crate::ports::seat::{SeatSnapshot, Sections};

/// Seats by status: available, reserved, sold, blocked.
pub type Counts = [u32; 4];

/// The seats of an event, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// Every seat.
    pub snapshot: SeatSnapshot,
    /// Sections in geometry order: name and counts.
    pub sections: Vec<(String, Counts)>,
}

/// What changed from one look to the next. Statuses are absolute, so it may be applied twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The `seq` it builds on.
    pub from: u64,
    /// The `seq` it leads to.
    pub seq: u64,
    /// When the later look was.
    pub as_of: Timestamp,
    /// Runs of seats: first index, how many, status.
    pub runs: Vec<[u32; 3]>,
    /// All seats, after.
    pub totals: Counts,
    /// Sections whose counts changed, after.
    pub sections: Vec<(String, Counts)>,
}

impl Availability {
    fn new(snapshot: SeatSnapshot, sections: Sections) -> Self {
        let mut codes = snapshot.codes.iter();
        let sections = sections
            .into_iter()
            .map(|(name, seats)| {
                (name, count(codes.by_ref().take(usize::try_from(seats).unwrap_or(usize::MAX))))
            })
            .collect();
        Self { snapshot, sections }
    }

    /// All seats together.
    #[must_use]
    pub fn totals(&self) -> Counts {
        count(self.snapshot.codes.iter())
    }

    /// What happened since `before`; `None` when nothing did.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<Change> {
        let runs = runs(&before.snapshot.codes, &self.snapshot.codes);
        if runs.is_empty() {
            return None;
        }
        let sections = self
            .sections
            .iter()
            .zip(&before.sections)
            .filter(|(now, then)| now != then)
            .map(|(now, _)| now.clone());
        Some(Change {
            from: before.snapshot.seq,
            seq: self.snapshot.seq,
            as_of: self.snapshot.as_of,
            runs,
            totals: self.totals(),
            sections: sections.collect(),
        })
    }
}

fn count<'a>(codes: impl Iterator<Item = &'a u8>) -> Counts {
    let mut counts = Counts::default();
    for &code in codes {
        if let Some(count) = counts.get_mut(usize::from(code)) {
            *count += 1;
        }
    }
    counts
}

fn runs(before: &[u8], after: &[u8]) -> Vec<[u32; 3]> {
    let mut runs: Vec<[u32; 3]> = Vec::new();
    for (index, (then, &now)) in (0..).zip(before.iter().zip(after)) {
        if *then == now {
            continue;
        }
        match runs.last_mut() {
            Some([first, length, status]) if *first + *length == index && *status == u32::from(now) => {
                *length += 1;
            }
            _ => runs.push([index, 1, now.into()]),
        }
    }
    runs
}

impl Office {
    /// How the event's seats stand; `None` when it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn availability(&self, event: &EventId) -> Result<Option<Availability>, StoreError> {
        let Some(sections) = self.store().sections(event).await? else { return Ok(None) };
        let snapshot = self.store().seat_snapshot(event).await?;
        Ok(snapshot.map(|snapshot| Availability::new(snapshot, sections)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seats(codes: Vec<u8>, seq: u64) -> Availability {
        let half = u32::try_from(codes.len() / 2).unwrap_or(0);
        let rest = u32::try_from(codes.len()).unwrap_or(0) - half;
        let snapshot = SeatSnapshot { seq, as_of: Timestamp::from_millis(0), codes };
        Availability::new(snapshot, vec![("A".into(), half), ("B".into(), rest)])
    }

    proptest! {
        /// A reader that applies the change to the state before sees the state after, also when it applies it twice.
        #[test]
        fn a_change_leads_from_one_state_to_the_next(pairs in proptest::collection::vec((0..4_u8, 0..4_u8), 0..300)) {
            let (before, after): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            let (old, new) = (seats(before.clone(), 1), seats(after.clone(), 2));
            let mut applied = before.clone();
            match new.since(&old) {
                None => prop_assert_eq!(&before, &after),
                Some(change) => for _ in 0..2 {
                    for [first, length, status] in &change.runs {
                        for index in *first..first + length {
                            applied[index as usize] = u8::try_from(*status).expect("a status");
                        }
                    }
                }
            }
            prop_assert_eq!(applied, after);
            prop_assert_eq!(new.totals().iter().sum::<u32>() as usize, new.snapshot.codes.len());
        }
    }
}
