//! Server-sent events: frames, and what all streams have in common.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Every event has an id and data.

pub mod seat;
pub mod session;

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tmapi::ProblemCode;

use super::Api;
use super::error::{ApiError, ApiResult};

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

fn heartbeats(api: &Api) -> tokio::time::Interval {
    let every = Duration::from_secs(api.office.config.waiting_room.sse_heartbeat_seconds.into());
    let mut beats = tokio::time::interval(every);
    beats.reset();
    beats
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
