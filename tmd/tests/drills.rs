//! The program killed before and after every step of a purchase, with every card of the sandbox, and started again: what
//! became of the order, the seats and the money. The tables of docs/crash-points.md are what these tests found.
//!
//! `UPDATE_DOCS=1` writes the tables; `--run-ignored all` runs every point with every card.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that unwraps says where it failed"
)]

#[path = "drills/audit.rs"]
mod audit;
#[path = "drills/buyer.rs"]
mod buyer;
#[path = "drills/case.rs"]
mod case;
#[path = "drills/program.rs"]
mod program;
#[path = "drills/row.rs"]
mod row;
#[path = "drills/table.rs"]
mod table;

use std::collections::BTreeMap;

use case::{Case, Help};
use row::{CARDS, Row, rows};
use table::Table;
use tmd::drill::Step;

/// Every point, with its own card: left alone, and asked again with the same keys.
const ALONE: Table = Table { mark: "every point", first: "killed", columns: &["left alone", "asked again"] };
/// Points and cards, left alone.
const BY_CARD: Table = Table { mark: "every card", first: "killed", columns: CARDS };

async fn run(cases: Vec<(Row, &'static str, Case)>) -> BTreeMap<(String, &'static str), String> {
    let cells = case::run_all(cases.iter().map(|(_, _, case)| case.clone()).collect()).await;
    cases.into_iter().zip(cells).map(|((row, column, _), cell)| ((row.title(), column), cell)).collect()
}

/// D1, D2, I7, I9, M2, M4, M7, M9, M10, M13: whichever step the program dies before or after, every order ends as it
/// should with nobody's help, and as its buyer wanted when it is asked again with the same keys.
#[tokio::test(flavor = "multi_thread")]
async fn d1_d2_i7_i9_killed_at_every_step_an_order_ends_once() {
    let mut cases = Vec::new();
    for row in rows() {
        for (column, help) in [("left alone", Help::None), ("asked again", Help::SameKeys)] {
            cases.push((row, column, row.case(row.card, help)));
        }
    }
    ALONE.check(&rows().iter().map(Row::title).collect::<Vec<_>>(), &run(cases).await);
}

/// The audit sees what it is there to see.
#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_broken_is_noticed() {
    let broken = [
        ("no-ticket", "tok_ok", Some("pin.after-commit"), "M4: a finalized order"),
        ("one-sided-books", "tok_ok", Some("ask-capture.after-call"), "M11"),
        ("time-out-is-decline", "tok_lost_answer", Some("settle-authorize.after-commit"), "M13"),
        ("new-key-per-try", "tok_ok", Some("log-authorize.after-commit"), "M13"),
    ];
    let runs = broken.map(|(mutant, card, crash_at, fault)| async move {
        let crash_at = crash_at.map(str::to_owned);
        let (way, help) = (buyer::Way::Buy, Help::None);
        let case =
            Case { way, card, crash_at, help, is_sure: true, early_callbacks: false, mutant: Some(mutant) };
        let found = case.run().await.expect_err(mutant);
        assert!(found.contains(fault), "{mutant}: {found}");
    });
    futures::future::join_all(runs).await;
}

/// A drill that there is none of is a wrong setting.
#[test]
fn an_unknown_drill_is_refused_at_start() {
    let home = tempfile::TempDir::new().unwrap();
    for (variable, value) in [
        ("TMD_CRASH_AT", "nowhere"),
        ("TMD_CRASH_AT", "hold.before-commit:0"),
        ("TMD_CRASH_AT", "hold.before-commit:x"),
        ("TMD_MUTANT", "none"),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tmd"));
        let command =
            command.env_clear().env("HOME", home.path()).env(variable, value).args(["config", "check"]);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("{variable}: there is no `{value}`")), "{said}");
    }
}

/// What kills the program on command is compiled in for these tests only.
#[test]
fn no_release_has_drills() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
    assert!(manifest["features"].get("default").is_none());
    let run = std::fs::read_to_string(folder.join("../run.sh")).unwrap();
    assert!(!run.contains("--features") && !run.contains("drills"));
}

async fn by_card(is_wanted: impl Fn(&Row) -> bool) {
    // Whether the resolver or the one who asked for it sends a void is a race: with some cards the point is passed or not.
    let unsteady = [Step::TakePayments, Step::KeepCallback, Step::LogTold];
    let is_steady = |row: &Row| row.crash.is_none_or(|(step, _, _)| !unsteady.contains(&step));
    let rows: Vec<_> =
        rows().into_iter().filter(|row| row.way == buyer::Way::Buy).filter(is_steady).collect();
    let mut cases = Vec::new();
    for row in rows.iter().filter(|row| is_wanted(row)) {
        for card in CARDS {
            cases.push((*row, *card, row.case(card, Help::None)));
        }
    }
    BY_CARD.check(&rows.iter().map(Row::title).collect::<Vec<_>>(), &run(cases).await);
}

/// M6, M9, M10: the same where money is at stake, with every card.
#[tokio::test(flavor = "multi_thread")]
async fn m6_m9_m10_i10_killed_where_money_is_at_stake_every_card_converges() {
    by_card(|row| row.crash.is_none_or(|(step, _, _)| row::OF_MONEY.contains(&step))).await;
}

/// The whole product.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour"]
async fn m6_killed_at_every_step_every_card_converges() {
    by_card(|_| true).await;
}
