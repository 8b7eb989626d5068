//! A payment provider across the network.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Url};
use tmcore::payment::{Answer, Exchange, OutcomeUnknown, ProviderKey};

use super::sandbox::protocol::{KeyBody, PageBody, SubmitBody};
use crate::ports::gateway::{PaymentGateway, ProviderRecord, ProviderRequest};

/// The largest answer that is read: a full page of the log has about half of it. A longer one does not read.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Why there is no such gateway.
#[derive(Debug, thiserror::Error)]
pub enum RemoteGatewayError {
    /// The address is none.
    #[error("the gateway's address has to be an http or https URL without a query")]
    Address,
    /// The HTTP client does not start.
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A client of `tmd gateway`.
pub struct RemoteGateway {
    http: Client,
    base: Url,
}

impl RemoteGateway {
    /// A client of the gateway at `base` (`http://127.0.0.1:8090`), which waits at most `timeout` for a whole answer.
    ///
    /// # Errors
    /// [`RemoteGatewayError::Address`] if `base` is no such URL, [`RemoteGatewayError::Client`] if there is no TLS.
    pub fn new(base: &str, timeout: Duration) -> Result<Self, RemoteGatewayError> {
        let mut base: Url = base.parse().map_err(|_| RemoteGatewayError::Address)?;
        let is_address = matches!(base.scheme(), "http" | "https") && base.query().is_none();
        if !is_address || base.fragment().is_some() {
            return Err(RemoteGatewayError::Address);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // Fails only when a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(RemoteGatewayError::Client)?;
        Ok(Self { http, base })
    }

    fn url(&self, path: &str) -> Result<Url, OutcomeUnknown> {
        // The paths are ours and join to every base that `new` accepts.
        self.base.join(path).map_err(|_| OutcomeUnknown::Lost)
    }

    async fn key_request(
        &self,
        request: RequestBuilder,
        key: &ProviderKey,
    ) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        let answer: KeyBody = exchange(request).await.read()?;
        let is_asked = answer.key == *key && answer.record.as_ref().is_none_or(|record| record.key == *key);
        if is_asked { Ok(answer.record) } else { Err(OutcomeUnknown::Contradictory) }
    }
}

#[async_trait]
impl PaymentGateway for RemoteGateway {
    async fn submit(&self, request: &ProviderRequest) -> Result<Answer, OutcomeUnknown> {
        let post = self.http.post(self.url("v1/operations")?).json(&SubmitBody::from(request));
        exchange(post).await.judge(&request.key, request.operation.amount())
    }

    async fn look_up(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        let url = self.url(&format!("v1/operations/{key}"))?;
        self.key_request(self.http.get(url), key).await
    }

    async fn cancel(&self, key: &ProviderKey) -> Result<Option<ProviderRecord>, OutcomeUnknown> {
        let url = self.url(&format!("v1/operations/{key}/cancel"))?;
        self.key_request(self.http.post(url), key).await
    }

    async fn list(&self, after: u64, limit: u32) -> Result<Vec<ProviderRecord>, OutcomeUnknown> {
        let mut url = self.url("v1/operations")?;
        url.query_pairs_mut()
            .append_pair("after", &after.to_string())
            .append_pair("limit", &limit.to_string());
        let PageBody { records } = exchange(self.http.get(url)).await.read()?;
        let sequences = std::iter::once(after).chain(records.iter().map(|record| record.sequence));
        // Out of order, the next page would leave something out.
        if sequences.is_sorted_by(|one, next| one < next) {
            Ok(records)
        } else {
            Err(OutcomeUnknown::Contradictory)
        }
    }
}

/// Sends a request and reads the whole answer. An error's text is not kept: it may hold what was sent.
async fn exchange(request: RequestBuilder) -> Exchange {
    match receive(request).await {
        Ok((status, body)) => Exchange::Answered { status, body },
        Err(error) if error.is_timeout() => Exchange::TimedOut,
        Err(_) => Exchange::Lost,
    }
}

async fn receive(request: RequestBuilder) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let mut answer = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            body.clear();
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status().as_u16(), body))
}

#[cfg(test)]
mod tests;
