//! The description says what is there, all of it, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tmapi::problem::PROBLEM_JSON;

use crate::scene::{Caller, ROUTES, Scene, at};
use crate::wire::Ask;

/// `METHOD /path` of every operation, with the operation.
fn operations(description: &Value) -> Vec<(String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone()))
    });
    operations.collect()
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_has_every_route_and_no_other() {
    let scene = Scene::set().await;
    let answer = scene.ask(at("GET /openapi.json", "")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let description = answer.json();
    let described: BTreeSet<_> = operations(&description).into_iter().map(|(name, _)| name).collect();
    let known: BTreeSet<_> = ROUTES.iter().map(|route| route.0.to_owned()).collect();
    assert_eq!(described, known);
    // As many as `routes!` names in the daemon's list.
    let page = include_str!("../../src/http.rs");
    let named: usize =
        page.split("routes!(").skip(1).map(|rest| rest.split_once(')').unwrap().0.split(',').count()).sum();
    assert_eq!(named, described.len());
    // Verbs are written as clients write them.
    assert!(!answer.text().contains("/-/"));
    assert!(described.contains("POST /api/orders/{orderId}:confirm"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_described_is_answered_and_every_schema_named_exists() {
    let scene = Scene::set().await;
    let description = scene.ask(at("GET /openapi.json", "")).await.json();
    for (name, operation) in operations(&description) {
        // An id that nothing has: a route that exists says 401, 404 `not-found` of a thing, 400, …; what has no route
        // says so in other words.
        let ask = Ask::new(
            &name
                .replace("{eventId}", "E1")
                .replace("{sessionId}", "wrs_x")
                .replace("{orderId}", "ord_x")
                .replace("{ticketId}", "tkt_x"),
        );
        let answer = scene.ask(ask).await;
        assert_ne!(answer.status, 405, "{name}");
        assert!(answer.is_stream() || !answer.text().contains("there is nothing here"), "{name}");
        assert!(
            operation["responses"]
                .as_object()
                .is_some_and(|responses| responses.keys().any(|status| status.starts_with('2'))),
            "{name}"
        );
        let takes_body =
            ROUTES.iter().any(|route| route.0 == name && route.body().is_some_and(|body| !body.is_empty()));
        assert_eq!(operation["requestBody"]["content"]["application/json"].is_object(), takes_body, "{name}");
    }
    let nothing = scene.ask(Ask::new("GET /api/nothing")).await;
    assert_eq!(nothing.problem()["detail"], "there is nothing here");

    let mut named = BTreeSet::new();
    references(&description, &mut named);
    assert!(named.contains("#/components/schemas/Problem"));
    for name in named {
        let pointer = name.strip_prefix('#').unwrap_or_else(|| panic!("{name} is elsewhere"));
        assert!(description.pointer(pointer).is_some_and(Value::is_object), "{name} is nowhere");
    }
}

/// Parameters of a path are described, and keys where they are needed.
#[tokio::test(flavor = "multi_thread")]
async fn i1_parameters_are_described_where_they_are() {
    let scene = Scene::set().await;
    let description = scene.ask(at("GET /openapi.json", "")).await.json();
    for (name, operation) in operations(&description) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named = |place: &str| -> BTreeSet<String> {
            let fit = parameters.iter().filter(|parameter| parameter["in"] == place);
            fit.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
        };
        let in_path =
            name.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0.to_owned()).collect();
        assert_eq!(named("path"), in_path, "{name}");
        let (method, path) = name.split_once(' ').unwrap();
        let needs_key =
            method == "POST" && (path.starts_with("/api/orders") || path.starts_with("/api/bookings"));
        assert_eq!(named("header").contains("Idempotency-Key"), needs_key, "{name}");
        if needs_key {
            let route = ROUTES.iter().find(|route| route.0 == name).unwrap();
            let target =
                format!("{method} {}", path.replace("{eventId}", "E2").replace("{orderId}", &scene.order));
            let token = if route.1 == Caller::Organiser { &scene.organiser } else { &scene.owner };
            let ask = Ask::new(&target).token(token).json(route.body().unwrap());
            assert_eq!(
                scene.ask(ask.clone()).await.said(),
                (400, "idempotency-key-missing".to_owned()),
                "{name}"
            );
            assert_eq!(
                scene.ask(ask.key("a b")).await.said(),
                (400, "idempotency-key-invalid".to_owned()),
                "{name}"
            );
        }
    }
}

/// What the description says of callers is what the routes do, and every refusal is a problem document.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_call_and_how_refusals_look_is_described() {
    let scene = Scene::set().await;
    let description = scene.ask(at("GET /openapi.json", "")).await.json();
    for (name, operation) in operations(&description) {
        let caller = ROUTES.iter().find(|route| route.0 == name).unwrap().1;
        let expected = match caller {
            Caller::Public => json!([]),
            Caller::Anybody => json!([{}, {"buyer": []}]),
            Caller::Buyer => json!([{"buyer": []}]),
            Caller::Organiser => json!([{"organiser": []}]),
            Caller::Provider => json!([{"provider": []}]),
        };
        assert_eq!(operation["security"], expected, "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("4XX") && responses.contains_key("5XX"), "{name}");
        for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let content = response["content"].as_object().unwrap();
            assert_eq!(content.keys().collect::<Vec<_>>(), [PROBLEM_JSON], "{name} {status}");
        }
    }
    let schemes = description["components"]["securitySchemes"].as_object().unwrap();
    let names: BTreeSet<_> = schemes.keys().map(String::as_str).collect();
    assert_eq!(names, ["buyer", "organiser", "provider"].into());
}

/// What a stream sends first is an event as described.
#[tokio::test(flavor = "multi_thread")]
async fn e1_the_events_of_streams_are_described() {
    let scene = Scene::set().await;
    let description = scene.ask(at("GET /openapi.json", "")).await.json();
    for (name, schemas) in [
        ("GET /api/sse/events/{eventId}/seats", &["AvailabilityView", "SeatDelta"][..]),
        ("GET /api/sse/waiting-room/sessions/{sessionId}", &["SessionView"]),
    ] {
        let (_, operation) = operations(&description).into_iter().find(|(known, _)| known == name).unwrap();
        let event = &operation["responses"]["200"]["content"]["text/event-stream"]["schema"];
        assert_eq!(event["required"], json!(["event", "id", "data"]));
        let told = event["properties"]["data"]["contentSchema"]["anyOf"].as_array().unwrap();
        let named: Vec<_> = told.iter().map(|one| one["$ref"].as_str().unwrap()).collect();
        let expected: Vec<_> = schemas.iter().map(|name| format!("#/components/schemas/{name}")).collect();
        assert_eq!(named, expected, "{name}");
    }
}

/// One name is one thing wherever it stands: what is sent back by a route fits what another one takes.
#[tokio::test(flavor = "multi_thread")]
async fn ids_times_and_keys_are_described_by_their_names() {
    let scene = Scene::set().await;
    let description = scene.ask(at("GET /openapi.json", "")).await.json();
    let property =
        |schema: &str, name: &str| description["components"]["schemas"][schema]["properties"][name].clone();
    let order = property("OrderView", "orderId")["pattern"].as_str().unwrap().to_owned();
    assert!(order.starts_with("^ord_"));
    assert_eq!(property("TicketView", "orderId")["pattern"], order.as_str());
    assert_eq!(property("OrderView", "expiresAt")["format"], "date-time");
    assert_eq!(property("EventPatch", "saleStartsAt")["format"], "date-time");
    let event = property("CreateOrder", "eventId");
    assert_eq!((&event["minLength"], &event["maxLength"]), (&json!(1), &json!(64)));
    assert_eq!(property("SeatsAndPayment", "seats")["items"]["pattern"], event["pattern"]);
    for (name, operation) in operations(&description) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let schema = &parameter["schema"];
            match parameter["name"].as_str().unwrap() {
                "orderId" => assert_eq!(schema["pattern"], order.as_str(), "{name}"),
                "eventId" => assert_eq!(schema["pattern"], event["pattern"], "{name}"),
                "Idempotency-Key" => assert!(schema["pattern"].is_string(), "{name}"),
                "limit" | "pageSize" => assert_eq!(schema["maximum"], 100, "{name}"),
                _ => {}
            }
        }
    }
}
