//! What a sale under far too much load has to come to, beyond its promises.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Asked, Outcome, Step, Wave, recovery_millis};

/// How good is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Goals {
    /// The load, in times what can be let in, at which goodput is judged.
    pub at_load: u32,
    /// How much of its peak it has to be there, percent.
    pub goodput_percent: u64,
    /// How long it may take to be as good again after the last wave and the last fault, seconds.
    pub recovery_seconds: u64,
}

/// How it went by one of the goals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Its name.
    pub goal: &'static str,
    /// What holds if nothing is missed.
    pub sentence: String,
    /// What was missed.
    pub missed: Vec<String>,
}

impl Goals {
    /// How it went. `calm_millis` is when the last fault was over.
    #[must_use]
    pub fn judge(&self, history: &[Asked], waves: &[Wave], calm_millis: u64) -> Vec<Reached> {
        let peak = waves.iter().map(|wave| wave.goodput_per_minute(history)).max().unwrap_or_default();
        let wanted = peak * self.goodput_percent / 100;
        let calm = waves.iter().map(Wave::ends_millis).fold(calm_millis, u64::max);
        vec![
            self.goodput(history, waves, (peak, wanted)),
            self.recovery(history, calm, wanted),
            Reached {
                goal: "finalized",
                sentence: "everybody who paid in time has their tickets".to_owned(),
                missed: unfinished(history),
            },
            Reached {
                goal: "carts",
                sentence: "nobody who was let in lost the seats they held".to_owned(),
                missed: lost_carts(history),
            },
        ]
    }

    fn goodput(&self, history: &[Asked], waves: &[Wave], (peak, wanted): (u64, u64)) -> Reached {
        let judged = waves.iter().filter(|wave| wave.load == self.at_load);
        let slow = judged.map(|wave| wave.goodput_per_minute(history)).filter(|&goodput| goodput < wanted);
        let told = |goodput| format!("{goodput} orders a minute, and {peak} at the peak");
        let nothing = (peak == 0).then(|| "nothing was sold in any wave".to_owned());
        Reached {
            goal: "goodput",
            sentence: format!(
                "with {} times too many, goodput is {} % of its peak",
                self.at_load, self.goodput_percent
            ),
            missed: slow.map(told).chain(nothing).collect(),
        }
    }

    fn recovery(&self, history: &[Asked], calm_millis: u64, wanted: u64) -> Reached {
        let allowed = self.recovery_seconds * 1_000;
        let missed = match recovery_millis(history, calm_millis, wanted) {
            Some(took) if took <= allowed => None,
            Some(took) => Some(format!("it took {} s", took.div_ceil(1_000))),
            None => Some("it was never as good again".to_owned()),
        };
        Reached {
            goal: "recovery",
            sentence: format!("goodput is back {} s after the last trouble", self.recovery_seconds),
            missed: missed.into_iter().collect(),
        }
    }
}

fn unfinished(history: &[Asked]) -> Vec<String> {
    let told = |asked: &Asked| match &asked.outcome {
        Outcome::Ok(_) => None,
        Outcome::Fail(why) | Outcome::Info(why) => Some(format!("buyer {}: {why}", asked.buyer)),
    };
    history.iter().filter(|asked| asked.step == Step::Finalize).filter_map(told).collect()
}

