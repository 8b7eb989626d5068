//! Server-sent events: one endless feed a route, over as many connections as it takes.
//!
//! The crate underneath parses a connection; everything else is here, because it would reconnect for ever whatever the
//! answer, forget its place, and wait on a dead connection without end.

use std::time::Duration;

use eventsource_client::{Client as _, ClientBuilder, Error, Event, ReconnectOptions, SSE};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use launchdarkly_sdk_transport::ByteStream;
use serde::de::DeserializeOwned;
use tmcore::{EventId, SessionId};

use super::call::segment;
use super::retry::{back_off, retry_after};
use super::transport::{RetryHint, Transport};
use super::{Client, ClientError};
use crate::availability::{AvailabilityView, SeatDelta};
use crate::session::SessionView;
use crate::stream::{seat_event, session_event};

/// The most that is read of a refusal, bytes.
const PROBLEM_BYTES: usize = 64 * 1024;
const FIRST_DELAY: Duration = Duration::from_secs(1);
const SHORTEST_DELAY: Duration = Duration::from_millis(100);
pub(super) const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// What a feed yields. It goes on until [`StreamState::Ended`] or an error; both are its last item.
pub type Feed<T> = BoxStream<'static, Result<StreamItem<T>, ClientError>>;

/// One thing a feed has to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamItem<T> {
    /// How the connection stands.
    State(StreamState),
    /// An event of the stream.
    Event(T),
}

/// How the connection of a feed stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Connected, and heard from.
    Live,
    /// Connected, but silent for longer than the daemon's heartbeat allows.
    Stale,
    /// Cut off; the feed connects again by itself.
    Reconnecting {
        /// How long it waits before.
        after: Duration,
        /// How often it has tried since the last event, from 1.
        attempt: u32,
        /// What happened.
        cause: String,
    },
    /// Nothing more will come: the daemon says that what was watched is over.
    Ended,
}

/// An event of a waiting-room session's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEvent {
    /// The event's id, from which the daemon resumes.
    pub id: Option<String>,
    /// The session as it stands now.
    pub session: SessionView,
}

/// An event of a seat stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeatEvent {
    /// Everything; first after a connection that could not be resumed.
    Snapshot(Box<AvailabilityView>),
    /// What changed.
    Delta(SeatDelta),
}

impl Client {
    /// `GET /api/sse/waiting-room/sessions/{sessionId}`; an open stream counts as a sign of life.
    #[must_use]
    pub fn session_stream(&self, session: SessionId) -> Feed<SessionEvent> {
        feed(self.clone(), session_path(session), Patience::default())
    }

    /// `GET /api/sse/events/{eventId}/seats`.
    #[must_use]
    pub fn seat_stream(&self, event: &EventId) -> Feed<SeatEvent> {
        feed(self.clone(), seats_path(event), Patience::default())
    }

    /// The same for who was connected before, and saw the event with the id `last` last.
    #[must_use]
    pub fn seat_stream_after(&self, event: &EventId, last: String) -> Feed<SeatEvent> {
        feed_after(self.clone(), seats_path(event), Patience::default(), Some(last))
    }
}

pub(super) fn session_path(session: SessionId) -> String {
    format!("/api/sse/waiting-room/sessions/{}", segment(&session))
}

pub(super) fn seats_path(event: &EventId) -> String {
    format!("/api/sse/events/{}/seats", segment(event))
}

/// An event as a feed reads it.
pub(super) trait Readable: Sized + Send + 'static {
    /// Reads an event; nothing for one of a kind this version does not know.
    fn read(event: &Event) -> Result<Option<Self>, ClientError>;

    /// Whether no other can follow.
    fn is_last(&self) -> bool;
}

impl Readable for SessionEvent {
    fn read(event: &Event) -> Result<Option<Self>, ClientError> {
        use session_event::{ABANDONED, ACTIVE, DONE, EXPIRED, LEFT, ORDERING, POSITION};
        match event.event_type.as_str() {
            POSITION | ACTIVE | ORDERING | DONE | LEFT | ABANDONED | EXPIRED => {
                Ok(Some(Self { id: event.id.clone(), session: data(event)? }))
            }
            _ => Ok(None),
        }
    }

    fn is_last(&self) -> bool {
        self.session.status.is_terminal()
    }
}

impl Readable for SeatEvent {
    fn read(event: &Event) -> Result<Option<Self>, ClientError> {
        match event.event_type.as_str() {
            seat_event::SNAPSHOT => Ok(Some(Self::Snapshot(data(event)?))),
            seat_event::DELTA => Ok(Some(Self::Delta(data(event)?))),
            _ => Ok(None),
        }
    }

    fn is_last(&self) -> bool {
        false
    }
}

/// An event beside its id.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbered<T> {
    pub(super) id: Option<String>,
    pub(super) event: T,
}

