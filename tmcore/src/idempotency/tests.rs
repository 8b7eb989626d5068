use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        "[a-c\"\\\\,:{}\u{0}é]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-c\"\\\\,:]{0,3}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same value as a text with the members of every object backwards and white space wherever it may stand.
fn disordered(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(disordered).collect();
            format!("[ {}\t]", items.join("\n, "))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|a, b| b.0.cmp(a.0));
            let members: Vec<_> = members
                .iter()
                .map(|(name, member)| format!("{} :\r{}", json!(name), disordered(member)))
                .collect();
            format!(" {{\n{} }}  ", members.join(" ,"))
        }
        scalar => format!(" {scalar} "),
    }
}

fn of(body: &Value) -> Fingerprint {
    Fingerprint::of("POST", "/api/orders", body)
}

fn row(state: LedgerState) -> LedgerRow {
    LedgerRow { fingerprint: of(&Value::Null), state }
}

proptest! {
    #[test]
    fn i3_key_order_and_white_space_do_not_matter(value in value()) {
        let again: Value = serde_json::from_str(&disordered(&value)).unwrap();
        prop_assert_eq!(of(&again), of(&value));
        if let Value::Object(members) = &value {
            let backwards: Map<_, _> = members.clone().into_iter().rev().collect();
            prop_assert_eq!(of(&Value::Object(backwards)), of(&value));
        }
    }

    #[test]
    fn i3_any_other_difference_does(one in value(), other in value()) {
        prop_assert_eq!(of(&one) == of(&other), one == other);
    }

    #[test]
    fn i3_a_difference_deep_inside_does(value in value(), depth in 0..6_usize) {
        let nest = |inner: Value| (0..depth).fold(inner, |inner, at| {
            if at % 2 == 0 { json!({ "a": inner, "b": [1, 2] }) } else { json!([[], inner]) }
        });
        prop_assert_ne!(of(&nest(value.clone())), of(&nest(json!([value]))));
    }

    #[test]
    fn i3_method_and_path_matter_and_do_not_run_together(
        method in "[A-Z]{1,4}", path in "/[a-z/]{0,6}", other_method in "[A-Z]{1,4}", other_path in "[A-Z/][a-z/]{0,6}",
    ) {
        let one = Fingerprint::of(&method, &path, &Value::Null);
        let other = Fingerprint::of(&other_method, &other_path, &Value::Null);
        prop_assert_eq!(one == other, (method, path) == (other_method, other_path));
    }

    #[test]
    fn i2_a_key_is_the_same_bare_or_quoted(text in "[A-Za-z0-9_.:-]{1,255}") {
        let bare: IdempotencyKey = text.parse().unwrap();
        prop_assert_eq!(bare.as_str(), text.as_str());
        prop_assert_eq!(format!("\"{text}\"").parse::<IdempotencyKey>(), Ok(bare));
    }

    #[test]
    fn i2_any_other_character_is_refused(before in "[a-z]{0,3}", odd in "[^A-Za-z0-9_.:-]", after in "[a-z]{0,3}") {
        let text = format!("{before}{odd}{after}");
        prop_assert!(text.parse::<IdempotencyKey>().is_err());
    }

    #[test]
    fn i5_another_request_is_refused_whatever_the_first_came_to(status: u16, lease: u32, now: u32) {
        let lease_until = Timestamp::from_millis(i64::from(lease));
        let now = Timestamp::from_millis(i64::from(now));
        for state in
            [LedgerState::InFlight { lease_until }, LedgerState::Done { status, body: Arc::from(&b"secret"[..]) }]
        {
            prop_assert_eq!(decide(Some(&row(state)), &of(&json!({})), now), Claim::Reused);
        }
    }

    #[test]
    fn i6_i7_a_lease_is_waited_for_and_then_taken_over(lease in 0..9_u32, now in 0..9_u32) {
        let row = row(LedgerState::InFlight { lease_until: Timestamp::from_millis(i64::from(lease)) });
        let claim = decide(Some(&row), &of(&Value::Null), Timestamp::from_millis(i64::from(now)));
        let expected = if now < lease { Claim::InFlight { retry_after_seconds: 1 } } else { Claim::Resume };
        prop_assert_eq!(claim, expected);
    }

    #[test]
    fn i4_a_done_request_is_answered_byte_for_byte(status: u16, body: Vec<u8>, now: u32) {
        let body: Arc<[u8]> = body.into();
        let row = row(LedgerState::Done { status, body: Arc::clone(&body) });
        let claim = decide(Some(&row), &of(&Value::Null), Timestamp::from_millis(i64::from(now)));
        prop_assert_eq!(claim, Claim::Replay { status, body });
    }

    #[test]
    fn i8_a_server_fault_is_never_stored(status in 500_u16..600, code in "[a-z-]{1,20}") {
        prop_assert!(!is_stored(status, Ending::Refused(&code)));
        prop_assert!(!is_stored(status, Ending::Final));
    }
}

