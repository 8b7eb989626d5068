//! The rows as whoever checks them reads them, page by page.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use tmcore::Timestamp;
use tmcore::verify::Case;
use tmcore::verify::life::{Record, Subject};

use super::StoreError;

/// What there is to be checked, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Events and their counters.
    Events,
    /// Seats and their tickets.
    Seats,
    /// Orders and all that belongs to them.
    Orders,
    /// Sessions.
    Sessions,
    /// Who was let in, one after the other.
    Admissions,
    /// Idempotency keys.
    Keys,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 6] =
        [Self::Events, Self::Seats, Self::Orders, Self::Sessions, Self::Admissions, Self::Keys];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Seats => "seats",
            Self::Orders => "orders",
            Self::Sessions => "sessions",
            Self::Admissions => "admissions",
            Self::Keys => "keys",
        }
    }
}

/// Where a page begins: behind a row of a part. Written as names and numbers with `@` between them, which no id holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The part.
    pub part: Part,
    /// The row's name; empty at the beginning.
    pub after: String,
    /// The second half of its name, where it has two: a seat's index, the text of a key.
    pub within: String,
}

impl Passage {
    /// The beginning of a part.
    #[must_use]
    pub const fn beginning(part: Part) -> Self {
        Self { part, after: String::new(), within: String::new() }
    }

    /// The beginning of the next part, if there is one.
    #[must_use]
    pub fn next_part(&self) -> Option<Self> {
        let mut rest = Part::ALL.into_iter().skip_while(|part| *part != self.part);
        rest.nth(1).map(Self::beginning)
    }
}

impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}@{}", self.part.as_str(), self.after, self.within)
    }
}

/// The text is no [`Passage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a passage")]
pub struct PassageError;

impl FromStr for Passage {
    type Err = PassageError;

    fn from_str(text: &str) -> Result<Self, PassageError> {
        let parts: Vec<_> = text.split('@').collect();
        let [part, after, within] = parts[..] else { return Err(PassageError) };
        let part = Part::ALL.into_iter().find(|known| known.as_str() == part).ok_or(PassageError)?;
        if part == Part::Admissions && !after.is_empty() && after.parse::<i64>().is_err()
            || part == Part::Seats && !within.is_empty() && within.parse::<u32>().is_err()
            || text.contains('\0')
        {
            return Err(PassageError);
        }
        Ok(Self { part, after: after.to_owned(), within: within.to_owned() })
    }
}

/// A page of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CasesPage {
    /// The cases, in the order of their names.
    pub cases: Vec<Case>,
    /// Where the next page of the part begins; `None` after its last.
    pub next: Option<Passage>,
    /// The clock that rows are dated with, not earlier than the instant that the page shows.
    pub as_of: Timestamp,
}

/// Reads and never writes. All of a page is of one instant, whatever is written meanwhile; two pages may be of two. What
/// stands all the time that it is read is on exactly one page.
#[async_trait]
pub trait VerifyStore: Send + Sync {
    /// At most `limit` cases behind a passage.
    ///
    /// # Errors
    /// [`StoreError`]; also for a row that no version of the program writes.
    async fn cases(&self, from: &Passage, limit: u32) -> Result<CasesPage, StoreError>;

    /// What is on record of a subject, with at most `limit` orders; `None` when there is no such thing.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn record(&self, subject: &Subject, limit: u32) -> Result<Option<(Record, Timestamp)>, StoreError>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_passage_is_read_as_it_was_written(part in 0..Part::ALL.len(), after in "[A-Za-z0-9_.:-]{0,40}", number: u32) {
            let part = Part::ALL[part];
            let after = if part == Part::Admissions { number.to_string() } else { after };
            let within = if part == Part::Seats { number.to_string() } else { after.clone() };
            let passage = Passage { part, after, within };
            prop_assert_eq!(passage.to_string().parse(), Ok(passage));
        }
    }

    #[test]
    fn parts_follow_each_other_to_the_last() {
        let mut passage = Passage::beginning(Part::Events);
        let mut seen = vec![passage.part];
        while let Some(next) = passage.next_part() {
            seen.push(next.part);
            passage = next;
        }
        assert_eq!(seen, Part::ALL);
        for bad in ["", "orders", "orders@a", "others@a@b", "admissions@x@", "seats@E1@x", "orders@a@b@c"] {
            assert_eq!(bad.parse::<Passage>(), Err(PassageError), "{bad}");
        }
    }
}
