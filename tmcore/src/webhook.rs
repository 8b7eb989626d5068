//! Signed messages between programs, in the form of Standard Webhooks: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature: v1,<base64>`, an HMAC-SHA256 over `id.timestamp.body`.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Timestamp;

/// How far the clocks of both sides may differ, and how long a message may be under way, seconds.
pub const TOLERANCE_SECONDS: u32 = 5 * 60;

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";
/// The most signatures of one message that are looked at: one a secret while secrets change.
const MAX_SIGNATURES: usize = 8;
const MAX_ID_CHARS: usize = 255;

/// What both sides know: `whsec_` and 24 to 64 bytes in base64. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// The text is no secret. It is not repeated: it may be one with a slip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is whsec_ and 24 to 64 bytes in base64")]
pub struct WebhookSecretError;

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBelieved {
    /// The id is empty, too long or holds a dot, so that what was signed could be read in two ways.
    #[error("webhook-id must have 1 to 255 visible ASCII characters and no dot")]
    Id,
    /// The time is none, or too far from ours.
    #[error("webhook-timestamp must be within {TOLERANCE_SECONDS} s of the present")]
    Time,
    /// No signature is that of this message under the secret.
    #[error("webhook-signature does not fit the message")]
    Signature,
}

/// A message's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHead<'a> {
    /// `webhook-id`: names the message, however often it is sent.
    pub id: &'a str,
    /// `webhook-timestamp`: when it was sent, seconds since the Unix epoch.
    pub timestamp: &'a str,
}

impl WebhookSecret {
    /// A secret of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(bytes.to_vec())
    }

    /// The secret as a file holds it.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    /// The value of `webhook-signature`.
    #[must_use]
    pub fn sign(&self, head: MessageHead<'_>, body: &[u8]) -> String {
        let signature = self.mac(head, body).map(|mac| BASE64.encode(&mac.finalize().into_bytes()));
        format!("{VERSION}{}", signature.unwrap_or_default())
    }

    /// Believes a message that was signed under this secret a short while ago. Takes the same time for every wrong
    /// signature.
    ///
    /// # Errors
    /// [`NotBelieved`].
    pub fn verify(
        &self,
        head: MessageHead<'_>,
        signatures: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), NotBelieved> {
        let is_id = (1..=MAX_ID_CHARS).contains(&head.id.len())
            && head.id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
        if !is_id {
            return Err(NotBelieved::Id);
        }
        let is_digits = head.timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let sent: i64 = head.timestamp.parse().ok().filter(|_| is_digits).ok_or(NotBelieved::Time)?;
        if sent.abs_diff(now.as_millis().div_euclid(1000)) > u64::from(TOLERANCE_SECONDS) {
            return Err(NotBelieved::Time);
        }
        let mut given =
            signatures.split(' ').take(MAX_SIGNATURES).filter_map(|one| one.strip_prefix(VERSION));
        let fits = |given: &str| {
            let bytes = decoded(given)?;
            self.mac(head, body)?.verify_slice(&bytes).ok()
        };
        if given.find_map(fits).is_some() { Ok(()) } else { Err(NotBelieved::Signature) }
    }

    /// `None` never: HMAC takes keys of any length.
    fn mac(&self, head: MessageHead<'_>, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(&self.0).ok()?;
        for part in [head.id.as_bytes(), b".", head.timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        Some(mac)
    }
}

/// The bytes behind a base64 text that has them in the one way there is: the decoder would also take texts in which
/// padding stands in the middle (RFC 4648, 3.5 and 4).
fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok().filter(|bytes| BASE64.encode(bytes) == text)
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_…")
    }
}

impl FromStr for WebhookSecret {
    type Err = WebhookSecretError;

