//! What has to hold in the books of an office at any instant, rule by rule: records in, breaches out.
//!
//! A store is read in *cases*: an order with everything that belongs to it, a seat with its tickets, an event with its
//! counters. All of a case is of one instant; two cases may be of two. So no rule looks at more than one case, but for
//! the order of admissions, which goes on from page to page ([`Report::merge`]). What is under way while it is read
//! breaks no rule: the rules say what every transaction leaves behind, not what comes of it in the end.

pub mod admission;
pub mod authorized;
pub mod books;
pub mod capacity;
pub mod captured;
pub mod case;
pub mod counters;
pub mod in_line;
pub mod lawful;
pub mod life;
pub mod money;
pub mod overlap;
pub mod paid;
pub mod stuck;
pub mod ticketed;
pub mod unchanged;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use case::{
    Admission, AdmissionCase, Case, EventCase, History, Hold, KeyCase, LevelCase, OrderCase, OrderEnd, Paid,
    PaymentLine, SeatCase, SessionCase, TicketLine,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{EventId, Timestamp};

/// How many breaches of a rule are told in full.
pub const MAX_TOLD: usize = 20;

/// Something that always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// S1.
    OneTicketASeat,
    /// S2.
    HoldsNeverOverlap,
    /// M9.
    CapturedIsTicketedOrRefunded,
    /// M10.
    AuthorizedIsCapturedOrVoided,
    /// M4.
    PaidIsTicketed,
    /// M1, M2, M3.
    MoneyIsConserved,
    /// M11.
    BooksBalance,
    /// W10.
    NobodyOrdersUnadmitted,
    /// W1.
    CapacityIsKept,
    /// W2.
    AdmittedInOrder,
    /// I7, M9, W9.
    NothingIsStuck,
    /// C1.
    CountersEqualSeats,
    /// No edge but those of the state machine.
    HistoryIsLawful,
    /// D1.
    HistoryIsUnchanged,
    /// M13.
    ProviderAgrees,
}

impl Rule {
    /// Every rule, in the order in which they are shown.
    pub const ALL: [Self; 15] = [
        Self::OneTicketASeat,
        Self::HoldsNeverOverlap,
        Self::CapturedIsTicketedOrRefunded,
        Self::AuthorizedIsCapturedOrVoided,
        Self::PaidIsTicketed,
        Self::MoneyIsConserved,
        Self::BooksBalance,
        Self::NobodyOrdersUnadmitted,
        Self::CapacityIsKept,
        Self::AdmittedInOrder,
        Self::NothingIsStuck,
        Self::CountersEqualSeats,
        Self::HistoryIsLawful,
        Self::HistoryIsUnchanged,
        Self::ProviderAgrees,
    ];

    /// Its name, on the wire and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneTicketASeat => "one-ticket-a-seat",
            Self::HoldsNeverOverlap => "holds-never-overlap",
            Self::CapturedIsTicketedOrRefunded => "captured-is-ticketed-or-refunded",
            Self::AuthorizedIsCapturedOrVoided => "authorized-is-captured-or-voided",
            Self::PaidIsTicketed => "paid-is-ticketed",
            Self::MoneyIsConserved => "money-is-conserved",
            Self::BooksBalance => "books-balance",
            Self::NobodyOrdersUnadmitted => "nobody-orders-unadmitted",
            Self::CapacityIsKept => "capacity-is-kept",
            Self::AdmittedInOrder => "admitted-in-order",
            Self::NothingIsStuck => "nothing-is-stuck",
            Self::CountersEqualSeats => "counters-equal-seats",
            Self::HistoryIsLawful => "history-is-lawful",
            Self::HistoryIsUnchanged => "history-is-unchanged",
            Self::ProviderAgrees => "provider-agrees",
        }
    }

    /// What it says.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::OneTicketASeat => "No seat has two valid tickets; a sold one has its own.",
            Self::HoldsNeverOverlap => "A seat is one order's, and a running hold has all of its seats.",
            Self::CapturedIsTicketedOrRefunded => "Every capture has its tickets, or a refund.",
            Self::AuthorizedIsCapturedOrVoided => "Every authorization is captured or voided.",
            Self::PaidIsTicketed => "An order is paid exactly when every seat of it has its ticket.",
            Self::MoneyIsConserved => {
                "One capture an order, of what it costs; captured less refunded is right."
            }
            Self::BooksBalance => "Every payment is booked twice, and the books sum to zero.",
            Self::NobodyOrdersUnadmitted => "Nobody ordered without having been let in.",
            Self::CapacityIsKept => "No more are inside than the event's capacity.",
            Self::AdmittedInOrder => "Nobody was let in before somebody with a better place.",
            Self::NothingIsStuck => "No order, payment, session or key is open past its time.",
            Self::CountersEqualSeats => "Counters are what one comes to by counting.",
            Self::HistoryIsLawful => "An order took only steps that there are, to the state it is in.",
            Self::HistoryIsUnchanged => "No step of an order was changed, taken away or slipped in since.",
            Self::ProviderAgrees => "The provider's list of payments is the same as ours.",
        }
    }
}

