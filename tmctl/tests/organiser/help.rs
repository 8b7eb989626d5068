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
