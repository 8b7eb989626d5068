//! Running a sale.

use tmcore::EventId;

use super::call::{Call, segment};
use super::{Client, ClientError};
use crate::event::EventView;
use crate::sale::SaleView;

/// What an organiser may do with a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaleAction {
    /// Begin it now.
    Open,
    /// Let nobody in for now.
    Pause,
    /// Go on after a pause.
    Resume,
    /// End it.
    Close,
}

impl SaleAction {
    /// The verb in the route.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Close => "close",
        }
    }
}

/// Every method answers [`ClientError`] as its variants tell.
#[allow(clippy::missing_errors_doc)]
impl Client {
    /// `POST /api/events/{eventId}:open`, `:pause`, `:resume`, `:close` (organiser).
    pub async fn sale_action(&self, event: &EventId, action: SaleAction) -> Result<EventView, ClientError> {
        self.call(Call::post(format!("/api/events/{}:{}", segment(event), action.verb()))).await
    }

    /// `GET /api/events/{eventId}/sale` (organiser).
    pub async fn sale(&self, event: &EventId) -> Result<SaleView, ClientError> {
        self.call(Call::get(format!("/api/events/{}/sale", segment(event)))).await
    }
}
