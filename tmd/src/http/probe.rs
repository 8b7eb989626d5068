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

/// The daemon can serve. With `?verbose` every part is named; a part that fails always is.
#[utoipa::path(get, path = "/readyz", tag = "operations", params(("verbose" = Option<String>, Query)),
    responses((status = 200, body = String), (status = 503, body = tmapi::Problem)))]
pub async fn readyz(State(api): State<Api>, uri: http::Uri) -> ApiResult<Response> {
    let verbose = uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let draining = api.office.lifecycle().is_draining();
    let store = api.office.probe_store().await;
    let parts = [
        ("store", store.is_ok()),
        ("payment gateway", api.office.gateway_is_up().await),
        ("accepting requests", !draining),
    ];
    let failing: Vec<_> = parts.iter().filter(|(_, up)| !up).map(|(name, _)| *name).collect();
    if !failing.is_empty() {
        let code = match store {
            _ if draining => ProblemCode::Draining,
            Err(StoreError::Fault(Fault::Full)) => ProblemCode::StorageFull,
            Err(StoreError::Fault(_)) => ProblemCode::StorageFailed,
            _ => ProblemCode::Busy,
        };
        let why = store.map_or_else(|error| format!(" ({error})"), |()| String::new());
        return Err(ApiError::new(code, format!("not ready: failing are {}{why}", failing.join(", "))));
    }
    let mut lines: Vec<_> =
        parts.iter().filter(|_| verbose).map(|(name, _)| format!("[+] {name}\n")).collect();
    lines.push("ready\n".to_owned());
    let text = lines.concat();
    Ok(([(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// This API, described.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = 200, body = Object)))]
pub async fn openapi(State(api): State<Api>) -> ApiResult<Response> {
    Ok(([(CONTENT_TYPE, "application/json")], api.openapi.clone()).into_response())
}
