//! Whether the daemon lives and is ready, and what its API is.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tmapi::ProblemCode;

use super::Api;
use super::error::{ApiError, ApiResult};
use crate::app::refusal::{Fault, StoreError};

/// The process lives.
#[utoipa::path(get, path = "/livez", tag = "operations", responses((status = 200, body = String)))]
pub async fn livez() -> &'static str {
    "ok\n"
}

/// The daemon can serve. With `?verbose` every part is named; a part that fails always is. A payment provider that does
/// not answer keeps nobody from looking, queueing and getting what was paid: it is named, and the answer is 200.
#[utoipa::path(get, path = "/readyz", tag = "operations", params(("verbose" = Option<String>, Query)),
    responses((status = 200, body = String), (status = 503, body = tmapi::Problem)))]
pub async fn readyz(State(api): State<Api>, uri: http::Uri) -> ApiResult<Response> {
    let verbose = uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let draining = api.office.lifecycle().is_draining();
    let store = api.office.probe_store().await;
    let vital = [("store", store.is_ok()), ("accepting requests", !draining)];
    let failing: Vec<_> = vital.iter().filter(|(_, up)| !up).map(|(name, _)| *name).collect();
    if !failing.is_empty() {
        let code = match store {
            _ if draining => ProblemCode::Draining,
            Err(StoreError::Fault(Fault::Full)) => ProblemCode::StorageFull,
            Err(StoreError::Fault(_) | StoreError::Unreachable(_)) => ProblemCode::StorageFailed,
            _ => ProblemCode::Busy,
        };
        let why = store.map_or_else(|error| format!(" ({error})"), |()| String::new());
        return Err(ApiError::new(code, format!("not ready: failing are {}{why}", failing.join(", "))));
    }
    // Without the provider lists, seats, the waiting room and whatever was paid serve on.
    let gateway = ("payment gateway", api.office.gateway_is_up().await);
    let mut text = String::new();
    for (name, up) in vital.into_iter().chain([gateway]).filter(|(_, up)| verbose || !up) {
        let mark = if up { '+' } else { '-' };
        text.extend([format!("[{mark}] {name}\n")]);
    }
    if verbose {
        text.extend(["    payment breaker ", api.office.ports.gateway.health().as_str(), "\n"]);
    }
    text += "ready\n";
    Ok(([(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// This API, described.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = 200, body = Object)))]
pub async fn openapi(State(api): State<Api>) -> ApiResult<Response> {
    Ok(([(CONTENT_TYPE, "application/json")], api.openapi.clone()).into_response())
}
