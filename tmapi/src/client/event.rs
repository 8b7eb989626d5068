//! Events, their seats and what is left of them.

use tmcore::{EventId, Timestamp};

use super::call::{Call, segment};
use super::{Client, ClientError};
use crate::availability::AvailabilityView;
use crate::event::{
    BlockSeats, BlockedSeats, CreateEvent, EventPatch, EventSummary, EventView, ImportSeatingPlan,
};
use crate::page::{Page, SearchPage};
use crate::seat_map::SeatMapView;

/// What to look for; everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words of the event, its venue or its performers.
    pub keyword: Option<String>,
    /// Events that begin at or after this.
    pub start: Option<Timestamp>,
    /// Events that begin before this.
    pub end: Option<Timestamp>,
    /// The most hits a page holds.
    pub page_size: Option<u32>,
    /// The page, from 1.
    pub page: Option<u32>,
}

/// `base?a=1&b=2`, without the parameters that have no value.
fn with_query(base: &str, query: &[(&str, Option<String>)]) -> String {
    let mut path = base.to_owned();
    let mut joint = '?';
    for (name, value) in query {
        if let Some(value) = value {
            path.push(joint);
            path.push_str(name);
            path.push('=');
            path.push_str(&segment(value));
            joint = '&';
        }
    }
    path
}

fn path(event: &EventId, rest: &str) -> String {
    format!("/api/events/{}{rest}", segment(event))
}

/// Every method answers [`ClientError`] as its variants tell.
#[allow(clippy::missing_errors_doc)]
impl Client {
    /// `GET /api/events`: one page of the catalogue.
    pub async fn events(
        &self,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<EventSummary>, ClientError> {
        let query = [("cursor", cursor.map(str::to_owned)), ("limit", limit.map(|n| n.to_string()))];
        self.call(Call::get(with_query("/api/events", &query))).await
    }

    /// `GET /api/events/search`.
    pub async fn search(&self, query: &SearchQuery) -> Result<SearchPage<EventSummary>, ClientError> {
        let query = [
            ("keyword", query.keyword.clone()),
            ("start", query.start.map(|t| t.to_string())),
            ("end", query.end.map(|t| t.to_string())),
            ("pageSize", query.page_size.map(|n| n.to_string())),
            ("page", query.page.map(|n| n.to_string())),
        ];
        self.call(Call::get(with_query("/api/events/search", &query))).await
    }

    /// `GET /api/events/{eventId}`.
    pub async fn event(&self, event: &EventId) -> Result<EventView, ClientError> {
        self.call(Call::get(path(event, ""))).await
    }

    /// `GET /api/events/{eventId}/seat-map`.
    pub async fn seat_map(&self, event: &EventId) -> Result<SeatMapView, ClientError> {
        self.call(Call::get(path(event, "/seat-map"))).await
    }

    /// `GET /api/events/{eventId}/availability`.
    pub async fn availability(&self, event: &EventId) -> Result<AvailabilityView, ClientError> {
        self.call(Call::get(path(event, "/availability"))).await
    }

    /// `POST /api/events` (organiser).
    pub async fn create_event(&self, event: &CreateEvent) -> Result<EventView, ClientError> {
        self.call(Call::post("/api/events".to_owned()).json(event)?).await
    }

    /// `PATCH /api/events/{eventId}` (organiser).
    pub async fn patch_event(&self, event: &EventId, patch: &EventPatch) -> Result<EventView, ClientError> {
        self.call(Call::patch(path(event, "")).json(patch)?).await
    }

    /// `POST /api/events/{eventId}:import` (organiser).
    pub async fn import(&self, event: &EventId, plan: &ImportSeatingPlan) -> Result<EventView, ClientError> {
        self.call(Call::post(path(event, ":import")).json(plan)?).await
    }

    /// `POST /api/events/{eventId}:block` (organiser): keeps seats back.
    pub async fn block(&self, event: &EventId, seats: &BlockSeats) -> Result<BlockedSeats, ClientError> {
        self.call(Call::post(path(event, ":block")).json(seats)?).await
    }

    /// `POST /api/events/{eventId}:unblock` (organiser): puts seats on sale again.
    pub async fn unblock(&self, event: &EventId, seats: &BlockSeats) -> Result<BlockedSeats, ClientError> {
        self.call(Call::post(path(event, ":unblock")).json(seats)?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_words_cannot_change_the_route() {
        let event: EventId = "E:1ü".parse().unwrap();
        assert_eq!(path(&event, ":open"), "/api/events/E%3A1%C3%BC:open");
        let query = [("keyword", Some("a&b=c ü".to_owned())), ("page", None)];
        assert_eq!(with_query("/s", &query), "/s?keyword=a%26b%3Dc%20%C3%BC");
    }
}
