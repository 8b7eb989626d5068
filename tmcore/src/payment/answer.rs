//! What came back from the provider, and what it means.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Operation, ProviderKey};
use crate::Money;

/// The provider's name for something it did: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderReference(Arc<str>);

/// The text is no provider reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider reference has 1 to 255 visible ASCII characters")]
pub struct ProviderReferenceError;

impl ProviderReference {
    /// The longest reference that is accepted, in characters.
    pub const MAX_CHARS: usize = 255;

    /// A name made from the first 128 bits of the key of what was done, as the sandbox gives: none is drawn, and by the
    /// nature of a hash no two keys share one.
    #[must_use]
    pub fn derive(operation: Operation, key: &ProviderKey) -> Self {
        let prefix = match operation {
            Operation::Authorize => "auth",
            Operation::Capture => "capt",
            Operation::Void => "void",
            Operation::Refund => "rfnd",
        };
        let digits = key.to_string();
        Self(format!("{prefix}_{}", &digits[..digits.len() / 2]).into())
    }

    /// The reference as the provider wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProviderReference {
    type Err = ProviderReferenceError;

    fn from_str(text: &str) -> Result<Self, ProviderReferenceError> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(ProviderReferenceError) }
    }
}

impl Serialize for ProviderReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProviderReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why the provider declined, in its words, fit to be shown: no control characters, at most 255 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclineReason(Arc<str>);

impl DeclineReason {
    /// Characters kept of what the provider wrote.
    pub const MAX_CHARS: usize = 255;

    /// The reason as it may be shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Clips and cleans: a decline stays a decline however badly it is worded.
impl From<&str> for DeclineReason {
    fn from(text: &str) -> Self {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(Self::MAX_CHARS).collect();
        Self(if shown.is_empty() { "declined".into() } else { shown.into() })
    }
}

impl fmt::Display for DeclineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeclineReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(text.as_ref().into())
    }
}

/// A definite answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Answer {
    /// Done.
    Ok {
        /// The provider's name for what it did.
        reference: ProviderReference,
    },
    /// Refused for good, under this key.
    Declined {
        /// Why.
        reason: DeclineReason,
    },
}

/// The body of a definite answer, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The key it answers.
    pub key: ProviderKey,
    /// The amount it is about; what a void gave up.
    pub amount: Money,
    /// The answer.
    pub answer: Answer,
}

/// Why nobody here knows what became of a request. Never a "no": the operation may have taken effect (M6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutcomeUnknown {
    /// No answer in time.
    #[error("the provider did not answer in time")]
    TimedOut,
    /// The connection was refused, reset or cut off before the whole answer was read.
    #[error("the connection to the provider was lost")]
    Lost,
    /// The provider had a fault of its own.
    #[error("the provider failed with status {status}")]
    ServerFault {
        /// The HTTP status, 500 and above.
        status: u16,
    },
    /// The provider, or something before it, did not take the request as one.
    #[error("the provider refused the request with status {status}")]
    Refused {
        /// The HTTP status, not a success.
        status: u16,
    },
    /// The provider knows the key from another request. This one had no effect; the key's outcome is the other's.
    #[error("key reused: the provider knows the key from another request")]
    KeyReused,
    /// The answer does not read.
    #[error("the provider's answer does not read")]
    Unparsable,
    /// The answer is about another key or amount than asked.
    #[error("the provider's answer contradicts the request")]
    Contradictory,
}

impl OutcomeUnknown {
    /// Whether it speaks of the provider as a whole. The others are answers, if to another question.
    #[must_use]
    pub const fn is_outage(self) -> bool {
        match self {
            Self::TimedOut
            | Self::Lost
            | Self::ServerFault { .. }
            | Self::Refused { .. }
            | Self::Unparsable => true,
            Self::KeyReused | Self::Contradictory => false,
        }
    }
}

/// What was seen of the provider after a request left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// A whole answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body, unread.
        body: Vec<u8>,
    },
    /// No answer in time.
    TimedOut,
    /// The connection was refused, reset or cut off.
    Lost,
}

impl Exchange {
    /// What it means for the request under `key`: an answer only when a success reads in full and is about this key and,
    /// where one was named, this `amount`; anything else is unknown (M6).
    ///
    /// # Errors
    /// [`OutcomeUnknown`] with the cause.
    pub fn judge(&self, key: &ProviderKey, amount: Option<Money>) -> Result<Answer, OutcomeUnknown> {
        let reply: Reply = self.read()?;
        let is_asked = reply.key == *key && amount.is_none_or(|asked| asked == reply.amount);
        if is_asked { Ok(reply.answer) } else { Err(OutcomeUnknown::Contradictory) }
    }

