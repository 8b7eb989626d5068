//! A place in line, and how it moved.

use std::collections::VecDeque;

use tmapi::session::{SessionStatus, SessionView};
use tmcore::Timestamp;

/// How many earlier places are kept.
const MOST_SAMPLES: usize = 240;
const MILLIS_A_MINUTE: u64 = 60_000;

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

    /// Whether an order may be begun or is under way.
    pub fn is_inside(&self) -> bool {
        matches!(self.session.status, SessionStatus::Active | SessionStatus::Ordering)
    }

    /// How many of those ahead were let in or left during a minute, as this place saw it; unknown for the first moments.
    pub fn moved_a_minute(&self) -> Option<u64> {
        let (&(since, before), &(until, after)) = self.samples.front().zip(self.samples.back())?;
        let millis = until.millis_since(since);
        (millis >= 2_000).then(|| before.saturating_sub(after) * MILLIS_A_MINUTE / millis)
    }
}
