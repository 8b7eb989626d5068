//! What everybody was told during a rehearsal, and what of it cannot be true of an office that keeps its promises.
//!
//! Only what buyers saw counts here; the office's own rows are judged elsewhere. Every check is sound: it takes the
//! shortest time that the answers prove, so that a slow connection is never called a breach.

use std::collections::{BTreeMap, BTreeSet};

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
}

impl Step {
    /// Every step, in the order of a purchase.
    pub const ALL: [Self; 7] =
        [Self::Join, Self::Wait, Self::Order, Self::Confirm, Self::Finalize, Self::Cancel, Self::Leave];

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
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// S1: a seat was sold to one order.
    OneOwner,
    /// M4: who paid has a ticket for each seat, and nobody else has it.
    Ticketed,
    /// I4: one key, one answer.
    OneAnswer,
    /// W10: who began an order had been let in.
    Admitted,
    /// W2: never more inside than the house holds.
    Capacity,
    /// Every refusal is one that the step may meet.
    Refusals,
    /// Everybody knows in the end.
    Answered,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 7] = [
        Self::OneOwner,
        Self::Ticketed,
        Self::OneAnswer,
        Self::Admitted,
        Self::Capacity,
        Self::Refusals,
        Self::Answered,
    ];

    /// What holds if it finds nothing.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::OneOwner => "no seat was sold to two",
            Self::Ticketed => "who paid has a ticket for each seat",
            Self::OneAnswer => "one key had one answer",
            Self::Admitted => "nobody ordered without being let in",
            Self::Capacity => "never more inside than the house holds",
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
    owners(history, &mut found);
    answers(history, &mut found);
    refusals(history, &mut found);
    if house.has_waiting_room {
        admissions(history, &mut found);
        capacity(history, house.capacity, &mut found);
    }
    found
}

fn breach(found: &mut Vec<Breach>, check: Check, what: String) {
    found.push(Breach { check, what });
}

/// What was told of orders that are paid, once each.
fn paid(history: &[Asked]) -> BTreeMap<&str, (u32, &Known)> {
    let told = history.iter().filter(|asked| asked.step == Step::Finalize);
    let told = told.filter_map(|asked| match &asked.outcome {
        Outcome::Ok(known) => Some((known.order.as_deref()?, (asked.buyer, known))),
        Outcome::Fail(_) | Outcome::Info(_) => None,
    });
    told.collect()
}

fn owners(history: &[Asked], found: &mut Vec<Breach>) {
    let (mut seats, mut tickets) = (BTreeMap::new(), BTreeMap::new());
    for (order, (buyer, known)) in paid(history) {
        for seat in &known.seats {
            if let Some(other) = seats.insert(seat, order) {
                breach(found, Check::OneOwner, format!("{seat} was sold to {other} and to {order}"));
            }
        }
        if known.tickets.is_empty() || known.tickets.len() != known.seats.len() {
            let (seats, tickets) = (known.seats.len(), known.tickets.len());
            breach(
                found,
                Check::Ticketed,
                format!("{order} of buyer {buyer}: {seats} seats, {tickets} tickets"),
            );
        }
        for ticket in &known.tickets {
            if let Some(other) = tickets.insert(ticket, order) {
                breach(found, Check::Ticketed, format!("{ticket} belongs to {other} and to {order}"));
            }
        }
    }
}

fn answers(history: &[Asked], found: &mut Vec<Breach>) {
    let mut told = BTreeMap::new();
    for asked in history {
        if let Outcome::Info(why) = &asked.outcome {
            let step = asked.step.as_str();
            breach(found, Check::Answered, format!("{step} of buyer {}: {why}", asked.buyer));
            continue;
        }
        let Some(key) = &asked.key else { continue };
        let first = told.entry((asked.buyer, key)).or_insert(&asked.outcome);
        if **first != asked.outcome {
            let what = format!("{key} of buyer {}: {first:?}, then {:?}", asked.buyer, asked.outcome);
            breach(found, Check::OneAnswer, what);
        }
    }
}

