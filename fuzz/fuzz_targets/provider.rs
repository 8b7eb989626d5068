//! The payment provider's answers: only a success that reads in full and is about this key and amount is one (M6).
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tmcore::Money;
use tmcore::money::Currency;
use tmcore::payment::{Answer, Exchange, OutcomeUnknown, ProviderKey};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    status: u16,
    body: &'a [u8],
    key: [u8; 2],
    amount: i64,
}

fuzz_target!(|input: Input<'_>| {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&input.key);
    let key = ProviderKey::from_bytes(bytes);
    let asked = Money::new(input.amount, Currency::EUR);
    // The key of the request in place of `KEY`, so that chance need not find it.
    let body = String::from_utf8_lossy(input.body).replace("KEY", &key.to_string()).into_bytes();
    let exchange = Exchange::Answered { status: input.status, body: body.clone() };
    let judged = exchange.judge(&key, Some(asked));
    assert_eq!(judged.is_ok(), judged.is_ok() && exchange.judge(&key, None).is_ok());
    match &judged {
        Ok(answer) => {
            assert!((200..300).contains(&input.status));
            let read: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(read["key"], key.to_string());
            assert_eq!(read["amount"], serde_json::to_value(asked).unwrap());
            let outcome = read["answer"]["outcome"].as_str();
            match answer {
                Answer::Ok { reference } => {
                    assert_eq!(outcome, Some("OK"));
                    assert!(reference.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                }
                Answer::Declined { reason } => {
                    assert_eq!(outcome, Some("DECLINED"));
                    assert!(!reason.as_str().is_empty() && !reason.as_str().chars().any(char::is_control));
                }
            }
            let mut other = bytes;
            other[31] ^= 1;
            let of_other = exchange.judge(&ProviderKey::from_bytes(other), Some(asked));
            assert_eq!(of_other, Err(OutcomeUnknown::Contradictory));
        }
        Err(unknown) => assert!((200..300).contains(&input.status) || unknown.to_string() != ""),
    }
});
