//! What attackers try of every API, on every route (OWASP API Security Top 10, 2023): docs/security.md says which test
//! is about which.

use std::collections::BTreeSet;

use http::HeaderMap;
use serde_json::Value;

use crate::harness::quick;
use crate::scene::{Caller, ROUTES, Scene, at, token};
use crate::wire::Ask;

/// The description's schema of a name.
fn schema<'a>(description: &'a Value, name: &str) -> &'a Value {
    &description["components"]["schemas"][name]
}

/// Names of all properties at any depth below a value, references followed not.
fn properties(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Object(named)) = fields.get("properties") {
                found.extend(named.keys().cloned());
            }
            fields.values().for_each(|field| properties(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
        _ => {}
    }
}

/// API3: what an answer shows is not thereby something that a request may set.
#[tokio::test(flavor = "multi_thread")]
async fn no_field_of_any_answer_can_be_set_that_the_request_does_not_have() {
    let scene = Scene::set().await;
    let description = scene.ask(at("GET /openapi.json", "")).await.json();
    let mut names = BTreeSet::new();
    properties(&description["components"]["schemas"], &mut names);
    assert!(["status", "userId", "total", "expiresAt", "revenue"].iter().all(|name| names.contains(*name)));
    for route in ROUTES {
        let Some(body) = route.body() else { continue };
        let mut good: Value = serde_json::from_str(if body.is_empty() { "{}" } else { &body }).unwrap();
        let (method, path) = route.0.split_once(' ').unwrap();
        let operation = &description["paths"][path][method.to_lowercase()];
        let reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let taken = reference.map(|name| schema(&description, name.rsplit('/').next().unwrap()));
        let taken = taken.and_then(|schema| schema["properties"].as_object());
        for name in names.iter().filter(|name| taken.is_none_or(|taken| !taken.contains_key(*name))) {
            good[name] = Value::from("1");
            let ask = scene.credited(route, scene.id(route)).json(good.to_string());
            let answer = scene.ask(ask).await;
            assert_eq!(answer.said(), (400, "malformed-body".to_owned()), "{} {name}", route.0);
            good.as_object_mut().unwrap().remove(name);
        }
    }
    let order = scene.ask(at("GET /api/orders/{orderId}", &scene.order).token(&scene.owner)).await;
    assert_eq!(
        (order.field("status"), order.json()["total"]["amount"].clone()),
        ("PENDING".to_owned(), 0.into())
    );
}

/// API2: a credential is a header. In an address it would stand in logs and histories; in a cookie other sites' pages
/// would send it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_or_in_a_cookie_is_none() {
    let scene = Scene::set().await;
    for route in ROUTES.iter().filter(|route| matches!(route.1, Caller::Buyer | Caller::Organiser)) {
        let token = if route.1 == Caller::Organiser { &scene.organiser } else { &scene.owner };
        let ask = || {
            let ask = route.at(scene.id(route));
            route
                .body()
                .filter(|body| !body.is_empty())
                .map_or_else(|| ask.clone(), |body| ask.clone().json(body))
        };
        let asks = [
            ask().query(&format!("?access_token={token}")),
            ask().query(&format!("?token={token}")),
            ask().header(
                "cookie",
                &format!("access_token={token}; session={token}; Authorization=Bearer {token}"),
            ),
            ask().header("x-api-key", token).header("proxy-authorization", &format!("Bearer {token}")),
            ask().header("x-user-id", "admin").header("x-forwarded-user", "organiser"),
        ];
        for ask in asks {
            let target = ask.target().to_owned();
            assert_eq!(scene.ask(ask).await.said(), (401, "unauthenticated".to_owned()), "{target}");
        }
    }
}

