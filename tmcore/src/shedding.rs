//! What is refused first when there is too much to do.
//!
//! Three rules, each of which refuses. *Purchases*: none is begun while more requests of purchases than that are worked on;
//! those that are begun go on, so that what is let in is also finished. *Room*: a class may use only a share of the requests that may be in flight at
//! once, the less the less it matters, so that there is always room left for what matters more. *Delay*: when requests
//! wait for a thread longer than they should, the least important are let in by ever smaller parts until the wait is
//! short again.
//!
//! Sources: Zhou et al., *Overload Control for Scaling `WeChat` Microservices* (`SoCC` 2018,
//! <https://arxiv.org/abs/1806.04075>), for classes, for the mean time in the queue as the measure, and for a level that
//! goes down fast and up slowly; RFC 8289 (`CoDel`), for acting only on a queue that stands; Little's law, for a bound on
//! what is in flight as a bound on waiting.

use std::time::Duration;

/// How much a request matters, the most important last: whoever has come further in buying is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Searching, and whatever is not known.
    Search,
    /// Looking at events and seats.
    Browse,
    /// Getting in line.
    Join,
    /// Looking where one stands: at a session, an order, a ticket.
    Poll,
    /// News of the payment provider.
    Callback,
    /// Beginning, confirming and giving up an order, booking; and whatever organisers and doors do.
    Confirm,
    /// Paying, and paying back: money is about to move.
    Finalize,
}

impl Priority {
    /// Every class, the least important first.
    pub const ALL: [Self; 7] =
        [Self::Search, Self::Browse, Self::Join, Self::Poll, Self::Callback, Self::Confirm, Self::Finalize];

    /// Its name in metrics and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Browse => "browse",
            Self::Join => "join",
            Self::Poll => "poll",
            Self::Callback => "callback",
            Self::Confirm => "confirm",
            Self::Finalize => "finalize",
        }
    }

    /// The class of a request, by the method and the path of its head. `None` for probes, which are always answered: a
    /// supervisor that hears nothing would end a daemon that is merely busy.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Option<Self> {
        if matches!(path, "/livez" | "/readyz") {
            return None;
        }
        let Some(path) = path.strip_prefix("/api/") else { return Some(Self::Search) };
        let (noun, rest) = path.split_once('/').unwrap_or((path, ""));
        let is_read = matches!(method, "GET" | "HEAD");
        Some(match (noun, is_read) {
            ("orders", false) if rest.ends_with(":finalize") || rest.ends_with(":refund") => Self::Finalize,
            ("orders" | "bookings" | "events" | "ticket-checks", false) => Self::Confirm,
            ("payment-callbacks", false) => Self::Callback,
            ("waiting-room", false) if method == "POST" => Self::Join,
            ("waiting-room", _) | ("orders" | "tickets", true) => Self::Poll,
            ("sse", true) if rest.starts_with("waiting-room/") => Self::Poll,
            ("events", true) if rest == "search" => Self::Search,
            ("sse" | "events", true) => Self::Browse,
            _ => Self::Search,
        })
    }

    /// Whether the request begins a purchase. One that is begun takes further requests, so that to let in more than can be
    /// finished helps nobody.
    #[must_use]
    pub fn begins_purchase(method: &str, path: &str) -> bool {
        method == "POST" && (path == "/api/orders" || path.starts_with("/api/bookings/"))
    }

    /// How many classes matter more.
    const fn rank(self) -> u32 {
        Self::Finalize as u32 - self as u32
    }

    /// The share of what may be in flight that this class may fill, percent.
    const fn share_percent(self) -> usize {
        match self {
            Self::Search => 50,
            Self::Browse => 60,
            Self::Join => 70,
            Self::Poll => 80,
            Self::Callback => 85,
            Self::Confirm => 95,
            Self::Finalize => 100,
        }
    }

    /// How many requests, of whatever class, may be in flight for one of this class to be let in beside them; at least
    /// one.
    #[must_use]
    pub const fn room(self, max_in_flight: usize) -> usize {
        let room = max_in_flight.saturating_mul(self.share_percent()) / 100;
        if room == 0 { 1 } else { room }
    }
}

/// One class, in thousandths.
const CLASS: u32 = 1_000;
/// Everybody.
const ALL: u32 = CLASS * 7;
/// The most important class is never refused for delay: its bound is the room.
const LEAST: u32 = CLASS;
/// A part of a class so small is none, and the first part of the next, thousandths.
const CRUMB: u32 = 20;
/// So many looks in a row have to find a queue for it to count as standing.
const STANDING_LOOKS: u32 = 2;

/// How much is let in. Starts with everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Classes by rank, in thousandths: 5,300 is the five most important and three tenths of the sixth.
    admitted: u32,
    /// How many looks in a row found a queue.
    over: u32,
    /// The wait at the last look.
    last: Duration,
}

impl Default for Level {
    fn default() -> Self {
        Self { admitted: ALL, over: 0, last: Duration::ZERO }
    }
}

impl Level {
    /// The level after a look at how long requests waited on average, when they should not have waited longer than
    /// `target`.
    ///
    /// Of the class at the margin less is let in by as much as the wait was too long, at most half, at least a twentieth;
    /// when nothing is left of it, the next is next. While the queue is getting shorter already, what was done is given
    /// time to work. Up it goes by a twentieth, by a quarter when hardly anybody waits.
    #[must_use]
    pub fn after(self, delay: Duration, target: Duration) -> Self {
        if delay <= target {
            let step = if delay < target / 2 { (4, 20) } else { (20, 5) };
            return Self { admitted: raised(self.admitted, step), over: 0, last: delay };
        }
        let over = (self.over + 1).min(STANDING_LOOKS);
        let is_shrinking = delay * 20 < self.last * 19;
        let is_standing = over == STANDING_LOOKS && !is_shrinking;
        let admitted = if is_standing { lowered(self.admitted, delay, target) } else { self.admitted };
        Self { admitted, over, last: delay }
    }

    /// Whether a request is let in; `draw`, from 0 to 999, decides which of a class that is let in by parts.
    #[must_use]
    pub const fn admits(self, priority: Priority, draw: u32) -> bool {
        priority.rank() * CLASS + draw % CLASS < self.admitted
    }

    /// Classes let in, in thousandths, 1,000 to 7,000: for a metric.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.admitted
    }

    /// A level of so many thousandths, as [`Level::thousandths`] tells it.
    #[must_use]
    pub fn of_thousandths(admitted: u32) -> Self {
        Self { admitted: admitted.clamp(LEAST, ALL), ..Self::default() }
    }
}

/// A part more of the class at the margin: its `part`th, and `least` thousandths.
fn raised(admitted: u32, (part, least): (u32, u32)) -> u32 {
    let into = admitted % CLASS;
    let step = if into == 0 { CRUMB } else { (into / part + least).min(CLASS - into) };
    (admitted + step).min(ALL)
}

fn lowered(admitted: u32, delay: Duration, target: Duration) -> u32 {
    // How much of the class at the margin is let in: all of it stands for the next class's nothing.
    let into = if admitted.is_multiple_of(CLASS) { CLASS } else { admitted % CLASS };
    let below = admitted - into;
    let (delay, target) = (delay.as_micros().max(1), target.as_micros());
    let kept = u32::try_from(u128::from(into) * target / delay).unwrap_or(into);
    let kept = kept.clamp(into / 2, into - into / 20);
    (if kept < CRUMB { below } else { below + kept }).max(LEAST)
}

#[cfg(test)]
mod tests;
