//! One call of a route: built, sent, sent again where it may be, and read.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::retry::{Repeat, RetryNotice, delay_before_retry};
use super::{Client, ClientError};

/// The header that makes a repetition harmless.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What a path segment may hold as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An id as a path segment: a `:` in it must not read as a verb, a `?` not as a query.
pub(super) fn segment(id: &impl ToString) -> String {
    utf8_percent_encode(&id.to_string(), SEGMENT).to_string()
}

/// A route's call, before it is sent.
pub(super) struct Call {
    method: Method,
    path: String,
    body: Option<Bytes>,
    key: Option<HeaderValue>,
    repeat: Repeat,
}

impl Call {
    fn new(method: Method, path: String, repeat: Repeat) -> Self {
        Self { method, path, body: None, key: None, repeat }
    }

    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path, Repeat::Safe)
    }

    pub(super) fn delete(path: String) -> Self {
        Self::new(Method::DELETE, path, Repeat::Safe)
    }

    pub(super) fn patch(path: String) -> Self {
        Self::new(Method::PATCH, path, Repeat::Safe)
    }

    pub(super) fn post(path: String) -> Self {
        Self::new(Method::POST, path, Repeat::OnlyRefused)
    }

    /// States that the route has one effect however often it is called.
    pub(super) fn idempotent_if(mut self, is: bool) -> Self {
        self.repeat = if is { Repeat::Safe } else { self.repeat };
        self
    }

    /// Adds the idempotency key, which makes a repetition harmless.
    pub(super) fn keyed(mut self, key: &str) -> Result<Self, ClientError> {
        self.key = Some(HeaderValue::try_from(key).map_err(|_| ClientError::BadKey)?);
        self.repeat = Repeat::Safe;
        Ok(self)
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        self.body = Some(serde_json::to_vec(body).map_err(ClientError::Encode)?.into());
        Ok(self)
    }
}

impl Client {
    /// Sends a call and reads its answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let body = self.send(&call).await?;
        serde_json::from_slice(&body)
            .map_err(|source| ClientError::Decode { what: format!("{} {}", call.method, call.path), source })
    }

    /// Sends a call whose answer has no body.
    pub(super) async fn call_unit(&self, call: Call) -> Result<(), ClientError> {
        self.send(&call).await.map(drop)
    }

    async fn send(&self, call: &Call) -> Result<Bytes, ClientError> {
        for attempt in 0..self.max_retries {
            let error = match self.attempt(call).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            let Some(after) = delay_before_retry(&error, call.repeat, attempt) else {
                return Err(error);
            };
            let notice = RetryNotice { after, attempt: attempt + 1, cause: error.to_string() };
            tracing::debug!(method = %call.method, ?after, cause = notice.cause, "repeating a request");
            self.on_retry.tell(&notice);
            tokio::time::sleep(after).await;
        }
        self.attempt(call).await
    }

    async fn attempt(&self, call: &Call) -> Result<Bytes, ClientError> {
        let mut request = self.request(call.method.clone(), &call.path)?;
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(key) = &call.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let _turn = match &self.turns {
            Some(turns) => turns.acquire().await.ok(),
            None => None,
        };
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await?;
        if status.is_success() { Ok(body) } else { Err(ClientError::from_answer(status, &headers, &body)) }
    }
}
