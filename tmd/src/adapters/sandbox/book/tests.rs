use proptest::prelude::*;
use tmcore::payment::PaymentToken;
use uuid::Uuid;

use super::*;
use crate::adapters::sandbox::token::TEST_TOKENS;
use crate::ports::gateway::{ProviderOperation, ProviderRequest};

#[derive(Clone, Debug)]
enum Step {
    Submit(ProviderRequest),
    Cancel(ProviderKey),
}

fn order() -> impl Strategy<Value = OrderId> + Clone {
    (0..2_u128).prop_map(|number| OrderId::from_uuid(Uuid::from_u128(number)))
}

fn money() -> impl Strategy<Value = Money> {
    (-1..6_i64, prop::sample::select(vec![Currency::EUR, Currency::EUR, Currency::EUR, Currency::JPY]))
        .prop_map(|(amount, currency)| Money::new(amount, currency))
}

fn token() -> impl Strategy<Value = PaymentToken> {
    let tokens: Vec<PaymentToken> = TEST_TOKENS.iter().map(|line| line.token.parse().unwrap()).collect();
    prop::sample::select(tokens)
}

/// Keys and references are drawn from few, so that requests meet.
fn step() -> impl Strategy<Value = Step> {
    let key = (order(), prop::sample::select(Operation::ALL.to_vec()), 0..3_u32)
        .prop_map(|(order, operation, attempt)| ProviderKey::derive(order, operation, attempt));
    let authorization = (order(), 0..3_u32).prop_map(|(order, attempt)| {
        let key = ProviderKey::derive(order, Operation::Authorize, attempt);
        ProviderReference::derive(Operation::Authorize, &key)
    });
    let operation = prop_oneof![
        (token(), money()).prop_map(|(token, amount)| ProviderOperation::Authorize { token, amount }),
        (authorization.clone(), money())
            .prop_map(|(authorization, amount)| ProviderOperation::Capture { authorization, amount }),
        authorization.clone().prop_map(|authorization| ProviderOperation::Void { authorization }),
        (authorization, money())
            .prop_map(|(authorization, amount)| ProviderOperation::Refund { authorization, amount }),
    ];
    let submit = (order(), operation, 0..3_u32).prop_map(|(order, operation, attempt)| {
        let key = ProviderKey::derive(order, operation.kind(), attempt);
        Step::Submit(ProviderRequest { key, order, operation })
    });
    prop_oneof![12 => submit, 1 => key.prop_map(Step::Cancel)]
}

/// What the store would hold.
#[derive(Default)]
struct Store {
    entries: Vec<NewEntry>,
    fences: Vec<ProviderKey>,
    faults: HashMap<ProviderReference, u32>,
}

impl Store {
    fn book(&self) -> Book {
        let mut book = Book::default();
        for new in &self.entries {
            book.load(new.entry.clone(), new.card.as_ref().map(|card| card.behaviour));
        }
        self.fences.iter().for_each(|key| book.load_fence(*key));
        self.faults.iter().for_each(|(authorization, times)| book.load_fault(authorization.clone(), *times));
        book
    }

    fn write(&mut self, changes: Changes) {
        self.entries.extend(changes.entries);
        self.fences.extend(changes.fences);
        for authorization in changes.faults {
            *self.faults.entry(authorization).or_default() += 1;
        }
    }
}

/// Money of one authorization, counted from the log alone.
fn check_money(entries: &[NewEntry]) -> Result<(), TestCaseError> {
    let ok = |operation, of: &ProviderReference| {
        let entries = entries.iter().map(|new| &new.entry);
        let done = entries.filter(|entry| {
            entry.operation == operation
                && entry.authorization.as_ref() == Some(of)
                && matches!(entry.answer, Answer::Ok { .. })
        });
        done.map(|entry| (entry.order, entry.amount)).collect::<Vec<_>>()
    };
    for of in entries.iter().filter_map(|new| new.entry.authorization.as_ref()) {
        let (held, captured) = (ok(Operation::Authorize, of), ok(Operation::Capture, of));
        let (voided, refunded) = (ok(Operation::Void, of), ok(Operation::Refund, of));
        prop_assert!(captured.len() + voided.len() <= 1, "M2: captured once or voided once");
        prop_assert!(held.len() <= 1);
        let taken = captured.iter().map(|(_, money)| money.amount).sum::<i64>();
        let back = refunded.iter().map(|(_, money)| money.amount).sum::<i64>();
        let limit = held.iter().map(|(_, money)| money.amount).sum::<i64>();
        prop_assert!(0 <= back && back <= taken && taken <= limit, "M3");
        let all = [&held, &captured, &voided, &refunded].into_iter().flatten();
        let parties: HashSet<_> = all.map(|(order, money)| (*order, money.currency.code())).collect();
        prop_assert!(parties.len() <= 1, "one order, one currency");
    }
    Ok(())
}

proptest! {
    #[test]
    fn m2_m3_whatever_is_asked_no_money_is_taken_twice(steps in prop::collection::vec(step(), 1..60)) {
        let mut store = Store::default();
        let mut told: HashMap<ProviderKey, (String, Answer)> = HashMap::new();
        for step in &steps {
            let mut book = store.book();
            match step {
                Step::Cancel(key) => {
                    prop_assert_eq!(book.cancel(*key), told.contains_key(key));
                }
                Step::Submit(request) => {
                    let instruction = Instruction::of(request);
                    let verdict = book.submit(&instruction);
                    let is_fenced = store.fences.contains(&request.key);
                    prop_assert!(!is_fenced || book.changes.entries.is_empty(), "M6: a fenced key acts");
                    match (told.get(&request.key), verdict) {
                        (Some((fingerprint, answer)), Verdict::Told(reply)) => {
                            prop_assert_eq!((fingerprint, answer), (&instruction.fingerprint, &reply.answer));
                        }
                        (Some((fingerprint, _)), verdict) => {
                            prop_assert_eq!(verdict, Verdict::Reused);
                            prop_assert_ne!(fingerprint, &instruction.fingerprint);
                        }
                        (None, verdict) => prop_assert_ne!(verdict, Verdict::Reused),
                    }
                    for new in &book.changes.entries {
                        let entry = (instruction.fingerprint.clone(), new.entry.answer.clone());
                        prop_assert!(told.insert(new.entry.key, entry).is_none(), "M5: a key acts twice");
                    }
                }
            }
            store.write(book.changes);
            check_money(&store.entries)?;
        }
    }

    /// A batch in one transaction comes to the same as its jobs one by one.
    #[test]
    fn d2_how_requests_are_batched_makes_no_difference(steps in prop::collection::vec(step(), 1..60)) {
        let mut store = Store::default();
        let mut batch = Book::default();
        for step in &steps {
            let mut alone = store.book();
            match step {
                Step::Submit(request) => {
                    let instruction = Instruction::of(request);
                    prop_assert_eq!(alone.submit(&instruction), batch.submit(&instruction));
                }
                Step::Cancel(key) => prop_assert_eq!(alone.cancel(*key), batch.cancel(*key)),
            }
            store.write(alone.changes);
        }
        prop_assert_eq!(store.entries.len(), batch.changes.entries.len());
        prop_assert_eq!(store.fences, batch.changes.fences);
    }
}
