//! Names of things.
//!
//! Ids made by us are TypeIDs: a prefix that says the kind and a UUIDv7 in base32 (`ord_01k…`), without a hyphen so
//! that a double click takes all of it. Ids chosen by an organiser (`E1`, seat `A-12-7`) are kept as they are.
//!
//! Source: <https://github.com/jetify-com/typeid/tree/main/spec>.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use mti::prelude::TypeIdSuffix;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Why a text is not the id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix is missing or another kind's.
    #[error("expected an id that starts with `{0}_`")]
    Prefix(&'static str),
    /// What follows the prefix is no UUID in TypeID's base32.
    #[error("malformed id after `{0}_`")]
    Suffix(&'static str),
    /// An organiser's id that is empty, too long or holds characters that cannot be written in a path or list.
    #[error(
        "an id has 1 to {max} characters, no blanks or control characters, none of ,/\\@;?#%, and is not `-`, `.`, `..` or `…:verb`"
    )]
    Chosen {
        /// The longest id that is accepted, in characters.
        max: usize,
    },
}

fn serialize_display<S: Serializer>(id: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn deserialize_from_str<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = IdError>,
{
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

macro_rules! made_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The text before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Names the thing by a UUID that the caller made.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind the prefix.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), TypeIdSuffix::from(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let suffix = text.strip_prefix(concat!($prefix, "_")).ok_or(IdError::Prefix($prefix))?;
                let suffix: TypeIdSuffix = suffix.parse().map_err(|_| IdError::Suffix($prefix))?;
                Ok(Self(suffix.to_uuid()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_display(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_from_str(deserializer)
            }
        }
    };
}

macro_rules! chosen_id {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The longest id that is accepted, in characters.
            pub const MAX_CHARS: usize = $max;

            /// The id as it was chosen.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if is_chosen(text, $max) { Ok(Self(text.into())) } else { Err(IdError::Chosen { max: $max }) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_display(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_from_str(deserializer)
            }
        }
    };
}

/// Whether `text` may be an organiser's id: it has to survive a URL path, a comma-separated list and a terminal.
fn is_chosen(text: &str, max: usize) -> bool {
    let allowed = |c: char| {
        !c.is_control() && !c.is_whitespace() && !matches!(c, ',' | '/' | '\\' | '@' | ';' | '?' | '#' | '%')
    };
    let is_path_trick = matches!(text, "-" | "." | "..") || ends_in_verb(text);
    !text.is_empty() && text.chars().count() <= max && text.chars().all(allowed) && !is_path_trick
}

/// `E1:open` in a path is the opening of `E1`.
fn ends_in_verb(text: &str) -> bool {
    let verb = text.rsplit_once(':').map_or("", |(_, verb)| verb);
    verb.starts_with(|c: char| c.is_ascii_lowercase())
        && verb.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

made_id!(/// An order.
    OrderId, "ord");
made_id!(/// A place in a waiting room.
    SessionId, "wrs");
made_id!(/// A ticket for one seat.
    TicketId, "tkt");
made_id!(/// A principal: a guest or a registered buyer.
    UserId, "usr");

chosen_id!(/// An event, named by its organiser (`E1`).
    EventId, 64);
chosen_id!(/// A seat of a venue, named by its seating plan (`A-12-7`).
    SeatId, 64);
chosen_id!(/// A venue, named by its organiser.
    VenueId, 64);
chosen_id!(/// A performer, named by the organiser.
    PerformerId, 64);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_made_id_reads_back_and_holds_no_hyphen(bits: u128) {
            let id = OrderId::from_uuid(Uuid::from_u128(bits));
            let text = id.to_string();
            prop_assert_eq!(text.parse::<OrderId>(), Ok(id));
            prop_assert!(!text.contains('-'));
            prop_assert!(text.parse::<TicketId>().is_err());
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<OrderId>();
            let _ = text.parse::<SeatId>();
        }
    }

    #[test]
    fn chosen_ids_refuse_what_a_path_or_a_list_cannot_carry() {
        for bad in [
            "",
            "a b",
            "a,b",
            "a/b",
            "a\u{0}b",
            "a\nb",
            "@last",
            &"x".repeat(65),
            "a;b",
            "a?b",
            "a#b",
            "a%20b",
            "%",
            "-",
            ".",
            "..",
            "E1:open",
            "a:b:give-up",
            ":open",
        ] {
            assert!(bad.parse::<SeatId>().is_err(), "{bad:?}");
        }
        for good in ["A:1", "a:B", "a:", "12:30:00", "--", "...", "Zürich", "座席"] {
            assert!(good.parse::<EventId>().is_ok(), "{good:?}");
        }
        assert_eq!("A-12-7".parse::<SeatId>().map(|id| id.to_string()), Ok("A-12-7".to_owned()));
    }
}