/// What a step may be refused with by an office that does as it should.
const fn expected(step: Step) -> &'static [&'static str] {
    match step {
        Step::Join => &["not-on-sale", "sale-over"],
        Step::Wait => &["abandoned", "expired", "left", "sale-over", "sold-out"],
        Step::Order => &[
            "not-admitted",
            "not-on-sale",
            "open-order-exists",
            "purchase-limit",
            "sale-over",
            "unauthenticated",
        ],
        Step::Confirm => {
            &["declined", "order-expired", "order-state", "payment-unavailable", "seats-unavailable"]
        }
        Step::Finalize => &["declined", "fence-lost", "order-expired"],
        Step::Cancel => &["order-expired", "order-state"],
        Step::Leave => &["not-found"],
    }
}

fn refusals(history: &[Asked], found: &mut Vec<Breach>) {
    for asked in history {
        let Outcome::Fail(code) = &asked.outcome else { continue };
        if !expected(asked.step).contains(&code.as_str()) {
            let what = format!("{} of buyer {} was refused with {code}", asked.step.as_str(), asked.buyer);
            breach(found, Check::Refusals, what);
        }
    }
}

/// When each buyer was first told to be inside.
fn admitted(history: &[Asked]) -> BTreeMap<u32, u64> {
    let mut at = BTreeMap::new();
    for asked in history.iter().filter(|asked| asked.step == Step::Wait && is_ok(asked)) {
        let first = at.entry(asked.buyer).or_insert(asked.ended_millis);
        *first = asked.ended_millis.min(*first);
    }
    at
}

const fn is_ok(asked: &Asked) -> bool {
    matches!(asked.outcome, Outcome::Ok(_))
}

fn admissions(history: &[Asked], found: &mut Vec<Breach>) {
    let inside = admitted(history);
    let orders = history.iter().filter(|asked| asked.step == Step::Order && is_ok(asked));
    let strangers = orders.filter(|asked| inside.get(&asked.buyer).is_none_or(|at| *at > asked.ended_millis));
    for buyer in strangers.map(|asked| asked.buyer).collect::<BTreeSet<_>>() {
        breach(found, Check::Admitted, format!("buyer {buyer} began an order without having been let in"));
    }
}

/// A buyer was inside from when they knew it until they first asked for the last thing that only those inside can do.
fn capacity(history: &[Asked], capacity: u64, found: &mut Vec<Breach>) {
    let mut last = BTreeMap::new();
    let mut first_asked = BTreeMap::new();
    for asked in history.iter().filter(|asked| is_ok(asked)) {
        if matches!(asked.step, Step::Order | Step::Confirm | Step::Finalize | Step::Cancel) {
            let first = first_asked.entry((asked.buyer, asked.step)).or_insert(asked.began_millis);
            *first = asked.began_millis.min(*first);
        }
    }
    for ((buyer, _), began) in first_asked {
        let until = last.entry(buyer).or_insert(began);
        *until = began.max(*until);
    }
    let mut edges = Vec::new();
    for (buyer, from) in admitted(history) {
        if let Some(until) = last.get(&buyer).filter(|until| **until > from) {
            // Who goes in the same millisecond as another comes goes first.
            edges.extend([(from, 1_i8), (*until, -1)]);
        }
    }
    edges.sort_unstable_by_key(|&(at, step)| (at, step));
    let (mut inside, mut most) = (0_u64, (0, 0));
    for (at, step) in edges {
        inside = inside.saturating_add_signed(step.into());
        most = most.max((inside, at));
    }
    if most.0 > capacity {
        let (inside, at) = most;
        breach(
            found,
            Check::Capacity,
            format!("{inside} were inside at {at} ms, and the house holds {capacity}"),
        );
    }
}

#[cfg(test)]
mod tests;
