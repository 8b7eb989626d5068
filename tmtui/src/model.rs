//! Everything the program knows, as plain data. [`update`](crate::update::update) alone changes it.

pub mod basket;
pub mod catalogue;
pub mod checkout;
pub mod console;
pub mod over;
pub mod place;
pub mod stock;
pub mod ticket;
pub mod visit;
pub mod walk;

use jiff::tz::TimeZone;
use tmcore::Timestamp;

use crate::palette::Paint;
use catalogue::Catalogue;
use console::Console;
use over::{Mood, Over};
use ticket::Tickets;
use visit::Visit;

/// The smallest terminal there is something to see on: columns and lines.
pub const SMALLEST: (u16, u16) = (60, 18);

/// What is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    /// What is on.
    Events,
    /// Standing in line.
    Line,
    /// The whole house.
    Venue,
    /// One section, a dot a seat.
    Section,
    /// Seats to pick from.
    Seats,
    /// Seats, card, payment.
    Checkout,
    /// What was bought.
    Tickets,
    /// The organiser's console.
    Console,
}

/// The program's state.
#[derive(Debug)]
pub struct Model {
    /// What is on the screen.
    pub screen: Screen,
    /// How it is drawn.
    pub look: Look,
    /// The events.
    pub catalogue: Catalogue,
    /// The event the buyer is at.
    pub visit: Option<Visit>,
    /// What was bought.
    pub tickets: Tickets,
    /// The event the organiser is at.
    pub console: Option<Console>,
    /// What lies over the screen.
    pub over: Over,
}

/// How things are drawn, and when.
#[derive(Clone, Debug)]
pub struct Look {
    /// Columns and lines of the terminal.
    pub size: (u16, u16),
    /// Colours and characters.
    pub paint: Paint,
    /// Whether nothing may be bought or changed.
    pub readonly: bool,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// What time it is, as of the last tick.
    pub now: Timestamp,
    /// The daemon's address.
    pub office: String,
    /// Whether the program takes the mouse.
    pub mouse: bool,
}

impl Model {
    /// Before anything is known.
    pub fn new(look: Look) -> Self {
        Self {
            screen: Screen::Events,
            look,
            catalogue: Catalogue::default(),
            visit: None,
            tickets: Tickets::default(),
            console: None,
            over: Over::default(),
        }
    }

    /// Shows a short message.
    pub fn say(&mut self, mood: Mood, text: impl Into<String>) {
        self.over.toast(self.look.now, mood, text);
    }

    /// A name of somebody else's, as this terminal can show it.
    pub fn name(&self, text: &str) -> String {
        crate::text::name(text, self.look.paint.ascii)
    }

    /// Whether the terminal is too small to draw on.
    pub fn is_cramped(&self) -> bool {
        self.look.size.0 < SMALLEST.0 || self.look.size.1 < SMALLEST.1
    }
}
