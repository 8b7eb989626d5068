//! An event somebody is at: its house, its seats, the way through it, the pick, the place in line, the order.

use std::sync::Arc;

use tmapi::event::{EventSummary, SaleStatus, WaitingRoomMode};
use tmapi::session::SessionStatus;
use tmcore::{Money, Timestamp};

use super::basket::Basket;
use super::checkout::Checkout;
use super::place::Place;
use super::stock::Stock;
use super::walk::Walk;
use crate::house::House;

/// An event somebody is at.
#[derive(Debug)]
pub struct Visit {
    /// The event.
    pub event: EventSummary,
    /// Its seats on the plan, once fetched.
    pub house: Option<Arc<House>>,
    /// How they stand.
    pub live: Live,
    /// Where the cursor is.
    pub walk: Walk,
    /// What is picked.
    pub basket: Basket,
    /// The place in line, if there is one.
    pub place: Option<Place>,
    /// The order, if there is one.
    pub checkout: Checkout,
}

/// The state of all seats, and how fresh it is.
#[derive(Debug, Default)]
pub struct Live {
    /// Once fetched.
    pub stock: Option<Stock>,
    /// The stream it is kept fresh by.
    pub link: Link,
    /// When it was asked last whether the sale goes on.
    pub asked: Option<Timestamp>,
}

/// How a stream stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not asked for.
    #[default]
    Off,
    /// On its way.
    Opening,
    /// Connected, and heard from.
    Live,
    /// Silent since then.
    Stale(Timestamp),
    /// Cut; connects again at that time.
    Reconnecting(Timestamp),
    /// Over, and why.
    Lost(String),
}

impl Visit {
    /// Just come in.
    pub fn new(event: EventSummary) -> Self {
        Self {
            event,
            house: None,
            live: Live { link: Link::Opening, ..Live::default() },
            walk: Walk::default(),
            basket: Basket::default(),
            place: None,
            checkout: Checkout::default(),
        }
    }

    /// Whether a place in line or an order would be lost by going elsewhere.
    pub fn is_engaged(&self) -> bool {
        let in_line = self.place.as_ref().is_some_and(|place| !place.session.status.is_terminal());
        in_line || self.checkout.is_open() || self.checkout.busy.is_some()
    }

    /// Whether a place in line, or a turn, would lapse if nobody were there any more.
    pub fn would_lapse(&self) -> bool {
        let status = self.place.as_ref().map(|place| place.session.status);
        matches!(status, Some(SessionStatus::Waiting | SessionStatus::Active))
    }

    /// Whether the sale is over.
    pub fn is_over(&self) -> bool {
        self.event.sale_status == SaleStatus::Closed
    }

    /// House and stock, once both are there.
    pub fn seats(&self) -> Option<(&Arc<House>, &Stock)> {
        self.house.as_ref().zip(self.live.stock.as_ref())
    }

    /// Whether buyers stand in line for it.
    pub fn has_line(&self) -> bool {
        self.event.waiting_room == WaitingRoomMode::On
    }

    /// Whether there is a line to stand in, and no good place in it yet.
    pub fn may_join(&self) -> bool {
        self.has_line() && !self.place.as_ref().is_some_and(Place::is_good) && !self.is_over()
    }

    /// Whether an order may be begun now.
    pub fn may_order(&self) -> bool {
        !self.has_line() || self.place.as_ref().is_some_and(Place::is_inside)
    }

    /// What is picked, as money; nothing while it is not known.
    pub fn total(&self) -> Option<Money> {
        let house = self.house.as_ref()?;
        let mut prices = self.basket.seats().iter().filter_map(|seat| house.price(*seat));
        let first = prices.next()?;
        prices.try_fold(first, |sum, price| sum.plus(price).ok())
    }
}
