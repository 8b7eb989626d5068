//! What only operators may ask, on a listener of its own.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;

use crate::telemetry::Metrics;

/// `GET /metrics` in the text format of Prometheus, `GET /livez`.
pub fn router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(render)).route("/livez", get(async || "ok\n")).with_state(metrics)
}

async fn render(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    #[tokio::test]
    async fn operators_can_read_the_metrics() {
        let router = router(Metrics::install().unwrap());
        metrics::counter!("admin_test_total").increment(3);
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("admin_test_total 3"));
    }
}
