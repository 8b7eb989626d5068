//! What every payment gateway keeps. The suite pays with the sandbox's test tokens.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use tmcore::money::Currency;
use tmcore::payment::{Answer, Operation, OutcomeUnknown, ProviderKey, ProviderReference};
use tmcore::{Money, OrderId};
use uuid::Uuid;

use crate::ports::gateway::{PaymentGateway, ProviderOperation, ProviderRecord, ProviderRequest};

/// A gateway with an empty log, and what has to live as long as it.
pub struct Subject {
    /// The gateway.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Dropped after it.
    pub keep: Box<dyn Any>,
}

/// Runs the suite; `make` makes a fresh gateway for every check.
pub async fn run(make: impl AsyncFn() -> Subject) {
    a_request_is_done_and_recorded(&make().await).await;
    m5_the_same_request_under_its_key_acts_once(&make().await).await;
    m5_another_request_under_the_key_does_nothing(&make().await).await;
    m3_no_more_is_taken_or_given_back_than_there_was(&make().await).await;
    m2_of_many_captures_one_succeeds(&make().await).await;
    an_authorization_is_captured_or_voided(&make().await).await;
    an_authorization_serves_its_own_order_only(&make().await).await;
    m6_a_cancelled_key_never_acts(&make().await).await;
    m6_a_request_that_races_its_cancellation_happens_or_not(&make().await).await;
    m6_what_took_effect_unseen_is_found_by_look_up(&make().await).await;
    m6_what_had_no_effect_is_settled_by_cancel(&make().await).await;
    m6_a_lost_capture_is_found_by_look_up(&make().await).await;
    declines_are_definite(&make().await).await;
    m13_the_log_lists_everything_once_in_order(&make().await).await;
    m13_a_duplicate_is_listed_twice_and_acts_once(&make().await).await;
    m9_a_failing_void_or_refund_works_in_the_end(&make().await).await;
}

fn order(number: u128) -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(number))
}

