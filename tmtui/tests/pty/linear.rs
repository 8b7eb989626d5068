//! The whole purchase by plain prompts, as a pipe or a screen reader sees it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::office::Office;

/// Feeds the answers one by one and hands back everything that was said.
fn talk(office: &Office, arguments: &[&str], answers: &str) -> (bool, String) {
    let home = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tmtui"));
    command.env_clear().env("TM_HOME", home.path()).env("TM_URL", &office.url).env("TZ", "UTC");
    command.arg("--linear").args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said += &(line.unwrap() + "\n");
    }
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().success(), said)
}

#[test]
fn a_purchase_by_prompts_alone() {
    let office = Office::open();
    let (is_good, said) = talk(&office, &[], "E1\ny\n2\nA-99-99\nbest 2\ntok_declined\ntok_ok\ny\n");
    assert!(is_good, "{said}");
    for part in [
        "You are in.",
        "Row 1: ",
        "There is no seat A-99-99.",
        "Stalls Centre, row",
        "The seats are held and the card is good.",
        "Paid. 2 tickets.",
        "tkt_",
    ] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
    assert!(!said.contains('\u{1b}'), "{said}");
    let sale = office.tmctl(&["sale", "status", "E1", "-o", "json"]).unwrap();
    let sale: serde_json::Value = serde_json::from_str(&sale).unwrap();
    assert_eq!(sale["seats"]["sold"], 2, "{sale}");
}

#[test]
fn the_end_of_the_input_gives_the_order_up() {
    let office = Office::open();
    let (is_good, said) = talk(&office, &["E4"], "best 2\ntok_ok\n");
    assert!(is_good && said.contains("The order was given up"), "{said}");
    let (is_good, said) = talk(&office, &["E4", "--readonly"], "");
    assert!(is_good && said.contains("Read only"), "{said}");
}
