//! How much of a fault there is.

use std::time::Duration;

use tmcore::drill::Dice;

use super::{Fault, How, Kind};
use crate::drill::trouble::Trouble;

/// How long, how slow, how little, how far off. What a fault does not have is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    pub lasts: Duration,
    pub latency: Duration,
    /// In a second, or at once.
    pub bytes: u32,
    /// From the true time.
    pub offset_seconds: i64,
}

/// The least and the most of everything that a fault has.
struct Bounds {
    lasts_millis: (u64, u64),
    latency_millis: (u64, u64),
    bytes: (u64, u64),
    /// Either way.
    offset_seconds: (u64, u64),
}

const NONE: (u64, u64) = (0, 0);

impl Bounds {
    const fn of(fault: Fault) -> Self {
        let is_provider = matches!(fault.kind, Kind::Gateway);
        let mut bounds = Self { lasts_millis: NONE, latency_millis: NONE, bytes: NONE, offset_seconds: NONE };
        bounds.lasts_millis = match fault.how {
            How::Kill | How::Empty => (200, 1_700),
            How::Pause => (500, 4_000),
            How::Flush | How::Terminate | How::Trouble(Trouble::Cut | Trouble::Reset) => NONE,
            How::Trouble(Trouble::Silent | Trouble::Hole | Trouble::OneWay) if is_provider => (500, 3_500),
            How::Trouble(Trouble::Silent | Trouble::Hole | Trouble::OneWay) => (300, 2_300),
            How::Trouble(Trouble::Commit) => (200, 1_000),
            How::Trouble(Trouble::Slow | Trouble::Jitter | Trouble::Rate | Trouble::Slices)
            | How::Callbacks(_)
            | How::Jump => (1_000, 4_000),
            How::Fill => (1_000, 3_000),
        };
        match fault.how {
            How::Trouble(Trouble::Slow) if is_provider => bounds.latency_millis = (200, 1_000),
            How::Trouble(Trouble::Slow) => bounds.latency_millis = (50, 300),
            How::Trouble(Trouble::Jitter) => bounds.latency_millis = (20, 300),
            How::Trouble(Trouble::Rate) => bounds.bytes = (4_000, 40_000),
            How::Trouble(Trouble::Slices) => bounds.bytes = (1, 9),
            How::Jump => bounds.offset_seconds = (5, 3_600),
            _ => {}
        }
        bounds
    }
}

impl Measure {
    /// One that is usual for a fault, drawn. As many numbers are drawn for every fault.
    pub fn drawn(fault: Fault, dice: &mut Dice) -> Self {
        let bounds = Bounds::of(fault);
        let mut within = |(least, most): (u64, u64)| least + dice.below((most - least).max(1));
        let lasts = Duration::from_millis(within(bounds.lasts_millis));
        let latency = Duration::from_millis(within(bounds.latency_millis));
        let bytes = u32::try_from(within(bounds.bytes)).unwrap_or(u32::MAX);
        let offset_seconds = i64::try_from(within(bounds.offset_seconds)).unwrap_or_default();
        let offset_seconds = if dice.chance(50) { offset_seconds } else { -offset_seconds };
        Self { lasts, latency, bytes, offset_seconds }
    }

    /// What a fault has, by name: `for`, `latency`, `bytes`, `offset`.
    pub const fn has(fault: Fault) -> [(&'static str, bool); 4] {
        let bounds = Bounds::of(fault);
        [
            ("for", bounds.lasts_millis.1 > 0),
            ("latency", bounds.latency_millis.1 > 0),
            ("bytes", bounds.bytes.1 > 0),
            ("offset", bounds.offset_seconds.1 > 0),
        ]
    }
}