fn euro(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

fn key(order: OrderId, operation: &ProviderOperation, attempt: u32) -> ProviderKey {
    ProviderKey::derive(order, operation.kind(), attempt)
}

fn request(order: OrderId, attempt: u32, operation: ProviderOperation) -> ProviderRequest {
    ProviderRequest { key: key(order, &operation, attempt), order, operation }
}

fn authorize(order: OrderId, attempt: u32, token: &str, amount: Money) -> ProviderRequest {
    request(order, attempt, ProviderOperation::Authorize { token: token.parse().unwrap(), amount })
}

fn capture(order: OrderId, attempt: u32, of: &ProviderReference, amount: Money) -> ProviderRequest {
    request(order, attempt, ProviderOperation::Capture { authorization: of.clone(), amount })
}

fn void(order: OrderId, attempt: u32, of: &ProviderReference) -> ProviderRequest {
    request(order, attempt, ProviderOperation::Void { authorization: of.clone() })
}

fn refund(order: OrderId, attempt: u32, of: &ProviderReference, amount: Money) -> ProviderRequest {
    request(order, attempt, ProviderOperation::Refund { authorization: of.clone(), amount })
}

fn reference(answer: Answer) -> ProviderReference {
    match answer {
        Answer::Ok { reference } => reference,
        Answer::Declined { reason } => panic!("declined: {reason}"),
    }
}

impl Subject {
    async fn is_ok(&self, request: &ProviderRequest) -> bool {
        matches!(self.gateway.submit(request).await.unwrap(), Answer::Ok { .. })
    }

    async fn authorization(&self, order: OrderId, token: &str, amount: Money) -> ProviderReference {
        let request = authorize(order, 1, token, amount);
        // Some tokens answer badly; the record is good in any case.
        let _ = self.gateway.submit(&request).await;
        reference(self.gateway.look_up(&request.key).await.unwrap().expect("a record").answer)
    }

    async fn log(&self) -> Vec<ProviderRecord> {
        self.gateway.list(0, 1000).await.unwrap()
    }
}

async fn a_request_is_done_and_recorded(subject: &Subject) {
    let gateway = &subject.gateway;
    let request = authorize(order(1), 1, "tok_ok", euro(4950));
    assert_eq!(gateway.look_up(&request.key).await, Ok(None));
    let answer = gateway.submit(&request).await.unwrap();
    let of = reference(answer.clone());
    let record = gateway.look_up(&request.key).await.unwrap().expect("a record");
    let expected = ProviderRecord {
        sequence: record.sequence,
        key: request.key,
        order: order(1),
        operation: Operation::Authorize,
        amount: euro(4950),
        answer,
        at: record.at,
    };
    assert_eq!(record, expected);
    let mut references = HashSet::from([of.clone()]);
    for request in [capture(order(1), 1, &of, euro(4950)), refund(order(1), 1, &of, euro(4950))] {
        let answer = gateway.submit(&request).await.unwrap();
        let record = gateway.look_up(&request.key).await.unwrap().expect("a record");
        assert_eq!((record.answer.clone(), record.operation), (answer.clone(), request.operation.kind()));
        assert!(references.insert(reference(answer)), "every operation has a reference of its own");
    }
}

async fn m5_the_same_request_under_its_key_acts_once(subject: &Subject) {
    let gateway = &subject.gateway;
    let request = authorize(order(1), 1, "tok_ok", euro(100));
    let first = gateway.submit(&request).await.unwrap();
    assert_eq!(gateway.submit(&request).await, Ok(first.clone()));
    let of = reference(first);
    let capture = capture(order(1), 1, &of, euro(100));
    let answers = join_all((0..32).map(|_| gateway.submit(&capture))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.is_ok()), "{answers:?}");
    reference(answers[0].clone().unwrap());
    assert_eq!(subject.log().await.len(), 2);

    let declined = authorize(order(2), 1, "tok_declined", euro(100));
    let first = gateway.submit(&declined).await.unwrap();
    assert_eq!(gateway.submit(&declined).await, Ok(first));
    assert_eq!(subject.log().await.len(), 3);
    assert!(
        subject.is_ok(&authorize(order(2), 2, "tok_ok", euro(100))).await,
        "a new attempt is a new operation"
    );
}

async fn m5_another_request_under_the_key_does_nothing(subject: &Subject) {
    let gateway = &subject.gateway;
    let request = authorize(order(1), 1, "tok_ok", euro(100));
    let of = reference(gateway.submit(&request).await.unwrap());
    let before = subject.log().await;
    for other in [
        authorize(order(1), 1, "tok_ok", euro(101)),
        authorize(order(1), 1, "tok_ok", Money::new(100, Currency::USD)),
        authorize(order(1), 1, "tok_ok_2", euro(100)),
        authorize(order(2), 1, "tok_ok", euro(100)),
        capture(order(1), 1, &of, euro(100)),
        void(order(1), 1, &of),
    ] {
        let other = ProviderRequest { key: request.key, ..other };
        assert_eq!(gateway.submit(&other).await, Err(OutcomeUnknown::KeyReused), "{other:?}");
    }
    assert_eq!(subject.log().await, before);
}

async fn m3_no_more_is_taken_or_given_back_than_there_was(subject: &Subject) {
    let of = subject.authorization(order(1), "tok_ok", euro(100)).await;
    assert!(!subject.is_ok(&refund(order(1), 1, &of, euro(1))).await, "nothing was captured");
    assert!(!subject.is_ok(&capture(order(1), 1, &of, euro(101))).await);
    assert!(!subject.is_ok(&capture(order(1), 2, &of, euro(0))).await);
    assert!(!subject.is_ok(&capture(order(1), 3, &of, euro(-1))).await);
    assert!(!subject.is_ok(&capture(order(1), 4, &of, Money::new(100, Currency::JPY))).await);
    assert!(subject.is_ok(&capture(order(1), 5, &of, euro(60))).await);
    assert!(!subject.is_ok(&refund(order(1), 2, &of, euro(61))).await);
    assert!(!subject.is_ok(&refund(order(1), 3, &of, Money::new(1, Currency::JPY))).await);
    assert!(subject.is_ok(&refund(order(1), 4, &of, euro(50))).await);
    assert!(!subject.is_ok(&refund(order(1), 5, &of, euro(11))).await);
    assert!(subject.is_ok(&refund(order(1), 6, &of, euro(10))).await);
    for amount in [0, -100] {
        let attempt = u32::from(amount == 0);
        assert!(!subject.is_ok(&authorize(order(2), attempt, "tok_ok", euro(amount))).await);
    }
}

