//! Places for everybody who waits for one.

use tmcore::EventId;
use tmcore::event::Entry;
use tmcore::waiting_room::SessionState;

use super::Desk;
use crate::drill::{self, Mutant, Step};
use crate::ports::waiting_room::{Inside, Join, JoinRefusal, Joined, Place, SessionRecord};

impl Desk {
    /// Finds each a place, in their order; answers in it too.
    pub(super) fn join_all(&mut self, joins: &[Join]) -> Vec<Result<Joined, JoinRefusal>> {
        if !joins.is_empty() {
            drill::mark(Step::Join);
        }
        joins.iter().map(|join| self.join(join)).collect()
    }

    /// The buyer's place, or a new one at the end of the line.
    fn join(&mut self, join: &Join) -> Result<Joined, JoinRefusal> {
        let sale = &self.rows.sales.get(&join.event).ok_or(JoinRefusal::NotFound)?.sale;
        if !sale.rules.waiting_room {
            return Err(JoinRefusal::NoWaitingRoom);
        }
        if let Some(session) = self.rows.live_session(&join.event, join.user)
            && !drill::mutant(Mutant::SecondPlace)
        {
            return Ok(Joined { session: session.clone(), new: false });
        }
        let place = match sale.enter(self.at)? {
            Entry::Lobby => Place::Lobby,
            Entry::Line => Place::Line(self.take_place(&join.event)),
        };
        let session = SessionRecord {
            id: join.session,
            event: join.event.clone(),
            user: join.user,
            state: SessionState::Waiting,
            place,
            joined_at: self.at,
            inside: Inside::default(),
        };
        self.rows.lay_session(session.clone());
        self.changes.sessions.edges.was.insert(session.id, None);
        self.changes.sessions.edges.taken.push((session.id, None, session.state));
        Ok(Joined { session, new: true })
    }

    fn take_place(&mut self, event: &EventId) -> u64 {
        let Some(row) = self.rows.sales.get_mut(event) else { return 0 };
        let place = row.next_place;
        self.changes.sessions.next_places.entry(event.clone()).or_insert(place);
        row.next_place += 1;
        place
    }
}
