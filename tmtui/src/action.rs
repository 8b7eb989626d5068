//! Everything that can happen, and everything that can be done about it.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use tmapi::ProblemCode;
use tmapi::availability::{AvailabilityView, SeatDelta};
use tmapi::client::{ClientError, SaleAction};
use tmapi::event::{EventSummary, EventView};
use tmapi::order::OrderView;
use tmapi::sale::SaleView;
use tmapi::session::SessionView;
use tmapi::ticket::TicketView;
use tmcore::{EventId, OrderId, SeatId, SessionId, Timestamp};
use tmctl::profile::ProfileError;

use crate::house::House;

/// Something happened.
#[derive(Debug)]
pub enum Action {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has so many columns and lines now.
    Resize(u16, u16),
    /// It is that late now.
    Tick(Timestamp),
    /// Somebody told something.
    Told(News),
}

/// What the network, or the disk, told.
#[derive(Debug)]
pub enum News {
    /// A page of the events that have these words.
    Events(String, Result<EventsPage, Trouble>),
    /// One event.
    Event(EventId, Result<Box<EventView>, Trouble>),
    /// The house of an event.
    House(EventId, Result<Arc<House>, Trouble>),
    /// The seats of an event.
    Seats(EventId, SeatNews),
    /// A place in line.
    Place(EventId, PlaceNews),
    /// An order was begun; its seats are still to be held.
    Begun(EventId, Box<OrderView>),
    /// An order, or why a step of it failed.
    Order(EventId, Result<Box<OrderView>, Trouble>),
    /// How an order stands, asked in passing.
    OrderSeen(EventId, Result<Box<OrderView>, Trouble>),
    /// How many requests of an earlier run were cut off.
    CutOff(usize),
    /// Requests that were cut off came to these orders.
    Resumed(Result<Vec<OrderView>, Trouble>),
    /// Tickets of the buyer.
    Tickets(Result<Vec<TicketView>, Trouble>),
    /// How a sale is going.
    Sale(EventId, Result<Box<SaleView>, Trouble>),
    /// A sale was changed.
    SaleChanged(EventId, Result<Box<EventView>, Trouble>),
    /// Something was written to a file of that name.
    Saved(Result<String, Trouble>),
}

/// A part of the list of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsPage {
    /// Whether it is the first.
    pub is_first: bool,
    /// What is on it.
    pub events: Vec<EventSummary>,
    /// Where the next one begins, if there is one.
    pub next: Option<String>,
}

/// How a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Connected.
    Live,
    /// Silent for so long, which is longer than it should be.
    Stale(Duration),
    /// Cut; connects again after so long.
    Reconnecting(Duration),
    /// Over, and why.
    Lost(String),
}

/// What a seat stream told.
#[derive(Debug)]
pub enum SeatNews {
    /// Everything.
    Snapshot(Box<AvailabilityView>),
    /// What changed.
    Delta(SeatDelta),
    /// How the stream stands.
    Wire(Wire),
    /// The whole could not be fetched.
    Failed(Trouble),
}

/// What became of a place in line.
#[derive(Debug)]
pub enum PlaceNews {
    /// There it is.
    Now(Box<SessionView>),
    /// How its stream stands.
    Wire(Wire),
    /// It could not be had.
    Refused(Trouble),
    /// It was given up.
    Left(Result<(), Trouble>),
}

/// Why something came to nothing, told so that it can be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub text: String,
    /// What the daemon advises.
    pub hint: Option<String>,
    /// Its kind, if the daemon said so.
    pub code: Option<ProblemCode>,
    /// Seats that stood in the way.
    pub seats: Vec<SeatId>,
    /// Whether nobody knows if it had its effect.
    pub is_open: bool,
}

impl Trouble {
    /// One without a problem of the daemon behind it.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        let problem = error.problem();
        let is_open = error.is_inconclusive() || error.code() == Some(ProblemCode::IdempotencyInFlight);
        Self {
            text: error.to_string(),
            hint: problem.and_then(|problem| problem.hint.clone()),
            code: error.code(),
            seats: problem.map(|problem| problem.seats.clone()).unwrap_or_default(),
            is_open,
        }
    }
}

impl From<ProfileError> for Trouble {
    fn from(error: ProfileError) -> Self {
        Self::new(error.to_string())
    }
}

/// What is to be done outside of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// End the program.
    Quit,
    /// Stop until the shell continues it.
    Suspend,
    /// Ring.
    Bell,
    /// Draw everything anew.
    Redraw,
    /// Put text on the clipboard.
    Copy(String),
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Write a file.
    Save {
        /// Its name.
        name: String,
        /// What is in it.
        text: String,
    },
    /// Ask the daemon for something.
    Fetch(Fetch),
    /// Listen to a stream, instead of the one before of its kind.
    Follow(Follow),
    /// Change something as a buyer.
    Buy(Buy),
    /// Change a sale.
    Run(EventId, SaleAction),
    /// Let so many in at once.
    SetCapacity(EventId, u32),
}

/// What the daemon is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The events that have these words, all without: the page that begins there, else the first.
    Events(String, Option<String>),
    /// An event.
    Event(EventId),
    /// Its house.
    House(EventId),
    /// How its seats stand.
    Availability(EventId),
    /// The tickets last bought.
    Tickets,
    /// How its sale is going.
    Sale(EventId),
    /// How an order stands.
    Order(EventId, OrderId),
    /// Requests of an earlier run that were cut off.
    CutOff,
}

/// What is listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The seats of an event.
    Seats(EventId),
    /// A place in line.
    Place(EventId, SessionId),
}

/// What a buyer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Buy {
    /// Stands in line.
    Join(EventId),
    /// Gives the place up.
    Leave(EventId, SessionId),
    /// Holds seats and has the card authorized; begins an order first if there is none.
    Confirm(Box<Confirm>),
    /// Pays.
    Finalize(EventId, OrderId),
    /// Gives the order up.
    Cancel(EventId, OrderId),
    /// Finishes what was cut off.
    Resume,
}

/// Seats and a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The event.
    pub event: EventId,
    /// The place in line that was let in.
    pub session: Option<SessionId>,
    /// The order, if one was begun already.
    pub order: Option<OrderId>,
    /// The seats.
    pub seats: Vec<SeatId>,
    /// The payment token.
    pub card: String,
}