async fn m2_of_many_captures_one_succeeds(subject: &Subject) {
    let gateway = &subject.gateway;
    let of = subject.authorization(order(1), "tok_ok", euro(100)).await;
    let captures: Vec<_> = (0..24).map(|attempt| capture(order(1), attempt, &of, euro(100))).collect();
    let answers = join_all(captures.iter().map(|capture| gateway.submit(capture))).await;
    let succeeded = answers.iter().filter(|answer| matches!(answer, Ok(Answer::Ok { .. }))).count();
    assert_eq!(succeeded, 1, "{answers:?}");
    assert!(answers.iter().all(Result::is_ok), "the others are told no: {answers:?}");
    let captured = subject.log().await.into_iter().filter(|record| {
        record.operation == Operation::Capture && matches!(record.answer, Answer::Ok { .. })
    });
    assert_eq!(captured.count(), 1);
}

async fn an_authorization_is_captured_or_voided(subject: &Subject) {
    let of = subject.authorization(order(1), "tok_ok", euro(100)).await;
    assert!(subject.is_ok(&capture(order(1), 1, &of, euro(100))).await);
    assert!(!subject.is_ok(&void(order(1), 1, &of)).await);

    let of = subject.authorization(order(2), "tok_ok", euro(100)).await;
    assert!(subject.is_ok(&void(order(2), 1, &of)).await);
    let given_up = subject.gateway.look_up(&void(order(2), 1, &of).key).await.unwrap().expect("a record");
    assert_eq!(given_up.amount, euro(100));
    assert!(!subject.is_ok(&void(order(2), 2, &of)).await);
    assert!(!subject.is_ok(&capture(order(2), 1, &of, euro(100))).await);

    let gateway = &subject.gateway;
    for number in 10..20 {
        let of = subject.authorization(order(number), "tok_ok", euro(100)).await;
        let (capture, void) = (capture(order(number), 1, &of, euro(100)), void(order(number), 1, &of));
        let (captured, voided) = tokio::join!(gateway.submit(&capture), gateway.submit(&void));
        let is_ok = |answer| matches!(answer, Ok(Answer::Ok { .. }));
        assert!(is_ok(captured) != is_ok(voided), "one of both");
    }
}

async fn an_authorization_serves_its_own_order_only(subject: &Subject) {
    let of = subject.authorization(order(1), "tok_ok", euro(100)).await;
    assert!(!subject.is_ok(&capture(order(2), 1, &of, euro(100))).await);
    assert!(!subject.is_ok(&void(order(2), 1, &of)).await);
    let nothing: ProviderReference = "auth_of_nobody".parse().unwrap();
    assert!(!subject.is_ok(&capture(order(3), 1, &nothing, euro(100))).await);
    assert!(!subject.is_ok(&void(order(3), 1, &nothing)).await);
    assert!(!subject.is_ok(&refund(order(3), 1, &nothing, euro(100))).await);
    assert!(subject.is_ok(&capture(order(1), 1, &of, euro(100))).await);
}