    /// The body of a success, read as JSON.
    ///
    /// # Errors
    /// [`OutcomeUnknown`] with the cause, for anything but a success that reads in full.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, OutcomeUnknown> {
        match self {
            Self::Answered { status: 200..=299, body } => {
                serde_json::from_slice(body).map_err(|_| OutcomeUnknown::Unparsable)
            }
            Self::Answered { status: 409, .. } => Err(OutcomeUnknown::KeyReused),
            Self::Answered { status: status @ 500.., .. } => {
                Err(OutcomeUnknown::ServerFault { status: *status })
            }
            Self::Answered { status, .. } => Err(OutcomeUnknown::Refused { status: *status }),
            Self::TimedOut => Err(OutcomeUnknown::TimedOut),
            Self::Lost => Err(OutcomeUnknown::Lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::OrderId;
    use crate::money::Currency;

    fn key(attempt: u32) -> ProviderKey {
        ProviderKey::derive(OrderId::from_uuid(Uuid::nil()), Operation::Authorize, attempt)
    }

    fn reply(amount: i64) -> Reply {
        let answer = Answer::Ok { reference: "auth_1".parse().unwrap() };
        Reply { key: key(0), amount: Money::new(amount, Currency::EUR), answer }
    }

    fn answered(status: u16, body: &[u8]) -> Exchange {
        Exchange::Answered { status, body: body.to_vec() }
    }

    proptest! {
        #[test]
        fn m6_only_a_whole_success_about_this_request_is_an_answer(
            status in 100_u16..600, cut in 0_usize..200, amount in 1_i64..4, attempt in 0_u32..2,
        ) {
            let body = serde_json::to_vec(&reply(2)).unwrap();
            let cut = cut.min(body.len());
            let outcome = answered(status, &body[..cut]).judge(&key(attempt), Some(Money::new(amount, Currency::EUR)));
            let is_whole = (200..300).contains(&status) && cut == body.len();
            prop_assert_eq!(outcome.is_ok(), is_whole && amount == 2 && attempt == 0);
        }

        #[test]
        fn m6_no_body_makes_it_panic_or_say_no(status in 100_u16..600, body: Vec<u8>) {
            prop_assert!(answered(status, &body).judge(&key(0), None).is_err());
        }

        #[test]
        fn a_reason_is_always_fit_to_be_shown(text in "\\PC{0,300}|[\u{0}-\u{1f}]{0,9}") {
            let reason = DeclineReason::from(text.as_str());
            prop_assert!(!reason.as_str().is_empty());
            prop_assert!(reason.as_str().chars().count() <= DeclineReason::MAX_CHARS);
            prop_assert!(!reason.as_str().chars().any(char::is_control));
            prop_assert_eq!(DeclineReason::from(reason.as_str()), reason);
        }
    }

    #[test]
    fn m6_each_failure_is_unknown_with_its_cause() {
        let body = serde_json::to_vec(&reply(2)).unwrap();
        let asked = Money::new(2, Currency::EUR);
        for (exchange, cause) in [
            (Exchange::TimedOut, OutcomeUnknown::TimedOut),
            (Exchange::Lost, OutcomeUnknown::Lost),
            (answered(500, &body), OutcomeUnknown::ServerFault { status: 500 }),
            (answered(404, &body), OutcomeUnknown::Refused { status: 404 }),
            (answered(302, &body), OutcomeUnknown::Refused { status: 302 }),
            (answered(409, &body), OutcomeUnknown::KeyReused),
            (answered(200, b"<html>"), OutcomeUnknown::Unparsable),
            (answered(200, b""), OutcomeUnknown::Unparsable),
            (answered(200, &[&body[..], b"{}"].concat()), OutcomeUnknown::Unparsable),
        ] {
            assert_eq!(exchange.judge(&key(0), Some(asked)), Err(cause), "{exchange:?}");
        }
        let whole = answered(200, &body);
        assert_eq!(whole.judge(&key(1), Some(asked)), Err(OutcomeUnknown::Contradictory));
        let yen = Money::new(2, Currency::JPY);
        assert_eq!(whole.judge(&key(0), Some(yen)), Err(OutcomeUnknown::Contradictory));
        assert_eq!(whole.judge(&key(0), None), Ok(reply(2).answer));
    }

    #[test]
    fn the_wire_form_is_fixed() {
        let text = r#"{"key":"KEY","amount":{"amount":2,"currency":"EUR"},"answer":{"outcome":"OK","reference":"auth_1"}}"#;
        let text = text.replace("KEY", &key(0).to_string());
        assert_eq!(serde_json::to_string(&reply(2)).unwrap(), text);
        let declined = Answer::Declined { reason: "no\u{7} money".into() };
        assert_eq!(
            serde_json::to_string(&declined).unwrap(),
            r#"{"outcome":"DECLINED","reason":"no money"}"#
        );
    }
}
