//! Writes of every kind that wait for one commit.

use async_trait::async_trait;

use super::StoreError;
use super::idempotency::{Claimed, Keep, KeyClaim, Lease, StoredAnswer};
use super::order::{CommandRefusal, OrderCommand, OrderOutcome};
use super::waiting_room::{Join, JoinRefusal, Joined};

/// Hot writes of many buyers. Within a kind they are in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Keys to be claimed.
    pub claims: Vec<KeyClaim>,
    /// Places in line.
    pub joins: Vec<Join>,
    /// Orders, and the answers to be kept with them.
    pub commands: Vec<(OrderCommand, Option<Keep>)>,
    /// Ends of claims: with an answer the key is done for good, without one it may be tried again at once, from its
    /// recovery point.
    pub ends: Vec<(Lease, Option<StoredAnswer>)>,
}

/// What became of a batch, an answer for each of its writes in the same order.
#[derive(Debug, Default)]
pub struct Written {
    /// Of the claims.
    pub claims: Vec<Result<Claimed, StoreError>>,
    /// Of the places.
    pub joins: Vec<Result<Joined, JoinRefusal>>,
    /// Of the commands.
    pub commands: Vec<Decided>,
    /// Of the ends of claims.
    pub ends: Vec<Result<(), StoreError>>,
}

/// What became of a command.
#[derive(Debug)]
pub struct Decided {
    /// What it came to.
    pub outcome: Result<OrderOutcome, CommandRefusal>,
    /// The answer that was kept with it.
    pub kept: Option<StoredAnswer>,
}

impl Batch {
    /// How many writes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.claims.len() + self.joins.len() + self.commands.len() + self.ends.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every write in a batch of its own.
    pub fn apart(self) -> impl Iterator<Item = Self> {
        let claims = self.claims.into_iter().map(|claim| Self { claims: vec![claim], ..Self::default() });
        let joins = self.joins.into_iter().map(|join| Self { joins: vec![join], ..Self::default() });
        let commands =
            self.commands.into_iter().map(|command| Self { commands: vec![command], ..Self::default() });
        let ends = self.ends.into_iter().map(|end| Self { ends: vec![end], ..Self::default() });
        claims.chain(joins).chain(commands).chain(ends)
    }

    /// The answers when nothing could be written.
    #[must_use]
    pub fn refused(&self, error: &StoreError) -> Written {
        Written {
            claims: self.claims.iter().map(|_| Err(error.clone())).collect(),
            joins: self.joins.iter().map(|_| Err(error.clone().into())).collect(),
            commands: self
                .commands
                .iter()
                .map(|_| Decided { outcome: Err(error.clone().into()), kept: None })
                .collect(),
            ends: self.ends.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

impl Written {
    /// Adds what became of further writes.
    pub fn extend(&mut self, more: Self) {
        self.claims.extend(more.claims);
        self.joins.extend(more.joins);
        self.commands.extend(more.commands);
        self.ends.extend(more.ends);
    }
}

/// One transaction takes whatever waits.
#[async_trait]
pub trait BatchStore: Send + Sync {
    /// Carries everything out in one transaction: claims, joins, commands, ends, each kind in the order given, with an
    /// all-or-nothing answer for each. A second caller sees all of it or none. A write that the store fails at takes no
    /// other with it.
    async fn write(&self, batch: Batch) -> Written;

    /// Whether batches of different kinds are written beside each other, or wait for each other all the same. Those that
    /// would wait had better share a commit.
    fn writes_side_by_side(&self) -> bool;
}
