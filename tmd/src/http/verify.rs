//! What has to hold, looked at by the organiser, and the life of one thing.

use axum::Json as Answer;
use axum::extract::State;
use serde::Deserialize;
use tmapi::ProblemCode;
use tmapi::verify::{HistoryView, VerifyPage};
use tmcore::verify::life::Subject;
use tmcore::{EventId, OrderId, SeatId, UserId};

use super::Api;
use super::caller::Organiser;
use super::error::{ApiError, ApiResult};
use super::path::Query;
use super::payment::PageQuery;

/// What has to hold, looked at page by page: everything of one page is of one instant.
#[utoipa::path(get, path = "/api/verify", tag = "organiser", params(PageQuery),
    responses((status = 200, body = VerifyPage), (status = "4XX", body = tmapi::Problem)))]
pub async fn verify(
    State(api): State<Api>,
    _: Organiser,
    Query(query): Query<PageQuery>,
) -> ApiResult<Answer<VerifyPage>> {
    let page = api.office.verify(query.read()?).await?;
    Ok(Answer(VerifyPage {
        part: page.part.as_str().to_owned(),
        report: page.report,
        next_cursor: page.next.map(|next| next.to_string()),
        as_of: page.as_of,
    }))
}

/// Whose life: an order's, a user's, or that of a seat of an event.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubjectQuery {
    /// An order.
    #[param(value_type = Option<String>)]
    order: Option<OrderId>,
    /// A user.
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// A seat's event.
    #[param(value_type = Option<String>)]
    event: Option<EventId>,
    /// A seat.
    #[param(value_type = Option<String>)]
    seat: Option<SeatId>,
}

impl SubjectQuery {
    fn read(self) -> ApiResult<Subject> {
        match (self.order, self.user, self.event, self.seat) {
            (Some(order), None, None, None) => Ok(Subject::Order(order)),
            (None, Some(user), None, None) => Ok(Subject::User(user)),
            (None, None, Some(event), Some(seat)) => Ok(Subject::Seat(event, seat)),
            _ => {
                let expected = "expected one of: order; user; event and seat";
                Err(ApiError::new(ProblemCode::InvalidParameter, expected))
            }
        }
    }
}

/// The life of one thing, oldest first.
#[utoipa::path(get, path = "/api/history", tag = "organiser", params(SubjectQuery),
    responses((status = 200, body = HistoryView), (status = "4XX", body = tmapi::Problem)))]
pub async fn history(
    State(api): State<Api>,
    _: Organiser,
    Query(query): Query<SubjectQuery>,
) -> ApiResult<Answer<HistoryView>> {
    let life = api.office.life(&query.read()?).await?.ok_or_else(ApiError::not_found)?;
    let (stands, happenings, as_of) = (life.stands, life.happenings, life.as_of);
    Ok(Answer(HistoryView { stands, happenings, as_of }))
}
