//! The HTTP client of the ticket office: one typed method a route, retries that never repeat what must not be repeated.
//!
//! ```no_run
//! # async fn show() -> Result<(), tmapi::client::ClientError> {
//! use tmapi::client::{Client, ClientOptions};
//! let client = Client::new("http://127.0.0.1:8080", ClientOptions::default())?;
//! let page = client.events(None, None).await?;
//! # Ok(()) }
//! ```

mod call;
mod error;
mod event;
pub mod live;
mod order;
mod payment;
mod retry;
mod sale;
mod seats;
mod session;
mod stream;
mod ticket;
mod transport;
mod verify;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
pub use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::sync::Semaphore;

pub use error::ClientError;
pub use event::SearchQuery;
pub use retry::{RetryNotice, RetryObserver};
pub use sale::SaleAction;
pub use seats::{SeatGap, SeatState, SeatStates};
pub use stream::{Feed, SeatEvent, SessionEvent, StreamItem, StreamState};

/// How long the connection to the daemon may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a [`Client`] behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Sent as `Authorization: Bearer`.
    pub token: Option<String>,
    /// How often a request is repeated at the most, where it may be; 0 never.
    pub max_retries: u32,
    /// How long one attempt may take, answer included. Streams have their own bound.
    pub timeout: Duration,
    /// As many requests are sent at once; the next waits until one is answered. `None`: all are. Streams do not count.
    pub max_in_flight: Option<usize>,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Told before every repetition.
    pub on_retry: RetryObserver,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            token: None,
            max_retries: 4,
            timeout: Duration::from_secs(30),
            max_in_flight: None,
            user_agent: concat!("tmapi/", env!("CARGO_PKG_VERSION")).to_owned(),
            on_retry: RetryObserver::default(),
        }
    }
}

/// A connection pool to one daemon, and the credential it is used with. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    authorization: Option<HeaderValue>,
    max_retries: u32,
    timeout: Duration,
    turns: Option<Arc<Semaphore>>,
    on_retry: RetryObserver,
}

/// Leaves the credential out.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base)
            .field("max_retries", &self.max_retries)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the daemon at `base_url` (`http://127.0.0.1:8080`, `https://tickets.example/office`).
    ///
    /// # Errors
    /// [`ClientError::BadUrl`] for anything but an http or https URL without query, [`ClientError::BadToken`] for a
    /// token that no header can carry, [`ClientError::Setup`] when the host has no usable certificates.
    pub fn new(base_url: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let base = checked_base(base_url)?;
        let client = Self {
            http: http_client(&base, &options.user_agent)?,
            base: base.into(),
            authorization: None,
            max_retries: options.max_retries,
            timeout: options.timeout,
            turns: options.max_in_flight.map(|most| Arc::new(Semaphore::new(most))),
            on_retry: options.on_retry,
        };
        match options.token {
            None => Ok(client),
            Some(token) => client.with_token(&token),
        }
    }

    /// The same client with another credential. The connections are shared.
    ///
    /// # Errors
    /// [`ClientError::BadToken`] for a token that no header can carry.
    pub fn with_token(&self, token: &str) -> Result<Self, ClientError> {
        let mut value =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| ClientError::BadToken)?;
        value.set_sensitive(true);
        Ok(Self { authorization: Some(value), ..self.clone() })
    }

    /// The same client without a credential.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    /// Whether a credential is sent.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// The daemon's address, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Sends exactly one request, as given, and hands back whatever came: for tools and tests that want to see the
    /// wire itself. `path` begins with a slash and is not encoded again. The credential is added unless `headers`
    /// has an `authorization` of its own. Bodies are decompressed unless `headers` has an `accept-encoding`.
    ///
    /// # Errors
    /// [`ClientError::BadUrl`] when `path` does not make a URL, [`ClientError::Transport`] or
    /// [`ClientError::TimedOut`] when no answer came. A status of 400 and above is no error here.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
        let body = body.into();
        let mut request = self.request(method, path)?;
        if let Some(authorization) = &self.authorization {
            request = request.header(http::header::AUTHORIZATION, authorization);
        }
        // Replaces what is there, where `header` would add a second value.
        request = request.headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok((status, headers, answer.bytes().await?))
    }

    /// A request to a path of the daemon, with the time-out set and nothing else.
    fn request(&self, method: Method, path: &str) -> Result<reqwest::RequestBuilder, ClientError> {
        let text = format!("{}{path}", self.base);
        let url = reqwest::Url::parse(&text).map_err(|e| ClientError::bad_url(&text, &e))?;
        Ok(self.http.request(method, url).timeout(self.timeout))
    }
}

/// The one place that builds an HTTP client. Redirects are not followed: they would carry the credential elsewhere.
fn http_client(base: &str, user_agent: &str) -> Result<reqwest::Client, ClientError> {
    // Fails only when a provider is installed already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(user_agent)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true);
    // Without TLS the host's certificates are neither needed nor read: there may be none.
    let builder = if base.starts_with("http://") { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(ClientError::Setup)
}

fn checked_base(text: &str) -> Result<String, ClientError> {
    let url = reqwest::Url::parse(text).map_err(|e| ClientError::bad_url(text, &e))?;
    let refuse = |reason: &str| Err(ClientError::bad_url(text, &reason));
    if !matches!(url.scheme(), "http" | "https") {
        return refuse("it must begin with http:// or https://");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("it must have no query and no fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("credentials go into the token, not into the URL");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
