//! Every promise that is broken on purpose is noticed by a rehearsal, and by which of its checks. The table of docs/drill.md
//! is this one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::drill::{breaches, house, rehearsal};
use super::office::Office;

/// Rehearsals at once.
const AT_ONCE: usize = 2;
/// A crowd in which every habit is there more than once, and a house that they sell out in some seconds.
const USUAL: &[&str] = &[
    "--seed",
    "1968",
    "--buyers",
    "60",
    "--rush",
    "2s",
    "--rate",
    "60000",
    "--hold-ttl",
    "3s",
    "--at-most",
    "6s",
    "--rest",
    "8s",
];

/// What is added to the usual rehearsal, the mutants that have to be noticed then, and by which checks.
type Drill = (&'static [&'static str], &'static [(&'static str, &'static [&'static str])]);

const NOTICED_BY: &[Drill] = &[
    (
        &[],
        &[
            ("hold-taken-seat", &["one-holder", "in-time", "holds-never-overlap"]),
            ("hold-in-part", &["ticketed", "paid-is-ticketed", "captured-is-ticketed-or-refunded"]),
            ("process-clock", &["in-time"]),
            ("swept-by-state", &["in-time"]),
            ("no-ticket", &["ticketed", "one-ticket-a-seat", "paid-is-ticketed"]),
            ("no-intent", &["refusals", "provider-agrees"]),
            ("new-key-per-try", &["provider-agrees"]),
            ("time-out-is-decline", &["provider-agrees"]),
            ("capture-before-pin", &["in-time", "holds-never-overlap"]),
            ("one-sided-books", &["books-balance"]),
            ("callback-unverified", &["unforged"]),
            ("decline-releases", &["refusals", "holds-never-overlap"]),
            ("in-flight-is-free", &["one-answer"]),
            ("no-fingerprint", &["one-request"]),
            ("kept-before-final", &["answered"]),
            ("key-without-principal", &["refusals"]),
            ("second-place", &["refusals"]),
            ("no-admission", &["nobody-orders-unadmitted"]),
            ("no-snapshot", &["seen"]),
        ],
    ),
    // A slow card takes longer.
    (&["--hold-ttl", "2s"], &[("late-authorization-kept", &["authorized-is-captured-or-voided"])]),
    (
        &["--capacity", "200", "--buyers", "120", "--seed", "182"],
        &[("hold-needs-sweeper", &["free-is-free"])],
    ),
    (
        &["--capacity", "60", "--seed", "1599", "--set", "checkout.sweep_interval_milliseconds=2000"],
        &[
            ("fence-ignored", &["one-ticket-a-seat", "holds-never-overlap"]),
            ("finalize-after-expiry", &["not-late"]),
        ],
    ),
    (
        &["--capacity", "5"],
        &[("capacity-plus-one", &["capacity-is-kept"]), ("paged-by-place", &["admitted-in-order"])],
    ),
    (
        &[
            "--faults",
            "kill",
            "--set",
            "crash_at=ask-authorize.before-call:40",
            "--hold-ttl",
            "8s",
            "--at-most",
            "40s",
        ],
        &[("resume-from-scratch", &["refusals"])],
    ),
];

/// What has to be noticed with one mutant, or that nothing has without one.
struct Run {
    more: &'static [&'static str],
    mutant: Option<(&'static str, &'static [&'static str])>,
}

fn runs() -> Vec<Run> {
    let of = |&(more, mutants): &Drill| {
        let broken = mutants.iter().map(move |mutant| Run { more, mutant: Some(*mutant) });
        std::iter::once(Run { more, mutant: None }).chain(broken)
    };
    NOTICED_BY.iter().flat_map(of).collect()
}

/// What is wrong with a run; `None` where tmd was built without mutants.
fn judged(office: &Office, run: &Run) -> Option<Vec<String>> {
    let mutant = run.mutant.map(|(name, _)| format!("mutant={name}"));
    let broken = mutant.iter().flat_map(|mutant| ["--set", mutant]).collect::<Vec<_>>();
    // The last of an option that is given twice counts.
    let kept = USUAL.chunks(2).filter(|pair| !run.more.contains(&pair[0])).flatten().copied();
    let words: Vec<_> = kept.chain(run.more.iter().copied()).chain(broken).collect();
    let (ended, report) = rehearsal(office, &words)?;
    let found: BTreeSet<_> = breaches(&report).into_iter().collect();
    let named = || format!("{} {:?}", run.mutant.map_or("nothing", |(name, _)| name), run.more);
    let expected = run.mutant.map_or(&[][..], |(_, checks)| checks);
    let missed: Vec<_> = expected.iter().filter(|check| !found.contains(*check)).collect();
    let mut wrong = Vec::new();
    if !missed.is_empty() {
        wrong.push(format!("{}: {missed:?} noticed nothing, only {found:?} did", named()));
    }
    if run.mutant.is_none() && ended.code != 0 {
        wrong.push(format!("{}: {found:?} where nothing was broken: {}", named(), ended.out));
    }
    Some(wrong)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "asks the machine, not the configuration")]
fn every_mutant_is_noticed_by_a_rehearsal() {
    let office = house();
    let (left, wrong) = (Mutex::new(runs()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(run) = left.lock().unwrap().pop() else { return };
                    let Some(found) = judged(&office, &run) else {
                        assert!(
                            std::env::var_os("CI").is_none(),
                            "tmd was built without --features tmd/drills"
                        );
                        left.lock().unwrap().clear();
                        return;
                    };
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

#[test]
fn every_mutant_that_there_is_is_rehearsed() {
    let text = std::fs::read_to_string(file("crash-points.md")).unwrap();
    let (_, table) = text.split_once("<!-- mutants: begin -->").unwrap();
    let (table, _) = table.split_once("<!-- mutants: end -->").unwrap();
    let known: BTreeSet<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let rehearsed: Vec<_> =
        NOTICED_BY.iter().flat_map(|(_, mutants)| *mutants).map(|(name, _)| *name).collect();
    assert_eq!(rehearsed.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(rehearsed.len(), known.len());
}

/// The table of the documentation, as it has to be.
fn table() -> String {
    let mut text = "| mutant | noticed by | rehearsed with |\n|---|---|---|\n".to_owned();
    for (more, mutants) in NOTICED_BY {
        let more = if more.is_empty() { String::new() } else { format!("`{}`", more.join(" ")) };
        for (mutant, checks) in *mutants {
            writeln!(text, "| `{mutant}` | {} | {more} |", checks.join(", ")).unwrap();
        }
    }
    text
}

#[test]
#[allow(clippy::disallowed_methods, reason = "asks the developer, not the configuration")]
fn what_notices_which_mutant_stands_in_the_documentation() {
    const MARKS: [&str; 2] = ["<!-- noticed: begin -->\n", "<!-- noticed: end -->"];
    let file = file("drill.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(MARKS[0]).unwrap();
    let (found, after) = rest.split_once(MARKS[1]).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, [before, MARKS[0], &table(), MARKS[1], after].concat()).unwrap();
    } else {
        assert!(found == table(), "docs/drill.md differs; UPDATE_DOCS=1 writes it:\n{}", table());
    }
}
