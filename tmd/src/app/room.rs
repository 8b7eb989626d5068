//! The waiting rooms as this process sees them: who is in line before whom, without asking the database.
//!
//! Fed by what commits, here and in other processes; a fact that comes late or twice changes nothing, because sessions
//! only ever move forward.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use moka::sync::Cache;
use tmcore::event::{Sale, SaleState};
use tmcore::waiting_room::{Estimate, Heard, Line, Pace, SessionState, estimate};
use tmcore::{EventId, SessionId};
use tokio::sync::{Notify, watch};

use super::heartbeat::Heartbeats;
use crate::ports::waiting_room::{Place, SessionRecord};

/// What there is to tell the owner of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The session.
    pub session: SessionRecord,
    /// How many are before it; `None` in the lobby and once let in.
    pub ahead: Option<u64>,
    /// How many are in line or lobby.
    pub waiting: u64,
    /// How long the wait may take.
    pub estimate: Option<Estimate>,
    /// The organiser holds the line.
    pub paused: bool,
}

/// Counters of one room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// In line or lobby.
    pub waiting: u64,
    /// Let in, without an order.
    pub active: u64,
    /// With an open order.
    pub ordering: u64,
    /// Let in during the last minute.
    pub admitted_last_minute: u64,
}

/// How long and how many ended sessions are remembered, so that a late fact of one does not bring it back.
const ENDED_SECONDS: u64 = 60;
const MAX_ENDED: u64 = 100_000;

/// The rooms of all events, and in which room each session is.
#[derive(Debug)]
pub struct Rooms {
    by_event: RwLock<HashMap<EventId, Arc<Room>>>,
    by_session: RwLock<HashMap<SessionId, Arc<Room>>>,
    ended: Cache<SessionId, ()>,
    /// Who gave a sign of life.
    pub heartbeats: Heartbeats,
    /// Told when something of other processes was missed.
    pub is_behind: Notify,
}

/// The room of one event.
#[derive(Debug)]
pub struct Room {
    state: Mutex<RoomState>,
    news: watch::Sender<u64>,
}

#[derive(Debug)]
struct RoomState {
    sale: Sale,
    line: Line,
    heard: Heard,
    sessions: HashMap<SessionId, SessionRecord>,
    lobby: u64,
    inside: (u64, u64),
    /// How fast the line moves.
    pace: Pace,
}

impl Default for Rooms {
    fn default() -> Self {
        let ended =
            Cache::builder().max_capacity(MAX_ENDED).time_to_live(Duration::from_secs(ENDED_SECONDS)).build();
        Self {
            by_event: RwLock::default(),
            by_session: RwLock::default(),
            ended,
            heartbeats: Heartbeats::default(),
            is_behind: Notify::new(),
        }
    }
}

impl Rooms {
    /// Makes the event's room, or gives it the sale's new state.
    pub fn open(&self, sale: Sale) -> Arc<Room> {
        let mut rooms = self.by_event.write().unwrap_or_else(PoisonError::into_inner);
        let event = sale.event.clone();
        let room = rooms.entry(event).or_insert_with(|| Arc::new(Room::new(sale.clone())));
        room.change_sale(sale);
        Arc::clone(room)
    }

    /// The event's room, once it was opened.
    #[must_use]
    pub fn get(&self, event: &EventId) -> Option<Arc<Room>> {
        self.by_event.read().unwrap_or_else(PoisonError::into_inner).get(event).cloned()
    }

    /// The room a live session is in.
    #[must_use]
    pub fn of(&self, session: SessionId) -> Option<Arc<Room>> {
        self.by_session.read().unwrap_or_else(PoisonError::into_inner).get(&session).cloned()
    }

    /// Events that have a room: all of them, or those with somebody in it.
    #[must_use]
    pub fn events(&self, also_empty: bool) -> Vec<EventId> {
        let rooms = self.by_event.read().unwrap_or_else(PoisonError::into_inner);
        rooms
            .iter()
            .filter(|(_, room)| also_empty || !room.is_empty())
            .map(|(event, _)| event.clone())
            .collect()
    }

    /// After how long the first place of those in a room lapses; `None` when nobody is in any.
    #[must_use]
    pub fn shortest_lapse(&self) -> Option<Duration> {
        let rooms = self.by_event.read().unwrap_or_else(PoisonError::into_inner);
        let occupied = rooms.values().filter(|room| !room.is_empty());
        occupied.map(|room| Duration::from_secs(room.lock().sale.rules.lapse_seconds.into())).min()
    }

    /// Live sessions that are known here.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        self.by_session.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Takes in what was committed of sessions, and lets `admitted` of the first one's event at `at` count for the rate.
    pub fn take_in(&self, records: &[SessionRecord], admitted: (u64, Duration)) {
        for of_event in records.chunk_by(|one, next| one.event == next.event) {
            let Some(room) = of_event.first().and_then(|first| self.get(&first.event)) else { continue };
            for record in of_event {
                self.take_in_one(record, &room);
            }
            if of_event.as_ptr() == records.as_ptr() {
                room.lock().count_admissions(admitted);
            }
            room.tell();
        }
    }

