//! Answers that cost next to nothing: the body is written once, and each answer puts only its request's id in.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use tmapi::problem::PROBLEM_JSON;
use tmapi::{Problem, ProblemCode};

use crate::http::error;
use crate::http::hardening::problem::{REQUEST_ID, RequestId};

/// Stands where a request's id goes. No text of ours has it.
const ID: &str = "\u{1}";

/// Refusals, written beforehand.
pub(super) struct Refusals {
    busy: Written,
    rate_limited: Written,
    retry_after_seconds: u32,
}

/// A body but for the id in the middle of it.
struct Written {
    status: StatusCode,
    before: String,
    after: String,
}

impl Written {
    fn new(code: ProblemCode, detail: &str) -> Self {
        let status = error::status(code);
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.to_owned(),
            code,
            request_id: ID.to_owned(),
            retryable: true,
            hint: None,
            seats: Vec::new(),
        };
        // JSON escapes control characters, so the id's place is found by what it became.
        let (id, text) = (serde_json::to_string(ID), serde_json::to_string(&problem));
        let (id, text) = (id.unwrap_or_default(), text.unwrap_or_default());
        let (before, after) = text.split_once(id.trim_matches('"')).unwrap_or((&text, ""));
        Self { status, before: before.to_owned(), after: after.to_owned() }
    }

    fn body(&self, id: &RequestId) -> Bytes {
        [&self.before, id.as_str(), &self.after].concat().into()
    }
}

impl Refusals {
    pub(super) fn new(retry_after_seconds: u32) -> Self {
        Self {
            busy: Written::new(ProblemCode::Busy, "too much to do; what matters more goes first"),
            rate_limited: Written::new(ProblemCode::RateLimited, "too many requests from this address"),
            retry_after_seconds: retry_after_seconds.max(1),
        }
    }

    /// When to come back: once to three times the setting, so that not all come back together. `draw`: 0 to 999.
    pub(super) fn spread(&self, draw: u32) -> u32 {
        let choices = u64::from(self.retry_after_seconds) * 2 + 1;
        let more = choices * u64::from(draw.min(999)) / 1_000;
        self.retry_after_seconds.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
    }

    /// 429 or 503.
    pub(super) fn response(&self, code: ProblemCode, retry_after_seconds: u32, id: &RequestId) -> Response {
        let written = if code == ProblemCode::Busy { &self.busy } else { &self.rate_limited };
        let mut response = Response::new(Body::from(written.body(id)));
        *response.status_mut() = written.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(RETRY_AFTER, retry_after_seconds.into());
        headers.insert(REQUEST_ID, id.header());
        response
    }
}
