//! What the project's texts do not say: where and how they were written, and what is still to be done.

use std::fs;

use crate::assert_none;
use crate::source::{files, root};

/// Words that speak of the making instead of the thing. Split, so that this file passes its own rule.
const OF_THE_MAKING: &[&str] = &[
    concat!("sha", "red/"),
    concat!("/wo", "rk/"),
    concat!("work", "tree"),
    concat!("STYLE", ".md"),
    concat!("house", " rules"),
    concat!("the ", "brief"),
    concat!("the ", "lead "),
    concat!("the ", "mission"),
    concat!("sub", "agent"),
    concat!("language", " model"),
];
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// The one place outside of the project that a test may read: a real stadium's seating plan.
const TEST_DATA: &str = concat!("../sha", "red/data/metalist-stadium.seating-plan.json");

fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.replace(TEST_DATA, "");
        let lower = line.to_lowercase();
        let of_the_making = OF_THE_MAKING.iter().filter(|word| lower.contains(&word.to_lowercase()));
        let unfinished = UNFINISHED.iter().filter(|word| line.contains(**word));
        faults.extend(of_the_making.chain(unfinished).map(|word| format!("{path}:{}: `{word}`", number + 1)));
    }
    faults
}

#[test]
fn texts_speak_of_the_thing_and_are_finished() {
    let mut texts = files("", &["md", "rs", "sh", "toml"]);
    texts.push((".ci/run".to_owned(), fs::read_to_string(root().join(".ci/run")).unwrap()));
    assert!(texts.iter().any(|(path, _)| path == "CHANGELOG.md"), "the texts were not found");
    let faults: Vec<_> = texts.iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert_none("a word that does not belong here", &faults);
}

#[test]
fn a_word_that_does_not_belong_is_found() {
    let unfinished = format!("fn a() {{}}\n// {}: the rest", UNFINISHED[0]);
    assert_eq!(faults("a.rs", &unfinished), [format!("a.rs:2: `{}`", UNFINISHED[0])]);
    let elsewhere = format!("see ../{}design", OF_THE_MAKING[0]);
    assert_eq!(faults("a.md", &elsewhere).len(), 1);
    assert_eq!(faults("a.rs", &format!("const PLAN: &str = \"../{TEST_DATA}\";")), Vec::<String>::new());
}