    fn take_in_one(&self, record: &SessionRecord, room: &Arc<Room>) {
        let mut by_session = self.by_session.write().unwrap_or_else(PoisonError::into_inner);
        if !record.state.is_live() {
            by_session.remove(&record.id);
            self.ended.insert(record.id, ());
        } else if self.ended.contains_key(&record.id) {
            return;
        } else {
            by_session.insert(record.id, Arc::clone(room));
        }
        drop(by_session);
        room.lock().take_in(record);
    }
}

impl Room {
    fn new(sale: Sale) -> Self {
        let state = RoomState {
            sale,
            line: Line::new(),
            heard: Heard::default(),
            sessions: HashMap::new(),
            lobby: 0,
            inside: (0, 0),
            pace: Pace::default(),
        };
        Self { state: Mutex::new(state), news: watch::Sender::new(0) }
    }

    /// Where a live session stands at `now` of the process's monotonic clock; `None` when it is not live here.
    #[must_use]
    pub fn standing(&self, session: SessionId, now: Duration) -> Option<Standing> {
        let mut state = self.lock();
        let record = state.sessions.get(&session)?.clone();
        state.pace.go_on(now.as_secs());
        Some(state.standing(record))
    }

    /// What an ended session is told.
    #[must_use]
    pub fn standing_of(&self, session: SessionRecord) -> Standing {
        self.lock().standing(session)
    }

    /// Counters, at `now` of the process's monotonic clock.
    #[must_use]
    pub fn census(&self, now: Duration) -> Census {
        let mut state = self.lock();
        state.pace.go_on(now.as_secs());
        Census {
            waiting: state.line.len() + state.lobby,
            active: state.inside.0,
            ordering: state.inside.1,
            admitted_last_minute: state.pace.admitted(),
        }
    }

    /// Everybody who has a place up to this one was taken in.
    pub fn settle(&self, place: u64) {
        self.lock().heard.settle(place);
        self.tell();
    }

    /// Wakes at every change of the room.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Whether the sale has begun: from then on the seats are what they are.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.lock().sale.state != SaleState::Scheduled
    }

    /// Whether anybody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().sessions.is_empty()
    }

    fn change_sale(&self, sale: Sale) {
        let mut state = self.lock();
        if state.sale != sale {
            state.sale = sale;
            drop(state);
            self.tell();
        }
    }

    fn tell(&self) {
        self.news.send_modify(|version| *version += 1);
    }

    fn lock(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomState {
    fn take_in(&mut self, record: &SessionRecord) {
        if let Place::Line(place) = record.place {
            self.heard.note(place);
        }
        let known = self.sessions.get(&record.id);
        if known.is_some_and(|known| rank(known) >= rank(record)) {
            return;
        }
        let known = self.sessions.remove(&record.id);
        if let Some(known) = known {
            self.count(&known, false);
        }
        self.count(record, true);
        if record.state.is_live() {
            self.sessions.insert(record.id, record.clone());
        }
    }

    fn count(&mut self, record: &SessionRecord, added: bool) {
        let step = |count: &mut u64| *count = if added { *count + 1 } else { count.saturating_sub(1) };
        match (record.state, record.place) {
            (SessionState::Waiting, Place::Lobby) => step(&mut self.lobby),
            (SessionState::Waiting, Place::Line(place)) if added => self.line.insert(place),
            (SessionState::Waiting, Place::Line(place)) => self.line.remove(place),
            (SessionState::Active, _) => step(&mut self.inside.0),
            (SessionState::Ordering, _) => step(&mut self.inside.1),
            _ => {}
        }
    }

    fn standing(&self, session: SessionRecord) -> Standing {
        let ahead = match (session.state, session.place) {
            (SessionState::Waiting, Place::Line(place)) => {
                Some(self.line.ahead_of(place) + self.heard.missing_before(place))
            }
            _ => None,
        };
        let rate = self.sale.rules.gate.admissions_per_minute;
        let estimate =
            ahead.map(|ahead| estimate(ahead, self.pace.admitted(), self.pace.waited_seconds(), rate));
        Standing {
            session,
            ahead,
            waiting: self.line.len() + self.lobby,
            estimate,
            paused: self.sale.state == SaleState::Paused,
        }
    }

    fn count_admissions(&mut self, (admitted, at): (u64, Duration)) {
        let is_waited = !self.line.is_empty();
        self.pace.note(at.as_secs(), admitted, is_waited);
    }
}

/// How far a session has come. Sessions never go back.
const fn rank(record: &SessionRecord) -> u8 {
    match (record.state, record.place) {
        (SessionState::Waiting, Place::Lobby) => 0,
        (SessionState::Waiting, Place::Line(_)) => 1,
        (SessionState::Active, _) => 2,
        (SessionState::Ordering, _) => 3,
        _ => 4,
    }
}
