//! The program itself in bad company: disks that are full, read-only or broken, folders that are taken, clocks that are
//! set, and SIGKILL at any moment.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that unwraps says where it failed"
)]

mod broken_disk;
mod clock;
mod folder;
mod full_disk;
#[allow(dead_code, reason = "shared with the tests inside the process, which use all of it")]
#[path = "../it/harness.rs"]
mod harness;
mod history;
mod machine;
mod start;
mod storm;
