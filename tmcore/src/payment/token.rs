//! The card token: it is worth money, so it shows itself to nobody.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// A card as the provider's own form tokenised it: 1 to 255 visible ASCII characters.
///
/// It can be read but not written: no `Serialize`, and `Debug` and `Display` mask it, so that no log line, error body or
/// row can hold it by accident. Whoever sends it to the provider calls [`PaymentToken::expose`].
///
/// ```
/// let token: tmcore::payment::PaymentToken = "tok_4242".parse().unwrap();
/// assert_eq!(format!("{token} {token:?}"), "tok_… tok_…");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentToken(Arc<str>);

/// The text is no payment token. It is not repeated: it may be one with a slip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment token has 1 to 255 visible ASCII characters")]
pub struct PaymentTokenError;

impl PaymentToken {
    /// The longest token that is accepted, in characters.
    pub const MAX_CHARS: usize = 255;

    /// The token itself, for the provider and nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tok_…")
    }
}

impl fmt::Display for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tok_…")
    }
}

impl FromStr for PaymentToken {
    type Err = PaymentTokenError;

    fn from_str(text: &str) -> Result<Self, PaymentTokenError> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(PaymentTokenError) }
    }
}

impl<'de> Deserialize<'de> for PaymentToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_never_shown(text in "[!-~]{6,255}") {
            let token: PaymentToken = text.parse().unwrap();
            prop_assert_eq!(token.expose(), &text);
            let shown = format!("{token} {token:?} {:#?}", Some(&token));
            prop_assert!(!shown.contains(&text));
        }

        #[test]
        fn a_refused_token_is_not_repeated(text in "tok_[a-z]{8}[ é\u{0}]") {
            let refused = text.parse::<PaymentToken>().unwrap_err();
            let shown = format!("{refused} {refused:?}");
            prop_assert!(!shown.contains(&text[..12]));
            let json = serde_json::to_string(&text).unwrap();
            let refused = serde_json::from_str::<PaymentToken>(&json).unwrap_err();
            prop_assert!(!refused.to_string().contains(&text[..12]));
        }
    }

    #[test]
    fn a_token_has_1_to_255_visible_ascii_characters() {
        for bad in ["", " ", "tok ok", "tok_ö", "tok_\n", &"x".repeat(256)] {
            assert!(bad.parse::<PaymentToken>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(255).parse::<PaymentToken>().is_ok());
    }
}
