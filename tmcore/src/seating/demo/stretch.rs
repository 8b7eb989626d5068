//! Lines on which rows of seats stand.

use crate::seating::Point;
use crate::seating::read::rounded;

/// A point before rounding, in plan units.
pub(super) type Spot = (f64, f64);

/// The point of a circle at an angle in degrees, 0 to the right, 90 downwards, as y grows downwards.
pub(super) fn on_circle(center: Spot, radius: f64, degrees: f64) -> Point {
    let (sin, cos) = degrees.to_radians().sin_cos();
    Point { x: rounded(center.0 + radius * cos), y: rounded(center.1 + radius * sin) }
}

/// The line of a row, from its first seat's end to its last seat's.
#[derive(Clone, Copy)]
pub(super) enum Stretch {
    Straight {
        from: Spot,
        to: Spot,
    },
    /// A piece of a circle between two angles as [`on_circle`] takes them.
    Arc {
        center: Spot,
        radius: f64,
        from: f64,
        to: f64,
    },
}

impl Stretch {
    /// In plan units.
    fn length(self) -> f64 {
        match self {
            Self::Straight { from, to } => (to.0 - from.0).hypot(to.1 - from.1),
            Self::Arc { radius, from, to, .. } => radius * (to - from).to_radians().abs(),
        }
    }

    /// The point `share` (0 to 1) of the way along.
    fn at(self, share: f64) -> Point {
        let along = |from: f64, to: f64| from + (to - from) * share;
        match self {
            Self::Straight { from, to } => {
                Point { x: rounded(along(from.0, to.0)), y: rounded(along(from.1, to.1)) }
            }
            Self::Arc { center, radius, from, to } => on_circle(center, radius, along(from, to)),
        }
    }

    /// As many places as fit, `pitch` apart and numbered from 1, with half of `aisle` left free at both ends.
    pub(super) fn places(self, pitch: f64, aisle: f64) -> impl Iterator<Item = (u32, Point)> {
        let length = self.length();
        let count = u32::try_from(rounded(((length - aisle) / pitch).floor())).unwrap_or(0);
        let first = (length - f64::from(count) * pitch) / 2.0 + pitch / 2.0;
        (0..count).map(move |i| (i + 1, self.at((first + f64::from(i) * pitch) / length)))
    }
}
