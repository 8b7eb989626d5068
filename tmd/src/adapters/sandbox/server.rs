//! The sandbox as a process of its own: `tmd gateway`.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use tmcore::payment::{Exchange, OutcomeUnknown, ProviderKey};

use super::Sandbox;
use super::protocol::{KeyBody, PageBody, PageQuery, SubmitBody};
use crate::ports::gateway::PaymentGateway as _;

/// The largest body that is read.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Its routes. What the sandbox does to a connection (no answer, half an answer, another's answer) happens to the HTTP
/// connection.
pub fn router(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .route("/v1/operations", post(submit).get(list))
        .route("/v1/operations/{key}", get(look_up))
        .route("/v1/operations/{key}/cancel", post(cancel))
        .route("/livez", get(async || "ok\n"))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(sandbox)
}

async fn submit(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    // What is wrong with the body is not told: it may hold a token.
    let Ok(body) = serde_json::from_slice::<SubmitBody>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match sandbox.exchange(&body.into()).await {
        Exchange::Answered { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Exchange::TimedOut => StatusCode::GATEWAY_TIMEOUT.into_response(),
        Exchange::Lost => {
            // A body that breaks off makes the server close the connection in the middle of the answer.
            let reset = io::Error::from(io::ErrorKind::ConnectionReset);
            Body::from_stream(futures::stream::iter([Err::<Bytes, _>(reset)])).into_response()
        }
    }
}

async fn look_up(State(sandbox): State<Arc<Sandbox>>, Path(key): Path<String>) -> Response {
    let Ok(key) = key.parse::<ProviderKey>() else { return StatusCode::BAD_REQUEST.into_response() };
    json(sandbox.look_up(&key).await.map(|record| KeyBody { key, record }))
}

async fn cancel(State(sandbox): State<Arc<Sandbox>>, Path(key): Path<String>) -> Response {
    let Ok(key) = key.parse::<ProviderKey>() else { return StatusCode::BAD_REQUEST.into_response() };
    json(sandbox.cancel(&key).await.map(|record| KeyBody { key, record }))
}

async fn list(State(sandbox): State<Arc<Sandbox>>, Query(page): Query<PageQuery>) -> Response {
    json(sandbox.list(page.after, page.limit).await.map(|records| PageBody { records }))
}

fn json(answer: Result<impl Serialize, OutcomeUnknown>) -> Response {
    match answer {
        Ok(body) => axum::Json(body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
