//! A list of networks, as one text: `127.0.0.0/8, ::1/128`.

use std::net::IpAddr;

use ipnet::{AddrParseError, IpNet};
use serde::Deserialize;

/// Networks in which an address may be. None contain nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Networks(Vec<IpNet>);

/// A member of the list is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no network, write 127.0.0.0/8 or ::1/128")]
pub struct NetworkError {
    text: String,
    source: AddrParseError,
}

impl TryFrom<String> for Networks {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network =
            |part: &str| part.parse().map_err(|source| NetworkError { text: part.to_owned(), source });
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl Networks {
    /// Whether the address is in one of them, however it is written.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_their_networks() {
        let networks = Networks::try_from("127.0.0.0/8, ::1/128,".to_owned()).unwrap();
        for (address, is_in) in [
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("::2", false),
        ] {
            assert_eq!(networks.contain(address.parse().unwrap()), is_in, "{address}");
            assert!(!Networks::default().contain(address.parse().unwrap()));
        }
        let error = Networks::try_from("127.0.0.0/8, home".to_owned()).unwrap_err();
        assert!(error.to_string().contains("`home` is no network"));
    }
}
