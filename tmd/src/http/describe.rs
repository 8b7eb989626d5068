//! The API's description as clients read it. What is the same on every route is said here, once: who may call it, how
//! it refuses, and what a name stands for wherever it is met.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tmapi::problem::PROBLEM_JSON;
use utoipa::openapi::OpenApi;

const PROBLEM: &str = "#/components/schemas/Problem";
const SEAT_DELTA: &str = "#/components/schemas/SeatDelta";
const SEAT_SNAPSHOT: &str = "#/components/schemas/AvailabilityView";

/// Routes that make a guest of whoever comes without a token, and the stream that asks for none (ARCHITECTURE.md).
const FOR_ANYBODY: [&str; 4] = [
    "/api/bookings/{eventId}",
    "/api/orders",
    "/api/waiting-room/sessions",
    "/api/sse/waiting-room/sessions/{sessionId}",
];

/// What an organiser may call a thing: an ECMA regular expression, which knows no names of classes.
const CHOSEN_ID: &str = r"^[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2066-\u2069\u3000\ufeff,/\\@;?#%]+$";

/// The description as JSON, with custom verbs as clients write them: `{id}:verb` is routed as `{id}/-/verb`.
///
/// # Errors
/// When it cannot be written, which is a fault of ours.
pub fn describe(description: &OpenApi) -> Result<Bytes, serde_json::Error> {
    let mut document = serde_json::to_value(description)?;
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, mut item) in std::mem::take(paths) {
            let path = path.replace("/-/", ":");
            for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
                operation["security"] = callers(&path, &operation["tags"][0]);
                refusals(operation);
                events(operation);
            }
            paths.insert(path, item);
        }
    }
    document["components"]["securitySchemes"] = json!({
        "buyer": {"type": "http", "scheme": "bearer", "bearerFormat": "PASETO",
            "description": "The accessToken that a join, an order or a booking without one answers."},
        "organiser": {"type": "http", "scheme": "bearer", "description": "organiser.token in the data folder."},
        "provider": {"type": "apiKey", "in": "header", "name": "webhook-signature",
            "description": "A signed message, as Standard Webhooks has it."},
    });
    name_all(&mut document);
    serde_json::to_vec_pretty(&document).map(Bytes::from)
}

/// Whose credential an operation takes; an empty requirement says that it may be left out.
fn callers(path: &str, tag: &Value) -> Value {
    match tag.as_str() {
        Some("catalogue" | "operations") => json!([]),
        Some("organiser") => json!([{"organiser": []}]),
        Some("provider") => json!([{"provider": []}]),
        _ if FOR_ANYBODY.contains(&path) => json!([{}, {"buyer": []}]),
        _ => json!([{"buyer": []}]),
    }
}

/// Every operation may refuse, and every refusal is a problem document.
fn refusals(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    responses.retain(|_, response| response["content"]["application/json"]["schema"]["$ref"] != PROBLEM);
    let after = json!({"schema": {"type": "integer", "minimum": 0}, "description": "Seconds to wait before trying again."});
    for (statuses, description) in [("4XX", "Refused."), ("5XX", "Not now, or a fault of the daemon.")] {
        let problem = json!({
            "description": description,
            "headers": {"Retry-After": after},
            "content": {PROBLEM_JSON: {"schema": {"$ref": PROBLEM}}},
        });
        responses.insert(statuses.to_owned(), problem);
    }
}

/// A stream is many events, each with its data in JSON: that of seats begins with a snapshot.
fn events(operation: &mut Value) {
    let Some(stream) = operation.pointer_mut("/responses/200/content/text~1event-stream/schema") else {
        return;
    };
    let mut data = vec![stream.take()];
    if data[0]["$ref"] == SEAT_DELTA {
        data.insert(0, json!({"$ref": SEAT_SNAPSHOT}));
    }
    *stream = json!({"type": "object", "required": ["event", "id", "data"], "properties": {
        "event": {"type": "string"},
        "id": {"type": "string", "description": "Sent back as Last-Event-ID it goes on from here."},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": data}},
    }});
}

/// Finds parameters and properties by their names, at any depth.
fn name_all(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(name_all),
        Value::Object(fields) => {
            if let (Some(Value::String(name)), true) =
                (fields.get("name").cloned(), fields.contains_key("in"))
                && let Some(schema) = fields.get_mut("schema")
            {
                specify(&name, schema);
            }
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                properties.iter_mut().for_each(|(name, schema)| specify(name, schema));
            }
            fields.values_mut().for_each(name_all);
        }
        _ => {}
    }
}

/// Adds to a schema what the name in front of it stands for.
fn specify(name: &str, schema: &mut Value) {
    if let Some(items) = schema.get_mut("items") {
        return specify(name, items);
    }
    let is = |kind: &str| {
        schema["type"] == kind || schema["type"].as_array().is_some_and(|all| all.contains(&kind.into()))
    };
    let more = match (is("string"), is("integer")) {
        (true, _) => text(name),
        (_, true) => number(name),
        _ => None,
    };
    if let (Some(schema), Some(Value::Object(more))) = (schema.as_object_mut(), more) {
        schema.extend(more);
    }
}

fn text(name: &str) -> Option<Value> {
    let made = |prefix: &str| Some(json!({"pattern": format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")}));
    match name {
        "orderId" | "order" => made("ord"),
        "sessionId" => made("wrs"),
        "ticketId" => made("tkt"),
        "userId" | "user" => made("usr"),
        "event" | "eventId" | "ids" | "performerId" | "seat" | "seatId" | "seats" | "venueId" => {
            Some(json!({"pattern": CHOSEN_ID, "minLength": 1, "maxLength": 64,
                "not": {"anyOf": [{"enum": ["-", ".", ".."]}, {"pattern": ":[a-z][a-z-]*$"}]}}))
        }
        "Idempotency-Key" => {
            Some(json!({"pattern": r#"^("[A-Za-z0-9_.:-]{1,255}"|[A-Za-z0-9_.:-]{1,255})$"#}))
        }
        "asOf" | "end" | "start" => Some(json!({"format": "date-time"})),
        _ if name.ends_with("At") => Some(json!({"format": "date-time"})),
        _ => None,
    }
}

fn number(name: &str) -> Option<Value> {
    match name {
        "limit" | "pageSize" => Some(json!({"minimum": 1, "maximum": 100})),
        "page" => Some(json!({"minimum": 1})),
        _ => None,
    }
}
