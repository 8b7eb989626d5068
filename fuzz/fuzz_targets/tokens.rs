//! No access token is good but the one that was issued, and an organiser's is nobody's.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use fuzz::{Edit, edited};
use libfuzzer_sys::fuzz_target;
use tmcore::UserId;
use tmcore::webhook::WebhookSecret;
use tmd::app::access::{Access, Principal};
use tmd::clock::{Clock, SystemClock};
use uuid::Uuid;

const ORGANISER: &str = "org_0123456789abcdef0123456789abcdef";

/// RFC 8032, 7.1, TEST 1: seed and public key.
const KEY_PAIR: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\
                        d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

static OFFICE: LazyLock<(Access, UserId, String)> = LazyLock::new(|| {
    let keys: [u8; 64] = hex::decode(KEY_PAIR).unwrap().try_into().unwrap();
    let access = Access::new(&keys, ORGANISER.to_owned(), WebhookSecret::from_bytes(&[1; 32])).unwrap();
    let user = UserId::from_uuid(Uuid::from_u128(7));
    let token = access.issue(user, SystemClock::new().now()).unwrap();
    (access, user, token)
});

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    edits: Vec<Edit>,
    organiser: Vec<Edit>,
    text: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let (access, user, token) = &*OFFICE;
    for text in [edited(token, &input.edits), edited(ORGANISER, &input.organiser), input.text.to_owned()] {
        let expected = match &text {
            text if text == token => Ok(Principal::User(*user)),
            text if text == ORGANISER => Ok(Principal::Organiser),
            _ => Err(tmd::app::access::BadCredential),
        };
        assert_eq!(access.check(&text), expected, "{text}");
    }
});