async fn m6_a_cancelled_key_never_acts(subject: &Subject) {
    let gateway = &subject.gateway;
    let request = authorize(order(1), 1, "tok_ok", euro(100));
    for _ in 0..2 {
        assert_eq!(gateway.cancel(&request.key).await, Ok(None));
        assert!(!subject.is_ok(&request).await);
        assert_eq!(gateway.look_up(&request.key).await, Ok(None));
    }
    assert_eq!(subject.log().await, []);

    let done = authorize(order(2), 1, "tok_ok", euro(100));
    let answer = gateway.submit(&done).await.unwrap();
    let record = gateway.look_up(&done.key).await.unwrap();
    assert!(record.is_some());
    assert_eq!(gateway.cancel(&done.key).await, Ok(record));
    assert_eq!(gateway.submit(&done).await, Ok(answer.clone()), "what was done stays done");
    assert!(subject.is_ok(&capture(order(2), 1, &reference(answer), euro(100))).await);
}

async fn m6_a_request_that_races_its_cancellation_happens_or_not(subject: &Subject) {
    let gateway = &subject.gateway;
    let mut happened = 0;
    for number in 0..40 {
        let request = authorize(order(number), 1, "tok_ok", euro(100));
        let (answer, cancelled) = if number % 2 == 0 {
            tokio::join!(gateway.submit(&request), gateway.cancel(&request.key))
        } else {
            let (cancelled, answer) = tokio::join!(gateway.cancel(&request.key), gateway.submit(&request));
            (answer, cancelled)
        };
        let record = gateway.look_up(&request.key).await.unwrap();
        assert_eq!(cancelled.unwrap(), record);
        assert_eq!(matches!(answer.unwrap(), Answer::Ok { .. }), record.is_some());
        happened += usize::from(record.is_some());
    }
    assert_eq!(subject.log().await.len(), happened);
}

async fn m6_what_took_effect_unseen_is_found_by_look_up(subject: &Subject) {
    let gateway = &subject.gateway;
    for (number, token) in (0..).zip(["tok_lost_answer", "tok_garbage", "tok_wrong_amount"]) {
        let request = authorize(order(number), 1, token, euro(100));
        gateway.submit(&request).await.expect_err(token);
        let record = gateway.look_up(&request.key).await.unwrap().expect(token);
        assert_eq!(record.amount, euro(100), "{token}");
        assert_eq!(gateway.submit(&request).await, Ok(record.answer.clone()), "{token}, sent again");
        assert!(subject.is_ok(&capture(order(number), 1, &reference(record.answer), euro(100))).await);
    }
    assert_eq!(subject.log().await.len(), 6);
}

async fn m6_what_had_no_effect_is_settled_by_cancel(subject: &Subject) {
    let gateway = &subject.gateway;
    let request = authorize(order(1), 1, "tok_timeout", euro(100));
    for _ in 0..2 {
        gateway.submit(&request).await.expect_err("no answer");
        assert_eq!(gateway.look_up(&request.key).await, Ok(None));
    }
    assert_eq!(gateway.cancel(&request.key).await, Ok(None));
    assert!(!subject.is_ok(&request).await, "a definite no, now that it is cancelled");
    assert_eq!(subject.log().await, []);
}

async fn m6_a_lost_capture_is_found_by_look_up(subject: &Subject) {
    let gateway = &subject.gateway;
    let of = reference(gateway.submit(&authorize(order(1), 1, "tok_capture_lost", euro(100))).await.unwrap());
    let capture = capture(order(1), 1, &of, euro(100));
    gateway.submit(&capture).await.expect_err("lost");
    let record = gateway.look_up(&capture.key).await.unwrap().expect("captured");
    assert_eq!(gateway.submit(&capture).await, Ok(record.answer));
    assert!(!subject.is_ok(&void(order(1), 1, &of)).await);
    assert!(subject.is_ok(&refund(order(1), 1, &of, euro(100))).await);
}

async fn declines_are_definite(subject: &Subject) {
    let gateway = &subject.gateway;
    for (number, token, reason) in [
        (1, "tok_declined", "card declined"),
        (2, "tok_insufficient_funds", "insufficient funds"),
        (3, "4242424242424242", "unknown token"),
    ] {
        let request = authorize(order(number), 1, token, euro(100));
        let answer = Answer::Declined { reason: reason.into() };
        assert_eq!(gateway.submit(&request).await.as_ref(), Ok(&answer));
        assert_eq!(gateway.look_up(&request.key).await.unwrap().expect("a record").answer, answer);
    }
    for (number, token) in [(4, "tok_capture_declined"), (5, "tok_lapsed")] {
        let of = subject.authorization(order(number), token, euro(100)).await;
        assert!(!subject.is_ok(&capture(order(number), 1, &of, euro(100))).await, "{token}");
        assert!(!subject.is_ok(&capture(order(number), 2, &of, euro(100))).await, "{token}");
        assert!(subject.is_ok(&void(order(number), 1, &of)).await, "{token}");
    }
}

