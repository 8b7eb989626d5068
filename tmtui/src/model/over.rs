//! What lies over a screen: a prompt, a question, help, and short messages.

use tmapi::client::SaleAction;
use tmcore::Timestamp;

/// How long a short message stays, seconds.
const TOAST_SECONDS: u32 = 6;
/// The most of them at a time.
const MOST_TOASTS: usize = 4;

/// What lies over the screen.
#[derive(Clone, Debug, Default)]
pub struct Over {
    /// Something is being typed.
    pub prompt: Option<Prompt>,
    /// Something is asked.
    pub dialog: Option<Dialog>,
    /// Help is open, from that line on.
    pub help: Option<u16>,
    /// Short messages, the newest last.
    pub toasts: Vec<Toast>,
    /// Where the mouse was last while dragging: column and line.
    pub drag: Option<(u16, u16)>,
    /// Seats that were lost, for each of which another is still to be offered.
    pub lost: Vec<usize>,
}

/// A short message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// What it says.
    pub text: String,
    /// How much it matters.
    pub mood: Mood,
    /// When it goes.
    pub until: Timestamp,
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Good to know.
    Plain,
    /// It went well.
    Good,
    /// Have a look.
    Warn,
    /// It went wrong.
    Bad,
}

/// A line that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub purpose: Purpose,
    /// So far.
    pub text: String,
}

/// What is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Words to find events by.
    Search,
    /// A command.
    Command,
    /// A payment token.
    Card,
    /// How many may be inside at once.
    Capacity,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Give the place in line up?
    Leave,
    /// Give the order up?
    Cancel,
    /// End the program while an order is open?
    Quit,
    /// Take another seat for one that was lost?
    Offer {
        /// The seat that is gone.
        lost: usize,
        /// The one in its stead.
        instead: usize,
    },
    /// Do this to the sale?
    Sale(SaleAction),
    /// Let so many in at once?
    Capacity(u32),
}

impl Dialog {
    /// Whether Enter says yes: not where something would be lost.
    pub const fn is_harmless(&self) -> bool {
        matches!(self, Self::Offer { .. })
    }
}

impl Over {
    /// Shows a short message for a while.
    pub fn toast(&mut self, now: Timestamp, mood: Mood, text: impl Into<String>) {
        let toast = Toast { text: text.into(), mood, until: now.plus_seconds(TOAST_SECONDS) };
        self.toasts.retain(|held| held.text != toast.text);
        self.toasts.push(toast);
        let too_many = self.toasts.len().saturating_sub(MOST_TOASTS);
        self.toasts.drain(..too_many);
    }
}
