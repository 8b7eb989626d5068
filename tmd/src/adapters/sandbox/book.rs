//! The sandbox's rules, without its store: what a request comes to, given what is on the books.

use std::collections::{HashMap, HashSet};

use tmcore::money::Currency;
use tmcore::payment::{Answer, Operation, ProviderKey, ProviderReference, Reply, check_capture};
use tmcore::{Money, OrderId};

use super::instruction::{Card, Instruction, Target};
use super::token::{Behaviour, Quirk};

/// How often an operation with [`Quirk::FailTwice`] fails.
const FAULTS: u32 = 2;

/// An operation that was done or declined.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: ProviderKey,
    pub(super) order: OrderId,
    pub(super) operation: Operation,
    /// What it acts on; of an authorization its own reference, `None` if that was declined.
    pub(super) authorization: Option<ProviderReference>,
    pub(super) amount: Money,
    pub(super) answer: Answer,
    pub(super) fingerprint: String,
}

impl Entry {
    fn reply(&self) -> Reply {
        Reply { key: self.key, amount: self.amount, answer: self.answer.clone() }
    }
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub(super) struct NewEntry {
    pub(super) entry: Entry,
    /// The card of an authorization.
    pub(super) card: Option<Card>,
    /// Whether the log says it a second time.
    pub(super) twice: bool,
}

/// What the sandbox says, or does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A definite answer.
    Told(Reply),
    /// The answer gets lost.
    Lost,
    /// The answer does not read.
    Garbled,
    /// Nothing was done and nothing is said.
    Silent,
    /// Nothing was done; status 503.
    Fault,
    /// The key belongs to another request.
    Reused,
}

/// An authorization and what followed.
#[derive(Clone, Debug)]
struct Account {
    order: OrderId,
    held: Money,
    behaviour: Behaviour,
    /// Minor units.
    captured: i64,
    /// Minor units.
    refunded: i64,
    voided: bool,
}

/// The part of the log that a batch of requests is about, and what the batch adds to it.
#[derive(Default)]
pub(super) struct Book {
    entries: HashMap<ProviderKey, Entry>,
    accounts: HashMap<ProviderReference, Account>,
    faults: HashMap<ProviderReference, u32>,
    fences: HashSet<ProviderKey>,
    pub(super) changes: Changes,
}

/// What has to be written.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) entries: Vec<NewEntry>,
    pub(super) fences: Vec<ProviderKey>,
    /// One item a failure.
    pub(super) faults: Vec<ProviderReference>,
}

impl Book {
    pub(super) fn load_fence(&mut self, key: ProviderKey) {
        self.fences.insert(key);
    }

    pub(super) fn load_fault(&mut self, authorization: ProviderReference, times: u32) {
        self.faults.insert(authorization, times);
    }

    /// Takes in an entry of the log. Entries come in the log's order; an authorization comes with its behaviour.
    pub(super) fn load(&mut self, entry: Entry, behaviour: Option<Behaviour>) {
        if let (Answer::Ok { .. }, Some(authorization)) = (&entry.answer, &entry.authorization) {
            self.post(authorization.clone(), &entry, behaviour);
        }
        self.entries.insert(entry.key, entry);
    }

    fn post(&mut self, authorization: ProviderReference, entry: &Entry, behaviour: Option<Behaviour>) {
        if let Some(behaviour) = behaviour {
            let (order, held) = (entry.order, entry.amount);
            let account = Account { order, held, behaviour, captured: 0, refunded: 0, voided: false };
            self.accounts.insert(authorization, account);
            return;
        }
        let Some(account) = self.accounts.get_mut(&authorization) else { return };
        match entry.operation {
            Operation::Authorize => {}
            Operation::Capture => account.captured = entry.amount.amount,
            Operation::Void => account.voided = true,
            Operation::Refund => account.refunded += entry.amount.amount,
        }
    }

    /// Does what is asked, or not.
    pub(super) fn submit(&mut self, instruction: &Instruction) -> Verdict {
        if let Some(entry) = self.entries.get(&instruction.key) {
            let is_same = entry.fingerprint == instruction.fingerprint;
            return if is_same { Verdict::Told(entry.reply()) } else { Verdict::Reused };
        }
        let amount = self.amount(instruction);
        if self.fences.contains(&instruction.key) {
            let answer = Answer::Declined { reason: "the key was cancelled".into() };
            return Verdict::Told(Reply { key: instruction.key, amount, answer });
        }
        let quirk = self.quirk(instruction);
        if quirk == Quirk::Silence {
            return Verdict::Silent;
        }
        if quirk == Quirk::FailTwice && self.fails(instruction) {
            return Verdict::Fault;
        }
        let reply = self.record(instruction, amount, quirk);
        match quirk {
            Quirk::LoseAnswer => Verdict::Lost,
            Quirk::Garble => Verdict::Garbled,
            Quirk::WrongAmount => {
                let wrong = Money::new(reply.amount.amount.saturating_add(1), reply.amount.currency);
                Verdict::Told(Reply { amount: wrong, ..reply })
            }
            Quirk::None | Quirk::Decline(_) | Quirk::Twice | Quirk::FailTwice | Quirk::Silence => {
                Verdict::Told(reply)
            }
        }
    }

