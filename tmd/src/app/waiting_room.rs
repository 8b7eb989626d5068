//! The waiting room: join, look, leave, and turns at the gate.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tmcore::{EventId, SessionId, UserId};

use super::Office;
use super::room::{Room, Standing};
use crate::ports::StoreError;
use crate::ports::waiting_room::{Join, JoinRefusal, Place, SessionRecord};

/// Sessions read at once.
const PAGE: u32 = 1_000;

impl Office {
    /// Finds the user a place, or the one the user has (W4). Answers whether it is new.
    ///
    /// # Errors
    /// [`JoinRefusal`].
    pub async fn join(&self, user: UserId, event: EventId) -> Result<(Standing, bool), JoinRefusal> {
        let session = SessionId::from_uuid(self.world().entropy.uuid_v7());
        let joined = self.commit.joins.commit(Join { session, user, event: event.clone() }).await??;
        let room = self.room(&event).await?.ok_or(JoinRefusal::NotFound)?;
        self.tell_sessions(std::slice::from_ref(&joined.session));
        self.ports.queue.announce(&event);
        self.rooms.touch(joined.session.id);
        let standing = room.standing(joined.session.id, self.world().clock.monotonic());
        Ok((standing.unwrap_or_else(|| room.standing_of(joined.session)), joined.new))
    }

    /// Where a session stands. Who is in line is found without the database. Looking is a sign of life (W9).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing(&self, session: SessionId) -> Result<Option<Standing>, StoreError> {
        let now = self.world().clock.monotonic();
        if let Some(standing) = self.rooms.of(session).and_then(|room| room.standing(session, now)) {
            return Ok(Some(standing));
        }
        let Some(record) = self.store().session(session).await? else { return Ok(None) };
        let room = self.room(&record.event).await?;
        Ok(room.map(|room| room.standing_of(record)))
    }

    /// Gives a place up.
    ///
    /// # Errors
    /// [`StoreError`]. `None` when the user has no such session.
    pub async fn leave(&self, session: SessionId, user: UserId) -> Result<Option<SessionRecord>, StoreError> {
        let left = self.store().leave(session, user).await?;
        if let Some(record) = &left {
            self.tell_sessions(std::slice::from_ref(record));
            self.ports.queue.announce(&record.event);
        }
        Ok(left)
    }

    /// One turn at the event's gate.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn turn(&self, event: &EventId) -> Result<u64, StoreError> {
        let turn = self.store().turn(event).await?;
        if turn.changed.is_empty() {
            return Ok(0);
        }
        if turn.admitted > 0 {
            metrics::counter!("waiting_room_admitted_total", "event" => event.to_string())
                .increment(turn.admitted);
        }
        self.tell_moved(&turn.changed, turn.admitted);
        Ok(turn.admitted)
    }

    /// Reads the rooms from the rows: after a restart everybody has their place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load_rooms(&self) -> Result<usize, StoreError> {
        self.store().revive().await?;
        Ok(self.read_rooms().await?.len())
    }

    /// Takes in every live session from the rows; answers which they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn read_rooms(&self) -> Result<HashSet<SessionId>, StoreError> {
        let (mut after, mut live, mut last_places) = (None, HashSet::new(), HashMap::new());
        loop {
            let page = self.store().live_sessions(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for record in &page {
                self.room(&record.event).await?;
                live.insert(record.id);
                if let Place::Line(place) = record.place {
                    let last_place = last_places.entry(record.event.clone()).or_insert(place);
                    *last_place = place.max(*last_place);
                }
            }
            self.rooms.take_in(&page, (0, self.world().clock.monotonic()));
        }
        for (event, place) in last_places {
            if let Some(room) = self.rooms.get(&event) {
                room.settle(place);
            }
        }
        Ok(live)
    }

    /// The event's room, made when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn room(&self, event: &EventId) -> Result<Option<Arc<Room>>, StoreError> {
        if let Some(room) = self.rooms.get(event) {
            return Ok(Some(room));
        }
        let Some(record) = self.store().event(event).await? else { return Ok(None) };
        Ok(Some(self.rooms.open(record.sale)))
    }
}