/// A rule that does not hold somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// The id of what it is about: an order, a session, an event, an event and a seat.
    pub about: String,
    /// What is wrong with it, in a sentence.
    pub said: String,
}

/// What came of looking at a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How many cases were looked at.
    pub looked: u64,
    /// How many breaches there are.
    pub breaches: u64,
    /// The first [`MAX_TOLD`] of them.
    pub first: Vec<Breach>,
}

/// Places in the order in which they were let in: the first and the last of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The place that was let in first.
    pub first: u64,
    /// The place that was let in last.
    pub last: u64,
}

/// What came of all rules, for the cases looked at so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// By rule. A rule that was not looked at yet is not there.
    pub findings: BTreeMap<Rule, Finding>,
    /// Who was let in, by event.
    pub lines: BTreeMap<EventId, Stretch>,
    /// Orders with steps from before steps had hashes: nothing says whether those were changed.
    pub unhashed: u64,
}

/// A rule about orders, and how it is looked at.
type OrderRule = (Rule, fn(&OrderCase, Timestamp) -> Vec<String>);

/// Every rule that is about an order.
pub const ORDER_RULES: [OrderRule; 10] = [
    (Rule::HoldsNeverOverlap, overlap::of_order),
    (Rule::CapturedIsTicketedOrRefunded, captured::of_order),
    (Rule::AuthorizedIsCapturedOrVoided, authorized::of_order),
    (Rule::PaidIsTicketed, paid::of_order),
    (Rule::MoneyIsConserved, money::of_order),
    (Rule::BooksBalance, books::of_order),
    (Rule::NobodyOrdersUnadmitted, admission::of_order),
    (Rule::NothingIsStuck, stuck::of_order),
    (Rule::HistoryIsLawful, lawful::of_order),
    (Rule::HistoryIsUnchanged, unchanged::of_order),
];

impl Report {
    /// Looks at a case. `now` is the clock that the store dates its rows with, read after the case.
    pub fn look(&mut self, case: &Case, now: Timestamp) {
        match case {
            Case::Order(order) => {
                self.unhashed += u64::from(unchanged::has_unhashed(order));
                for (rule, check) in ORDER_RULES {
                    self.take(rule, &order.order.id, check(order, now));
                }
            }
            Case::Seat(seat) => {
                let about = format!("{} {}", seat.event, seat.seat);
                self.take(Rule::OneTicketASeat, &about, ticketed::of_seat(seat));
                self.take(Rule::HoldsNeverOverlap, &about, overlap::of_seat(seat));
            }
            Case::Event(event) => {
                self.take(Rule::CapacityIsKept, &event.event, capacity::of_event(event));
                self.take(Rule::AdmittedInOrder, &event.event, in_line::of_event(event));
                self.take(Rule::CountersEqualSeats, &event.event, counters::of_event(event));
            }
            Case::Session(session) => {
                self.take(Rule::NothingIsStuck, &session.session, stuck::of_session(session, now));
            }
            Case::Admission(admission) => {
                let AdmissionCase { event, place, session } = admission;
                let one = Stretch { first: *place, last: *place };
                let said = in_line::append(&mut self.lines, event, one);
                self.take(Rule::AdmittedInOrder, session, said.into_iter().collect());
            }
            Case::Key(key) => self.take(Rule::NothingIsStuck, &key.user, stuck::of_key(key, now)),
        }
    }

    /// Takes in what came of the cases after these.
    pub fn merge(&mut self, later: Self) {
        self.unhashed += later.unhashed;
        for (rule, found) in later.findings {
            let finding = self.findings.entry(rule).or_default();
            finding.looked += found.looked;
            finding.breaches += found.breaches;
            let room = MAX_TOLD.saturating_sub(finding.first.len());
            finding.first.extend(found.first.into_iter().take(room));
        }
        for (event, stretch) in later.lines {
            if let Some(said) = in_line::append(&mut self.lines, &event, stretch) {
                self.breach(Rule::AdmittedInOrder, &event, said);
            }
        }
    }

    /// Notes that so many cases of a rule were looked at elsewhere.
    pub fn looked(&mut self, rule: Rule, cases: u64) {
        self.findings.entry(rule).or_default().looked += cases;
    }

    /// Notes a breach that was found elsewhere.
    pub fn breach(&mut self, rule: Rule, about: &impl ToString, said: String) {
        let finding = self.findings.entry(rule).or_default();
        finding.breaches += 1;
        if finding.first.len() < MAX_TOLD {
            finding.first.push(Breach { about: about.to_string(), said });
        }
    }

    /// Whether every rule holds wherever it was looked at.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.findings.values().all(|finding| finding.breaches == 0)
    }

    fn take(&mut self, rule: Rule, about: &impl ToString, said: Vec<String>) {
        self.findings.entry(rule).or_default().looked += 1;
        for sentence in said {
            self.breach(rule, about, sentence);
        }
    }
}
