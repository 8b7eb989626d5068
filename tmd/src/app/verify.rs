//! What has to hold, looked at page by page; and the life of one thing.

use tmcore::Timestamp;
use tmcore::verify::Report;
use tmcore::verify::life::{self, Happening, Subject};

use super::Office;
use crate::ports::StoreError;
use crate::ports::verify::{Part, Passage};

/// The most orders that a life is told with.
const ORDERS_IN_A_LIFE: u32 = 100;

/// What came of a page.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What was looked at.
    pub part: Part,
    /// What came of it.
    pub report: Report,
    /// Where to go on; `None` when all was looked at.
    pub next: Option<Passage>,
    /// The store's clock.
    pub as_of: Timestamp,
}

/// A life.
#[derive(Clone, Debug)]
pub struct Life {
    /// How the thing stands now, where it is one.
    pub stands: Option<String>,
    /// What happened, oldest first.
    pub happenings: Vec<Happening>,
    /// The store's clock.
    pub as_of: Timestamp,
}

impl Office {
    /// Looks at a page; without a passage at the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify(&self, from: Option<Passage>) -> Result<Verified, StoreError> {
        let from = from.unwrap_or(Passage::beginning(Part::ALL[0]));
        let page = self.store().cases(&from, page_of(from.part)).await?;
        let mut report = Report::default();
        for case in &page.cases {
            report.look(case, page.as_of);
        }
        let next = page.next.or_else(|| from.next_part());
        Ok(Verified { part: from.part, report, next, as_of: page.as_of })
    }

    /// The life of a thing; `None` when there is no such thing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn life(&self, subject: &Subject) -> Result<Option<Life>, StoreError> {
        let Some((record, as_of)) = self.store().record(subject, ORDERS_IN_A_LIFE).await? else {
            return Ok(None);
        };
        Ok(Some(Life { stands: life::stands(&record), happenings: life::tell(&record), as_of }))
    }
}

/// Cases on a page: an event is counted seat by seat, an order comes with all that belongs to it.
const fn page_of(part: Part) -> u32 {
    match part {
        Part::Events => 5,
        Part::Orders => 250,
        Part::Seats | Part::Sessions | Part::Admissions | Part::Keys => 2_000,
    }
}
