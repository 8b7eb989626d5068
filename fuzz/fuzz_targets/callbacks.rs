//! Nothing but what the provider signed is believed.
#![no_main]

use arbitrary::Arbitrary;
use fuzz::{Edit, edited};
use libfuzzer_sys::fuzz_target;
use tmcore::Timestamp;
use tmcore::webhook::{MessageHead, TOLERANCE_SECONDS, WebhookSecret};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    id: Vec<Edit>,
    timestamp: Vec<Edit>,
    body: Vec<Edit>,
    signature: Vec<Edit>,
    secret: &'a str,
    late_seconds: i16,
}

const SENT: i64 = 1_800_000_000;

fuzz_target!(|input: Input<'_>| {
    if let Ok(read) = input.secret.parse::<WebhookSecret>() {
        assert_eq!(read.expose(), input.secret.trim(), "a secret with two texts");
    }
    let secret = WebhookSecret::from_bytes(&[9; 32]);
    let (id, timestamp, body) = ("evt_1", SENT.to_string(), r#"{"data":{"amount":100}}"#);
    let signature = secret.sign(MessageHead { id, timestamp: &timestamp }, body.as_bytes());
    let now = Timestamp::from_millis((SENT + i64::from(input.late_seconds)) * 1000);

    let edits = [
        (id, &input.id),
        (&timestamp, &input.timestamp),
        (body, &input.body),
        (&signature, &input.signature),
    ];
    let [new_id, new_timestamp, new_body, new_signature] = edits.map(|(text, edits)| edited(text, edits));
    let head = MessageHead { id: &new_id, timestamp: &new_timestamp };
    let believed = secret.verify(head, &new_signature, new_body.as_bytes(), now).is_ok();
    let is_signed = (new_id.as_str(), &new_timestamp, new_body.as_str()) == (id, &timestamp, body);
    let is_fresh = input.late_seconds.unsigned_abs() <= TOLERANCE_SECONDS as u16;
    let names_it = new_signature.split(' ').any(|one| one == signature);
    assert!(!believed || is_signed && is_fresh && names_it, "{head:?} {new_signature} {new_body}");
    let is_told_alone = new_signature == signature;
    assert!(believed || !(is_signed && is_fresh && is_told_alone), "the truth is not believed");
});
