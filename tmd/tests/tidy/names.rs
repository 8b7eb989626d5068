//! Names that say nothing.

use crate::assert_none;
use crate::source::{crates, files};

const SAY_NOTHING: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"];

fn fault(path: &str) -> Option<String> {
    let bare = path.strip_suffix(".rs").unwrap_or(path);
    let says_nothing =
        |part: &str| SAY_NOTHING.iter().any(|name| part == *name || part.ends_with(&format!("_{name}")));
    bare.split('/').any(says_nothing).then(|| path.to_owned())
}

#[test]
fn files_are_named_after_what_they_hold() {
    let sources: Vec<_> = crates().iter().flat_map(|member| files(member, &["rs"])).collect();
    let faults: Vec<_> = sources.iter().filter_map(|(path, _)| fault(path)).collect();
    assert_none("a name that says nothing", &faults);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    for bad in [
        "tmd/src/utils.rs",
        "tmd/src/common/seat.rs",
        "tmd/tests/it/test_helpers.rs",
        "tmd/src/seat_manager.rs",
    ] {
        assert!(fault(bad).is_some(), "{bad}");
    }
    assert_eq!(fault("tmd/src/uncommon.rs"), None);
}
