//! Every promise that can be broken on purpose is missed by a test, and which. The table of docs/crash-points.md is this one.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Stdio;

use futures::{StreamExt, stream};
use tmd::drill::Mutant;
use tokio::process::Command;

/// Test processes at once.
const AT_ONCE: usize = 2;

/// What is broken, which promise that is, and the tests that fail then; without the mutant they pass.
const CAUGHT_BY: &[(Mutant, &str, &[&str])] = &[
    (Mutant::HoldTakenSeat, "S1, S2", &["seat::s2_a_seat_that_is_held_pinned_or_sold_is_nobody_elses"]),
    (
        Mutant::HoldInPart,
        "S3",
        &["seat::s3_a_basket_is_held_whole_or_not_at_all_and_the_refusal_lists_the_taken_seats"],
    ),
    (Mutant::HoldNeedsSweeper, "S4, S5", &["seat::s4_an_expired_hold_is_free_to_the_next_buyer"]),
    (Mutant::ProcessClock, "S4", &["seat::s4_the_programs_own_clock_decides_nothing"]),
    (
        Mutant::FenceIgnored,
        "S7",
        &[
            "seat::s7_a_write_under_an_old_fence_changes_no_row",
            "seat::s7_a_late_step_of_an_order_that_lost_its_seat_changes_nothing",
        ],
    ),
    (Mutant::SweptByState, "S4, S5", &["callback::m12_a_lost_answer_is_settled_by_the_callback_alone"]),
    (Mutant::NoTicket, "M4", &["payment::m14_a_card_that_is_good_after_a_decline_buys_before_the_first_end"]),
    (Mutant::NoIntent, "M5", &["payment::m5_the_payment_is_written_down_before_the_provider_is_asked"]),
    (
        Mutant::NewKeyPerTry,
        "M5, M13",
        &["payment::m5_the_payment_is_written_down_before_the_provider_is_asked"],
    ),
    (
        Mutant::TimeOutIsDecline,
        "M6",
        &[
            "payment::m6_whatever_the_provider_leaves_open_converges_without_anybodys_help",
            "payment::m9_what_was_open_when_the_daemon_died_is_settled_by_the_next",
        ],
    ),
    (Mutant::CaptureBeforePin, "M7", &["payment::m7_seats_are_pinned_before_the_money_is_taken"]),
    (Mutant::FinalizeAfterExpiry, "M8", &["payment::m8_past_its_time_an_order_is_voided_and_not_captured"]),
    (
        Mutant::LateAuthorizationKept,
        "M9, M10",
        &["payment::m9_an_authorization_that_comes_after_the_end_is_undone"],
    ),
    (
        Mutant::OneSidedBooks,
        "M11",
        &["payment::m14_a_card_that_is_good_after_a_decline_buys_before_the_first_end"],
    ),
    (Mutant::CallbackUnverified, "M12", &["callback::m12_what_is_not_signed_or_not_of_now_is_refused"]),
    (
        Mutant::DeclineReleases,
        "M14",
        &["payment::m14_a_decline_keeps_the_hold_to_its_first_end_and_the_third_cancels"],
    ),
    (
        Mutant::InFlightIsFree,
        "I6",
        &["idempotency::i6_while_the_first_is_in_flight_the_second_is_told_so_at_once"],
    ),
    (
        Mutant::NoFingerprint,
        "I5",
        &["idempotency::i5_a_key_used_with_another_request_is_refused_and_nothing_of_the_first_is_told"],
    ),
    (
        Mutant::ResumeFromScratch,
        "I7",
        &["idempotency::i7_a_retry_after_a_crash_goes_on_where_the_order_stands"],
    ),
    (
        Mutant::KeptBeforeFinal,
        "I8, I10",
        &["idempotency::i10_an_answer_that_is_not_the_last_word_is_not_kept"],
    ),
    (
        Mutant::KeyWithoutPrincipal,
        "I3, I12",
        &["idempotency::i12_two_principals_with_one_key_are_two_operations"],
    ),
    (
        Mutant::CapacityPlusOne,
        "W1",
        &["waiting_room::w1_capacity_is_exact_at_every_instant_and_lowering_it_evicts_nobody"],
    ),
    (Mutant::PagedByPlace, "W3", &["waiting_room::w3_a_join_that_commits_late_is_not_passed_over"]),
    (
        Mutant::SecondPlace,
        "W4",
        &["waiting_room::w4_a_second_tab_has_the_same_place_and_who_comes_back_is_last"],
    ),
    (Mutant::NoAdmission, "W10", &["order::w10_without_being_let_in_nobody_orders"]),
    (Mutant::NoSnapshot, "E1", &["stream::e1_a_stream_begins_with_a_snapshot_also_for_who_comes_back"]),
];

/// Whether a test passes, in a process of its own.
async fn passes(test: &str, mutant: Option<Mutant>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command.env_remove("TMD_MUTANT");
    if let Some(mutant) = mutant {
        command.env("TMD_MUTANT", mutant.name());
    }
    let output = command.output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("running 1 test\n"), "there is no test {test}: {text}");
    output.status.success()
}

#[test]
fn every_mutant_is_in_the_table() {
    let listed: Vec<_> = CAUGHT_BY.iter().map(|(mutant, ..)| mutant.name()).collect();
    let known: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(listed.len(), known.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutant_is_caught() {
    let tests: BTreeSet<_> = CAUGHT_BY.iter().flat_map(|(_, _, tests)| tests.iter().copied()).collect();
    let sound = tests.into_iter().map(|test| (test, None));
    let broken =
        CAUGHT_BY.iter().flat_map(|(mutant, _, tests)| tests.iter().map(|test| (*test, Some(*mutant))));
    let runs = stream::iter(sound.chain(broken).collect::<Vec<_>>());
    let faults: Vec<_> = runs
        .map(async |(test, mutant)| {
            let passed = passes(test, mutant).await;
            (passed == mutant.is_some()).then(|| format!("{test} with {mutant:?}: passed = {passed}"))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(async |fault| fault)
        .collect()
        .await;
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The table of the documentation, as it has to be.
fn table() -> String {
    let mut text =
        "| mutant | what it does wrong | promise | test that fails |\n|---|---|---|---|\n".to_owned();
    for (mutant, promise, tests) in CAUGHT_BY {
        let short = |test: &&str| format!("`{}`", test.rsplit("::").next().unwrap());
        let tests: Vec<_> = tests.iter().map(short).collect();
        let (name, what, tests) = (mutant.name(), mutant.what(), tests.join(", "));
        writeln!(text, "| `{name}` | {what} | {promise} | {tests} |").unwrap();
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "asks the developer, not the configuration")]
fn every_mutant_stands_in_the_documentation() {
    const MARKS: [&str; 2] = ["<!-- mutants: begin -->\n", "<!-- mutants: end -->"];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/crash-points.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(MARKS[0]).unwrap();
    let (found, after) = rest.split_once(MARKS[1]).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, [before, MARKS[0], &table(), MARKS[1], after].concat()).unwrap();
    } else {
        assert!(found == table(), "docs/crash-points.md differs; UPDATE_DOCS=1 writes it:\n{}", table());
    }
}
