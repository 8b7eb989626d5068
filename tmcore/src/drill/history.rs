//! What everybody was told during a rehearsal, and what of it cannot be true of an office that keeps its promises.
//!
//! Only what buyers saw counts here; the office's own rows are judged elsewhere. Every check is sound: it takes the
//! shortest time that the answers prove, so that a slow connection is never called a breach.

mod key;
mod line;
mod seat;
#[cfg(test)]
mod tests;

use serde::Serialize;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A place in line.
    Join,
    /// To be let in; answered when one is.
    Wait,
    /// To begin an order.
    Order,
    /// Seats, and a payment to be authorized.
    Confirm,
    /// To pay.
    Finalize,
    /// To give the order up.
    Cancel,
    /// To give the place up.
    Leave,
    /// A place in line once more, as the same principal.
    Rejoin,
    /// Another card for the seats that the order holds since the first was declined.
    Repay,
    /// To pay although one was told that the order's time is up.
    Late,
    /// Something else under a key that is done.
    Reuse,
    /// That the office takes for the payment provider's word what nobody signed.
    Forge,
}

impl Step {
    /// Every step, in the order of a purchase.
    pub const ALL: [Self; 12] = [
        Self::Join,
        Self::Rejoin,
        Self::Wait,
        Self::Order,
        Self::Confirm,
        Self::Repay,
        Self::Finalize,
        Self::Late,
        Self::Cancel,
        Self::Leave,
        Self::Reuse,
        Self::Forge,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Wait => "wait",
            Self::Order => "order",
            Self::Confirm => "confirm",
            Self::Finalize => "finalize",
            Self::Cancel => "cancel",
            Self::Leave => "leave",
            Self::Rejoin => "rejoin",
            Self::Repay => "repay",
            Self::Late => "late",
            Self::Reuse => "reuse",
            Self::Forge => "forge",
        }
    }
}

/// What an answer told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// The order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Where it stands.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Its seats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<String>,
    /// Its tickets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// Until when it has its seats, milliseconds by the office's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_millis: Option<i64>,
    /// The places in line that the buyer has at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
}

/// What became of a question, in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum Outcome {
    /// Done.
    Ok(Known),
    /// Refused, and nothing was done: the code.
    Fail(String),
    /// Nobody knows: why.
    Info(String),
}

/// A question and its final answer, however often it had to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who asked.
    pub buyer: u32,
    /// For what.
    pub step: Step,
    /// Under which key.
    pub key: Option<String>,
    /// When it was first sent, milliseconds of the rehearsal.
    pub began_millis: u64,
    /// When the final answer was there.
    pub ended_millis: u64,
    /// The answer.
    pub outcome: Outcome,
}

/// What the office had promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct House {
    /// Whether buyers have to be let in.
    pub has_waiting_room: bool,
    /// How many may be inside at once.
    pub capacity: u64,
    /// How long an order has its seats, by the office's clock.
    pub hold_ttl_millis: u64,
}

impl House {
    /// How long an order has its seats at the least, by the crowd's clock: the office's, while it makes up for a jump of
    /// the machine's, walks half as fast again and no faster.
    const fn shortest_hold_millis(self) -> u64 {
        self.hold_ttl_millis / 3 * 2
    }
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// S1: a seat was sold to one order.
    OneOwner,
    /// S2: a seat was held for one order at a time.
    OneHolder,
    /// S4, M14: an order has its seats until its time is up.
    InTime,
    /// M8: no order is paid after that.
    NotLate,
    /// M4: who paid has a ticket for each seat, and nobody else has it.
    Ticketed,
    /// I4: one key, one answer.
    OneAnswer,
    /// I5: a key is for one request.
    OneRequest,
    /// M12: only the payment provider's word counts.
    Unforged,
    /// W10: who began an order had been let in.
    Admitted,
    /// W1: never more inside than the house holds.
    Capacity,
    /// W4: one place for each buyer.
    OnePlace,
    /// Every refusal is one that the step may meet.
    Refusals,
    /// Everybody knows in the end.
    Answered,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 13] = [
        Self::OneOwner,
        Self::OneHolder,
        Self::InTime,
        Self::NotLate,
        Self::Ticketed,
        Self::OneAnswer,
        Self::OneRequest,
        Self::Unforged,
        Self::Admitted,
        Self::Capacity,
        Self::OnePlace,
        Self::Refusals,
        Self::Answered,
    ];

    /// What holds if it finds nothing.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::OneOwner => "no seat was sold to two",
            Self::OneHolder => "no seat was held for two at once",
            Self::InTime => "everybody had their seats until their time was up",
            Self::NotLate => "nobody paid after that",
            Self::Ticketed => "who paid has a ticket for each seat",
            Self::OneAnswer => "one key had one answer",
            Self::OneRequest => "no key was used for two requests",
            Self::Unforged => "nothing was believed that the payment provider had not signed",
            Self::Admitted => "nobody ordered without being let in",
            Self::Capacity => "never more inside than the house holds",
            Self::OnePlace => "nobody had two places in line",
            Self::Refusals => "nobody was refused without a reason",
            Self::Answered => "everybody knew in the end",
        }
    }
}

/// Something that cannot be true of an office that keeps its promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Which check found it.
    pub check: Check,
    /// What it is.
    pub what: String,
}

/// All that is wrong with a history.
#[must_use]
pub fn check(history: &[Asked], house: House) -> Vec<Breach> {
    let mut found = Vec::new();
    seat::owners(history, &mut found);
    seat::holders(history, house, &mut found);
    seat::ends(history, house, &mut found);
    key::answers(history, &mut found);
    key::requests(history, &mut found);
    key::refusals(history, &mut found);
    if house.has_waiting_room {
        line::admissions(history, &mut found);
        line::capacity(history, house.capacity, &mut found);
        line::places(history, &mut found);
    }
    found
}

fn breach(found: &mut Vec<Breach>, check: Check, what: String) {
    found.push(Breach { check, what });
}

const fn done(asked: &Asked) -> Option<&Known> {
    match &asked.outcome {
        Outcome::Ok(known) => Some(known),
        Outcome::Fail(_) | Outcome::Info(_) => None,
    }
}

fn is_refused_with(asked: &Asked, codes: &[&str]) -> bool {
    matches!(&asked.outcome, Outcome::Fail(code) if codes.contains(&code.as_str()))
}
