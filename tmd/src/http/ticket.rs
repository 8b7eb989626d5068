//! Tickets: looked up by their owner, checked at the door.

use axum::Json as Answer;
use axum::extract::State;
use tmapi::ticket::{CheckTicket, TicketCheck, TicketVerdict, TicketView};
use tmcore::TicketId;

use super::Api;
use super::body::Json;
use super::caller::{Buyer, Organiser};
use super::error::{ApiError, ApiResult};
use super::path::Id;
use crate::app::record::TicketRecord;
use crate::app::ticket::Checked;

/// The buyer's ticket.
#[utoipa::path(get, path = "/api/tickets/{ticketId}", tag = "tickets", params(("ticketId" = String, Path)),
    responses((status = 200, body = TicketView), (status = "4XX", body = tmapi::Problem)))]
pub async fn show(
    State(api): State<Api>,
    Buyer(user): Buyer,
    Id(ticket): Id<TicketId>,
) -> ApiResult<Answer<TicketView>> {
    let found = api.office.own_ticket(ticket, user).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer(view(&found)))
}

/// Whether a code is a good ticket. A forged one is an answer, not an error.
#[utoipa::path(post, path = "/api/ticket-checks", tag = "organiser", request_body = CheckTicket,
    responses((status = 200, body = TicketCheck), (status = "4XX", body = tmapi::Problem)))]
pub async fn check(
    State(api): State<Api>,
    _: Organiser,
    Json { value, .. }: Json<CheckTicket>,
) -> ApiResult<Answer<TicketCheck>> {
    let (verdict, ticket) = match api.office.check_ticket(&value.code).await? {
        Checked::Valid(ticket) => (TicketVerdict::Valid, Some(ticket)),
        Checked::Void(ticket) => (TicketVerdict::Void, Some(ticket)),
        Checked::Forged => (TicketVerdict::Forged, None),
    };
    Ok(Answer(TicketCheck { verdict, ticket: ticket.as_ref().map(view) }))
}

/// A ticket as its owner sees it.
#[must_use]
pub fn view(ticket: &TicketRecord) -> TicketView {
    TicketView {
        ticket_id: ticket.id,
        order_id: ticket.owner.0,
        event_id: ticket.event.clone(),
        seat_id: ticket.seat.id.clone(),
        section: ticket.seat.section.clone(),
        row: ticket.seat.row.clone(),
        number: ticket.seat.number.clone(),
        code: ticket.code.clone(),
        issued_at: ticket.issued_at,
    }
}
