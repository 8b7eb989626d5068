//! Why a seating plan is refused, and where in the document.

use std::fmt;

use crate::SeatId;
use crate::id::IdError;
use crate::text::is_control;

/// The first fault of a seating-plan document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// Where it is, as a path into the document (`zones[3].rows[2].seats[5].seat_guid`); empty for the whole of it.
    pub place: String,
    /// What it is.
    pub fault: PlanFault,
}

/// Where it is in the text, if there is one.
fn at(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!(" (line {line}, column {column})") }
}

/// What is wrong with a seating-plan document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// The document has more bytes than are read.
    #[error("the document is larger than {max_bytes} bytes")]
    TooLarge {
        /// The largest document that is read, in bytes.
        max_bytes: usize,
    },
    /// The document is cut off, followed by something, or no JSON at all.
    #[error("not JSON at line {line}, column {column}: {reason}")]
    NotJson {
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
        /// What the JSON reader says.
        reason: String,
    },
    /// A value is of another type than its field.
    #[error("{reason}{}", at(*line, *column))]
    WrongType {
        /// From 1; 0 where the document has no lines, having been read already.
        line: usize,
        /// In bytes, from 1; 0 where there are no lines.
        column: usize,
        /// What was found and what was expected.
        reason: String,
    },
    /// A field that must be there is not.
    #[error("missing")]
    Missing,
    /// A row without a number in a zone of several rows.
    #[error("missing; only the single row of a zone may go without")]
    RowUnnamed,
    /// Two seats of one id.
    #[error("duplicate seat `{id}`; the first is at {first}")]
    DuplicateSeat {
        /// The id of both.
        id: SeatId,
        /// Where the first one is.
        first: String,
    },
    /// Two categories of one name.
    #[error("duplicate category {name:?}; the first is at {first}")]
    DuplicateCategory {
        /// The name of both.
        name: String,
        /// Where the first one is.
        first: String,
    },
    /// A seat of a category that the plan does not define.
    #[error("unknown category {name:?}; the plan has {}", Known(.known))]
    UnknownCategory {
        /// The category of the seat, cut where it is long.
        name: String,
        /// The categories of the plan.
        known: Vec<String>,
    },
    /// No zone has a seat.
    #[error("the plan has no seats")]
    NoSeats,
    /// More of something than a plan may have.
    #[error("more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most a plan may have.
        max: usize,
    },
    /// A text that cannot be a seat's id.
    #[error(transparent)]
    BadId(#[from] IdError),
    /// A name without a visible character.
    #[error("blank")]
    Blank,
    /// A text past its limit.
    #[error("longer than {max_chars} characters")]
    TooLong {
        /// The longest text the field takes, in characters.
        max_chars: usize,
    },
    /// A text with an escape, a line break or a change of the writing direction in it.
    #[error("contains the control character U+{code:04X}")]
    ControlCharacter {
        /// Unicode code point.
        code: u32,
    },
    /// A number past its limits.
    #[error("outside of {min} to {max}")]
    OutOfRange {
        /// The smallest value.
        min: i32,
        /// The largest value.
        max: i32,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        self.fault.fmt(f)
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.fault)
    }
}

/// Writes the first few names of a list.
struct Known<'a>(&'a [String]);

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let shown = &self.0[..self.0.len().min(SHOWN)];
        f.write_str(&shown.join(", "))?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Where in the document the reader is. A chain of steps on the stack, written out only for a refusal.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    field: &'static str,
    index: Option<usize>,
}

impl Place<'_> {
    pub(super) const fn top(field: &'static str) -> Place<'static> {
        Place { parent: None, field, index: None }
    }

    pub(super) const fn field<'c>(&'c self, field: &'static str) -> Place<'c> {
        Place { parent: Some(self), field, index: None }
    }

    pub(super) const fn item<'c>(&'c self, field: &'static str, index: usize) -> Place<'c> {
        Place { parent: Some(self), field, index: Some(index) }
    }

    /// One item of a list at the top of the document.
    pub(super) const fn top_item(field: &'static str, index: usize) -> Place<'static> {
        Place { parent: None, field, index: Some(index) }
    }

    pub(super) fn refuse(&self, fault: PlanFault) -> PlanError {
        PlanError { place: self.to_string(), fault }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.field)?;
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

/// `text` fit for an error message: no control characters, cut after 120 characters.
pub(super) fn clipped(text: &str) -> String {
    const SHOWN: usize = 120;
    let mut clipped: String =
        text.chars().take(SHOWN).map(|c| if is_control(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        clipped.push('…');
    }
    clipped
}
