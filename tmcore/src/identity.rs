//! Who an office is. Daemons that share its database have to have its keys, or they void each other's tokens and tickets,
//! and its payment provider, or one asks its provider for money that another's has.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// SHA-256, written in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of `parts`, each with its length before it, so that no two lists of parts are the same bytes.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoFingerprint)?;
        Ok(Self(bytes))
    }
}

/// Who has the office's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider<'a> {
    /// The one at this address.
    Remote(&'a str),
    /// A sandbox inside a daemon, by the id that its log has. A copy of the log is the same sandbox, wherever it lies.
    Sandbox(&'a str),
}

/// What every daemon of an office has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Of the public key that tokens are checked with.
    pub keys: Fingerprint,
    /// Of the payment provider.
    pub provider: Fingerprint,
}

/// Why a daemon is not of an office.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// It would void every token and ticket that was handed out.
    #[error("its keys are not those the office began with")]
    Keys,
    /// It would ask the wrong one what became of a payment.
    #[error("its payment provider is not the one that has the office's payments")]
    Provider,
}

impl Identity {
    /// Of a daemon with this public key and this provider. That an address ends with a slash makes no other provider.
    #[must_use]
    pub fn new(public_key: &[u8; 32], provider: Provider<'_>) -> Self {
        let provider = match provider {
            Provider::Remote(url) => Fingerprint::of(&[b"remote", url.trim_end_matches('/').as_bytes()]),
            Provider::Sandbox(id) => Fingerprint::of(&[b"sandbox", id.as_bytes()]),
        };
        Self { keys: Fingerprint::of(&[b"keys", public_key]), provider }
    }

    /// Whether a daemon of this identity is of the office of another.
    ///
    /// # Errors
    /// [`Stranger`]; keys come first, as whoever has others seldom has the provider.
    pub fn belongs_to(&self, office: &Self) -> Result<(), Stranger> {
        match () {
            () if self.keys != office.keys => Err(Stranger::Keys),
            () if self.provider != office.provider => Err(Stranger::Provider),
            () => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn provider((is_remote, name): &(bool, String)) -> Provider<'_> {
        if *is_remote { Provider::Remote(name) } else { Provider::Sandbox(name) }
    }

    proptest! {
        /// Same keys and same provider, and nothing else.
        #[test]
        fn one_belongs_to_an_office_with_its_keys_and_its_provider_only(
            keys: [u8; 32], other_keys: [u8; 32], own: (bool, String), other: (bool, String),
        ) {
            let slashless = |(remote, name): &(bool, String)| (*remote, name.trim_end_matches('/').to_owned());
            let (own, other) = (slashless(&own), slashless(&other));
            let office = Identity::new(&keys, provider(&own));
            prop_assert_eq!(Identity::new(&keys, provider(&own)).belongs_to(&office), Ok(()));
            let moved = Identity::new(&keys, provider(&other)).belongs_to(&office);
            prop_assert_eq!(moved, if own == other { Ok(()) } else { Err(Stranger::Provider) });
            let strange = Identity::new(&other_keys, provider(&other)).belongs_to(&office);
            prop_assert!(keys == other_keys || strange == Err(Stranger::Keys));
        }

        #[test]
        fn a_fingerprint_is_read_as_it_is_written(key: [u8; 32]) {
            let keys = Identity::new(&key, Provider::Sandbox("")).keys;
            prop_assert_eq!(keys.to_string().parse(), Ok(keys));
            prop_assert_eq!(keys.to_string()[1..].parse::<Fingerprint>(), Err(NoFingerprint));
        }
    }

    #[test]
    fn a_slash_at_the_end_of_an_address_means_nothing() {
        let at = |url| Identity::new(&[7; 32], Provider::Remote(url));
        assert_eq!(at("http://pay.example/"), at("http://pay.example"));
        assert_ne!(at("http://pay.example"), at("http://pay.example:81"));
    }
}