async fn m13_the_log_lists_everything_once_in_order(subject: &Subject) {
    let gateway = &subject.gateway;
    let writing = async {
        for round in 0..8 {
            let requests: Vec<_> =
                (0..8).map(|number| authorize(order(8 * round + number), 1, "tok_ok", euro(100))).collect();
            for answer in join_all(requests.iter().map(|request| gateway.submit(request))).await {
                reference(answer.unwrap());
            }
        }
    };
    let reading = async {
        let mut read: Vec<ProviderRecord> = Vec::new();
        while read.len() < 64 {
            let after = read.last().map_or(0, |record| record.sequence);
            let page = gateway.list(after, 5).await.unwrap();
            assert!(page.len() <= 5);
            read.extend(page);
        }
        read
    };
    let ((), read) = tokio::join!(writing, reading);
    assert_eq!(subject.log().await, read, "nothing appears before what was listed");
    assert!(read.is_sorted_by(|one, next| one.sequence < next.sequence));
    let keys: HashSet<_> = read.iter().map(|record| record.key).collect();
    assert_eq!(keys.len(), 64);
    let last = read[63].sequence;
    assert_eq!(gateway.list(last, 5).await, Ok(vec![]));
    assert_eq!(gateway.list(u64::MAX, 5).await, Ok(vec![]));
    assert_eq!(gateway.list(0, 0).await, Ok(vec![]));
}

async fn m13_a_duplicate_is_listed_twice_and_acts_once(subject: &Subject) {
    let of = subject.authorization(order(1), "tok_duplicate", euro(100)).await;
    let once = capture(order(1), 1, &of, euro(100));
    assert!(subject.is_ok(&once).await);
    assert!(subject.is_ok(&once).await);
    assert!(!subject.is_ok(&capture(order(1), 2, &of, euro(100))).await);
    let log = subject.log().await;
    let of_capture: Vec<_> = log.iter().filter(|record| record.key == once.key).collect();
    assert_eq!(of_capture.len(), 2);
    assert_eq!(of_capture[0].answer, of_capture[1].answer);
    let first = subject.gateway.look_up(&once.key).await.unwrap();
    assert_eq!(first.as_ref(), Some(of_capture[0]));
    assert!(subject.is_ok(&refund(order(1), 1, &of, euro(100))).await);
    assert!(!subject.is_ok(&refund(order(1), 2, &of, euro(100))).await, "it was taken once");
}

async fn m9_a_failing_void_or_refund_works_in_the_end(subject: &Subject) {
    let gateway = &subject.gateway;
    let of = subject.authorization(order(1), "tok_void_fails", euro(100)).await;
    let undo = void(order(1), 1, &of);
    assert_fails_twice(subject, &undo).await;

    let of = subject.authorization(order(2), "tok_refund_fails", euro(100)).await;
    reference(gateway.submit(&capture(order(2), 1, &of, euro(100))).await.unwrap());
    let undo = refund(order(2), 1, &of, euro(100));
    assert_fails_twice(subject, &undo).await;
}

async fn assert_fails_twice(subject: &Subject, undo: &ProviderRequest) {
    for _ in 0..2 {
        let failed = subject.gateway.submit(undo).await;
        assert_eq!(failed, Err(OutcomeUnknown::ServerFault { status: 503 }));
        assert_eq!(subject.gateway.look_up(&undo.key).await, Ok(None));
    }
    assert!(subject.is_ok(undo).await);
    assert!(subject.is_ok(undo).await, "and stays so");
}
