//! Lists that come in pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page, and the cursor of the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The things on this page, in the list's order.
    pub items: Vec<T>,
    /// Passed as `cursor` it gets the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One page of a search, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage<T> {
    /// The hits on this page, best first.
    pub items: Vec<T>,
    /// The page, from 1.
    pub page: u32,
    /// The most hits a page holds.
    pub page_size: u32,
    /// Hits over all pages.
    pub total: u64,
}
