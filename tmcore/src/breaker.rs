//! When not to begin what the payment provider would have to end: a circuit breaker.
//!
//! ```text
//! CLOSED -(failures in a row, or their share of the last calls)-> OPEN
//! OPEN -(the pause is over, or some call got through)-> HALF_OPEN
//! HALF_OPEN -(a new payment got through)-> CLOSED      HALF_OPEN -(any failure)-> OPEN
//! ```
//!
//! It only ever holds back what is new. Whatever was begun goes on, whatever the state, and its outcomes count: one that
//! got through ends the pause early, one that did not begins it anew. Time is an argument, measured from any beginning.
//!
//! Source: M. Nygard, *Release It!*; <https://martinfowler.com/bliki/CircuitBreaker.html>.

use std::time::Duration;

/// The most calls that can be looked back on.
pub const MAX_WINDOW_CALLS: u32 = u64::BITS;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRules {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How many calls are looked back on, 1 to [`MAX_WINDOW_CALLS`].
    pub window_calls: u32,
    /// The share of failures among those that opens it, percent.
    pub failure_percent: u32,
    /// How long nothing new is begun.
    pub pause: Duration,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// The provider answers.
    Closed,
    /// It does not: nothing new is begun before this time.
    Open {
        /// The end of the pause.
        until: Duration,
    },
    /// It may answer again: one new payment at a time tries.
    HalfOpen {
        /// Until when the one that is trying is waited for.
        probing_until: Option<Duration>,
    },
}

impl BreakerState {
    /// Its name for operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half-open",
        }
    }
}

/// What a call was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// It begins a payment.
    New,
    /// It goes on with one, or looks.
    Begun,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// The provider answered, whatever it said.
    Through,
    /// It did not.
    Failed,
}

/// Nothing new may be begun now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment provider does not answer; try again in {} s", .wait.as_secs().max(1))]
pub struct HeldBack {
    /// How long until it may.
    pub wait: Duration,
}

/// The last calls: one bit each, set for a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Window {
    failed: u64,
    calls: u32,
}

impl Window {
    const fn with(self, outcome: CallOutcome, window_calls: u32) -> Self {
        let failed = (self.failed << 1) | matches!(outcome, CallOutcome::Failed) as u64;
        let kept = if window_calls >= u64::BITS { u64::MAX } else { (1 << window_calls) - 1 };
        let calls = if self.calls < window_calls { self.calls + 1 } else { window_calls };
        Self { failed: failed & kept, calls }
    }
}

