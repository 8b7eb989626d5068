//! Two lists of the same payments, ours and the provider's, laid side by side (M13).
//!
//! Ours is read first. Whatever the provider did before that began was written down here before it was asked for (M5),
//! so a record of that time that is not in our list is missing; a younger one says nothing yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::payment::{Operation, PaymentState, ProviderKey};
use crate::{Money, OrderId};

/// How long a payment may be open, seconds: so long after the provider answers again everything is settled (M9).
pub const BOUND_SECONDS: u32 = 60;

/// How far the provider's clock may be behind ours, seconds.
pub const CLOCK_SLACK_SECONDS: u32 = 5;

/// Where one of our payments stands, as far as money is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Not known yet, and young enough for that.
    Open,
    /// Not known for longer than [`BOUND_SECONDS`].
    Overdue,
    /// Done.
    Ok,
    /// Refused.
    Declined,
    /// Fenced before it took effect.
    NeverHappened,
}

impl Standing {
    /// That of a payment of some age.
    #[must_use]
    pub const fn of(state: &PaymentState, age_seconds: u64) -> Self {
        match state {
            PaymentState::Ok { .. } => Self::Ok,
            PaymentState::Declined { .. } => Self::Declined,
            PaymentState::NeverHappened => Self::NeverHappened,
            PaymentState::Intent | PaymentState::Sent | PaymentState::Unknown
                if age_seconds < BOUND_SECONDS as u64 =>
            {
                Self::Open
            }
            PaymentState::Intent | PaymentState::Sent | PaymentState::Unknown => Self::Overdue,
        }
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name both sides know it by.
    pub key: ProviderKey,
    /// For which order.
    pub order: OrderId,
    /// What was asked.
    pub operation: Operation,
    /// How much.
    pub amount: Money,
}

/// A payment of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OurLine {
    /// What it is about.
    pub subject: Subject,
    /// Where it stands.
    pub standing: Standing,
}

/// A record of the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TheirLine {
    /// What it is about.
    pub subject: Subject,
    /// Whether it was done; refused otherwise.
    pub done: bool,
    /// Whether it is from before we began to read our own list.
    pub is_settled: bool,
}

/// How two lists differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// The provider did something that we did not ask for.
    MissingHere,
    /// The provider does not know what we say it said.
    MissingThere,
    /// Both know it, with two amounts.
    Amount,
    /// Both know it, and one says that it was done, or we do not know for too long.
    State,
    /// Both know it, for two orders or as two operations.
    Subject,
}

impl DifferenceKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::MissingHere, Self::MissingThere, Self::Amount, Self::State, Self::Subject];

    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "missing here",
            Self::MissingThere => "missing there",
            Self::Amount => "amount differs",
            Self::State => "state differs",
            Self::Subject => "about something else",
        }
    }
}

/// One difference, with what both sides say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How they differ.
    pub kind: DifferenceKind,
    /// What we say.
    pub ours: Option<OurLine>,
    /// What the provider says.
    pub theirs: Option<TheirLine>,
}

impl Difference {
    /// What it is about, ours where we know it.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        self.ours.map(|ours| ours.subject).or(self.theirs.map(|theirs| theirs.subject))
    }
}

/// What came of laying them side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Payments that both sides know alike.
    pub matched: u64,
    /// Payments that are still open, or too young to say.
    pub open: u64,
    /// The rest, by key.
    pub differences: Vec<Difference>,
}

/// The comparison at work: ours in memory, the provider's as it comes, in any order and any of it twice.
#[derive(Clone, Debug, Default)]
pub struct Reconciler {
    ours: BTreeMap<ProviderKey, OurLine>,
    seen: BTreeSet<ProviderKey>,
    young: BTreeSet<ProviderKey>,
    found: BTreeMap<(ProviderKey, DifferenceKind), Difference>,
}

impl Reconciler {
    /// Takes in a payment of ours. All of them come before the provider's.
    pub fn ours(&mut self, line: OurLine) {
        self.ours.insert(line.subject.key, line);
    }

    /// Takes in a record of the provider's.
    pub fn theirs(&mut self, line: TheirLine) {
        let key = line.subject.key;
        let kind = match self.ours.get(&key) {
            Some(ours) => {
                self.seen.insert(key);
                differ(ours, &line)
            }
            None if line.is_settled => Some(DifferenceKind::MissingHere),
            None => {
                self.young.insert(key);
                None
            }
        };
        if let Some(kind) = kind {
            let ours = self.ours.get(&key).copied();
            self.found.entry((key, kind)).or_insert(Difference { kind, ours, theirs: Some(line) });
        }
    }

