//! The search index over events.

use async_trait::async_trait;
use tmcore::Timestamp;

use super::StoreError;
use super::catalog::EventRecord;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words, all of which must occur in the event's name, venue, town or performers; empty finds all.
    pub keywords: Vec<String>,
    /// Events that begin at or after.
    pub from: Option<Timestamp>,
    /// Events that begin before.
    pub until: Option<Timestamp>,
    /// How many hits to pass over.
    pub offset: u32,
    /// The most hits to answer.
    pub limit: u32,
}

/// Answers may lag behind the catalogue by what the engine needs to hear of a change.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Hits, best first, and how many there are altogether.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn search(&self, query: &SearchQuery) -> Result<(Vec<EventRecord>, u64), StoreError>;
}
