//! Signs of life: polls and open streams, written down together from time to time (W9).

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tmcore::SessionId;

use super::Office;
use super::room::Rooms;
use crate::ports::StoreError;

/// Who gave a sign of life since it was last written down.
#[derive(Debug, Default)]
pub struct Heartbeats {
    polled: Mutex<HashSet<SessionId>>,
    streams: Mutex<HashMap<SessionId, u32>>,
    /// When they were written down last, by the process's monotonic clock.
    written_at: Mutex<Duration>,
}

/// Signs of life are written down this often while a place takes to lapse, so that one may be late.
const SIGNS_A_LAPSE: u32 = 3;

impl Heartbeats {
    /// Counts a stream in, unless the session has `most` open already (E5).
    #[must_use]
    pub fn open(&self, session: SessionId, most: u32) -> bool {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(session).or_insert(0);
        let fits = *open < most;
        if fits {
            *open += 1;
        }
        fits
    }

    /// Counts a stream out.
    pub fn close(&self, session: SessionId) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = streams.get_mut(&session) {
            *open -= 1;
            if *open == 0 {
                streams.remove(&session);
            }
        }
    }

    /// How many streams are open.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|open| u64::from(*open))
            .sum()
    }

    fn touch(&self, session: SessionId) {
        self.polled.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
    }

    /// Whether it is time to write them down; if so, the next time is counted from now.
    fn is_due(&self, now: Duration, pause: Duration) -> bool {
        let mut written_at = self.written_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = now.saturating_sub(*written_at) >= pause;
        if is_due {
            *written_at = now;
        }
        is_due
    }

    fn take(&self) -> Vec<SessionId> {
        let mut seen = std::mem::take(&mut *self.polled.lock().unwrap_or_else(PoisonError::into_inner));
        seen.extend(self.streams.lock().unwrap_or_else(PoisonError::into_inner).keys());
        seen.into_iter().collect()
    }
}

impl Rooms {
    /// A sign of life.
    pub fn touch(&self, session: SessionId) {
        self.heartbeats.touch(session);
    }
}

impl Office {
    /// Writes down who gave a sign of life, as often as the settings say, and oftener where places lapse sooner (W9).
    ///
    /// # Errors
    /// [`StoreError`]. The signs are lost then; the next ones come with the next poll.
    pub async fn flush_heartbeats(&self) -> Result<(), StoreError> {
        let flush_seconds = self.config.waiting_room.heartbeat_flush_seconds;
        let pause = match self.rooms.shortest_lapse() {
            Some(lapse) => (lapse / SIGNS_A_LAPSE).min(Duration::from_secs(flush_seconds.into())),
            None => Duration::from_secs(flush_seconds.into()),
        };
        if !self.rooms.heartbeats.is_due(self.world().clock.monotonic(), pause) {
            return Ok(());
        }
        let seen = self.rooms.heartbeats.take();
        if seen.is_empty() { Ok(()) } else { self.store().touch(&seen).await }
    }
}