    /// Fences a key; whether something had been done under it already.
    pub(super) fn cancel(&mut self, key: ProviderKey) -> bool {
        if self.entries.contains_key(&key) {
            return true;
        }
        if self.fences.insert(key) {
            self.changes.fences.push(key);
        }
        false
    }

    /// What it is about: the amount it names, or what a void gives up.
    fn amount(&self, instruction: &Instruction) -> Money {
        // ISO 4217 has XXX for "no currency": a void of nothing gives up nothing.
        let held = || self.account(instruction).map_or(Money::zero(Currency::XXX), |account| account.held);
        instruction.amount.unwrap_or_else(held)
    }

    /// The authorization it acts on. Another order's is none: it may be on the books or not.
    fn account(&self, instruction: &Instruction) -> Option<&Account> {
        let account = self.accounts.get(instruction.authorization()?)?;
        (account.order == instruction.order).then_some(account)
    }

    fn quirk(&self, instruction: &Instruction) -> Quirk {
        let behaviour = match &instruction.target {
            Target::Card(card) => Some(card.behaviour),
            Target::Authorization(_) => self.account(instruction).map(|account| account.behaviour),
        };
        behaviour.map_or(Quirk::None, |behaviour| behaviour.quirk(instruction.operation))
    }

    fn fails(&mut self, instruction: &Instruction) -> bool {
        let Some(authorization) = instruction.authorization() else { return false };
        let times = self.faults.entry(authorization.clone()).or_default();
        if *times >= FAULTS {
            return false;
        }
        *times += 1;
        self.changes.faults.push(authorization.clone());
        true
    }

    fn record(&mut self, instruction: &Instruction, amount: Money, quirk: Quirk) -> Reply {
        let reference = ProviderReference::derive(instruction.operation, &instruction.key);
        let answer = match self.refusal(instruction, amount, quirk) {
            Some(reason) => Answer::Declined { reason: reason.into() },
            None => Answer::Ok { reference: reference.clone() },
        };
        let is_ok = matches!(answer, Answer::Ok { .. });
        let (authorization, card) = match &instruction.target {
            Target::Card(card) => (is_ok.then_some(reference), Some(card.clone())),
            Target::Authorization(authorization) => (Some(authorization.clone()), None),
        };
        let entry = Entry {
            key: instruction.key,
            order: instruction.order,
            operation: instruction.operation,
            authorization,
            amount,
            answer,
            fingerprint: instruction.fingerprint.clone(),
        };
        let reply = entry.reply();
        self.load(entry.clone(), card.as_ref().map(|card| card.behaviour));
        self.changes.entries.push(NewEntry { entry, card, twice: quirk == Quirk::Twice });
        reply
    }

    fn refusal(&self, instruction: &Instruction, amount: Money, quirk: Quirk) -> Option<&'static str> {
        let by_quirk = if let Quirk::Decline(reason) = quirk { Some(reason) } else { None };
        if matches!(instruction.target, Target::Card(_)) {
            return (amount.amount <= 0).then_some("the amount is not positive").or(by_quirk);
        }
        let Some(account) = self.account(instruction) else {
            return Some("the order has no such authorization");
        };
        account.refusal(instruction.operation, amount).or(by_quirk)
    }
}

impl Account {
    fn refusal(&self, operation: Operation, amount: Money) -> Option<&'static str> {
        match operation {
            Operation::Authorize => Some("an authorization needs a card"),
            Operation::Capture | Operation::Void if self.voided => Some("the authorization was voided"),
            Operation::Capture | Operation::Void if self.captured > 0 => {
                Some("the authorization was captured")
            }
            Operation::Capture => {
                check_capture(self.held, amount).is_err().then_some("the amount is not of the authorization")
            }
            Operation::Void => None,
            Operation::Refund if self.captured == 0 => Some("nothing was captured"),
            Operation::Refund => {
                let left = Money::new(self.captured - self.refunded, self.held.currency);
                check_capture(left, amount).is_err().then_some("the amount is not of the capture")
            }
        }
    }
}

#[cfg(test)]
mod tests;