impl<T: Readable> Readable for Numbered<T> {
    fn read(event: &Event) -> Result<Option<Self>, ClientError> {
        let id = event.id.clone();
        Ok(T::read(event)?.map(|event| Self { id, event }))
    }

    fn is_last(&self) -> bool {
        self.event.is_last()
    }
}

fn data<T: DeserializeOwned>(event: &Event) -> Result<T, ClientError> {
    serde_json::from_str(&event.data)
        .map_err(|source| ClientError::Decode { what: format!("the event {}", event.event_type), source })
}

/// How long a feed waits for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// A connection silent for this long is called stale; the daemon's heartbeat is 15 s.
    pub(super) stale_after: Duration,
    /// A connection silent for this long is given up.
    pub(super) read_timeout: Duration,
    /// The ceiling of the back-off after the first cut.
    pub(super) first_delay: Duration,
    /// What is waited at least, whatever the daemon asks for.
    pub(super) shortest_delay: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stale_after: Duration::from_secs(20),
            read_timeout: Duration::from_secs(45),
            first_delay: FIRST_DELAY,
            shortest_delay: SHORTEST_DELAY,
        }
    }
}

pub(super) fn feed<T: Readable>(client: Client, path: String, patience: Patience) -> Feed<T> {
    feed_after(client, path, patience, None)
}

/// A feed that goes on after the event with the id `cursor`.
pub(super) fn feed_after<T: Readable>(
    client: Client,
    path: String,
    patience: Patience,
    cursor: Option<String>,
) -> Feed<T> {
    let reader = Reader { client, path, patience, cursor, attempt: 0, phase: Phase::Idle };
    futures::stream::unfold(reader, |mut reader| async move {
        let item = reader.next().await?;
        if item.is_err() {
            reader.phase = Phase::Over;
        }
        Some((item, reader))
    })
    .fuse()
    .boxed()
}

struct Reader {
    client: Client,
    path: String,
    patience: Patience,
    /// The id of the last event handed on.
    cursor: Option<String>,
    /// Connections tried since the last event.
    attempt: u32,
    phase: Phase,
}

enum Phase {
    Idle,
    Waiting(Duration),
    Open(Connection),
    /// The last event was handed on.
    Finished,
    Over,
}

struct Connection {
    lines: eventsource_client::BoxStream<Result<SSE, Error>>,
    hint: RetryHint,
    live: bool,
    stale: bool,
}

/// What one look at the connection came to.
enum Seen<T> {
    Item(StreamItem<T>),
    Nothing,
    Cut { cause: String, after: Option<Duration> },
    Ended,
}

