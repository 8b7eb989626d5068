//! Seats: their geometry, and which of them are to be had.

use axum::extract::State;
use axum::response::Response;
use data_encoding::BASE64;
use http::HeaderMap;
use tmapi::availability::{AvailabilityView, SeatDelta, SectionAvailability};
use tmapi::seat_map::SeatMapView;
use tmcore::EventId;
use tmcore::cache_key::CacheKey;

use super::Api;
use super::encoded::{Freshness, encode, encoded, respond};
use super::error::ApiResult;
use super::event::totals;
use super::path::Id;
use crate::app::Office;
use crate::app::availability::{Availability, Change, Counts};
use crate::app::record::Body;
use crate::app::refusal::StoreError;

/// The geometry of all seats. Once the sale has begun it never changes.
#[utoipa::path(get, path = "/api/events/{eventId}/seat-map", tag = "catalogue", params(("eventId" = String, Path)),
    responses((status = 200, body = SeatMapView), (status = 304), (status = "4XX", body = tmapi::Problem)))]
pub async fn seat_map(
    State(api): State<Api>,
    Id(event): Id<EventId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let office = &api.office;
    let build = async { Ok(office.seat_map(&event).await?.map(encoded)) };
    let body = office.cached(CacheKey::SeatMap(event.clone()), Box::pin(build)).await?;
    let begun = office.room(&event).await?.is_some_and(|room| room.has_begun());
    respond(body, if begun { Freshness::Immutable } else { Freshness::Seconds(1) }, &headers)
}

/// Two bits a seat, counters by section, at most 2 s old.
#[utoipa::path(get, path = "/api/events/{eventId}/availability", tag = "catalogue", params(("eventId" = String, Path)),
    responses((status = 200, body = AvailabilityView), (status = 304), (status = "4XX", body = tmapi::Problem)))]
pub async fn availability(
    State(api): State<Api>,
    Id(event): Id<EventId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let build = build(&api.office, event.clone());
    let body = api.office.cached(CacheKey::Availability(event), Box::pin(build)).await?;
    respond(body, Freshness::Seconds(api.office.config.availability.max_age_seconds), &headers)
}

async fn build(office: &Office, event: EventId) -> Result<Option<Body>, StoreError> {
    let Some(seats) = office.availability(&event).await? else { return Ok(None) };
    // The instant of the look is no part of what was seen: nothing changed, nothing to send.
    let seen = (seats.snapshot.seq, &seats.snapshot.codes);
    encode(&view(&event, &seats), &seen).map(Some).map_err(StoreError::failed)
}

/// All seats as they are shown.
#[must_use]
pub fn view(event: &EventId, seats: &Availability) -> AvailabilityView {
    AvailabilityView {
        event_id: event.clone(),
        seq: seats.snapshot.seq,
        as_of: seats.snapshot.as_of,
        seat_count: u32::try_from(seats.snapshot.codes.len()).unwrap_or(u32::MAX),
        totals: totals(seats.totals()),
        status: BASE64.encode(&pack(&seats.snapshot.codes)),
        sections: sections(&seats.sections),
    }
}

/// A change as it is shown.
#[must_use]
pub fn delta(event: &EventId, change: Change) -> SeatDelta {
    SeatDelta {
        event_id: event.clone(),
        from: change.from,
        seq: change.seq,
        as_of: change.as_of,
        changes: change.runs,
        totals: totals(change.totals),
        sections: sections(&change.sections),
    }
}

fn sections(counted: &[(String, Counts)]) -> Vec<SectionAvailability> {
    counted
        .iter()
        .map(|(name, counts)| SectionAvailability { name: name.clone(), seats: totals(*counts) })
        .collect()
}

/// Two bits a seat: seat `i` is bits `2*(i%4)` of byte `i/4`.
fn pack(codes: &[u8]) -> Vec<u8> {
    codes.chunks(4).map(|four| four.iter().rev().fold(0, |byte, code| byte << 2 | (code & 3))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tmcore::seat::{SeatStatus, unpack};

    proptest! {
        #[test]
        fn what_is_packed_unpacks_the_same(codes in proptest::collection::vec(0..4_u8, 0..100)) {
            let seats = unpack(&pack(&codes), codes.len()).expect("enough bytes");
            let back: Vec<u8> = seats.into_iter().map(|seat: SeatStatus| seat as u8).collect();
            prop_assert_eq!(back, codes);
        }
    }
}
