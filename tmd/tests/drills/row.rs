//! What is killed when: the rows of the tables.

use tmd::drill::Step;

use crate::buyer::Way;
use crate::case::{Case, Help};

/// The cards of the sandbox that the tables have a column for.
pub const CARDS: &[&str] = &[
    "tok_ok",
    "tok_declined",
    "tok_slow",
    "tok_lost_answer",
    "tok_timeout",
    "tok_duplicate",
    "tok_garbage",
    "tok_wrong_amount",
    "tok_capture_lost",
    "tok_capture_declined",
    "tok_lapsed",
    "tok_void_fails",
];

/// Steps that have to do with money.
pub const OF_MONEY: &[Step] = &[
    Step::Hold,
    Step::AskAuthorize,
    Step::LogAuthorize,
    Step::SettleAuthorize,
    Step::Pin,
    Step::AskCapture,
    Step::LogCapture,
    Step::SettleCapture,
];

/// One way to go, and where it ends all of a sudden.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub way: Way,
    pub card: &'static str,
    /// The step, whether after it, and at which pass.
    pub crash: Option<(Step, bool, u32)>,
}

impl Row {
    /// As in the first column.
    pub fn title(&self) -> String {
        let Some((step, is_after, pass)) = self.crash else { return "never".to_owned() };
        let point = &step.points()[usize::from(is_after)];
        if passes(step).len() == 1 {
            format!("`{point}`")
        } else {
            format!("`{point}:{pass}` ({})", passes(step)[pass as usize - 1])
        }
    }

    pub fn case(&self, card: &'static str, help: Help) -> Case {
        let crash_at = self
            .crash
            .map(|(step, is_after, pass)| format!("{}:{pass}", step.points()[usize::from(is_after)]));
        let early_callbacks =
            self.crash.is_some_and(|(step, _, _)| matches!(step, Step::KeepCallback | Step::LogTold));
        let is_sure = card == self.card;
        Case { way: self.way, card, crash_at, help, is_sure, early_callbacks, mutant: None }
    }
}

/// What a step is passed for, pass by pass.
const fn passes(step: Step) -> &'static [&'static str] {
    match step {
        Step::ClaimKey | Step::FinishKey => &["create", "confirm", "finalize"],
        _ => &[""],
    }
}

/// Which way a step lies on, and with which card it is taken.
const fn way_to(step: Step) -> (Way, &'static str) {
    match step {
        Step::Cancel | Step::AskVoid | Step::LogVoid | Step::SettleVoid => (Way::Cancel, "tok_ok"),
        // A callback may come at any moment of a purchase; of one that stops at the card the end is the same.
        Step::Expire | Step::KeepCallback | Step::LogTold => (Way::Leave, "tok_ok"),
        Step::Refund | Step::LogRefund => (Way::Refund, "tok_ok"),
        Step::AskRefund | Step::SettleRefund => (Way::Refund, "tok_refund_fails"),
        Step::AskLookUp | Step::TakePayments => (Way::Buy, "tok_lost_answer"),
        Step::AskFence | Step::LogFence => (Way::Buy, "tok_timeout"),
        _ => (Way::Buy, "tok_ok"),
    }
}

/// Every row, in the order of a purchase.
pub fn rows() -> Vec<Row> {
    let mut rows = vec![Row { way: Way::Buy, card: "tok_ok", crash: None }];
    for step in Step::ALL.iter().copied() {
        let (way, card) = way_to(step);
        for pass in (1_u32..).take(passes(step).len()) {
            for is_after in [false, true] {
                rows.push(Row { way, card, crash: Some((step, is_after, pass)) });
            }
        }
    }
    rows
}
