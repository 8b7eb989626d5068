//! What came of a rehearsal.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tmcore::EventId;
use tmcore::drill::{Asked, Breach, Check, Habit, Member, Outcome, Spread, Step, Wave, rank_correlation};

use super::fault::Thrown;
use crate::output::{Block, Look, Rows, Show, duration};

/// As many breaches are shown of each check.
const SHOWN_BREACHES: usize = 20;

/// How the sale stood at one moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    pub at_millis: u64,
    pub sold: u32,
    pub waiting: u64,
    pub inside: u64,
}

/// What was rehearsed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsed {
    pub event_id: EventId,
    pub seed: u64,
    pub buyers: u32,
    pub seats: u32,
    pub capacity: u32,
    pub hold_ttl_seconds: u32,
}

/// How one step went, from the first time it was asked for to its last word, milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    pub step: Step,
    pub done: u64,
    pub refused: u64,
    pub unknown: u64,
    pub took: Spread,
}

/// How those of one habit fared.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HabitReport {
    pub habit: &'static str,
    pub came: u64,
    pub bought: u64,
}

/// How one level of load went.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaveReport {
    #[serde(flatten)]
    pub wave: Wave,
    pub came: u64,
    pub finalized_per_minute: u64,
}

/// What one check found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    pub check: String,
    pub holds: bool,
    pub sentence: String,
    pub breaches: Vec<String>,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub rehearsed: Rehearsed,
    /// When the last seat was sold; absent when some were left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sold_out_after_millis: Option<u64>,
    pub took_millis: u64,
    pub sold: u32,
    pub sold_per_minute: u64,
    pub best_minute: u64,
    pub steps: Vec<StepReport>,
    pub refusals: BTreeMap<String, u64>,
    pub habits: Vec<HabitReport>,
    /// Whether who came first got in first: 1000 is exactly so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fairness_per_mille: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<WaveReport>,
    pub faults: Vec<Thrown>,
    pub verdict: Vec<Judged>,
    pub samples: Vec<Sample>,
}

impl Report {
    pub fn new(rehearsed: Rehearsed, members: &[Member], history: &[Asked], samples: Vec<Sample>) -> Self {
        let sold = samples.last().map_or(0, |last| last.sold);
        let done = samples.iter().find(|sample| sample.sold >= sold);
        let sold_out = done.filter(|_| sold == rehearsed.seats).map(|sample| sample.at_millis);
        let selling = done.map_or(0, |sample| sample.at_millis).max(1);
        Self {
            sold_out_after_millis: sold_out,
            took_millis: samples.last().map_or(0, |last| last.at_millis),
            sold,
            sold_per_minute: u64::from(sold) * 60_000 / selling,
            best_minute: best_minute(&samples),
            steps: Step::ALL.into_iter().filter_map(|step| step_report(step, history)).collect(),
            refusals: refusals(history),
            habits: habits(members, history),
            fairness_per_mille: fairness(history),
            waves: Vec::new(),
            faults: Vec::new(),
            verdict: Vec::new(),
            rehearsed,
            samples,
        }
    }

    /// Adds what the checks over the history found.
    pub fn judge(&mut self, breaches: &[Breach]) {
        for check in Check::ALL {
            let found = breaches.iter().filter(|breach| breach.check == check);
            let name = serde_json::to_value(check).unwrap_or_default();
            let breaches = found.map(|breach| breach.what.clone()).collect();
            self.add(name.as_str().unwrap_or_default(), check.sentence(), breaches);
        }
    }

    /// Adds what one check found.
    pub fn add(&mut self, check: &str, sentence: &str, mut breaches: Vec<String>) {
        let holds = breaches.is_empty();
        breaches.truncate(SHOWN_BREACHES);
        self.verdict.push(Judged { check: check.to_owned(), holds, sentence: sentence.to_owned(), breaches });
    }

    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.verdict.iter().all(|judged| judged.holds)
    }
}

fn took(asked: &Asked) -> u64 {
    asked.ended_millis.saturating_sub(asked.began_millis)
}

fn step_report(step: Step, history: &[Asked]) -> Option<StepReport> {
    let (mut done, mut refused, mut unknown, mut times) = (0, 0, 0, Vec::new());
    for asked in history.iter().filter(|asked| asked.step == step) {
        match asked.outcome {
            Outcome::Ok(_) => {
                done += 1;
                times.push(took(asked));
            }
            Outcome::Fail(_) => refused += 1,
            Outcome::Info(_) => unknown += 1,
        }
    }
    (done + refused + unknown > 0).then(|| StepReport {
        step,
        done,
        refused,
        unknown,
        took: Spread::of(times),
    })
}

fn refusals(history: &[Asked]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for asked in history {
        if let Outcome::Fail(code) = &asked.outcome {
            *counts.entry(format!("{}: {code}", asked.step.as_str())).or_insert(0) += 1;
        }
    }
    counts
}

fn habits(members: &[Member], history: &[Asked]) -> Vec<HabitReport> {
    let bought: BTreeSet<_> = history
        .iter()
        .filter(|asked| asked.step == Step::Finalize && matches!(asked.outcome, Outcome::Ok(_)))
        // Who came again had another number.
        .map(|asked| asked.buyer % u32::try_from(members.len()).unwrap_or(u32::MAX).max(1))
        .collect();
    let of = |habit: Habit| {
        let these = || members.iter().filter(move |member| member.habit == habit);
        let bought = these().filter(|member| bought.contains(&member.number)).count() as u64;
        HabitReport { habit: habit.as_str(), came: these().count() as u64, bought }
    };
    Habit::SHARES.into_iter().map(|(habit, _)| of(habit)).filter(|report| report.came > 0).collect()
}

