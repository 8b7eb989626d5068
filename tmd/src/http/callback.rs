//! What the payment provider tells by itself.

use axum::extract::{FromRequest, Request, State};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tmapi::ProblemCode;
use tmcore::webhook::MessageHead;

use super::Api;
use super::body::malformed;
use super::error::{ApiError, ApiResult};
use crate::app::record::{ProviderEvent, ProviderRecord};
use crate::drill::{self, Mutant};

/// The body of a callback. Fields that are not known here are the provider's business.
#[derive(Debug, Deserialize)]
struct Message {
    data: ProviderRecord,
}

/// A message that the provider signed.
#[derive(Debug)]
pub struct Signed {
    id: String,
    body: Bytes,
}

impl FromRequest<Api> for Signed {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        let limit = api.office.config.server.max_body_bytes;
        let body = super::body::collect(body, limit).await?;
        let [id, timestamp, signatures] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| one(&parts.headers, name));
        let now = api.office.world().clock.now();
        let head = MessageHead { id: &id, timestamp: &timestamp };
        match api.office.access.check_callback(head, &signatures, &body, now) {
            Ok(()) => Ok(Self { id, body }),
            Err(_) if drill::mutant(Mutant::CallbackUnverified) => Ok(Self { id, body }),
            Err(why) => Err(ApiError::new(ProblemCode::Unauthenticated, why.to_string())
                .hint("both sides need the same gateway.callback_secret_file")),
        }
    }
}

/// The one value of a header; of several none.
fn one(headers: &HeaderMap, name: &str) -> String {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none());
    value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The payment provider tells of an operation that it recorded: a JSON object with the record as `data`, signed as
/// Standard Webhooks are. The same may come again.
#[utoipa::path(post, path = "/api/provider/callbacks", tag = "provider",
    params(("webhook-id" = String, Header), ("webhook-timestamp" = String, Header),
        ("webhook-signature" = String, Header)),
    responses((status = 202), (status = "4XX", body = tmapi::Problem), (status = 503, body = tmapi::Problem)))]
pub async fn take(State(api): State<Api>, Signed { id, body }: Signed) -> ApiResult<StatusCode> {
    let message: Message = serde_json::from_slice(&body).map_err(|error| malformed(error.to_string()))?;
    api.office.take_callbacks(&[ProviderEvent { id, record: message.data }]).await?;
    Ok(StatusCode::ACCEPTED)
}
