//! How the program starts.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::office::{Office, free_address};
use crate::terminal::Terminal;

/// What is on is there within so long; the fastest of a few starts counts, since others use the machine too.
const MOST: Duration = Duration::from_millis(150);

#[test]
fn the_first_screen_is_there_at_once() {
    let office = Office::open();
    let starts = (0..5).map(|_| {
        let mut tui = Terminal::start((80, 24), &office.url, &[]);
        let began = tui.began;
        while !tui.text().contains("The Winter's Tale") {
            tui.take_in(Duration::from_millis(1));
            assert!(began.elapsed() < Duration::from_secs(60));
        }
        began.elapsed()
    });
    let fastest = starts.min().unwrap();
    println!("the first screen: {fastest:.1?}");
    assert!(fastest <= MOST, "{fastest:?}");
}

#[test]
fn without_a_daemon_it_says_so_and_asks_again() {
    let address = free_address();
    let mut tui = Terminal::start((80, 24), &format!("http://{address}"), &[]);
    tui.wait_for("no answer");
    tui.press("q");
    assert!(tui.wait_for_end());
}

#[test]
fn without_a_terminal_it_says_what_works() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmtui"));
    let folder = tempfile::tempdir().unwrap();
    let output = command.env_clear().env("TM_HOME", folder.path()).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("--linear"), "{text}");
    assert!(output.stdout.is_empty());
}
