//! Style as a test: sizes, names, import arrows, settings nobody reads, wording. Every rule has a unit test on a small
//! bad sample beside it, which shows that the rule can fail.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that unwraps says where it failed")]

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/config_keys.rs"]
mod config_keys;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/routes.rs"]
mod routes;
#[path = "tidy/size.rs"]
mod size;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/wording.rs"]
mod wording;

/// Fails with one line a fault.
fn assert_none(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}
