//! Whether the daemon lives and is ready, and what its API is.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::Api;
use super::error::ApiResult;

/// The process lives.
#[utoipa::path(get, path = "/livez", tag = "operations", responses((status = 200, body = String)))]
pub async fn livez() -> &'static str {
    "ok\n"
}

/// The daemon can serve. With `?verbose` every part is named; a part that fails always is.
#[utoipa::path(get, path = "/readyz", tag = "operations", params(("verbose" = Option<String>, Query)),
    responses((status = 200, body = String), (status = 503, body = String)))]
pub async fn readyz(State(api): State<Api>, uri: http::Uri) -> Response {
    let verbose = uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    let draining = api.office.lifecycle().is_draining();
    let parts = [
        ("store", api.office.store_is_up().await),
        ("payment gateway", api.office.gateway_is_up().await),
        ("not shutting down", !draining),
    ];
    let ready = parts.iter().all(|(_, up)| *up);
    let mut text = String::new();
    for (name, up) in parts.iter().filter(|(_, up)| verbose || !up) {
        let _ = writeln!(text, "[{}] {name}", if *up { "+" } else { "-" });
    }
    text.push_str(if ready { "ready\n" } else { "not ready\n" });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // Not a problem document: probes read the first line, people the rest.
    (status, [(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// This API, described.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", responses((status = 200, body = Object)))]
pub async fn openapi(State(api): State<Api>) -> ApiResult<Response> {
    Ok(([(CONTENT_TYPE, "application/json")], api.openapi.clone()).into_response())
}
