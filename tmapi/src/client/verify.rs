//! Verifying, for the organiser.

use tmcore::verify::life::Subject;

use super::call::{Call, segment};
use super::{Client, ClientError};
use crate::verify::{HistoryView, VerifyPage};

/// Every method answers [`ClientError`] as its variants tell.
#[allow(clippy::missing_errors_doc)]
impl Client {
    /// `GET /api/verify` (organiser).
    pub async fn verify(&self, cursor: Option<&str>) -> Result<VerifyPage, ClientError> {
        let query = cursor.map(|cursor| format!("?cursor={}", segment(&cursor))).unwrap_or_default();
        self.call(Call::get(format!("/api/verify{query}"))).await
    }

    /// `GET /api/history` (organiser).
    pub async fn history(&self, subject: &Subject) -> Result<HistoryView, ClientError> {
        let query = match subject {
            Subject::Order(order) => format!("order={}", segment(order)),
            Subject::User(user) => format!("user={}", segment(user)),
            Subject::Seat(event, seat) => format!("event={}&seat={}", segment(event), segment(seat)),
        };
        self.call(Call::get(format!("/api/history?{query}"))).await
    }
}