/// API5: a header or a parameter makes no other method of the one that was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_method_is_not_overridden() {
    let scene = Scene::set().await;
    let look = || at("GET /api/waiting-room/sessions/{sessionId}", &scene.session).token(&scene.owner);
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        assert_eq!(scene.ask(look().header(name, "DELETE")).await.status, 200, "{name}");
    }
    scene.ask(look().query("?_method=DELETE")).await;
    assert_ne!(scene.ask(look()).await.field("status"), "LEFT");
    for name in ["x-original-url", "x-rewrite-url"] {
        let ask = Ask::new("GET /livez").header(name, "/api/payments").token(&scene.organiser);
        assert_eq!(scene.ask(ask).await.text(), "ok\n", "{name}");
    }
}

/// API8: every answer, also every refusal, says that it is not to be stored, guessed at or framed, and says nothing of
/// what made it; no page of another site may read any.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_its_security_headers() {
    let scene = Scene::set().await;
    for route in ROUTES {
        let good = scene.good_at(route, scene.id(route)).header("origin", "https://evil.example");
        let preflight = Ask::new(&format!("OPTIONS {}", good.target()))
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST");
        for (what, ask) in [("good", good), ("bare", route.at(scene.id(route))), ("preflight", preflight)] {
            let answer = scene.ask(ask).await;
            let header = |name: &str| answer.header(name).to_owned();
            let here = format!("{} {what}: {}", route.0, answer.status);
            assert_eq!(header("x-content-type-options"), "nosniff", "{here}");
            assert_eq!(
                header("content-security-policy"),
                "default-src 'none'; frame-ancestors 'none'",
                "{here}"
            );
            assert!(
                is_kept_right(route.1, answer.status, &header("cache-control")),
                "{here} {:?}",
                answer.headers
            );
            assert_eq!(unwanted(&answer.headers), BTreeSet::new(), "{here}");
        }
    }
}

/// Only what everybody may see is kept by others.
fn is_kept_right(caller: Caller, status: u16, cache_control: &str) -> bool {
    match cache_control {
        "no-store" => true,
        "private, no-cache" => caller == Caller::Buyer,
        public => public.starts_with("public, ") && caller == Caller::Public && status == 200,
    }
}

/// Names of programs, and leave for other sites' pages.
fn unwanted(headers: &HeaderMap) -> BTreeSet<&str> {
    let tells = |name: &&str| {
        name.starts_with("access-control-") || ["server", "x-powered-by", "via", "set-cookie"].contains(name)
    };
    headers.keys().map(http::HeaderName::as_str).filter(tells).collect()
}

/// API8: what refuses says what is wrong with the request, and nothing of where in the program that was noticed.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_nothing_of_the_inside() {
    let scene = Scene::set().await;
    let data = scene.daemon.folder().to_str().unwrap().to_lowercase();
    for route in ROUTES {
        let asks = [
            scene.credited(route, "%27%20OR%201=1--").json("{"),
            scene
                .credited(route, scene.id(route))
                .json(r#"{"eventId":{"$gt":""},"seats":[[]],"code":[],"name":7}"#),
            scene
                .credited(route, scene.id(route))
                .bytes("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>"),
            scene.credited(route, scene.id(route)).query("?limit=x&cursor='&page=-1&start=0&order='"),
        ];
        for ask in asks {
            let answer = scene.ask(ask).await;
            if answer.status < 400 {
                continue;
            }
            assert!(answer.status < 500, "{}: {}", route.0, answer.text());
            let text = answer.text().to_lowercase();
            for inside in [
                ".rs", "panick", "sqlite", "sqlx", "postgres", "tokio", "axum", "serde", "select ", "unwrap",
                &data,
            ] {
                assert!(!text.contains(inside), "{} {inside}: {text}", route.0);
            }
        }
    }
}

/// API4: what is packed is not unpacked: a kilobyte that becomes a gigabyte is a kilobyte of no JSON.
#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_not_unpacked() {
    let scene = Scene::set().await;
    for route in ROUTES {
        let Some(body) = route.body().filter(|body| !body.is_empty()) else { continue };
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, body.as_bytes()).unwrap();
        let ask = scene.credited(route, scene.id(route)).header("content-encoding", "gzip");
        let answer = scene.ask(ask.json(packed.finish().unwrap())).await;
        assert_eq!(answer.said(), (400, "malformed-body".to_owned()), "{}", route.0);
    }
}

