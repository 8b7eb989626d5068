//! What has to hold, looked at page by page, and the life of one thing; for the organiser.

use serde::{Deserialize, Serialize};
use tmcore::Timestamp;
use tmcore::verify::Report;
use tmcore::verify::life::Happening;
use utoipa::ToSchema;

/// `GET /api/verify` (organiser): what came of one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyPage {
    /// What was looked at: events, seats, orders, sessions, admissions, keys.
    pub part: String,
    /// By rule; reports of the pages of one run are merged in their order.
    #[schema(value_type = Object)]
    pub report: Report,
    /// Passed as `cursor` it gets the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// When it was read.
    #[schema(value_type = String)]
    pub as_of: Timestamp,
}

/// `GET /api/history` (organiser): the life of an order, a user or a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// How it stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<String>,
    /// What happened, oldest first: `at`, `about`, `said`.
    #[schema(value_type = Vec<Object>)]
    pub happenings: Vec<Happening>,
    /// When it was read.
    #[schema(value_type = String)]
    pub as_of: Timestamp,
}
