//! No drill: nothing is left of it in the program.

use super::{DrillError, Mutant, Part, Step};

/// Variables of the environment that are no settings.
pub const VARIABLES: &[&str] = &[];

/// Nobody else's transaction while this lives.
#[derive(Debug)]
pub struct Alone;

/// Waits for nobody.
#[inline]
pub fn alone() -> std::future::Ready<Alone> {
    std::future::ready(Alone)
}

/// A writer's transaction begins.
#[inline]
pub const fn begin(_: Part) {}

/// The open transaction of the step's part writes this.
#[inline]
pub const fn mark(_: Step) {}

/// The transaction with what was marked is about to be committed.
#[inline]
pub const fn before_commit(_: Part) {}

/// It is committed.
#[inline]
pub const fn after_commit(_: Part) {}

/// The step is about to be taken.
#[inline]
pub const fn before(_: Step) {}

/// The step is taken, however it came out.
#[inline]
pub const fn after(_: Step) {}

/// Whether the promise is to be broken.
#[inline]
#[must_use]
pub const fn mutant(_: Mutant) -> bool {
    false
}

/// Whether the environment asks for drills that there are.
///
/// # Errors
/// None.
pub const fn check() -> Result<(), DrillError> {
    Ok(())
}
