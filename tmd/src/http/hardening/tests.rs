//! The shell around small routers.

use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Json};
use http::HeaderValue;
use http_body_util::BodyExt;
use tmapi::Problem;
use tmcore::Timestamp;
use tower::ServiceExt;

use super::problem::REQUEST_ID;
use super::*;
use crate::clock::ManualClock;

const LIMITS: RequestLimits = RequestLimits {
    max_request_line_bytes: 8192,
    max_header_bytes: 16384,
    body_timeout: Duration::from_secs(20),
    request_timeout: Duration::from_secs(30),
};

async fn ask(router: Router, request: Request) -> Response {
    shell(router).oneshot(with_host(request)).await.unwrap()
}

/// As any client writes it.
fn with_host(mut request: Request) -> Request {
    if !request.headers().contains_key(header::HOST) {
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("it"));
    }
    request
}

fn shell(router: Router) -> Hardened {
    harden(router, LIMITS, Arc::new(ManualClock::new(Timestamp::from_millis(0))))
}

fn get_request(uri: &str) -> Request {
    with_host(Request::get(uri).body(Body::empty()).unwrap())
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The problem of an answer, after checking that head and body say the same.
async fn problem_of(response: Response) -> Problem {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let (status, id) = (response.status(), response.headers()[REQUEST_ID].clone());
    let problem: Problem = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!((problem.status, problem.request_id.as_str()), (status.as_u16(), id.to_str().unwrap()));
    assert_eq!(
        (problem.kind.as_str(), problem.title.as_str()),
        ("about:blank", status.canonical_reason().unwrap())
    );
    problem
}

fn orders() -> Router {
    let verb = async |Path(id): Path<String>| format!("confirm {id}");
    Router::new()
        .route("/api/orders/{id}", get(async |Path(id): Path<String>| format!("show {id}")))
        .route("/api/orders/{id}/-/confirm", post(verb))
}

#[tokio::test]
async fn heads_over_a_limit_are_refused() {
    let long = format!("/api/orders/{}", "a".repeat(8192));
    let problem = problem_of(ask(orders(), get_request(&long)).await).await;
    assert_eq!((problem.status, problem.code), (414, ProblemCode::UriTooLong));

    let mut request = get_request("/api/orders/1");
    for name in ["x-a", "x-b"] {
        request.headers_mut().insert(name, HeaderValue::from_str(&"b".repeat(8192)).unwrap());
    }
    let problem = problem_of(ask(orders(), request).await).await;
    assert_eq!((problem.status, problem.code), (431, ProblemCode::HeadersTooLarge));

    let fits = format!("/api/orders/{}", "a".repeat(8192 - "GET/api/orders/".len()));
    assert_eq!(ask(orders(), get_request(&fits)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn custom_verbs_reach_their_handler_and_only_by_their_own_name() {
    let request = |uri: &str| Request::post(uri).body(Body::empty()).unwrap();
    assert_eq!(text(ask(orders(), request("/api/orders/ord_1:confirm?x=1")).await).await, "confirm ord_1");
    assert_eq!(ask(orders(), request("/api/orders/ord_1/-/confirm")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(orders(), request("/api/orders/ord_1:refund")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(text(ask(orders(), get_request("/api/orders/a:B")).await).await, "show a:B");
}

#[tokio::test]
async fn a_405_keeps_what_is_allowed() {
    let response = ask(orders(), get_request("/api/orders/ord_1:confirm")).await;
    assert_eq!(response.headers()[header::ALLOW], "POST");
    assert_eq!(problem_of(response).await.code, ProblemCode::MethodNotAllowed);
    // What looks like a verb and is none is nothing at all.
    for path in ["/api/orders/ord_1:Confirm", "/api/orders/:confirm", "/api/orders/ord_1:confirm:confirm"] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        assert_eq!(problem_of(ask(orders(), request).await).await.code, ProblemCode::NotFound, "{path}");
    }
    for method in [Method::TRACE, Method::CONNECT] {
        let mut request = get_request("/api/orders/ord_1");
        *request.method_mut() = method;
        let response = ask(orders(), request).await;
        assert!(response.headers().contains_key(header::ALLOW));
        assert_eq!(problem_of(response).await.status, 405);
    }
}

#[tokio::test]
async fn two_hosts_are_refused() {
    let mut request = get_request("/api/orders/ord_1");
    for host in ["a", "b"] {
        request.headers_mut().append(header::HOST, HeaderValue::from_static(host));
    }
    assert_eq!(problem_of(ask(orders(), request).await).await.status, 400);
}

#[tokio::test]
async fn a_request_of_http_1_1_has_a_good_host() {
    for (host, status) in [
        ("", 200),
        ("it", 200),
        ("it:8080", 200),
        ("[::1]:80", 200),
        ("a b", 400),
        ("a/b", 400),
        ("u@it", 400),
    ] {
        let mut request = get_request("/api/orders/ord_1");
        request.headers_mut().insert(header::HOST, HeaderValue::from_static(host));
        assert_eq!(ask(orders(), request).await.status(), status, "{host:?}");
    }
    for (version, status) in [(Version::HTTP_10, 200), (Version::HTTP_11, 400), (Version::HTTP_2, 200)] {
        let mut request = get_request("/api/orders/ord_1");
        request.headers_mut().remove(header::HOST);
        *request.version_mut() = version;
        assert_eq!(shell(orders()).oneshot(request).await.unwrap().status(), status, "{version:?}");
    }
}

#[tokio::test]
async fn a_request_has_one_id_everywhere() {
    let show = async |Extension(id): Extension<RequestId>| id.as_str().to_owned();
    let router = || Router::new().route("/id", get(show));
    for (given, kept) in [
        ("abc-DEF_123", true),
        ("", false),
        ("a b", false),
        ("a\"b", false),
        ("é", false),
        (&"a".repeat(64), true),
        (&"a".repeat(65), false),
    ] {
        let mut request = get_request("/id");
        request.headers_mut().insert(REQUEST_ID, HeaderValue::from_bytes(given.as_bytes()).unwrap());
        let response = ask(router(), request).await;
        let answered = response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        assert_eq!(text(response).await, answered);
        assert_eq!(answered == given, kept, "{given}");
        assert!(kept || (answered.starts_with("req_") && answered.len() == 36), "{answered}");
    }
}

#[tokio::test]
async fn every_error_becomes_a_problem_and_keeps_its_fields() {
    let said = Problem {
        kind: "about:blank".into(),
        title: "Conflict".into(),
        status: 409,
        detail: "A-1 is taken".into(),
        code: ProblemCode::SeatsUnavailable,
        request_id: String::new(),
        retryable: false,
        hint: None,
        seats: vec!["A-1".parse().unwrap()],
    };
    let router = Router::new()
        .route("/text", get(async || (StatusCode::BAD_REQUEST, [("x-kept", "1")], "internals")))
        .route("/busy", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/later", get(async || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")])))
        .route(
            "/stored",
            get(async || (StatusCode::CONFLICT, [("content-type", "application/problem+json")], "{}")),
        )
        .route("/said", get(async move || (StatusCode::CONFLICT, Extension(said)).into_response()))
        .route("/fine", get(async || Json(1)));

    let response = ask(router.clone(), get_request("/text")).await;
    assert_eq!(response.headers()["x-kept"], "1");
    assert!(!problem_of(response).await.detail.contains("internals"));

    let response = ask(router.clone(), get_request("/busy")).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let problem = problem_of(response).await;
    assert!(problem.retryable && problem.code == ProblemCode::Busy);

    assert_eq!(ask(router.clone(), get_request("/later")).await.headers()["retry-after"], "7");
    assert_eq!(text(ask(router.clone(), get_request("/stored")).await).await, "{}");

    let problem = problem_of(ask(router.clone(), get_request("/said")).await).await;
    assert_eq!(
        (problem.code, problem.detail.as_str(), problem.seats.len()),
        (ProblemCode::SeatsUnavailable, "A-1 is taken", 1)
    );

    assert_eq!(text(ask(router.clone(), get_request("/fine")).await).await, "1");
    assert_eq!(problem_of(ask(router, get_request("/nowhere")).await).await.code, ProblemCode::NotFound);
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_the_client_nothing() {
    async fn fails() -> &'static str {
        panic!("card tok_canary")
    }
    let problem = problem_of(ask(Router::new().route("/", get(fails)), get_request("/")).await).await;
    assert_eq!((problem.status, problem.code), (500, ProblemCode::Internal));
    assert!(!format!("{problem:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_408_after_its_time_however_the_handler_takes_it() {
    let drips = || {
        let beats =
            tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
        let bytes = futures::StreamExt::map(beats, |_| Ok::<_, Infallible>(Bytes::from_static(b" ")));
        Request::post("/").body(Body::from_stream(bytes)).unwrap()
    };
    let takes = Router::new().route("/", post(async |body: Bytes| body.len().to_string()));
    let mut answering = std::pin::pin!(ask(takes, drips()));
    assert!(tokio::time::timeout(Duration::from_secs(19), &mut answering).await.is_err());
    let problem = problem_of(answering.await).await;
    assert_eq!((problem.status, problem.retryable), (408, true));

    let ignores = Router::new().route("/", post(async || "fine"));
    assert_eq!(ask(ignores, drips()).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_begin_is_503() {
    let endless = Router::new().route("/", get(std::future::pending::<&'static str>));
    let response = ask(endless, get_request("/")).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(problem_of(response).await.status, 503);
}

#[tokio::test]
async fn access_is_counted_by_route_and_never_by_path() {
    let metrics = crate::telemetry::Metrics::install().unwrap();
    let router = Router::new().route("/counted/{id}", get(async || "x"));
    let hardened = shell(router);
    for uri in ["/counted/1", "/counted/2", "/uncounted/3", "/counted/%00"] {
        hardened.clone().oneshot(get_request(uri)).await.unwrap();
    }
    let mut odd = get_request("/counted/1");
    *odd.method_mut() = Method::from_bytes(b"BREW").unwrap();
    hardened.clone().oneshot(odd).await.unwrap();

    let rendered = metrics.render();
    let series = |wanted: &str| rendered.lines().any(|line| line == wanted);
    assert!(
        series(r#"http_requests_total{method="GET",route="/counted/{id}",status="200"} 2"#),
        "{rendered}"
    );
    assert!(
        series(r#"http_requests_total{method="OTHER",route="/counted/{id}",status="405"} 1"#),
        "{rendered}"
    );
    assert!(
        rendered.contains(r#"http_request_duration_seconds_count{method="GET",route="/counted/{id}"} 2"#),
        "{rendered}"
    );
    assert!(!rendered.contains("uncounted"), "{rendered}");
}
