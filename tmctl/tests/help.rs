//! Help texts and usage errors, word for word. `TRYCMD=overwrite cargo test` writes them anew.

#[test]
fn help_and_usage_errors() {
    trycmd::TestCases::new().env("TM_HOME", "/nonexistent").env("COLUMNS", "100").case("tests/help/*.trycmd");
}