/// Who had a place first, against who knew first that they were inside.
fn fairness(history: &[Asked]) -> Option<i64> {
    let at = |step| {
        let done =
            history.iter().filter(move |asked| asked.step == step && matches!(asked.outcome, Outcome::Ok(_)));
        done.map(|asked| (asked.buyer, asked.ended_millis)).collect::<BTreeMap<_, _>>()
    };
    let inside = at(Step::Wait);
    let pairs: Vec<_> = at(Step::Join)
        .into_iter()
        .filter_map(|(buyer, joined)| Some((joined, *inside.get(&buyer)?)))
        .collect();
    rank_correlation(&pairs)
}

/// The most seats that were sold within sixty seconds.
fn best_minute(samples: &[Sample]) -> u64 {
    let since = |last: &Sample| {
        let first = samples.iter().find(|first| last.at_millis - first.at_millis <= 60_000);
        u64::from(last.sold - first.map_or(0, |first| first.sold))
    };
    samples.iter().map(since).max().unwrap_or_default()
}

fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1_000, millis % 1_000 / 100)
}

impl Show for Report {
    fn blocks(&self, _: &Look) -> Vec<Block> {
        let tables = [
            self.step_rows(),
            self.habit_rows(),
            self.refusal_rows(),
            self.wave_rows(),
            self.fault_rows(),
            self.verdict_rows(),
        ];
        std::iter::once(Block::Fields(self.fields())).chain(tables.map(Block::Rows)).collect()
    }

    fn ids(&self) -> Vec<String> {
        vec![self.rehearsed.event_id.to_string()]
    }
}

impl Report {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let rehearsed = &self.rehearsed;
        let sold_out = self
            .sold_out_after_millis
            .map_or_else(|| "no".to_owned(), |after| format!("after {}", seconds(after)));
        let fairness = self.fairness_per_mille.map_or_else(
            || "nobody had to wait".to_owned(),
            |share| format!("{}.{:03} (1 is first come, first in)", share / 1_000, share.abs() % 1_000),
        );
        vec![
            ("event", rehearsed.event_id.to_string()),
            ("crowd", format!("{} buyers, seed {}", rehearsed.buyers, rehearsed.seed)),
            ("house", format!("{} seats, {} inside at once", rehearsed.seats, rehearsed.capacity)),
            ("hold", duration(rehearsed.hold_ttl_seconds.into())),
            ("sold", format!("{} of {}", self.sold, rehearsed.seats)),
            ("sold out", sold_out),
            ("a minute", format!("{} seats, {} in the best", self.sold_per_minute, self.best_minute)),
            ("fairness", fairness),
        ]
    }

    /// How each step went.
    pub fn step_rows(&self) -> Rows {
        let rows = self.steps.iter().map(|one| {
            let times = [one.took.p50, one.took.p99, one.took.p999, one.took.max]
                .map(|millis| format!("{millis} ms"));
            let counts = [one.done, one.refused, one.unknown].map(|count| count.to_string());
            [vec![one.step.as_str().to_owned()], counts.into(), times.into()].concat()
        });
        Rows {
            head: &["step", "done", "refused", "unknown", "p50", "p99", "p99.9", "max"],
            rows: rows.collect(),
            flexible: None,
        }
    }

    /// How those of each habit fared.
    pub fn habit_rows(&self) -> Rows {
        let row =
            |one: &HabitReport| vec![one.habit.to_owned(), one.came.to_string(), one.bought.to_string()];
        let rows = self.habits.iter().map(row).collect();
        Rows { head: &["habit", "came", "bought"], rows, flexible: None }
    }

    /// Why what was refused.
    pub fn refusal_rows(&self) -> Rows {
        let rows = self.refusals.iter().map(|(what, count)| vec![what.clone(), count.to_string()]).collect();
        Rows { head: &["refused", "times"], rows, flexible: None }
    }

    /// How it went at every level of load.
    pub fn wave_rows(&self) -> Rows {
        let row = |one: &WaveReport| {
            let wave = &one.wave;
            let came_per_second = one.came * 1_000 / wave.lasts_millis.max(1);
            vec![
                seconds(wave.begins_millis),
                format!("{} times", wave.load),
                one.came.to_string(),
                came_per_second.to_string(),
                one.finalized_per_minute.to_string(),
            ]
        };
        let rows = self.waves.iter().map(row).collect();
        Rows { head: &["from", "too many", "came", "a second", "orders a minute"], rows, flexible: None }
    }

    /// What went wrong, and when.
    pub fn fault_rows(&self) -> Rows {
        let rows = self.faults.iter().map(|one| vec![seconds(one.at_millis), one.what.clone()]).collect();
        Rows { head: &["at", "fault"], rows, flexible: Some(1) }
    }

    /// What became of every promise: `ok` or `BREACH` first.
    pub fn verdict_rows(&self) -> Rows {
        let rows = self.verdict.iter().map(|judged| {
            let what = if judged.holds { judged.sentence.clone() } else { judged.breaches.join("; ") };
            vec![if judged.holds { "ok" } else { "BREACH" }.to_owned(), judged.check.clone(), what]
        });
        Rows { head: &["", "promise", "what"], rows: rows.collect(), flexible: Some(2) }
    }
}
