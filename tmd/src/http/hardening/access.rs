//! Who asked for what, as numbers: `http_requests_total{method,route,status}` and
//! `http_request_duration_seconds{method,route}`.
//!
//! The route is the router's pattern and not the path, and methods of no standard are one, so that the number of series
//! is bounded whatever clients send.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use futures::future::BoxFuture;
use http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use tower::{Layer, Service};

/// The route of what no route matched.
const NO_ROUTE: &str = "none";

/// The method, as long as it is one of the standard's.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}

/// The route that the router matched, noted by [`RememberRoute`].
pub(super) fn take_route(response: &mut Response) -> Option<MatchedPath> {
    response.extensions_mut().remove()
}

pub(super) fn label(route: Option<&MatchedPath>) -> &str {
    route.map_or(NO_ROUTE, MatchedPath::as_str)
}

/// Series by route, then by method and status, so that a request looks up two maps and allocates nothing.
#[derive(Clone, Default)]
pub(super) struct Access {
    routes: Arc<RwLock<HashMap<Box<str>, Routes>>>,
}

type Routes = HashMap<(&'static str, StatusCode), Series>;

#[derive(Clone)]
struct Series {
    requests: Counter,
    seconds: Histogram,
}

impl Access {
    pub(super) fn record(&self, method: &'static str, route: &str, status: StatusCode, took: Duration) {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(route).and_then(|routes| routes.get(&(method, status))) {
            return series.record(took);
        }
        drop(known);
        let series = Series::new(method, route, status);
        series.record(took);
        let mut known = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(route.into()).or_default().insert((method, status), series);
    }
}

impl Series {
    fn new(method: &'static str, route: &str, status: StatusCode) -> Self {
        let (route, status) = (route.to_owned(), status.as_str().to_owned());
        Self {
            requests: metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status),
            seconds: metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route),
        }
    }

    fn record(&self, took: Duration) {
        self.requests.increment(1);
        self.seconds.record(took);
    }
}

/// Notes in the answer which route matched: the router tells only the request, which is used up by then.
#[derive(Clone, Copy)]
pub(super) struct RememberRoute;

impl<S> Layer<S> for RememberRoute {
    type Service = RouteRemembered<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteRemembered { inner }
    }
}

#[derive(Clone)]
pub(super) struct RouteRemembered<S> {
    inner: S,
}

impl<S> Service<Request> for RouteRemembered<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let answering = self.inner.call(request);
        Box::pin(async move {
            let mut response = answering.await?;
            if let Some(route) = route {
                response.extensions_mut().insert(route);
            }
            Ok(response)
        })
    }
}
