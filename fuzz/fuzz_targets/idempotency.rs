//! Keys are read as the page says, and a request's fingerprint is that of what it says and of nothing else.
#![no_main]

use arbitrary::Arbitrary;
use fuzz::has_float;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tmcore::idempotency::{Fingerprint, IdempotencyKey};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    key: &'a str,
    path: &'a str,
    other_path: &'a str,
    body: &'a str,
    other_body: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    key(input.key);
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (Some(body), Some(other)) = (read(input.body), read(input.other_body)) else { return };
    let of = |path: &str, body: &Value| Fingerprint::of("POST", path, body);
    let fingerprint = of(input.path, &body);
    assert_eq!(of(input.path, &backwards(&body)), fingerprint, "the order of fields matters");
    let spaced: Value = serde_json::to_string_pretty(&body).unwrap().parse().unwrap();
    if !has_float(&body) {
        assert_eq!(of(input.path, &spaced), fingerprint, "white space matters");
    }
    if body != other {
        assert_ne!(of(input.path, &other), fingerprint, "two bodies are one");
    }
    if input.path != input.other_path {
        assert_ne!(of(input.other_path, &body), fingerprint, "two paths are one");
    }
    assert_ne!(Fingerprint::of("PUT", input.path, &body), fingerprint);
});

fn key(text: &str) {
    let quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
    let bare = if quoted { &text[1..text.len() - 1] } else { text };
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let is_key = !bare.is_empty() && bare.len() <= 255 && bare.chars().all(fits);
    let read = text.parse::<IdempotencyKey>();
    assert_eq!(read.is_ok(), is_key, "{text:?}");
    if let Ok(key) = read {
        assert_eq!(key.as_str(), bare);
        assert_eq!(format!("\"{key}\"").parse(), Ok(key.clone()));
        assert_eq!(key.to_string().parse(), Ok(key));
    }
}

/// The same with the fields of every object put in from the last to the first.
fn backwards(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().rev().map(|(name, field)| (name.clone(), backwards(field))).collect()
        }
        Value::Array(items) => items.iter().map(backwards).collect(),
        other => other.clone(),
    }
}
