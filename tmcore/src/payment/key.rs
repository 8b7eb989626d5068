//! The name under which the provider is asked, so that asking again is harmless.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::Operation;
use crate::OrderId;

/// Sets these hashes apart from all others and names the layout of what is hashed.
const DOMAIN: &[u8] = b"provider-key/1\0";

/// SHA-256 of order, operation and attempt; 64 hexadecimal digits in text.
///
/// The same on every retry, in every process and after every crash (M5). A new attempt after a decline is another
/// operation to the provider, so it has another key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderKey([u8; 32]);

/// The text is no provider key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider key has 64 lower-case hexadecimal digits")]
pub struct ProviderKeyError;

impl ProviderKey {
    /// The key of the `attempt`th time that the order asks for the operation.
    #[must_use]
    pub fn derive(order: OrderId, operation: Operation, attempt: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(order.uuid().as_bytes());
        hash.update(attempt.to_be_bytes());
        hash.update(operation.as_str());
        Self(hash.finalize().into())
    }

    /// From the hash as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash itself.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderKey({self})")
    }
}

impl FromStr for ProviderKey {
    type Err = ProviderKeyError;

    fn from_str(text: &str) -> Result<Self, ProviderKeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ProviderKeyError)?;
        // One key, one text: the provider compares texts.
        if text.bytes().any(|b| b.is_ascii_uppercase()) { Err(ProviderKeyError) } else { Ok(Self(bytes)) }
    }
}

impl Serialize for ProviderKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProviderKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn m5_a_key_is_stable_and_differs_in_every_part(order: u128, attempt: u32) {
            let id = OrderId::from_uuid(Uuid::from_u128(order));
            let other = OrderId::from_uuid(Uuid::from_u128(order ^ 1));
            let mut keys = HashSet::new();
            for operation in Operation::ALL {
                let key = ProviderKey::derive(id, operation, attempt);
                prop_assert_eq!(key, ProviderKey::derive(id, operation, attempt));
                prop_assert_eq!(key.to_string().parse(), Ok(key));
                keys.insert(key);
                keys.insert(ProviderKey::derive(id, operation, attempt.wrapping_add(1)));
                keys.insert(ProviderKey::derive(other, operation, attempt));
            }
            prop_assert_eq!(keys.len(), 3 * Operation::ALL.len());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<ProviderKey>();
        }
    }

    /// Keys of orders under way have to survive an upgrade.
    #[test]
    fn m5_the_key_of_an_order_is_the_same_in_every_version() {
        let order = OrderId::from_uuid(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001));
        let key = ProviderKey::derive(order, Operation::Capture, 1);
        assert_eq!(key.to_string(), "9cbb4b6cba8e7d55188b7a449e9d2f4208bd8adfffd18b10f1d2fe1ee73d5d53");
    }

    #[test]
    fn a_key_has_one_text_only() {
        let key = ProviderKey::derive(OrderId::from_uuid(Uuid::nil()), Operation::Void, 0).to_string();
        assert!(key.to_uppercase().parse::<ProviderKey>().is_err());
        assert!(key[1..].parse::<ProviderKey>().is_err());
        assert!(format!("{key}0").parse::<ProviderKey>().is_err());
    }
}