/// API4: every number that says how much one wants has a bound, and past it nothing is done.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_more_at_once_than_the_bounds_say() {
    let scene = Scene::set().await;
    let words = |count: usize| vec!["x"; count].join("+");
    let many: Vec<_> = (0..4_000).map(|seat| format!("C-{seat}")).collect();
    let refused = [
        ("GET /api/events?limit=101".to_owned(), 400),
        ("GET /api/events?limit=0".to_owned(), 400),
        ("GET /api/events?limit=4294967296".to_owned(), 400),
        ("GET /api/events/search?pageSize=101".to_owned(), 400),
        ("GET /api/events/search?page=0".to_owned(), 400),
        (format!("GET /api/events/search?keyword={}", words(11)), 400),
        (format!("GET /api/events/search?keyword={}", "x".repeat(201)), 400),
    ];
    for (target, status) in refused {
        assert_eq!(scene.ask(Ask::new(&target)).await.status, status, "{target}");
    }
    let body = serde_json::json!({"seats": many, "paymentToken": "tok_ok"}).to_string();
    let ask = at("POST /api/orders/{orderId}:confirm", &scene.order).token(&scene.owner).json(body);
    assert_eq!(scene.ask(ask).await.said(), (422, "invalid-seats".to_owned()));
    let long = "x".repeat(10_000);
    let body = serde_json::json!({"seats": ["C-2"], "paymentToken": long}).to_string();
    let ask = at("POST /api/orders/{orderId}:confirm", &scene.order).token(&scene.owner).json(body);
    let answer = scene.ask(ask).await;
    assert!((400..500).contains(&answer.status) && !answer.text().contains(&long), "{}", answer.text());
}

/// API6: a buyer's steps have a budget of their own, whatever address they come from.
#[tokio::test(flavor = "multi_thread")]
async fn one_buyer_cannot_order_without_end() {
    let mut config = quick();
    config.overload.principal_orders_per_minute = 10;
    let scene = Scene::set_with(config).await;
    let buyer = token(&scene.daemon, 7);
    let mut refused = 0;
    for _ in 0..40 {
        let ask = at("POST /api/orders", "").json(r#"{"eventId":"E2"}"#).token(&buyer);
        let answer = scene.ask(ask).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
            refused += 1;
        }
    }
    assert!((20..=30).contains(&refused), "{refused}");
    // Others do not notice.
    assert_eq!(
        scene.ask(at("POST /api/orders", "").json(r#"{"eventId":"E2"}"#).token(&scene.other)).await.status,
        201
    );
}

/// API7: no request says where the daemon is to call. What the operator sets is called alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_names_an_address_to_call() {
    let scene = Scene::set().await;
    let description = scene.ask(at("GET /openapi.json", "")).await.json();
    let is_address = |name: &str| {
        let name = name.to_lowercase();
        ["url", "uri", "href", "callback", "webhook", "host", "link", "image"]
            .iter()
            .any(|part| name.contains(part))
    };
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let mut names = BTreeSet::new();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            names.extend(parameters.map(|parameter| parameter["name"].as_str().unwrap().to_owned()));
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut open = vec![body.clone()];
            while let Some(next) = open.pop() {
                properties(&next, &mut names);
                let text = next.to_string();
                for rest in text.split("#/components/schemas/").skip(1) {
                    open.push(schema(&description, rest.split('"').next().unwrap()).clone());
                }
            }
            let of_the_signature = ["webhook-id", "webhook-timestamp", "webhook-signature"];
            names.retain(|name| is_address(name) && !of_the_signature.contains(&name.as_str()));
            assert_eq!(names, BTreeSet::new(), "{method} {path}");
        }
    }
}
