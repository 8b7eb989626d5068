//! A buyer with the keys of every request written down before it is sent.

use tmapi::ProblemCode;
use tmapi::client::{Client, ClientError};
use tmapi::order::{CreateOrder, OrderStatus, OrderView, SeatsAndPayment};
use tmapi::session::SessionStatus;
use tmcore::{EventId, OrderId, SessionId};

use crate::program::{client, eventually};

/// How often a card is shown again after nobody knew what became of it.
const MOST_TRIES: u32 = 2;

/// What a buyer sets out to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Join, begin, confirm, finalize.
    Buy,
    /// Join, begin, confirm, cancel.
    Cancel,
    /// Join, begin, confirm, and never come back.
    Leave,
    /// Buy, and get the money back from the organiser.
    Refund,
}

/// A buyer.
pub struct Buyer {
    way: Way,
    event: EventId,
    card: &'static str,
    organiser_token: String,
    place: Option<(String, SessionId)>,
    /// The order, as far as the buyer was told.
    pub order: Option<OrderId>,
    /// What the buyer was told of it (D1).
    pub told: Vec<OrderStatus>,
}

/// Why a buyer stops.
#[derive(Debug)]
pub enum Stop {
    /// There is no answer.
    NoAnswer,
    /// The office says no.
    Refused,
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        if error.is_inconclusive() { Self::NoAnswer } else { Self::Refused }
    }
}

impl Buyer {
    pub const fn new(way: Way, event: EventId, card: &'static str, organiser_token: String) -> Self {
        Self { way, event, card, organiser_token, place: None, order: None, told: Vec::new() }
    }

    /// Goes the way from its beginning. What was done before is asked for again, under the same keys.
    pub async fn walk(&mut self, url: &str) -> Result<(), Stop> {
        let (buyer, session) = self.join(&client(url, None)).await?;
        let create = CreateOrder { event_id: self.event.clone(), session_id: Some(session) };
        let begun = patiently(async || buyer.create_order(&create, "key-create").await).await?;
        assert!(self.order.is_none_or(|order| order == begun.order_id), "I7, I9: one key, one order");
        self.order = Some(begun.order_id);
        self.hear(&begun);
        self.confirm(&buyer, begun.order_id).await?;
        match self.way {
            Way::Leave => Ok(()),
            Way::Cancel => {
                let left = patiently(async || buyer.cancel(begun.order_id, "key-cancel").await).await?;
                self.hear(&left);
                Ok(())
            }
            Way::Buy => self.finalize(&buyer, begun.order_id).await,
            Way::Refund => {
                self.finalize(&buyer, begun.order_id).await?;
                let organiser = client(url, Some(self.organiser_token.clone()));
                let back = patiently(async || organiser.refund(begun.order_id, "key-refund").await).await?;
                self.hear(&back);
                Ok(())
            }
        }
    }

    async fn join(&mut self, guest: &Client) -> Result<(Client, SessionId), Stop> {
        if self.place.is_none() {
            let joined = patiently(async || guest.join(&self.event).await).await?;
            self.place = Some((joined.access_token.unwrap(), joined.session.session_id));
        }
        let (token, session) = self.place.clone().unwrap();
        let buyer = guest.with_token(&token).unwrap();
        let let_in = eventually("the buyer is let in", async || match buyer.session(session).await {
            Ok(view) if view.status == SessionStatus::Waiting => None,
            Err(error) if is_busy(&error) => None,
            answer => Some(answer),
        });
        let_in.await?;
        Ok((buyer, session))
    }

    async fn confirm(&mut self, buyer: &Client, order: OrderId) -> Result<(), Stop> {
        let seats = ["A-1", "A-2"].map(|id| id.parse().unwrap()).to_vec();
        let request = SeatsAndPayment { seats, payment_token: self.card.to_owned() };
        for _ in 0..MOST_TRIES {
            let view = patiently(async || buyer.confirm(order, &request, "key-confirm").await).await?;
            self.hear(&view);
            let view = clear(buyer, view).await?;
            self.hear(&view);
            if view.status != OrderStatus::Pending {
                return Ok(());
            }
        }
        Err(Stop::Refused)
    }

    async fn finalize(&mut self, buyer: &Client, order: OrderId) -> Result<(), Stop> {
        let view = patiently(async || buyer.finalize(order, "key-finalize").await).await?;
        self.hear(&view);
        let view = clear(buyer, view).await?;
        self.hear(&view);
        Ok(())
    }

    fn hear(&mut self, view: &OrderView) {
        self.told.push(view.status);
    }
}

/// Whether to ask again, under the same key: an earlier try is in the way (I7), or the office is busy.
fn is_busy(error: &ClientError) -> bool {
    error.code() == Some(ProblemCode::IdempotencyInFlight) || error.status() == Some(503)
}

async fn patiently<T>(mut ask: impl AsyncFnMut() -> Result<T, ClientError>) -> Result<T, ClientError> {
    eventually("I7: the key is free", async || match ask().await {
        Err(error) if is_busy(&error) => {
            tokio::time::sleep(error.retry_after().unwrap_or_default()).await;
            None
        }
        answer => Some(answer),
    })
    .await
}

/// Waits for the provider to have said (I10).
async fn clear(buyer: &Client, view: OrderView) -> Result<OrderView, ClientError> {
    if !view.status.is_with_provider() {
        return Ok(view);
    }
    eventually("I10: it converges", async || match buyer.order(view.order_id).await {
        Ok(view) if view.status.is_with_provider() => None,
        Err(error) if is_busy(&error) => None,
        answer => Some(answer),
    })
    .await
}
