//! The history of an order: its edges, each bound to the one before by a hash.
//!
//! Every edge holds SHA-256 over the hash of the one before, 32 zero bytes before the first, and its own bytes: a line each of
//! the order, the edge's number, the state it leaves, the state it leads to, and when. The order keeps how many edges it
//! has and the hash of the last. Whoever changes, takes away or slips in an edge without computing all later hashes
//! and the order's own anew is found out. Edges of before there were hashes have none.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::order::OrderState;
use crate::{OrderId, Timestamp};

/// A hash of an edge.
pub type Hash = [u8; 32];

/// What an order went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Its number among the order's, from 1.
    pub number: u32,
    /// The state that was left; `None` where the order begins.
    pub from: Option<OrderState>,
    /// The state it led to.
    pub to: OrderState,
    /// When.
    pub at: Timestamp,
}

impl Edge {
    /// The hash that it has after an edge of that hash.
    #[must_use]
    pub fn hash(&self, order: OrderId, before: Option<Hash>) -> Hash {
        let from = self.from.map_or("-", OrderState::as_str);
        let (number, to, at) = (self.number, self.to.as_str(), self.at.as_millis());
        let mut hash = Sha256::new_with_prefix(before.unwrap_or_default());
        hash.update(format!("{order}\n{number}\n{from}\n{to}\n{at}\n"));
        hash.finalize().into()
    }
}

/// How far an order's history goes, as the order itself keeps it: written `5:` and the hash in hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How many edges there are.
    pub edges: u32,
    /// The hash of the last; `None` while none has one.
    pub hash: Option<Hash>,
}

impl Head {
    /// Goes one edge further; answers the edge and its hash.
    pub fn append(
        &mut self,
        order: OrderId,
        (from, to): (Option<OrderState>, OrderState),
        at: Timestamp,
    ) -> (Edge, Hash) {
        let edge = Edge { number: self.edges + 1, from, to, at };
        let hash = edge.hash(order, self.hash);
        *self = Self { edges: edge.number, hash: Some(hash) };
        (edge, hash)
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.edges, self.hash.map(hex::encode).unwrap_or_default())
    }
}

/// The text is no [`Head`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of edges and a hash")]
pub struct HeadError;

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (edges, digits) = text.split_once(':').ok_or(HeadError)?;
        let edges = edges.parse().map_err(|_| HeadError)?;
        if digits.is_empty() {
            return Ok(Self { edges, hash: None });
        }
        let mut hash = Hash::default();
        hex::decode_to_slice(digits, &mut hash).map_err(|_| HeadError)?;
        Ok(Self { edges, hash: Some(hash) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_head_is_read_as_it_was_written(edges: u32, hash: Option<Hash>) {
            let head = Head { edges, hash };
            prop_assert_eq!(head.to_string().parse::<Head>(), Ok(head));
        }

        #[test]
        fn no_text_makes_the_reading_of_a_head_panic(text: String) {
            let _ = text.parse::<Head>();
        }
    }

    /// The bytes are those that the module's text says, so that anybody can check them with another program.
    #[test]
    fn an_edge_has_the_hash_of_the_bytes_that_are_written_down() {
        let order: OrderId = "ord_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let at = Timestamp::from_millis(1_800_000_000_000);
        let mut head = Head::default();
        let (edge, first) = head.append(order, (None, OrderState::Pending), at);
        assert_eq!(edge.number, 1);
        let text = b"ord_01h455vb4pex5vsknk084sn02q\n1\n-\nPENDING\n1800000000000\n";
        let by_hand: Hash = Sha256::digest([&[0_u8; 32][..], text].concat()).into();
        assert_eq!(first, by_hand);
        let (_, second) = head.append(order, (Some(OrderState::Pending), OrderState::Cancelled), at);
        let text = b"ord_01h455vb4pex5vsknk084sn02q\n2\nPENDING\nCANCELLED\n1800000000000\n";
        let by_hand: Hash = Sha256::digest([&first[..], text].concat()).into();
        assert_eq!((second, head.edges), (by_hand, 2));
    }
}
