//! What a screen shows live: a place in line, or the seats of an event, with how much it can be trusted.
//!
//! A stream of the daemon is one thing, following it is another: [`follow`] connects again by itself, goes on where it
//! was, notices what is missing and fetches it, and says at every moment whether what was told last still holds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use tmcore::{EventId, SessionId};
use tokio::sync::watch;

use super::retry::back_off;
use super::stream::{Feed, LONGEST_DELAY, Numbered, Patience, feed_after};
use super::stream::{seats_path, session_path};
use super::{Client, ClientError, SeatEvent, SeatStates, SessionEvent, StreamItem, StreamState};
use crate::ProblemCode;
use crate::availability::{AvailabilityView, SeatDelta};

/// How often the seats are fetched anew for one gap, before the stream is begun anew.
const FETCHES_A_GAP: u32 = 4;
/// The ceiling of the pause between these: the daemon's own picture may be that old.
const FETCH_PAUSE: Duration = Duration::from_millis(500);

/// What to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    /// A place in the waiting room.
    Session(SessionId),
    /// The seats of an event.
    Seats(EventId),
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveEvent {
    /// How the connection stands.
    State(LiveState),
    /// The place in line, as it stands now.
    Session(SessionEvent),
    /// The seats.
    Seats(SeatsEvent),
}

/// How far what was told last can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// Connected, and heard from.
    Live,
    /// Connected, but silent for longer than the daemon's heartbeat allows.
    Stale {
        /// For how long already; it goes on from here.
        silent_for: Duration,
    },
    /// Cut off; what was told last grows old.
    Reconnecting {
        /// How long until the next try.
        after: Duration,
        /// Tries since the last event, from 1.
        attempt: u32,
        /// What happened, for people.
        cause: String,
    },
    /// Nothing more will come. The last item.
    Ended(LiveEnd),
}

/// Why nothing more will come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveEnd {
    /// What was followed is over, and that was told.
    Over,
    /// The daemon refused, and will refuse again (401, 403, 404, 410).
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, for programs; absent when it was no daemon that answered.
        code: Option<ProblemCode>,
        /// Why, for people.
        detail: String,
    },
    /// What answers is no stream that this version can read.
    Unusable(String),
}

/// News of seats. Whoever takes in all of them, in order, has the truth: a delta always applies to what came before.
#[derive(Clone, Debug, PartialEq)]
pub enum SeatsEvent {
    /// Everything, unpacked: replaces what is known. First of all, and after whatever was missed.
    Snapshot {
        /// The counters, and when they were read.
        view: Box<AvailabilityView>,
        /// Every seat.
        states: SeatStates,
    },
    /// What changed; [`SeatStates::apply`] takes it in.
    Delta(SeatDelta),
}

/// Follows a place in line or an event's seats. Dropping the stream lets go of the connection.
#[must_use]
pub fn follow(client: &Client, what: Follow) -> LiveStream {
    follow_after(client, what, Patience::default(), None)
}

pub(super) fn follow_after(
    client: &Client,
    what: Follow,
    patience: Patience,
    cursor: Option<String>,
) -> LiveStream {
    let (tell_cursor, cursor) = watch::channel(cursor);
    let source = Source { client: client.clone(), patience, cursor: tell_cursor };
    let items = match &what {
        Follow::Session(session) => source.session(*session),
        Follow::Seats(event) => source.seats(event.clone()),
    };
    LiveStream { what, patience, cursor, items }
}

/// Goes on until [`LiveState::Ended`]. Nothing is lost when a wait for the next item is given up.
pub struct LiveStream {
    what: Follow,
    patience: Patience,
    cursor: watch::Receiver<Option<String>>,
    items: BoxStream<'static, LiveEvent>,
}

impl LiveStream {
    /// The next thing to tell; `None` after [`LiveState::Ended`].
    pub async fn next(&mut self) -> Option<LiveEvent> {
        self.items.next().await
    }

    /// What is followed.
    #[must_use]
    pub const fn what(&self) -> &Follow {
        &self.what
    }

