//! Telling over HTTP, signed (Standard Webhooks).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt as _};
use reqwest::{Client, Url};
use serde::Serialize;
use tmcore::webhook::{MessageHead, WebhookSecret};

use crate::clock::Clock;
use crate::ports::gateway::{CallbackReceiver, ProviderEvent, ProviderRecord};

/// How long a receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Messages under way at once.
const AT_ONCE: usize = 8;
/// Where the daemon takes callbacks.
const PATH: &str = "api/provider/callbacks";

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum HttpReceiverError {
    /// The address is none.
    #[error("the receiver's address has to be an http or https URL without a query")]
    Address,
    /// The HTTP client does not start.
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A daemon that is told over HTTP.
pub struct HttpReceiver {
    http: Client,
    url: Url,
    secret: WebhookSecret,
    clock: Arc<dyn Clock>,
}

/// The body of a message.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    data: &'a ProviderRecord,
}

impl HttpReceiver {
    /// The daemon at `base`, told under `secret`.
    ///
    /// # Errors
    /// [`HttpReceiverError`].
    pub fn new(base: &str, secret: WebhookSecret, clock: Arc<dyn Clock>) -> Result<Self, HttpReceiverError> {
        let url = format!("{}/{PATH}", base.trim_end_matches('/'));
        let url: Url = url.parse().map_err(|_| HttpReceiverError::Address)?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return Err(HttpReceiverError::Address);
        }
        // Fails only when a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(HttpReceiverError::Client)?;
        Ok(Self { http, url, secret, clock })
    }

    async fn tell_one(&self, event: ProviderEvent) -> bool {
        let message = Message { kind: "operation.recorded", data: &event.record };
        let Ok(body) = serde_json::to_vec(&message) else { return false };
        let timestamp = (self.clock.now().as_millis() / 1000).to_string();
        let signature = self.secret.sign(MessageHead { id: &event.id, timestamp: &timestamp }, &body);
        let post = self
            .http
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        match post.send().await {
            Ok(answer) if answer.status().is_success() => true,
            Ok(answer) => {
                tracing::warn!(event = event.id, status = answer.status().as_u16(), "a callback was refused");
                false
            }
            Err(_) => {
                tracing::warn!(event = event.id, "nobody takes callbacks, will try again");
                false
            }
        }
    }
}

#[async_trait]
impl CallbackReceiver for HttpReceiver {
    async fn tell(&self, events: &[ProviderEvent]) -> Vec<bool> {
        stream::iter(events.to_vec()).map(|event| self.tell_one(event)).buffered(AT_ONCE).collect().await
    }
}
