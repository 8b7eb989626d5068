//! Bodies of requests: strict JSON, no field passed over, the same again after it was written, no value repeated in a
//! refusal, one fingerprint.
#![no_main]

use std::fmt::Debug;

use fuzz::has_float;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tmapi::event::{BlockSeats, CreateEvent, EventPatch, ImportSeatingPlan};
use tmapi::order::{CreateOrder, SeatsAndPayment};
use tmapi::session::JoinWaitingRoom;
use tmapi::ticket::CheckTicket;
use tmcore::idempotency::Fingerprint;
use tmd::http::body::{parse, shaped};

/// In place of every text of a body: it may be a card.
const CARD: &str = "tok_4242secret";

fuzz_target!(|bytes: &[u8]| {
    let plain = serde_json::from_slice::<Value>(bytes);
    let Ok(body) = parse(bytes) else {
        return assert!(plain.is_err() || names_twice(bytes), "JSON is refused");
    };
    assert_eq!(plain.unwrap(), body, "it reads as something else");
    let spaced = [b" ", bytes, b"\n"].concat();
    let again = parse(&spaced).unwrap();
    assert_eq!(Fingerprint::of("POST", "/", &again), Fingerprint::of("POST", "/", &body));
    checked::<JoinWaitingRoom>(&body);
    checked::<CreateOrder>(&body);
    checked::<SeatsAndPayment>(&body);
    checked::<CheckTicket>(&body);
    checked::<BlockSeats>(&body);
    checked::<EventPatch>(&body);
    checked::<CreateEvent>(&body);
    checked::<ImportSeatingPlan>(&body);
    hidden::<SeatsAndPayment>(&body);
    hidden::<CreateOrder>(&body);
    hidden::<CheckTicket>(&body);
});

/// As far as it can be told from outside: what parses, but not strictly, holds two equal names.
fn names_twice(bytes: &[u8]) -> bool {
    bytes.iter().filter(|byte| **byte == b':').count() >= 2
}

fn checked<T: DeserializeOwned + Serialize + PartialEq + Debug>(body: &Value) {
    let Ok(read) = shaped::<T>(body.clone()) else { return };
    let written = serde_json::to_value(&read).unwrap();
    let again = shaped::<T>(written.clone()).expect("it was written to be read");
    assert!(again == read || has_float(body), "{again:?} {read:?}");
    let (given, kept) = (body.as_object().unwrap(), written.as_object().unwrap());
    for (name, value) in given {
        assert!(value.is_null() || kept.contains_key(name), "{name} is passed over");
    }
}

/// Whatever is refused, the texts in it are not repeated.
fn hidden<T: DeserializeOwned>(body: &Value) {
    let Err(refusal) = shaped::<T>(with_cards(body)) else { return };
    let problem = serde_json::to_string(&refusal.problem).unwrap();
    assert!(!problem.contains(CARD), "{problem}");
}

fn with_cards(value: &Value) -> Value {
    match value {
        Value::String(_) => CARD.into(),
        Value::Array(items) => items.iter().map(with_cards).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), with_cards(field))).collect()
        }
        other => other.clone(),
    }
}