/// A circuit breaker. Every step consumes it and answers it as it stands then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    rules: BreakerRules,
    state: BreakerState,
    in_a_row: u32,
    window: Window,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(rules: BreakerRules) -> Self {
        Self { rules, state: BreakerState::Closed, in_a_row: 0, window: Window::default() }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether a new payment may be begun at `now`. Whoever is let through a half-open breaker is its probe: the next is
    /// let through when the probe's outcome is known, or was not heard of for a whole pause.
    pub fn admit(self, now: Duration) -> (Self, Result<(), HeldBack>) {
        let held_until = match self.state {
            BreakerState::Closed => return (self, Ok(())),
            BreakerState::Open { until } => Some(until),
            BreakerState::HalfOpen { probing_until } => probing_until,
        };
        if let Some(until) = held_until.filter(|until| *until > now) {
            return (self, Err(HeldBack { wait: until.saturating_sub(now) }));
        }
        let probing_until = Some(now.saturating_add(self.rules.pause));
        (Self { state: BreakerState::HalfOpen { probing_until }, ..self }, Ok(()))
    }

    /// A call came back, or did not.
    #[must_use]
    pub fn record(self, kind: CallKind, outcome: CallOutcome, now: Duration) -> Self {
        match (self.state, outcome) {
            (BreakerState::Closed, _) => self.counted(outcome, now),
            (_, CallOutcome::Failed) => self.open(now),
            (BreakerState::Open { .. }, CallOutcome::Through) => {
                Self { state: BreakerState::HalfOpen { probing_until: None }, ..self }
            }
            (BreakerState::HalfOpen { .. }, CallOutcome::Through) if kind == CallKind::New => {
                Self::new(self.rules)
            }
            (BreakerState::HalfOpen { .. }, CallOutcome::Through) => self,
        }
    }

    fn counted(self, outcome: CallOutcome, now: Duration) -> Self {
        let in_a_row = match outcome {
            CallOutcome::Through => 0,
            CallOutcome::Failed => self.in_a_row + 1,
        };
        let window = self.window.with(outcome, self.rules.window_calls);
        let is_full = window.calls == self.rules.window_calls;
        let too_many = window.failed.count_ones() * 100 >= self.rules.failure_percent * window.calls;
        let counted = Self { in_a_row, window, ..self };
        if in_a_row >= self.rules.failures || (is_full && too_many) { counted.open(now) } else { counted }
    }

    fn open(self, now: Duration) -> Self {
        let state = BreakerState::Open { until: now.saturating_add(self.rules.pause) };
        Self { state, ..Self::new(self.rules) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Admit,
        Record(CallKind, CallOutcome),
        Wait(u64),
    }

    const KINDS: [CallKind; 2] = [CallKind::New, CallKind::Begun];
    const OUTCOMES: [CallOutcome; 2] = [CallOutcome::Through, CallOutcome::Failed];

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Admit),
            (0..2_usize, 0..2_usize).prop_map(|(kind, outcome)| Step::Record(KINDS[kind], OUTCOMES[outcome])),
            (0..40_u64).prop_map(Step::Wait),
        ]
    }

    fn rules() -> impl Strategy<Value = BreakerRules> {
        (1..6_u32, 1..=MAX_WINDOW_CALLS, 1..=100_u32, 1..60_u64).prop_map(
            |(failures, window_calls, failure_percent, pause)| BreakerRules {
                failures,
                window_calls,
                failure_percent,
                pause: Duration::from_millis(pause),
            },
        )
    }

    /// What came since it was last closed anew, kept in full.
    fn should_open(history: &[CallOutcome], rules: &BreakerRules) -> bool {
        let failed = |outcome: &&CallOutcome| **outcome == CallOutcome::Failed;
        let in_a_row = history.iter().rev().take_while(failed).count();
        let last: Vec<_> = history.iter().rev().take(rules.window_calls as usize).collect();
        let share = last.iter().filter(|outcome| failed(outcome)).count() * 100;
        in_a_row >= rules.failures as usize
            || (last.len() == rules.window_calls as usize
                && share >= rules.failure_percent as usize * last.len())
    }

    proptest! {
        /// Every step against a model that keeps the whole history.
        #[test]
        fn it_opens_when_too_much_failed_and_never_without(
            rules in rules(), steps in prop::collection::vec(step(), 0..200),
        ) {
            let (mut breaker, mut now, mut history) = (Breaker::new(rules), Duration::ZERO, Vec::new());
            for step in steps {
                let before = breaker.state();
                match step {
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                    Step::Admit => {
                        let (after, admitted) = breaker.admit(now);
                        match before {
                            BreakerState::Closed => prop_assert!(admitted.is_ok() && after == breaker),
                            BreakerState::Open { until } => {
                                prop_assert_eq!(admitted.is_ok(), until <= now);
                            }
                            BreakerState::HalfOpen { probing_until } => {
                                prop_assert_eq!(admitted.is_ok(), probing_until.is_none_or(|until| until <= now));
                            }
                        }
                        if let Err(HeldBack { wait }) = admitted {
                            prop_assert!(wait > Duration::ZERO && wait <= rules.pause);
                            prop_assert!(after.admit(now + wait).1.is_ok(), "the hint is true");
                        }
                        breaker = after;
                    }
                    Step::Record(kind, outcome) => {
                        breaker = breaker.record(kind, outcome, now);
                        let expected = match (before, outcome) {
                            (BreakerState::Closed, _) => {
                                history.push(outcome);
                                if should_open(&history, &rules) { "open" } else { "closed" }
                            }
                            (_, CallOutcome::Failed) => "open",
                            (BreakerState::Open { .. }, _) => "half-open",
                            _ if kind == CallKind::New => "closed",
                            _ => "half-open",
                        };
                        prop_assert_eq!(breaker.state().as_str(), expected);
                        if expected != "closed" || before != BreakerState::Closed {
                            history.clear();
                        }
                    }
                }
            }
        }

        /// However bad it was: once everything gets through, the next but one is let in and closes it.
        #[test]
        fn it_closes_when_the_provider_answers_again(
            rules in rules(), steps in prop::collection::vec(step(), 0..200),
        ) {
            let (mut breaker, mut now) = (Breaker::new(rules), Duration::ZERO);
            for step in steps {
                match step {
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                    Step::Admit => breaker = breaker.admit(now).0,
                    Step::Record(kind, outcome) => breaker = breaker.record(kind, outcome, now),
                }
            }
            now += rules.pause;
            let (probing, admitted) = breaker.admit(now);
            prop_assert_eq!(admitted, Ok(()));
            let is_half_open = matches!(probing.state(), BreakerState::HalfOpen { .. });
            if is_half_open {
                prop_assert!(probing.admit(now).1.is_err(), "one at a time");
                let closed = probing.record(CallKind::New, CallOutcome::Through, now);
                prop_assert_eq!(closed, Breaker::new(rules));
            }
        }

        /// A call that was begun before ends the pause early, and does not close it: that takes a new payment.
        #[test]
        fn what_gets_through_ends_the_pause(rules in rules()) {
            let mut breaker = Breaker::new(rules);
            for _ in 0..rules.failures {
                breaker = breaker.record(CallKind::Begun, CallOutcome::Failed, Duration::ZERO);
            }
            prop_assert!(breaker.admit(Duration::ZERO).1.is_err());
            let breaker = breaker.record(CallKind::Begun, CallOutcome::Through, Duration::ZERO);
            prop_assert_eq!(breaker.state(), BreakerState::HalfOpen { probing_until: None });
            let (breaker, admitted) = breaker.admit(Duration::ZERO);
            prop_assert_eq!(admitted, Ok(()));
            let failed = breaker.record(CallKind::New, CallOutcome::Failed, Duration::ZERO);
            prop_assert_eq!(failed.state(), BreakerState::Open { until: rules.pause });
        }
    }
}
