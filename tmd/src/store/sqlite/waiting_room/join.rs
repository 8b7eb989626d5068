//! Places for everybody who waits for one, by as many statements as for a single buyer.

use std::collections::HashMap;

use sqlx::SqliteConnection;
use tmcore::event::{Entry, Sale};
use tmcore::waiting_room::SessionState;
use tmcore::{EventId, SessionId, Timestamp, UserId};

use crate::drill::{self, Mutant, Step};
use crate::ports::StoreError;
use crate::ports::waiting_room::{Inside, Join, JoinRefusal, Joined, Place, SessionRecord};
use crate::store::sqlite::row::int;
use crate::store::sqlite::{catalog, failed, json_array, session};

/// Finds each a place, in their order; answers in it too.
pub(in crate::store::sqlite) async fn all(
    tx: &mut SqliteConnection,
    joins: &[Join],
    at: Timestamp,
) -> Result<Vec<Result<Joined, JoinRefusal>>, StoreError> {
    if joins.is_empty() {
        return Ok(Vec::new());
    }
    drill::mark(Step::Join);
    let mut queue = Queue { sales: sales(tx, joins).await?, live: live(tx, joins).await?, at };
    let decided: Vec<_> = joins.iter().map(|join| queue.enter(join)).collect();
    let new: Vec<_> =
        decided.iter().flatten().filter(|joined| joined.new).map(|joined| joined.session.id).collect();
    let places = places(tx, queue, &new).await?;
    insert(tx, &new, &places, at).await?;
    Ok(decided.into_iter().map(|answer| answer.map(|joined| placed(joined, &places))).collect())
}

/// What the joins of a batch meet.
struct Queue {
    sales: HashMap<EventId, Sale>,
    /// Who has a place, those of the batch included.
    live: HashMap<(EventId, UserId), SessionRecord>,
    at: Timestamp,
}

impl Queue {
    /// The buyer's place, or a new one; where in line it is, is found for all together.
    fn enter(&mut self, join: &Join) -> Result<Joined, JoinRefusal> {
        let sale = self.sales.get(&join.event).ok_or(JoinRefusal::NotFound)?;
        if !sale.rules.waiting_room {
            return Err(JoinRefusal::NoWaitingRoom);
        }
        let buyer = (join.event.clone(), join.user);
        if let Some(session) = self.live.get(&buyer)
            && !drill::mutant(Mutant::SecondPlace)
        {
            return Ok(Joined { session: session.clone(), new: false });
        }
        let place = match sale.enter(self.at)? {
            Entry::Lobby => Place::Lobby,
            Entry::Line => Place::Line(0),
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
        self.live.insert(buyer, session.clone());
        Ok(Joined { session, new: true })
    }
}

async fn sales(tx: &mut SqliteConnection, joins: &[Join]) -> Result<HashMap<EventId, Sale>, StoreError> {
    let mut sales = HashMap::new();
    for join in joins {
        if !sales.contains_key(&join.event)
            && let Some(sale) = catalog::sale(tx, &join.event).await?
        {
            sales.insert(join.event.clone(), sale);
        }
    }
    Ok(sales)
}

/// The one live session each may have (W4).
async fn live(
    tx: &mut SqliteConnection,
    joins: &[Join],
) -> Result<HashMap<(EventId, UserId), SessionRecord>, StoreError> {
    let buyers: Vec<_> = joins.iter().map(|join| (&join.event, join.user)).collect();
    let rows = sqlx::query(
        "SELECT DISTINCT s.* FROM json_each(?) w CROSS JOIN sessions s
         WHERE s.event_id = w.value ->> 0 AND s.user_id = w.value ->> 1 AND s.state IN ('WAITING', 'ACTIVE', 'ORDERING')",
    )
    .bind(json_array(&buyers)?)
    .fetch_all(tx)
    .await
    .map_err(failed)?;
    let mut live = HashMap::new();
    for row in &rows {
        let session = session::read(row)?;
        live.insert((session.event.clone(), session.user), session);
    }
    Ok(live)
}

/// Sessions by id, those that are new at the end of their line in the order in which they came.
type Placed = HashMap<SessionId, SessionRecord>;

async fn places(tx: &mut SqliteConnection, queue: Queue, new: &[SessionId]) -> Result<Placed, StoreError> {
    let mut sessions: Placed = queue.live.into_values().map(|session| (session.id, session)).collect();
    for event in queue.sales.keys() {
        let in_line: Vec<_> = new
            .iter()
            .filter(|id| sessions.get(id).is_some_and(|s| s.event == *event && s.place != Place::Lobby))
            .copied()
            .collect();
        if in_line.is_empty() {
            continue;
        }
        let first = take_places(tx, event, in_line.len()).await?;
        for (place, id) in (first..).zip(in_line) {
            if let Some(session) = sessions.get_mut(&id) {
                session.place = Place::Line(place);
            }
        }
    }
    Ok(sessions)
}

/// Takes so many places at the end of the line; answers the first of them.
async fn take_places(tx: &mut SqliteConnection, event: &EventId, count: usize) -> Result<u64, StoreError> {
    let first: i64 = sqlx::query_scalar(
        "UPDATE gates SET next_place = next_place + ?1 WHERE event_id = ?2 RETURNING next_place - ?1",
    )
    .bind(int(count)?)
    .bind(event.as_str())
    .fetch_one(tx)
    .await
    .map_err(failed)?;
    u64::try_from(first).map_err(StoreError::failed)
}

async fn insert(
    tx: &mut SqliteConnection,
    new: &[SessionId],
    places: &Placed,
    at: Timestamp,
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = new
        .iter()
        .filter_map(|id| places.get(id))
        .map(|session| {
            let (place, lobby) = match session.place {
                Place::Lobby => (0, 1),
                Place::Line(place) => (place, 0),
            };
            (session.id, &session.event, session.user, place, lobby)
        })
        .collect();
    sqlx::query(
        "INSERT INTO sessions (session_id, event_id, user_id, place, lobby, state, joined_at, seen_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 'WAITING', ?2, ?2 FROM json_each(?1)",
    )
    .bind(json_array(&rows)?)
    .bind(at.as_millis())
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    session::append(tx, new, None, SessionState::Waiting, at).await
}

fn placed(joined: Joined, places: &Placed) -> Joined {
    match places.get(&joined.session.id) {
        Some(session) => Joined { session: session.clone(), ..joined },
        None => joined,
    }
}