/// Those whose order ended under them. Who gives it up themselves has lost nothing.
fn lost_carts(history: &[Asked]) -> Vec<String> {
    let gave_up: BTreeSet<_> =
        history.iter().filter(|asked| asked.step == Step::Cancel).map(|asked| asked.buyer).collect();
    let lost = |asked: &&Asked| match &asked.outcome {
        Outcome::Fail(code) => matches!(code.as_str(), "order-expired" | "order-state" | "fence-lost"),
        Outcome::Ok(_) | Outcome::Info(_) => false,
    };
    let held = history.iter().filter(|asked| matches!(asked.step, Step::Confirm | Step::Finalize));
    let held = held.filter(|asked| !gave_up.contains(&asked.buyer)).filter(lost);
    held.map(|asked| format!("{} of buyer {}: {:?}", asked.step.as_str(), asked.buyer, asked.outcome))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Known;
    use super::*;

    const GOALS: Goals = Goals { at_load: 10, goodput_percent: 90, recovery_seconds: 5 };
    const WAVES: [Wave; 2] = [
        Wave { begins_millis: 0, lasts_millis: 10_000, load: 1, is_storm: false },
        Wave { begins_millis: 10_000, lasts_millis: 10_000, load: 10, is_storm: false },
    ];

    fn asked(buyer: u32, step: Step, ended_millis: u64, outcome: Outcome) -> Asked {
        Asked { buyer, step, key: None, began_millis: ended_millis, ended_millis, outcome }
    }

    fn paid(times: impl IntoIterator<Item = u64>) -> Vec<Asked> {
        let ok = |at| asked(1, Step::Finalize, at, Outcome::Ok(Known::default()));
        times.into_iter().map(ok).collect()
    }

    fn missed(history: &[Asked], calm_millis: u64) -> Vec<&'static str> {
        let judged = GOALS.judge(history, &WAVES, calm_millis);
        judged.into_iter().filter(|reached| !reached.missed.is_empty()).map(|reached| reached.goal).collect()
    }

    /// Every 100 ms until `until`, every `slow` in the second wave.
    fn sale(slow: u64, until: u64) -> Vec<Asked> {
        let first = (0..10_000).step_by(100);
        let second = (10_000..20_000).step_by(usize::try_from(slow).unwrap());
        paid(first.chain(second).chain((20_000..until).step_by(100)))
    }

    #[test]
    fn as_good_as_at_its_peak_reaches_every_goal() {
        assert_eq!(missed(&sale(100, 40_000), 25_000), Vec::<&str>::new());
        assert_eq!(missed(&sale(110, 40_000), 0), Vec::<&str>::new());
    }

    #[test]
    fn a_goodput_that_falls_under_load_is_noticed() {
        assert_eq!(missed(&sale(120, 40_000), 0), ["goodput"]);
        assert_eq!(missed(&[], 0), ["goodput", "recovery"], "nothing was sold");
    }

    #[test]
    fn what_does_not_recover_is_noticed() {
        assert_eq!(missed(&sale(100, 20_000), 0), ["recovery"]);
        assert_eq!(missed(&sale(100, 40_000), 36_000), ["recovery"], "not five seconds of it are left");
        let late = paid((0..20_000).step_by(100).chain((26_000..40_000).step_by(100)));
        assert_eq!(missed(&late, 0), ["recovery"]);
    }

    #[test]
    fn who_paid_and_has_nothing_is_noticed_and_so_is_a_lost_cart() {
        for (step, outcome, found) in [
            (Step::Finalize, Outcome::Fail("declined".to_owned()), &["finalized"][..]),
            (Step::Finalize, Outcome::Info("no answer in time".to_owned()), &["finalized"]),
            (Step::Finalize, Outcome::Fail("order-expired".to_owned()), &["finalized", "carts"]),
            (Step::Confirm, Outcome::Fail("order-expired".to_owned()), &["carts"]),
            (Step::Confirm, Outcome::Fail("seats-unavailable".to_owned()), &[]),
            (Step::Late, Outcome::Fail("order-expired".to_owned()), &[]),
        ] {
            let mut history = sale(100, 40_000);
            history.push(asked(7, step, 15_000, outcome));
            assert_eq!(missed(&history, 0), found, "{step:?}");
        }
        let mut given_up = sale(100, 40_000);
        given_up.push(asked(7, Step::Confirm, 15_000, Outcome::Fail("order-state".to_owned())));
        given_up.push(asked(7, Step::Cancel, 15_000, Outcome::Ok(Known::default())));
        assert_eq!(missed(&given_up, 0), Vec::<&str>::new());
    }
}
