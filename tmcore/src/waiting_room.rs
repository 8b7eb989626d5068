//! The waiting room: who is let in, when, and what those in line are told.
//!
//! ```text
//! WAITING -> ACTIVE -> ORDERING -> DONE;   WAITING -> LEFT | ABANDONED;   ACTIVE -> EXPIRED
//! ```

pub mod estimate;
pub mod gate;
pub mod heard;
pub mod line;
pub mod lobby;

pub use estimate::{Estimate, Pace, estimate};
pub use gate::{Gate, GateLimits};
pub use heard::Heard;
pub use line::Line;

use serde::{Deserialize, Serialize};

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionState {
    /// In line, or in the lobby.
    Waiting,
    /// Let in.
    Active,
    /// With an open order.
    Ordering,
    /// Its order came to an end.
    Done,
    /// Gave the place up.
    Left,
    /// Lost the place: there was no sign of life, or the sale was closed.
    Abandoned,
    /// Was let in and began no order in time, or before the sale was closed.
    Expired,
}

impl SessionState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Active, Self::Ordering, Self::Done, Self::Left, Self::Abandoned, Self::Expired];

    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Active => "ACTIVE",
            Self::Ordering => "ORDERING",
            Self::Done => "DONE",
            Self::Left => "LEFT",
            Self::Abandoned => "ABANDONED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The state of a name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the session holds a place, in line or inside (W4).
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Active | Self::Ordering)
    }

    /// Whether the session takes one of the event's slots (W1).
    #[must_use]
    pub const fn is_inside(self) -> bool {
        matches!(self, Self::Active | Self::Ordering)
    }

    /// Whether the table at the top of the module has the edge.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Waiting, Self::Active | Self::Left | Self::Abandoned)
                | (Self::Active, Self::Ordering | Self::Expired)
                | (Self::Ordering, Self::Done)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::SessionState as S;

    #[test]
    fn an_ended_session_stays_ended_and_names_read_back() {
        for from in S::ALL {
            assert_eq!(S::parse(from.as_str()), Some(from));
            for to in S::ALL {
                assert!(from.is_live() || !from.may_become(to), "{from:?} -> {to:?}");
            }
        }
    }
}