    /// The id of the last event, after which the daemon goes on.
    #[must_use]
    pub fn cursor(&self) -> Option<String> {
        self.cursor.borrow().clone()
    }

    /// The same with another client: another address of the office, or another credential. Goes on where it was.
    #[must_use]
    pub fn resume(self, client: &Client) -> Self {
        let cursor = self.cursor();
        // The daemon counts open streams: this one is closed before the next is opened.
        drop(self.items);
        follow_after(client, self.what, self.patience, cursor)
    }
}

impl Stream for LiveStream {
    type Item = LiveEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<LiveEvent>> {
        self.items.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for LiveStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveStream").field("what", &self.what).finish_non_exhaustive()
    }
}

/// Where events come from, and how far they were told.
struct Source {
    client: Client,
    patience: Patience,
    cursor: watch::Sender<Option<String>>,
}

impl Source {
    fn session(self, session: SessionId) -> BoxStream<'static, LiveEvent> {
        let feed: Feed<Numbered<SessionEvent>> = self.feed(session_path(session));
        feed.map(move |item| match item {
            Ok(StreamItem::Event(Numbered { id, event })) => {
                self.passed(id);
                LiveEvent::Session(event)
            }
            Ok(StreamItem::State(state)) => LiveEvent::State(self.state(state)),
            Err(error) => LiveEvent::State(LiveState::Ended(end(&error))),
        })
        .boxed()
    }

    fn seats(self, event: EventId) -> BoxStream<'static, LiveEvent> {
        let feed = self.feed(seats_path(&event));
        let seats = Seats { feed, source: self, event, known: None, ahead: None, failures: 0, pause: None };
        futures::stream::unfold(
            seats,
            |mut seats| async move { seats.next().await.map(|event| (event, seats)) },
        )
        .fuse()
        .boxed()
    }

    fn feed<T: super::stream::Readable>(&self, path: String) -> Feed<Numbered<T>> {
        let cursor = self.cursor.borrow().clone();
        feed_after(self.client.clone(), path, self.patience, cursor)
    }

    fn passed(&self, id: Option<String>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.cursor.send_replace(Some(id));
        }
    }

    fn state(&self, state: StreamState) -> LiveState {
        match state {
            StreamState::Live => LiveState::Live,
            StreamState::Stale => LiveState::Stale { silent_for: self.patience.stale_after },
            StreamState::Reconnecting { after, attempt, cause } => {
                LiveState::Reconnecting { after, attempt, cause }
            }
            StreamState::Ended => LiveState::Ended(LiveEnd::Over),
        }
    }
}

/// What was told of the seats.
#[derive(Clone, Copy, Debug)]
struct Known {
    seq: u64,
    seat_count: u32,
}

/// The seats of an event, followed.
struct Seats {
    source: Source,
    event: EventId,
    feed: Feed<Numbered<SeatEvent>>,
    /// Nothing before the first snapshot, and after a gap.
    known: Option<Known>,
    /// A delta that builds on what is missing.
    ahead: Option<SeatDelta>,
    /// How often in a row the stream was begun anew.
    failures: u32,
    /// What is waited before the stream is begun anew.
    pause: Option<Duration>,
}

