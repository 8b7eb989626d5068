//! Tickets that were bought.

use std::collections::BTreeMap;

use tmapi::ticket::TicketView;
use tmcore::SeatId;

/// The tickets, and the one that is shown.
#[derive(Clone, Debug, Default)]
pub struct Tickets {
    /// All of them.
    pub all: Vec<TicketView>,
    /// Which is shown.
    pub at: usize,
    /// The event's name, where it is known.
    pub event: String,
    /// The entrance nearest to each seat, where the plan draws entrances.
    pub gates: BTreeMap<SeatId, String>,
}

impl Tickets {
    /// The entrance for a ticket.
    pub fn gate(&self, ticket: &TicketView) -> Option<&str> {
        self.gates.get(&ticket.seat_id).map(String::as_str)
    }

    /// The one that is shown.
    pub fn shown(&self) -> Option<&TicketView> {
        self.all.get(self.at)
    }

    /// Ids, seats and codes of all of them, to be kept in a file.
    pub fn as_text(&self) -> String {
        let one = |ticket: &TicketView| {
            let gate = self.gate(ticket).map(|gate| format!("{}\n", tmctl::escape(gate)));
            format!(
                "{}\nevent {}\n{}, row {}, seat {} ({})\n{}{}\n",
                ticket.ticket_id,
                ticket.event_id,
                tmctl::escape(&ticket.section),
                tmctl::escape(&ticket.row),
                tmctl::escape(&ticket.number),
                ticket.seat_id,
                gate.unwrap_or_default(),
                tmctl::escape(&ticket.code)
            )
        };
        self.all.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}
