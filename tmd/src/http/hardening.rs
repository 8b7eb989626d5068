//! What surrounds the finished router: the head's limits, custom verbs, request ids, time-outs, panics, problem bodies
//! and access metrics. One service, so that every answer passes through it, whoever made it.

mod access;
mod body;
pub mod problem;
mod target;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};
use tmapi::ProblemCode;
use tower::{BoxError, Service};

use super::limit::Spent;
use super::overload::Guard;
use crate::clock::Clock;
use crate::config::ServerConfig;
use crate::telemetry::panic_message;
use access::{Access, RememberRoute};
use problem::{Refusal, RequestId};
use target::Target;

/// An answer is data: nothing in it is loaded or run, and no page shows it in a frame.
const NOTHING_LOADED: &str = "default-src 'none'; frame-ancestors 'none'";

/// Why an answer is a 5xx, put into its extensions by whoever made it. It goes into the log, next to the request id,
/// and never to the client.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<str>);

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Method, path and query; more is answered 414.
    pub max_request_line_bytes: usize,
    /// Names and values of header fields; more is answered 431.
    pub max_header_bytes: usize,
    /// From the head to the body's last byte, else 408.
    pub body_timeout: Duration,
    /// From the head to the answer's head, else 503.
    pub request_timeout: Duration,
}

impl From<&ServerConfig> for RequestLimits {
    fn from(server: &ServerConfig) -> Self {
        Self {
            max_request_line_bytes: server.max_request_line_bytes,
            max_header_bytes: server.max_header_bytes,
            body_timeout: Duration::from_secs(server.body_timeout_seconds.into()),
            request_timeout: Duration::from_secs(server.request_timeout_seconds.into()),
        }
    }
}

/// A router with everything around it.
#[derive(Clone)]
pub struct Hardened {
    shell: Arc<Shell>,
}

#[derive(Clone)]
struct Shell {
    router: Router,
    limits: RequestLimits,
    clock: Arc<dyn Clock>,
    access: Access,
    guard: Option<Arc<Guard>>,
}

/// Puts a finished router into its shell. `clock` measures how long answers take.
#[must_use]
pub fn harden(router: Router, limits: RequestLimits, clock: Arc<dyn Clock>) -> Hardened {
    let router = router.layer(RememberRoute);
    Hardened { shell: Arc::new(Shell { router, limits, clock, access: Access::default(), guard: None }) }
}

impl Hardened {
    /// The same, with a guard at the door.
    #[must_use]
    pub fn guarded(&self, guard: Arc<Guard>) -> Self {
        Self { shell: Arc::new(Shell { guard: Some(guard), ..Shell::clone(&self.shell) }) }
    }
}

impl<B> Service<http::Request<B>> for Hardened
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let shell = Arc::clone(&self.shell);
        Box::pin(async move { Ok(shell.answer(request.map(Body::new)).await) })
    }
}

impl Shell {
    async fn answer(&self, mut request: Request) -> Response {
        let began = self.clock.monotonic();
        let method = access::method_label(request.method());
        let id = RequestId::of(request.headers());
        let pass = match self.guard.as_ref().map(|guard| guard.admit(&request, &id)).transpose() {
            Ok(pass) => pass,
            Err(refusal) => {
                let took = self.clock.monotonic().saturating_sub(began);
                self.access.record(method, access::label(None), refusal.status(), took);
                return protected(*refusal);
            }
        };
        let mut response = match self.admit(&mut request) {
            Ok(()) => {
                let is_colon_path = target::is_colon_path(request.uri());
                request.extensions_mut().insert(id.clone());
                let response = self.respond(request, &id).await;
                // No verb of ours is written like this, and the route that it reached is that of an id.
                let is_no_verb = response.status() == StatusCode::METHOD_NOT_ALLOWED && is_colon_path;
                if is_no_verb { problem::response(ProblemCode::NotFound.into(), &id) } else { response }
            }
            Err(refusal) => problem::response(refusal, &id),
        };
        let route = access::take_route(&mut response);
        if response.status().is_server_error() {
            log_failure(&response, &id, method, access::label(route.as_ref()));
        }
        if response.status().as_u16() >= 400 {
            response = problem::completed(response, &id);
        }
        response.headers_mut().insert(problem::REQUEST_ID, id.header());
        if let Some(pass) = &pass {
            pass.stamp(response.headers_mut());
        }
        if let Some(spent) = response.extensions_mut().remove::<Spent>() {
            spent.stamp(response.headers_mut());
        }
        let took = self.clock.monotonic().saturating_sub(began);
        self.access.record(method, access::label(route.as_ref()), response.status(), took);
        protected(response)
    }