impl Seats {
    async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if let Some(pause) = self.pause {
                tokio::time::sleep(pause).await;
                self.begin_anew();
            }
            if let Some(delta) = self.ahead.take() {
                match self.judge(&delta) {
                    Judged::Fits => return Some(self.tell_delta(delta)),
                    Judged::Known => continue,
                    Judged::Gap => return Some(self.close_gap(delta).await),
                    Judged::Broken => return Some(self.give_up("a change of seats that do not exist")),
                }
            }
            match self.feed.next().await? {
                Ok(StreamItem::Event(Numbered { id, event })) => {
                    self.source.passed(id);
                    match event {
                        SeatEvent::Delta(delta) => self.ahead = Some(delta),
                        SeatEvent::Snapshot(view) => match self.tell_snapshot(view) {
                            Some(event) => return Some(event),
                            None => return Some(self.give_up("a snapshot of the seats cannot be read")),
                        },
                    }
                }
                Ok(StreamItem::State(state)) => return Some(LiveEvent::State(self.source.state(state))),
                Err(error) => return Some(LiveEvent::State(LiveState::Ended(end(&error)))),
            }
        }
    }

    fn judge(&self, delta: &SeatDelta) -> Judged {
        let Some(known) = self.known else { return Judged::Gap };
        // A hold ends without a new version: a delta of this very version may tell of it.
        if delta.seq < known.seq {
            return Judged::Known;
        }
        let exists = |[first, count, status]: &[u32; 3]| {
            first.checked_add(*count).is_some_and(|end| end <= known.seat_count) && *status <= 3
        };
        if delta.from > known.seq {
            return Judged::Gap;
        }
        if delta.changes.iter().all(exists) { Judged::Fits } else { Judged::Broken }
    }

    fn tell_delta(&mut self, delta: SeatDelta) -> LiveEvent {
        if let Some(known) = &mut self.known {
            known.seq = delta.seq;
        }
        self.failures = 0;
        LiveEvent::Seats(SeatsEvent::Delta(delta))
    }

    fn tell_snapshot(&mut self, view: Box<AvailabilityView>) -> Option<LiveEvent> {
        let states = SeatStates::unpack(&view).ok()?;
        self.known = Some(Known { seq: view.seq, seat_count: view.seat_count });
        Some(LiveEvent::Seats(SeatsEvent::Snapshot { view, states }))
    }

    /// Fetches what was missed, and keeps the delta for afterwards.
    async fn close_gap(&mut self, delta: SeatDelta) -> LiveEvent {
        self.known = None;
        let pause = FETCH_PAUSE.min(self.source.patience.first_delay);
        let mut cause = "the seats have a gap".to_owned();
        for fetch in 0..FETCHES_A_GAP {
            if fetch > 0 {
                tokio::time::sleep(back_off(pause, pause, fetch)).await;
            }
            match self.source.client.availability(&self.event).await {
                // Older than what the delta builds on: a picture kept somewhere on the way.
                Ok(view) if view.seq < delta.from => {}
                Ok(view) => {
                    if let Some(event) = self.tell_snapshot(Box::new(view)) {
                        self.ahead = Some(delta);
                        return event;
                    }
                }
                Err(error) => {
                    if is_final(&error) {
                        return self.end(&error);
                    }
                    cause = error.to_string();
                    break;
                }
            }
        }
        self.give_up(&cause)
    }

    /// Lets go of the stream, to begin it anew after a while.
    fn give_up(&mut self, cause: &str) -> LiveEvent {
        let Patience { first_delay, shortest_delay, .. } = self.source.patience;
        let after = back_off(first_delay, LONGEST_DELAY, self.failures).max(shortest_delay);
        self.failures = self.failures.saturating_add(1);
        self.feed = futures::stream::pending().boxed();
        self.pause = Some(after);
        let cause = cause.to_owned();
        LiveEvent::State(LiveState::Reconnecting { after, attempt: self.failures, cause })
    }

    fn begin_anew(&mut self) {
        (self.known, self.ahead, self.pause) = (None, None, None);
        self.source.cursor.send_replace(None);
        self.feed = self.source.feed(seats_path(&self.event));
    }

    fn end(&mut self, error: &ClientError) -> LiveEvent {
        (self.ahead, self.feed) = (None, futures::stream::empty().boxed());
        LiveEvent::State(LiveState::Ended(end(error)))
    }
}

/// What a delta is to those who know something already.
enum Judged {
    Fits,
    Known,
    /// Something is missing before it.
    Gap,
    /// It speaks of other seats than are known: the house was set up anew.
    Broken,
}

fn is_final(error: &ClientError) -> bool {
    matches!(error.status(), Some(401 | 403 | 404 | 410))
}

fn end(error: &ClientError) -> LiveEnd {
    match error.status() {
        Some(status) => LiveEnd::Refused { status, code: error.code(), detail: error.to_string() },
        None => LiveEnd::Unusable(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
