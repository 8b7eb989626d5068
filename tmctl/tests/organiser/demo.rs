//! The demo is a script that people watch; here it is a test.

use super::office::{Office, run, tmctl};

/// What it runs, with the ids taken out.
fn commands(transcript: &str) -> Vec<&str> {
    transcript.lines().filter_map(|line| line.strip_prefix("$ ")).collect()
}

const SCRIPT: [&str; 10] = [
    "tmctl events",
    "tmctl show E1",
    "tmctl seats E1",
    "tmctl join E1",
    "tmctl wait --timeout 2m",
    "tmctl order E1",
    "tmctl seats E1 --best 2",
    "tmctl confirm --seats @last --payment-token tok_ok",
    "tmctl finalize",
    "tmctl tickets --qr -o table",
];

#[test]
fn a_demo_of_its_own_needs_nothing_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let temporary = home.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let demo = run(tmctl().env("HOME", home.path()).env("TMPDIR", &temporary).args(["demo", "--own"]));
    assert_eq!(demo.code, 0, "{demo:?}");
    assert_eq!(commands(&demo.out), SCRIPT);
    assert!(demo.out.contains("▄▄▄▄▄"), "no QR code: {}", demo.out);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn a_demo_against_a_running_tmd_buys_as_somebody_else() {
    let office = Office::start(&["--demo"]);
    let demo = office.run(&["demo"]);
    assert_eq!(demo.code, 0, "{demo:?}");
    assert_eq!(commands(&demo.out), SCRIPT);
    assert_eq!(office.json(&["sale", "status", "E1"])["seats"]["sold"], 2);
    // Its tickets are not among the user's own.
    assert_eq!(office.run(&["tickets"]).code, 2);

    let declined = office.run(&["demo", "E4", "--payment-token", "tok_declined"]);
    assert_eq!(declined.code, 10, "{declined:?}");
    assert!(declined.err.contains("the demo ends here: `tmctl confirm "), "{declined:?}");
    assert_eq!(office.run(&["demo", "E44"]).code, 3);
}

#[test]
fn a_demo_without_a_daemon_says_how_to_have_one() {
    let home = tempfile::tempdir().unwrap();
    let mut command = tmctl();
    command.env("HOME", home.path()).args(["demo", "--url", "http://127.0.0.1:1"]);
    let nobody = run(&mut command);
    assert_eq!(nobody.code, 11, "{nobody:?}");
    assert!(nobody.err.contains("tmctl demo --own"), "{nobody:?}");
}