    /// Checks the head and rewrites a custom verb.
    fn admit(&self, request: &mut Request) -> Result<(), Refusal> {
        let line_bytes = request.method().as_str().len() + uri_bytes(request.uri());
        if line_bytes > self.limits.max_request_line_bytes {
            return Err(ProblemCode::UriTooLong.into());
        }
        let header_bytes: usize =
            request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if header_bytes > self.limits.max_header_bytes {
            return Err(ProblemCode::HeadersTooLarge.into());
        }
        // Two hosts are how a request is smuggled past whatever stands in front (RFC 9112, 3.2).
        if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
            return Err(Refusal::detailed(ProblemCode::InvalidParameter, "more than one Host"));
        }
        // RFC 9112, 3.2, which tells to refuse a request of HTTP/1.1 without a host, or with one that is none.
        if request.version() == Version::HTTP_11 && !has_host(request.headers()) {
            return Err(Refusal::detailed(ProblemCode::InvalidParameter, "a request needs one good Host"));
        }
        // TRACE would echo credentials, CONNECT is for proxies.
        if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
            return Err(ProblemCode::MethodNotAllowed.into());
        }
        match target::of(request.uri()) {
            Target::Plain => Ok(()),
            Target::Verb(path) => set_path(request.uri_mut(), path),
            Target::Impossible => Err(ProblemCode::NotFound.into()),
        }
    }

    /// Asks the router, within the time there is.
    async fn respond(&self, request: Request, id: &RequestId) -> Response {
        let (request, late) = body::with_deadline(request, self.limits.body_timeout);
        let answering = AssertUnwindSafe(self.router.clone().call(request)).catch_unwind();
        let answered = tokio::time::timeout(self.limits.request_timeout, answering).await;
        if late.is_some_and(|late| late.load(Ordering::Relaxed)) {
            return problem::response(ProblemCode::RequestTimeout.into(), id);
        }
        match answered {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => {
                let cause = format!("panic: {}", panic_message(&*panic));
                with_cause(problem::response(ProblemCode::Internal.into(), id), &cause)
            }
            Err(_) => {
                with_cause(problem::response(ProblemCode::Busy.into(), id), "request_timeout_seconds passed")
            }
        }
    }
}

/// Keeps an answer from being stored where its route does not say so, taken for another media type, or framed.
///
/// Source: OWASP REST Security Cheat Sheet, "Security Headers". HTTPS alone is whose who ends TLS.
fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING_LOADED));
    response
}

/// Length of the target as the request line had it; of an HTTP/2 request, as it would have it.
fn uri_bytes(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

/// An empty Host is one: that of a target without an authority.
fn has_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    host.is_some_and(|host| {
        host.is_empty() || Authority::try_from(host).is_ok_and(|host| !host.as_str().contains('@'))
    })
}

fn set_path(uri: &mut Uri, path: PathAndQuery) -> Result<(), Refusal> {
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = Some(path);
    *uri = Uri::from_parts(parts).map_err(|_| Refusal::from(ProblemCode::NotFound))?;
    Ok(())
}

fn with_cause(mut response: Response, cause: &str) -> Response {
    response.extensions_mut().insert(Cause(cause.into()));
    response
}

/// One line a failure. A 503 that nobody gave a cause for is an answer and no fault: the daemon is draining, say.
fn log_failure(response: &Response, id: &RequestId, method: &'static str, route: &str) {
    let (id, status) = (id.as_str(), response.status());
    let cause = response.extensions().get::<Cause>().map_or("", |cause| &cause.0);
    if status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(request_id = id, method, route, status = status.as_u16(), cause, "request failed");
    } else if !cause.is_empty() {
        tracing::warn!(request_id = id, method, route, status = status.as_u16(), cause, "request refused");
    }
}

#[cfg(test)]
mod tests;
