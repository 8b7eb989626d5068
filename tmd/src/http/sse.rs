//! Server-sent events: frames, and what all streams have in common.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Every event has an id and data.

pub mod beat;
pub mod bounds;
pub mod seat;
pub mod session;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tmapi::ProblemCode;

use super::Api;
use super::accept::Peer;
use super::error::{ApiError, ApiResult};
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use beat::Beats;
use bounds::Streams;

/// A comment that keeps the line open (E2).
const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");
/// When the daemon ends, its readers come back to another one at different times, milliseconds.
const RECONNECT_SPREAD_MILLIS: u64 = 3_000;
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// One event, encoded.
fn frame(event: &str, id: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_default();
    let mut text = String::with_capacity(json.len() + event.len() + id.len() + 24);
    let _ = write!(text, "event: {event}\nid: {id}\ndata: {json}\n\n");
    text.into()
}

/// The last words of a stream whose daemon ends (E3).
fn goodbye(api: &Api) -> Bytes {
    let [low, high] = api.office.world().entropy.bytes::<2>();
    let spread = u64::from(u16::from_be_bytes([low, high])) % RECONNECT_SPREAD_MILLIS;
    format!("retry: {}\n\n", 500 + spread).into()
}

/// Where every stream has its place and its heartbeat.
pub struct Listening {
    /// How many may be open.
    pub streams: Streams,
    /// Their heartbeat.
    pub beats: Beats,
}

impl Listening {
    /// As configured; the heart beats until the streams end.
    #[must_use]
    pub fn start(config: &Config, lifecycle: &Lifecycle) -> Arc<Self> {
        let listening = Arc::new(Self { streams: Streams::new(&config.overload), beats: Beats::default() });
        let every = Duration::from_secs(config.waiting_room.sse_heartbeat_seconds.into());
        let (beating, stop) = (Arc::clone(&listening), lifecycle.streams.clone());
        lifecycle.spawn("heartbeats", async move { beating.beats.run(every, &stop).await });
        listening
    }
}

/// Where a stream's reader is.
fn address(peer: Option<Extension<Peer>>) -> Option<IpAddr> {
    peer.map(|Extension(Peer(peer))| peer.ip())
}

fn check_accept(api: &Api, headers: &HeaderMap) -> ApiResult<()> {
    if api.office.lifecycle().is_draining() {
        return Err(ApiError::new(ProblemCode::Draining, "the daemon is shutting down"));
    }
    let values: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let mut kinds = values
        .iter()
        .flat_map(|value| value.split(','))
        .map(|kind| kind.split(';').next().unwrap_or_default());
    if values.is_empty() || kinds.any(|kind| matches!(kind.trim(), "text/event-stream" | "text/*" | "*/*")) {
        return Ok(());
    }
    Err(ApiError::new(ProblemCode::NotAcceptable, "this route answers text/event-stream"))
}

fn respond(stream: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures::StreamExt as _;
    let body = Body::from_stream(stream.map(Ok::<_, std::convert::Infallible>));
    let mut response = Response::new(body);
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, EVENT_STREAM);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would keep events back.
    fields.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
