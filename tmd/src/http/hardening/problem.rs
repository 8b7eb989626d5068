//! Answers of 400 and above: all of them `application/problem+json` (RFC 9457), all of them with the request's id.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tmapi::problem::PROBLEM_JSON;
use tmapi::{Problem, ProblemCode};

use crate::entropy::Entropy;

/// The header that carries a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_REQUEST_ID_CHARS: usize = 64;

/// Names one request in answers and in the log. In every request's extensions. Kept as the header's value, which is made
/// once and shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id the client gave, if it is 1 to 64 characters of `[A-Za-z0-9_-]`, else a new one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID);
        match given.filter(|value| value.to_str().is_ok_and(is_acceptable)) {
            Some(value) => Self(value.clone()),
            None => Self::random(),
        }
    }

    fn random() -> Self {
        let mut text = *b"req_00000000000000000000000000000000";
        // The digits are twice the bytes: there is room for all.
        let _ = hex::encode_to_slice(Entropy.bytes::<16>(), &mut text[4..]);
        let value = HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&text));
        Self(value.unwrap_or(HeaderValue::from_static("req")))
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    pub(in crate::http) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

fn is_acceptable(text: &str) -> bool {
    let length = 1..=MAX_REQUEST_ID_CHARS;
    length.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// A refusal that the shell itself makes.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    code: ProblemCode,
    detail: Option<&'static str>,
}

impl From<ProblemCode> for Refusal {
    fn from(code: ProblemCode) -> Self {
        Self { code, detail: None }
    }
}

impl Refusal {
    pub(super) const fn detailed(code: ProblemCode, detail: &'static str) -> Self {
        Self { code, detail: Some(detail) }
    }
}

/// What a status means when nobody said more: its code, a text for people, whether to try again.
const fn plain(status: StatusCode) -> (ProblemCode, &'static str, bool) {
    match status {
        StatusCode::UNAUTHORIZED => (ProblemCode::Unauthenticated, "a valid access token is needed", false),
        StatusCode::PAYMENT_REQUIRED => (ProblemCode::Declined, "the payment was declined", false),
        StatusCode::FORBIDDEN => (ProblemCode::Forbidden, "the access token does not allow this", false),
        StatusCode::NOT_FOUND => (ProblemCode::NotFound, "there is nothing here", false),
        StatusCode::METHOD_NOT_ALLOWED => {
            (ProblemCode::MethodNotAllowed, "the path does not take this method", false)
        }
        StatusCode::NOT_ACCEPTABLE => {
            (ProblemCode::NotAcceptable, "no answer in an accepted media type", false)
        }
        StatusCode::REQUEST_TIMEOUT => (ProblemCode::RequestTimeout, "the request came too slowly", true),
        StatusCode::PAYLOAD_TOO_LARGE => (ProblemCode::PayloadTooLarge, "the body is too large", false),
        StatusCode::URI_TOO_LONG => (ProblemCode::UriTooLong, "the request line is too long", false),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (ProblemCode::UnsupportedMediaType, "the body has to be application/json", false)
        }
        StatusCode::TOO_MANY_REQUESTS => (ProblemCode::RateLimited, "too many requests", true),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            (ProblemCode::HeadersTooLarge, "the header fields are too large", false)
        }
        StatusCode::SERVICE_UNAVAILABLE => (ProblemCode::Busy, "too much to do, try again", true),
        status if status.as_u16() >= 500 => {
            (ProblemCode::Internal, "a fault of the daemon; its log has more under the request id", true)
        }
        _ => (ProblemCode::InvalidParameter, "the request cannot be understood", false),
    }
}

/// The status of the codes that the shell itself answers.
const fn status(code: ProblemCode) -> StatusCode {
    match code {
        ProblemCode::NotFound => StatusCode::NOT_FOUND,
        ProblemCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ProblemCode::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        ProblemCode::UriTooLong => StatusCode::URI_TOO_LONG,
        ProblemCode::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ProblemCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ProblemCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ProblemCode::InvalidParameter => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn problem(status: StatusCode, detail: Option<&str>, id: &RequestId) -> Problem {
    let (code, plain_detail, retryable) = plain(status);
    Problem {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail: detail.unwrap_or(plain_detail).to_owned(),
        code,
        request_id: id.as_str().to_owned(),
        retryable,
        hint: None,
        seats: Vec::new(),
    }
}

/// The answer to a request that the shell refuses.
pub(super) fn response(refusal: Refusal, id: &RequestId) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status(refusal.code);
    let field = match refusal.code {
        // RFC 9110, 15.5.6: a 405 names what is allowed.
        ProblemCode::MethodNotAllowed => Some((ALLOW, "GET, HEAD, POST, PATCH, DELETE")),
        // What is left of a slow, oversized or ambiguous request is not worth reading.
        ProblemCode::RequestTimeout
        | ProblemCode::UriTooLong
        | ProblemCode::HeadersTooLarge
        | ProblemCode::InvalidParameter => Some((CONNECTION, "close")),
        _ => None,
    };
    if let Some((name, value)) = field {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let body = problem(response.status(), refusal.detail, id);
    response.extensions_mut().insert(body);
    completed(response, id)
}

/// The answer to a connection over a limit.
pub(in crate::http) fn too_many_connections(code: ProblemCode, id: &RequestId) -> Response {
    let refusal = Refusal::detailed(code, "too many open connections");
    let mut response = response(refusal, id);
    response.headers_mut().insert(REQUEST_ID, id.header());
    response
}

/// Makes an answer of 400 or above a problem. A [`Problem`] in its extensions becomes the body, with the request's id;
/// a body that is a problem already stays; anything else is replaced by what the status says. Other header fields
/// stay, and 429 and 503 say when to try again.
pub(super) fn completed(mut response: Response, id: &RequestId) -> Response {
    let status = response.status();
    let said = response.extensions_mut().remove::<Problem>();
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(PROBLEM_JSON.as_bytes()));
    if said.is_some() || !is_problem {
        let body = match said {
            Some(said) => Problem { request_id: id.as_str().to_owned(), ..said },
            None => problem(status, None, id),
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        *response.body_mut() = Body::from(json);
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.remove(http::header::CONTENT_ENCODING);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    }
    let is_temporary = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    if is_temporary && !response.headers().contains_key(RETRY_AFTER) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