    /// What came of it.
    #[must_use]
    pub fn finish(mut self) -> Reconciliation {
        for (key, ours) in self.ours.iter().filter(|(key, _)| !self.seen.contains(key)) {
            let kind = match ours.standing {
                Standing::Open | Standing::NeverHappened => continue,
                Standing::Overdue => DifferenceKind::State,
                Standing::Ok | Standing::Declined => DifferenceKind::MissingThere,
            };
            self.found.insert((*key, kind), Difference { kind, ours: Some(*ours), theirs: None });
        }
        let differing: BTreeSet<_> = self.found.keys().map(|(key, _)| *key).collect();
        let alike = self.ours.iter().filter(|(key, _)| !differing.contains(key));
        let (open, matched): (Vec<_>, Vec<_>) = alike.partition(|(_, ours)| ours.standing == Standing::Open);
        Reconciliation {
            matched: matched.len() as u64,
            open: (open.len() + self.young.len()) as u64,
            differences: self.found.into_values().collect(),
        }
    }
}

/// How two lines about one key differ. What is still open here may yet become what it is there.
fn differ(ours: &OurLine, theirs: &TheirLine) -> Option<DifferenceKind> {
    let about = |subject: &Subject| (subject.order, subject.operation);
    if about(&ours.subject) != about(&theirs.subject) {
        return Some(DifferenceKind::Subject);
    }
    match (ours.standing, theirs.done) {
        (Standing::Open, _) | (Standing::Declined | Standing::NeverHappened, false) => None,
        (Standing::Ok, true) => {
            (ours.subject.amount != theirs.subject.amount).then_some(DifferenceKind::Amount)
        }
        (Standing::Overdue, _)
        | (Standing::Ok, false)
        | (Standing::Declined | Standing::NeverHappened, true) => Some(DifferenceKind::State),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::money::Currency;

    fn subject(number: u128, amount: i64) -> Subject {
        let order = OrderId::from_uuid(Uuid::from_u128(number / 2));
        let operation = [Operation::Authorize, Operation::Capture][usize::from(number % 2 == 1)];
        let key = ProviderKey::derive(order, operation, 1);
        Subject { key, order, operation, amount: Money::new(amount, Currency::EUR) }
    }

    /// A pair of lists that agree: what each payment is, and what the provider has of it.
    fn agreeing() -> impl Strategy<Value = (Vec<OurLine>, Vec<TheirLine>)> {
        prop::collection::vec((0..6_u8, 1..1_000_i64), 0..40).prop_map(|payments| {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for (number, (kind, amount)) in (0_u128..).zip(payments) {
                let subject = subject(number, amount);
                let (standing, done) = match kind {
                    0 => (Standing::Ok, Some(true)),
                    1 => (Standing::Declined, Some(false)),
                    2 => (Standing::NeverHappened, None),
                    3 => (Standing::Open, None),
                    4 => (Standing::Open, Some(true)),
                    _ => (Standing::Open, Some(false)),
                };
                ours.push(OurLine { subject, standing });
                theirs.extend(done.map(|done| TheirLine { subject, done, is_settled: true }));
            }
            (ours, theirs)
        })
    }

    fn reconcile(ours: &[OurLine], theirs: &[TheirLine]) -> Reconciliation {
        let mut reconciler = Reconciler::default();
        for line in ours {
            reconciler.ours(*line);
        }
        for line in theirs {
            reconciler.theirs(*line);
        }
        reconciler.finish()
    }

    /// Makes one list differ in a way; `None` where the lists have nothing that can differ so.
    fn spoil(
        kind: DifferenceKind,
        place: usize,
        ours: &mut Vec<OurLine>,
        theirs: &mut Vec<TheirLine>,
    ) -> Option<ProviderKey> {
        let known = |theirs: &[TheirLine], ours: &[OurLine], fits: &dyn Fn(Standing) -> bool| {
            let mut candidates = Vec::new();
            for (at, line) in theirs.iter().enumerate() {
                let own = ours.iter().position(|own| own.subject.key == line.subject.key);
                candidates.extend(own.filter(|own| fits(ours[*own].standing)).map(|own| (own, at)));
            }
            let count = candidates.len();
            (count > 0).then(|| candidates[place % count])
        };
        match kind {
            DifferenceKind::MissingHere => {
                let (own, _) = known(theirs, ours, &|_| true)?;
                Some(ours.remove(own).subject.key)
            }
            DifferenceKind::MissingThere => {
                let (_, at) = known(theirs, ours, &|s| matches!(s, Standing::Ok | Standing::Declined))?;
                Some(theirs.remove(at).subject.key)
            }
            DifferenceKind::Amount => {
                let (own, at) = known(theirs, ours, &|standing| standing == Standing::Ok)?;
                theirs[at].subject.amount.amount += 1;
                Some(ours[own].subject.key)
            }
            DifferenceKind::State => {
                let (own, at) = known(theirs, ours, &|_| true)?;
                match (ours[own].standing, place % 2) {
                    (Standing::Open, _) => ours[own].standing = Standing::Overdue,
                    (_, 0) => theirs[at].done ^= true,
                    _ if theirs[at].done => ours[own].standing = Standing::NeverHappened,
                    _ => ours[own].standing = Standing::Ok,
                }
                Some(ours[own].subject.key)
            }
            DifferenceKind::Subject => {
                let (own, at) = known(theirs, ours, &|_| true)?;
                theirs[at].subject.order = OrderId::from_uuid(Uuid::from_u128(u128::MAX));
                Some(ours[own].subject.key)
            }
        }
    }

    proptest! {
        #[test]
        fn m13_lists_that_agree_have_no_differences_in_any_order_and_with_repetitions(
            (ours, theirs) in agreeing().prop_flat_map(|(ours, theirs)| {
                let twice = [theirs.clone(), theirs].concat();
                (Just(ours).prop_shuffle(), Just(twice).prop_shuffle())
            })
        ) {
            let found = reconcile(&ours, &theirs);
            prop_assert_eq!(&found.differences, &[]);
            prop_assert_eq!(found.matched + found.open, ours.len() as u64);
        }

        #[test]
        fn m13_every_difference_is_found_where_it_is_and_nowhere_else(
            (ours, theirs) in agreeing(), spoils in prop::collection::vec((0..5_usize, any::<usize>()), 1..4),
            seed: u64,
        ) {
            let (mut ours, mut theirs) = (ours, theirs);
            let mut spoiled = BTreeMap::new();
            for (kind, place) in spoils {
                let kind = DifferenceKind::ALL[kind];
                let (mut ours_after, mut theirs_after) = (ours.clone(), theirs.clone());
                let key = spoil(kind, place, &mut ours_after, &mut theirs_after);
                // One payment is spoiled once: two faults of one could hide each other.
                if let Some(key) = key.filter(|key| !spoiled.contains_key(key)) {
                    (ours, theirs) = (ours_after, theirs_after);
                    spoiled.insert(key, kind);
                }
            }
            let found = reconcile(&ours, &theirs);
            let of = |found: &Reconciliation| -> BTreeMap<_, _> {
                found.differences.iter().map(|one| (one.subject().unwrap().key, one.kind)).collect()
            };
            prop_assert_eq!(&of(&found), &spoiled);
            prop_assert_eq!(found.differences.len(), spoiled.len());
            // The provider's list in another order says the same.
            let turn = usize::try_from(seed).unwrap_or_default() % theirs.len().max(1);
            theirs.rotate_left(turn);
            theirs.reverse();
            prop_assert_eq!(reconcile(&ours, &theirs), found);
        }

        /// What the provider did after we began to read may be in neither list yet.
        #[test]
        fn m13_what_is_younger_than_the_reading_is_no_difference(
            (ours, mut theirs) in agreeing(), number in 1_000..2_000_u128, done: bool,
        ) {
            theirs.push(TheirLine { subject: subject(number, 1), done, is_settled: false });
            let found = reconcile(&ours, &theirs);
            prop_assert_eq!(found.differences, vec![]);
        }

        /// Two records of one key that disagree are a difference, whichever comes first.
        #[test]
        fn m13_a_provider_that_says_two_things_is_noticed(amount in 1..9_i64, turned: bool) {
            let subject = subject(1, amount);
            let mut theirs = [true, false].map(|done| TheirLine { subject, done, is_settled: true });
            if turned {
                theirs.reverse();
            }
            let found = reconcile(&[OurLine { subject, standing: Standing::Ok }], &theirs);
            prop_assert_eq!(found.differences.len(), 1);
            prop_assert_eq!(found.differences[0].kind, DifferenceKind::State);
        }
    }

    #[test]
    fn m13_an_open_payment_is_a_difference_once_it_is_overdue() {
        let standing = |age| Standing::of(&PaymentState::Unknown, age);
        assert_eq!((standing(59), standing(60)), (Standing::Open, Standing::Overdue));
        let ours = OurLine { subject: subject(0, 1), standing: Standing::Overdue };
        assert_eq!(reconcile(&[ours], &[]).differences[0].kind, DifferenceKind::State);
    }
}