#[test]
fn i4_a_new_key_is_fresh() {
    assert_eq!(decide(None, &of(&Value::Null), Timestamp::from_millis(0)), Claim::Fresh);
}

#[test]
fn i3_what_reads_alike_is_not_the_same() {
    let numbers = ["1", "1.0", "10", "-1", "18446744073709551615", "18446744073709551614", "0.1", "\"1\""];
    let nested =
        ["[1,2]", "[12]", "[\"1,2\"]", "[[1,2]]", "[[1],2]", "[1,[2]]", "[[],[]]", "[[[]]]", "[]", "{}"];
    let members =
        [r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#, r#"{"a":"1,\"b\":2"}"#, r#"{"a":{"b":2}}"#, r#"{"a":1}"#];
    let texts = [&numbers[..], &nested, &members].concat();
    for (at, one) in texts.iter().enumerate() {
        for (other_at, other) in texts.iter().enumerate() {
            let [one, other] = [one, other].map(|text| of(&serde_json::from_str(text).unwrap()));
            assert_eq!(one == other, at == other_at);
        }
    }
}

/// Keys in use have to survive an upgrade.
#[test]
fn i3_a_fingerprint_is_the_same_in_every_version() {
    let body = json!({ "seats": ["A-12-7"], "paymentToken": "tok_ok" });
    assert_eq!(
        hex::encode(of(&body).as_bytes()),
        "e865c665a7cdc4e3b318cd52d16c0695ee984308814707714370e769a02175a2"
    );
}

#[test]
fn i2_empty_and_overlong_keys_are_refused() {
    for bad in ["", "\"\"", "\"", "\"a", "a\"", "\"\"a\"\"", &"x".repeat(256)] {
        assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad:?}");
    }
}

#[test]
fn i8_what_is_stored() {
    let refused = Ending::Refused;
    for (status, ending) in [
        (200, Ending::Final),
        (201, Ending::Final),
        (202, Ending::Final),
        (402, refused("declined")),
        (409, refused("order-state")),
        (409, refused("seats-unavailable")),
        (409, refused("purchase-limit")),
        (410, refused("order-expired")),
        (422, refused("invalid-seats")),
    ] {
        assert!(is_stored(status, ending), "{status} {ending:?}");
    }
    for (status, ending) in [
        (202, Ending::Converging),
        (400, refused("malformed-body")),
        (401, refused("unauthenticated")),
        (403, refused("not-admitted")),
        (404, refused("not-found")),
        (409, refused("idempotency-in-flight")),
        (409, refused("fence-lost")),
        (413, refused("payload-too-large")),
        (415, refused("unsupported-media-type")),
        (422, refused("idempotency-key-reused")),
        (429, refused("rate-limited")),
        (503, refused("busy")),
    ] {
        assert!(!is_stored(status, ending), "{status} {ending:?}");
    }
}