    fn from_str(text: &str) -> Result<Self, WebhookSecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(WebhookSecretError)?;
        let bytes = decoded(encoded).ok_or(WebhookSecretError)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(WebhookSecretError) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the reference implementation.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_signature_is_that_of_the_standard() {
        let secret: WebhookSecret = SECRET.parse().unwrap();
        let head = MessageHead { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330" };
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(secret.sign(head, body), signature);
        assert_eq!(secret.verify(head, signature, body, at(1_614_265_330)), Ok(()));
        assert_eq!(secret.verify(head, &format!("v1,AAAA {signature}"), body, at(1_614_265_630)), Ok(()));
        assert_eq!(secret.verify(head, signature, body, at(1_614_265_631)), Err(NotBelieved::Time));
        assert_eq!(secret.verify(head, signature, body, at(1_614_265_029)), Err(NotBelieved::Time));
    }

    #[test]
    fn a_secret_reads_back_and_is_never_shown() {
        let secret: WebhookSecret = SECRET.parse().unwrap();
        assert_eq!(secret.expose(), SECRET);
        assert_eq!(format!("{secret:?}"), "whsec_…");
        assert_eq!(WebhookSecret::from_bytes(&[7; 32]).expose().parse(), Ok(WebhookSecret(vec![7; 32])));
        let padded_inside = "whsec_MfQ=WWWWWW1WWWwWWWWWWWWWWWWWWWWWWWWW";
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!", padded_inside]
        {
            assert_eq!(bad.parse::<WebhookSecret>(), Err(WebhookSecretError), "{bad}");
        }
    }

    #[test]
    fn a_signature_is_written_in_one_way() {
        let secret: WebhookSecret = SECRET.parse().unwrap();
        let head = MessageHead { id: "evt_1", timestamp: "1000" };
        let signature = secret.sign(head, b"{}");
        let bytes = BASE64.decode(signature.strip_prefix(VERSION).unwrap().as_bytes()).unwrap();
        let parts = [BASE64.encode(&bytes[..1]), BASE64.encode(&bytes[1..])].concat();
        assert_eq!(BASE64.decode(parts.as_bytes()), Ok(bytes), "the same bytes");
        assert_eq!(secret.verify(head, &signature, b"{}", at(1000)), Ok(()));
        let twice = secret.verify(head, &format!("{VERSION}{parts}"), b"{}", at(1000));
        assert_eq!(twice, Err(NotBelieved::Signature));
    }

    #[test]
    fn an_id_that_could_be_read_in_two_ways_is_refused() {
        let secret: WebhookSecret = SECRET.parse().unwrap();
        for id in ["", "a.b", "a b", "ö", &"x".repeat(256)] {
            let head = MessageHead { id, timestamp: "0" };
            let signature = secret.sign(head, b"");
            assert_eq!(secret.verify(head, &signature, b"", at(0)), Err(NotBelieved::Id), "{id}");
        }
        for timestamp in ["", "+1", "-1", "1.0", "x", "99999999999999999999"] {
            let head = MessageHead { id: "a", timestamp };
            let signature = secret.sign(head, b"");
            assert_eq!(secret.verify(head, &signature, b"", at(1)), Err(NotBelieved::Time), "{timestamp}");
        }
    }

    proptest! {
        #[test]
        fn m12_nothing_but_what_was_signed_is_believed(
            body in prop::collection::vec(any::<u8>(), 1..60), place: usize, bit in 0..8_u8, part in 0..4_usize,
        ) {
            let secret: WebhookSecret = SECRET.parse().unwrap();
            let (id, time) = ("evt_1".to_owned(), "1000".to_owned());
            let head = MessageHead { id: &id, timestamp: &time };
            let signature = secret.sign(head, &body);
            prop_assert_eq!(secret.verify(head, &signature, &body, at(1000)), Ok(()));
            let flipped = |text: &[u8]| {
                let mut text = text.to_vec();
                let place = place % text.len();
                text[place] ^= 1 << bit;
                text
            };
            let believed = match part {
                0 => secret.verify(head, &signature, &flipped(&body), at(1000)),
                1 => {
                    let Ok(id) = String::from_utf8(flipped(id.as_bytes())) else { return Ok(()) };
                    secret.verify(MessageHead { id: &id, ..head }, &signature, &body, at(1000))
                }
                2 => {
                    let Ok(time) = String::from_utf8(flipped(time.as_bytes())) else { return Ok(()) };
                    secret.verify(MessageHead { timestamp: &time, ..head }, &signature, &body, at(1000))
                }
                _ => {
                    let other = WebhookSecret(flipped(&secret.0));
                    other.verify(head, &signature, &body, at(1000))
                }
            };
            prop_assert!(believed.is_err());
        }

        #[test]
        fn no_head_makes_it_panic(id in ".*", timestamp in ".*", signatures in ".*", now: i64) {
            let secret: WebhookSecret = SECRET.parse().unwrap();
            let head = MessageHead { id: &id, timestamp: &timestamp };
            prop_assert!(secret.verify(head, &signatures, b"", Timestamp::from_millis(now)).is_err());
        }
    }
}
