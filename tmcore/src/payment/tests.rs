use proptest::prelude::*;

use super::*;
use crate::money::Currency;

#[derive(Clone, Debug)]
enum Step {
    Send,
    Answered(Result<Answer, OutcomeUnknown>),
    LookedUp(Finding),
}

impl Step {
    fn apply(self, state: PaymentState) -> Result<PaymentState, PaymentRefusal> {
        match self {
            Self::Send => state.send(),
            Self::Answered(outcome) => state.answered(outcome),
            Self::LookedUp(finding) => state.looked_up(finding),
        }
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        prop::sample::select(vec!["ref_1", "ref_2"])
            .prop_map(|text| Answer::Ok { reference: text.parse().unwrap() }),
        prop::sample::select(vec!["no money", "stolen"])
            .prop_map(|text| Answer::Declined { reason: text.into() }),
    ]
}

fn unknown() -> impl Strategy<Value = OutcomeUnknown> {
    prop::sample::select(vec![
        OutcomeUnknown::TimedOut,
        OutcomeUnknown::Lost,
        OutcomeUnknown::ServerFault { status: 502 },
        OutcomeUnknown::Unparsable,
        OutcomeUnknown::Contradictory,
    ])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Send),
        answer().prop_map(|answer| Step::Answered(Ok(answer))),
        unknown().prop_map(|cause| Step::Answered(Err(cause))),
        answer().prop_map(|answer| Step::LookedUp(Finding::Happened(answer))),
        Just(Step::LookedUp(Finding::NeverHappened)),
    ]
}

/// The edges of the table, by name, and whether a look-up is needed.
const EDGES: [(&str, &str, bool); 7] = [
    ("INTENT", "SENT", false),
    ("SENT", "OK", false),
    ("SENT", "DECLINED", false),
    ("SENT", "UNKNOWN", false),
    ("UNKNOWN", "OK", true),
    ("UNKNOWN", "DECLINED", true),
    ("UNKNOWN", "NEVER_HAPPENED", true),
];

proptest! {
    #[test]
    fn m6_no_edge_outside_the_table_and_unknown_leaves_by_look_up_only(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut state = PaymentState::Intent;
        for step in steps {
            let by_look_up = matches!(step, Step::LookedUp(_));
            let Ok(next) = step.apply(state.clone()) else { continue };
            if next != state {
                let edge = EDGES.iter().find(|(from, to, _)| (*from, *to) == (state.as_str(), next.as_str()));
                let Some((_, _, needs_look_up)) = edge else {
                    return Err(TestCaseError::fail(format!("{state:?} -> {next:?}")));
                };
                prop_assert!(by_look_up || !needs_look_up);
                prop_assert!(!state.is_settled());
            }
            state = next;
        }
    }

    #[test]
    fn m12_telling_it_again_changes_nothing(steps in prop::collection::vec(step(), 1..20)) {
        let mut state = PaymentState::Intent;
        for step in steps {
            let Ok(next) = step.clone().apply(state) else { return Ok(()) };
            if !matches!(step, Step::Send) && next.is_settled() {
                prop_assert_eq!(step.apply(next.clone()), Ok(next.clone()));
            }
            state = next;
        }
    }

    #[test]
    fn a_stored_state_reads_back(steps in prop::collection::vec(step(), 0..20)) {
        let mut state = PaymentState::Intent;
        for step in steps {
            state = step.apply(state.clone()).unwrap_or(state);
            prop_assert_eq!(PaymentState::from_stored(state.as_str(), state.detail()), Some(state.clone()));
        }
    }

    #[test]
    fn m3_no_more_is_captured_than_was_authorized(authorized: i64, captured: i64) {
        let verdict = check_capture(Money::new(authorized, Currency::EUR), Money::new(captured, Currency::EUR));
        prop_assert_eq!(verdict.is_ok(), captured > 0 && captured <= authorized);
        let other = check_capture(Money::new(authorized, Currency::EUR), Money::new(captured, Currency::JPY));
        prop_assert_eq!(other, Err(CaptureRefusal::Currency));
    }
}

#[test]
fn m6_every_edge_of_the_table_exists() {
    let ok = Answer::Ok { reference: "ref_1".parse().unwrap() };
    let declined = Answer::Declined { reason: "stolen".into() };
    let sent = PaymentState::Intent.send().unwrap();
    assert_eq!(sent, PaymentState::Sent);
    for answer in [ok, declined] {
        let settled: PaymentState = answer.clone().into();
        assert_eq!(sent.clone().answered(Ok(answer.clone())), Ok(settled.clone()));
        let unknown = sent.clone().answered(Err(OutcomeUnknown::TimedOut)).unwrap();
        assert_eq!(unknown, PaymentState::Unknown);
        assert_eq!(unknown.clone().answered(Ok(answer.clone())), Err(PaymentRefusal::OnlyByLookUp));
        assert_eq!(unknown.clone().looked_up(Finding::Happened(answer)), Ok(settled));
        assert_eq!(unknown.looked_up(Finding::NeverHappened), Ok(PaymentState::NeverHappened));
    }
}

#[test]
fn m12_a_contradiction_never_moves_what_is_settled() {
    let settled = PaymentState::Ok { reference: "ref_1".parse().unwrap() };
    let other = Answer::Declined { reason: "stolen".into() };
    let contradiction = Err(PaymentRefusal::Contradiction { held: "OK" });
    assert_eq!(settled.clone().answered(Ok(other.clone())), contradiction);
    assert_eq!(settled.clone().looked_up(Finding::Happened(other)), contradiction);
    assert_eq!(settled.clone().looked_up(Finding::NeverHappened), contradiction);
    assert_eq!(settled.clone().answered(Err(OutcomeUnknown::Lost)), Ok(settled));
}

#[test]
fn m6_a_late_decline_does_not_contradict_a_fence() {
    let late = Answer::Declined { reason: "the key was cancelled".into() };
    let fenced = PaymentState::NeverHappened;
    assert_eq!(fenced.clone().answered(Ok(late.clone())), Ok(fenced.clone()));
    assert_eq!(fenced.clone().looked_up(Finding::Happened(late.clone())), Ok(fenced.clone()));
    let declined = PaymentState::from(late);
    assert_eq!(declined.clone().looked_up(Finding::NeverHappened), Ok(declined));
    let happened = Answer::Ok { reference: "ref_1".parse().unwrap() };
    let contradiction = Err(PaymentRefusal::Contradiction { held: "NEVER_HAPPENED" });
    assert_eq!(fenced.clone().answered(Ok(happened.clone())), contradiction);
    assert_eq!(fenced.looked_up(Finding::Happened(happened)), contradiction);
}
