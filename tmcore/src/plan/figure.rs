//! What one daemon and the one database carry, each figure with where it comes from.

use std::borrow::Cow;
use std::num::NonZeroU64;

/// What a plan has to know of the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Figure {
    /// A daemon at rest, bytes.
    RestMemory,
    /// One open stream, bytes.
    StreamMemory,
    /// One place in line, at every daemon of the office, bytes.
    PlaceMemory,
    /// Places that a daemon tells over its streams in a second.
    Tellings,
    /// Answers out of the cache in a second.
    Reads,
    /// Looks at a place in a second.
    Polls,
    /// Places taken in a second.
    Joins,
    /// Whole purchases in a second.
    Orders,
    /// Signs of life written down in a second.
    Signs,
}

impl Figure {
    /// All of them; those of a daemon first, then those of the database.
    pub const ALL: [Self; 9] = [
        Self::RestMemory,
        Self::StreamMemory,
        Self::PlaceMemory,
        Self::Tellings,
        Self::Reads,
        Self::Polls,
        Self::Joins,
        Self::Orders,
        Self::Signs,
    ];

    /// Its name for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RestMemory => "memory at rest",
            Self::StreamMemory => "memory of a stream",
            Self::PlaceMemory => "memory of a place",
            Self::Tellings => "places told over streams",
            Self::Reads => "cached reads",
            Self::Polls => "polls of a place",
            Self::Joins => "joins",
            Self::Orders => "purchases",
            Self::Signs => "signs of life",
        }
    }

    /// What it is counted in.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::RestMemory | Self::StreamMemory | Self::PlaceMemory => "bytes",
            _ => "/s",
        }
    }

    /// Whether it is the one database's, so that more daemons do not raise it.
    #[must_use]
    pub const fn is_of_database(self) -> bool {
        matches!(self, Self::Joins | Self::Orders | Self::Signs)
    }
}

/// Where a figure comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was measured there.
    Measured(Cow<'static, str>),
    /// Nobody measured it; why it is taken to be so.
    Assumed(&'static str),
}

/// The figures that a plan is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures([(NonZeroU64, Source); Figure::ALL.len()]);

/// As `docs/performance.md` has them, of one daemon on two cores that PostgreSQL, Redis and the load's generator share; reads,
/// polls and purchases with SQLite.
impl Default for Figures {
    fn default() -> Self {
        let known = |figure: Figure| match figure {
            Figure::RestMemory => measured(29_600_000, "docs/performance.md: memory at rest"),
            Figure::StreamMemory => measured(18_555, "docs/performance.md: 10,000 idle session streams"),
            Figure::PlaceMemory => (512, Source::Assumed("counted from the types, tables half empty")),
            Figure::Tellings => measured(67_114, "docs/performance.md: 10,000 streams told in 149 ms"),
            Figure::Reads => measured(34_473, "docs/performance.md: GET availability, gzip"),
            Figure::Polls => measured(23_903, "docs/performance.md: poll of a place"),
            Figure::Joins => measured(2_965, "docs/performance.md: join, fresh guests"),
            Figure::Orders => measured(560, "docs/performance.md: purchases, closed loop"),
            Figure::Signs => measured(22_000, "docs/scaling.md: rows of PostgreSQL updated by one statement"),
        };
        Self(Figure::ALL.map(|figure| {
            let (value, source) = known(figure);
            (NonZeroU64::new(value).unwrap_or(NonZeroU64::MIN), source)
        }))
    }
}

const fn measured(value: u64, text: &'static str) -> (u64, Source) {
    (value, Source::Measured(Cow::Borrowed(text)))
}

impl Figures {
    /// A figure, in its unit.
    #[must_use]
    pub const fn get(&self, figure: Figure) -> u64 {
        self.0[figure as usize].0.get()
    }

    /// Where a figure comes from.
    #[must_use]
    pub const fn source(&self, figure: Figure) -> &Source {
        &self.0[figure as usize].1
    }

    /// Puts a figure in the place of another.
    pub fn set(&mut self, figure: Figure, value: NonZeroU64, source: Source) {
        self.0[figure as usize] = (value, source);
    }
}
