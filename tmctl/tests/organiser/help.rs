//! What is shown without a daemon, word for word.

#[test]
fn help_topics_and_usage_errors_are_as_written_down() {
    let home = tempfile::tempdir().unwrap();
    trycmd::TestCases::new()
        .env("TM_HOME", home.path().to_str().unwrap())
        .env("HOME", "/nonexistent")
        .env("COLUMNS", "100")
        .case("tests/cmd/*.trycmd");
}

/// The output under each `$ tmctl plan` of the documentation.
#[test]
fn plans_in_the_documentation_are_what_the_command_says() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scaling.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut count = 0;
    for block in text.split("```console\n$ tmctl plan ").skip(1) {
        let (line, written) = block.split("```").next().unwrap().split_once('\n').unwrap();
        let command = std::process::Command::new(env!("CARGO_BIN_EXE_tmctl"))
            .args(["plan", "-q"])
            .args(line.split_whitespace())
            .env("TM_HOME", home.path())
            .output()
            .unwrap();
        let said = String::from_utf8(command.stdout).unwrap();
        assert_eq!(said, written, "$ tmctl plan {line}\n{said}");
        count += 1;
    }
    assert!(count >= 2, "{count} plans");
}
