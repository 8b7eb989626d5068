//! A place in line, and how it moved.

use std::collections::VecDeque;

use tmapi::session::{SessionStatus, SessionView};
use tmcore::Timestamp;

/// How many earlier places are kept.
const MOST_SAMPLES: usize = 240;
const MILLIS_A_MINUTE: u64 = 60_000;
/// How far back the pace of the line is measured.
const PACE_MILLIS: u64 = 2 * MILLIS_A_MINUTE;
/// Before so much has passed a pace says nothing.
const FIRST_MILLIS: u64 = 2_000;

/// A place in line.
#[derive(Clone, Debug)]
pub struct Place {
    /// As the daemon told it last.
    pub session: SessionView,
    /// When it was told, and how many were ahead.
    pub samples: VecDeque<(Timestamp, u64)>,
    /// How its stream stands.
    pub link: super::visit::Link,
}

impl Place {
    /// A new place.
    pub fn new(session: SessionView, now: Timestamp) -> Self {
        let mut place =
            Self { session: session.clone(), samples: VecDeque::new(), link: super::visit::Link::Opening };
        place.hear(session, now);
        place
    }

    /// Takes over what was told; answers whether this is the moment of being let in.
    pub fn hear(&mut self, session: SessionView, now: Timestamp) -> bool {
        let was = self.session.status;
        if let Some(ahead) = session.ahead {
            if self.samples.len() == MOST_SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back((now, ahead));
        }
        self.session = session;
        was == SessionStatus::Waiting && self.session.status == SessionStatus::Active
    }

    /// Whether it goes on, and the daemon still tells of it.
    pub fn is_good(&self) -> bool {
        !self.session.status.is_terminal() && !matches!(self.link, super::visit::Link::Lost(_))
    }

    /// Whether an order may be begun or is under way.
    pub fn is_inside(&self) -> bool {
        matches!(self.session.status, SessionStatus::Active | SessionStatus::Ordering)
    }

    /// How many of those ahead were let in or left a minute during the last two, as this place saw it: a line that
    /// stands still comes to 0. Unknown for the first moments.
    pub fn moved_a_minute(&self, now: Timestamp) -> Option<u64> {
        let is_recent = |(at, _): &&(Timestamp, u64)| now.millis_since(*at) <= PACE_MILLIS;
        // The last one before that time says how many were ahead when it began.
        let earlier = self.samples.iter().rev().find(|sample| !is_recent(sample));
        let first = self.samples.iter().find(is_recent);
        let (before, millis) = match (earlier, first) {
            (Some((_, ahead)), _) => (*ahead, PACE_MILLIS),
            (None, Some((at, ahead))) => (*ahead, now.millis_since(*at)),
            (None, None) => return None,
        };
        let (_, after) = self.samples.back()?;
        (millis >= FIRST_MILLIS).then(|| before.saturating_sub(*after) * MILLIS_A_MINUTE / millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::sample::{now, session};

    #[test]
    fn the_pace_of_the_line_is_that_of_the_last_two_minutes() {
        let mut place = Place::new(session("WAITING", 600), now());
        assert_eq!(place.moved_a_minute(now().plus_seconds(1)), None, "a moment tells nothing");
        for second in 1..=60_u32 {
            place.hear(session("WAITING", 600 - u64::from(second) * 5), now().plus_seconds(second));
        }
        assert_eq!(place.moved_a_minute(now().plus_seconds(60)), Some(300));
        // Nobody is let in any more, and nothing is told either.
        assert_eq!(place.moved_a_minute(now().plus_seconds(120)), Some(150));
        assert_eq!(place.moved_a_minute(now().plus_seconds(170)), Some(27));
        assert_eq!(place.moved_a_minute(now().plus_seconds(400)), Some(0));
        // After a long silence it moved just now, not all the while.
        place.hear(session("WAITING", 299), now().plus_seconds(401));
        place.hear(session("WAITING", 240), now().plus_seconds(402));
        assert_eq!(place.moved_a_minute(now().plus_seconds(402)), Some(30));
        // It goes on, slower: what was long ago does not count.
        for second in 460..=640_u32 {
            place.hear(session("WAITING", 700 - u64::from(second)), now().plus_seconds(second));
        }
        assert_eq!(place.moved_a_minute(now().plus_seconds(640)), Some(60));
    }
}
