//! Answers: one for each key, none without a reason, and nothing believed that was not signed.

use std::collections::BTreeMap;

use super::{Asked, Breach, Check, Outcome, Step, breach, done};

pub(super) fn answers(history: &[Asked], found: &mut Vec<Breach>) {
    let mut told = BTreeMap::new();
    for asked in history {
        if let Outcome::Info(why) = &asked.outcome {
            let step = asked.step.as_str();
            breach(found, Check::Answered, format!("{step} of buyer {}: {why}", asked.buyer));
            continue;
        }
        let Some(key) = asked.key.as_ref().filter(|_| asked.step != Step::Reuse) else { continue };
        let first = told.entry((asked.buyer, key)).or_insert(&asked.outcome);
        if **first != asked.outcome {
            let what = format!("{key} of buyer {}: {first:?}, then {:?}", asked.buyer, asked.outcome);
            breach(found, Check::OneAnswer, what);
        }
    }
}

/// I5: a key that is done answers no other request. M12: nor does anybody answer what is not signed.
pub(super) fn requests(history: &[Asked], found: &mut Vec<Breach>) {
    for asked in history.iter().filter(|asked| done(asked).is_some()) {
        let buyer = asked.buyer;
        match asked.step {
            Step::Reuse => {
                let what = format!("buyer {buyer} was answered another request under a key that was used");
                breach(found, Check::OneRequest, what);
            }
            Step::Forge => {
                let what = format!("buyer {buyer} was believed to be the payment provider");
                breach(found, Check::Unforged, what);
            }
            _ => {}
        }
    }
}

/// What a step may be refused with by an office that does as it should.
const fn expected(step: Step) -> &'static [&'static str] {
    match step {
        Step::Join | Step::Rejoin => &["not-on-sale", "sale-over"],
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
        Step::Repay => &["declined", "order-expired", "order-state", "payment-unavailable"],
        Step::Finalize => &["declined", "fence-lost", "order-expired"],
        Step::Late => &["fence-lost", "order-expired"],
        Step::Cancel => &["order-expired", "order-state"],
        Step::Leave => &["not-found"],
        Step::Reuse => &["idempotency-key-reused"],
        Step::Forge => &["unauthenticated"],
    }
}

/// Which refusals are a buyer's own doing: `step` is refused with `code` only to who asked for `cause` as well.
const OWN_DOING: [(Step, &str, Step); 3] = [
    (Step::Order, "open-order-exists", Step::Order),
    (Step::Confirm, "order-state", Step::Cancel),
    (Step::Repay, "order-state", Step::Cancel),
];

pub(super) fn refusals(history: &[Asked], found: &mut Vec<Breach>) {
    let mut asked_for: BTreeMap<(u32, Step), Vec<&Asked>> = BTreeMap::new();
    for asked in history {
        asked_for.entry((asked.buyer, asked.step)).or_default().push(asked);
    }
    for asked in history {
        let Outcome::Fail(code) = &asked.outcome else { continue };
        let (buyer, step) = (asked.buyer, asked.step);
        let own = OWN_DOING.iter().find(|(refused, with, _)| (*refused, *with) == (step, code.as_str()));
        // Before the answer, and under another key: a request that was cut off and goes on stands in nobody's way.
        let explains = |cause: &&Asked| cause.key != asked.key && cause.began_millis < asked.ended_millis;
        let is_own = own.is_none_or(|(.., cause)| {
            asked_for.get(&(buyer, *cause)).is_some_and(|theirs| theirs.iter().any(explains))
        });
        if !expected(step).contains(&code.as_str()) || !is_own {
            let what = format!("{} of buyer {buyer} was refused with {code}", step.as_str());
            breach(found, Check::Refusals, what);
        }
    }
}