impl Reader {
    async fn next<T: Readable>(&mut self) -> Option<Result<StreamItem<T>, ClientError>> {
        loop {
            match &mut self.phase {
                Phase::Over => return None,
                Phase::Finished => return Some(Ok(self.end())),
                Phase::Waiting(after) => {
                    tokio::time::sleep(*after).await;
                    self.phase = Phase::Idle;
                }
                Phase::Idle => match self.connect() {
                    Ok(connection) => self.phase = Phase::Open(connection),
                    Err(error) => return Some(Err(error)),
                },
                Phase::Open(_) => match self.look().await {
                    Ok(Seen::Nothing) => {}
                    Ok(Seen::Item(item)) => return Some(Ok(item)),
                    Ok(Seen::Ended) => return Some(Ok(self.end())),
                    Ok(Seen::Cut { cause, after }) => return Some(Ok(self.reconnect(cause, after))),
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    fn end<T>(&mut self) -> StreamItem<T> {
        self.phase = Phase::Over;
        StreamItem::State(StreamState::Ended)
    }

    fn reconnect<T>(&mut self, cause: String, asked: Option<Duration>) -> StreamItem<T> {
        let hint = match &self.phase {
            Phase::Open(connection) => connection.hint.take().map(Duration::from_millis),
            _ => None,
        };
        let drawn = back_off(self.patience.first_delay, LONGEST_DELAY, self.attempt);
        let after = match asked.or(hint) {
            // Obeyed; but who asks for "at once" again and again does not get it.
            Some(asked) if self.attempt > 0 => asked.max(drawn),
            Some(asked) => asked,
            None => drawn,
        };
        let after = after.max(self.patience.shortest_delay);
        self.attempt = self.attempt.saturating_add(1);
        self.phase = Phase::Waiting(after);
        StreamItem::State(StreamState::Reconnecting { after, attempt: self.attempt, cause })
    }

    fn connect(&self) -> Result<Connection, ClientError> {
        let url = format!("{}{}", self.client.base, self.path);
        let refuse = |error: Error| ClientError::bad_url(&url, &error);
        let mut builder = ClientBuilder::for_url(&url)
            .map_err(refuse)?
            .reconnect(ReconnectOptions::reconnect(false).retry_initial(false).build())
            .redirect_limit(0)
            // Compression would hold events back until its buffer is full.
            .header(ACCEPT_ENCODING.as_str(), "identity")
            .map_err(refuse)?;
        if let Some(token) = self.client.authorization.as_ref().and_then(|value| value.to_str().ok()) {
            builder = builder.header(AUTHORIZATION.as_str(), token).map_err(refuse)?;
        }
        if let Some(cursor) = &self.cursor {
            builder = builder.last_event_id(cursor.clone());
        }
        let hint = RetryHint::none();
        let transport = Transport { http: self.client.http.clone(), hint: hint.clone() };
        let lines = builder.build_with_transport(transport).stream();
        Ok(Connection { lines, hint, live: false, stale: false })
    }

    async fn look<T: Readable>(&mut self) -> Result<Seen<T>, ClientError> {
        let Phase::Open(connection) = &mut self.phase else {
            return Ok(Seen::Nothing);
        };
        let (stale_after, read_timeout) = (self.patience.stale_after, self.patience.read_timeout);
        let patience = match (connection.live, connection.stale) {
            (false, _) => read_timeout,
            (true, false) => stale_after,
            (true, true) => read_timeout.saturating_sub(stale_after),
        };
        let line = match tokio::time::timeout(patience, connection.lines.next()).await {
            Ok(line) => line,
            Err(_) if connection.live && !connection.stale => {
                connection.stale = true;
                return Ok(Seen::Item(StreamItem::State(StreamState::Stale)));
            }
            Err(_) => {
                return Ok(Seen::Cut { cause: "no sign of life".to_owned(), after: None });
            }
        };
        let woken = std::mem::take(&mut connection.stale);
        match line {
            None => Ok(Seen::Cut { cause: "the connection was closed".to_owned(), after: None }),
            Some(Err(error)) => refused(error).await,
            Some(Ok(SSE::Connected(details))) => {
                connection.live = true;
                greeted(details.response())
            }
            Some(Ok(SSE::Comment(_))) if woken => Ok(Seen::Item(StreamItem::State(StreamState::Live))),
            Some(Ok(SSE::Comment(_))) => Ok(Seen::Nothing),
            Some(Ok(SSE::Event(event))) => self.accept(&event),
        }
    }

    fn accept<T: Readable>(&mut self, event: &Event) -> Result<Seen<T>, ClientError> {
        self.attempt = 0;
        let read = T::read(event)?;
        if let Some(id) = event.id.as_ref().filter(|id| !id.is_empty()) {
            self.cursor = Some(id.clone());
        }
        let Some(item) = read else {
            return Ok(Seen::Nothing);
        };
        if item.is_last() {
            self.phase = Phase::Finished;
        }
        Ok(Seen::Item(StreamItem::Event(item)))
    }
}

/// Looks at the head of a good answer.
fn greeted<T>(response: &eventsource_client::Response) -> Result<Seen<T>, ClientError> {
    if response.status() == StatusCode::NO_CONTENT {
        return Ok(Seen::Ended);
    }
    let kind = response.get_header_value("content-type").ok().flatten().unwrap_or("nothing");
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream")) {
        return Ok(Seen::Item(StreamItem::State(StreamState::Live)));
    }
    Err(ClientError::NoEventStream(kind.to_owned()))
}

/// Tells refusals that stand from cuts that pass.
async fn refused<T>(error: Error) -> Result<Seen<T>, ClientError> {
    let (response, body) = match error {
        Error::UnexpectedResponse(response, body) => (response, body),
        Error::MaxRedirectLimitReached(_) => {
            return Err(ClientError::NoEventStream("with a redirect".to_owned()));
        }
        Error::Eof | Error::UnexpectedEof => {
            return Ok(Seen::Cut { cause: "the connection was closed".to_owned(), after: None });
        }
        other => {
            return Ok(Seen::Cut { cause: root_cause(&other), after: None });
        }
    };
    let status = StatusCode::from_u16(response.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = timing_headers(&response);
    let passes = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    let error = ClientError::from_answer(status, &headers, &body_of(body.into_stream()).await);
    if passes {
        return Ok(Seen::Cut { cause: error.to_string(), after: retry_after(&headers) });
    }
    Err(error)
}

/// Reads a refusal's body, as much of it as a problem document may be long and for as long as it is worth waiting.
async fn body_of(mut stream: ByteStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < PROBLEM_BYTES {
        match tokio::time::timeout(FIRST_DELAY, stream.next()).await {
            Ok(Some(Ok(chunk))) => bytes.extend_from_slice(&chunk),
            _ => break,
        }
    }
    bytes
}

/// The crate shows headers one at a time only.
fn timing_headers(response: &eventsource_client::Response) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in [RETRY_AFTER, DATE] {
        let value = response.get_header_value(name.as_str()).ok().flatten();
        if let Some(value) = value.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The text of the last cause: "connection refused" says more than "transport error".
fn root_cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = match error {
        Error::Transport(inner) => inner,
        other => other,
    };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
