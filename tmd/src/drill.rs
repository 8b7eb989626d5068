//! Where a test makes the running program die, or do one thing wrong on purpose.
//!
//! With the cargo feature `drills`, `TMD_CRASH_AT=<point>[:n]` kills the process (SIGKILL) when it passes the point for
//! the n-th time, and `TMD_MUTANT=<name>` has it break one promise. Without the feature, which no release has, every
//! function here is constant and empty, and both variables are refused like any unknown setting.

mod mutant;
mod step;

#[cfg(feature = "drills")]
mod armed;
#[cfg(not(feature = "drills"))]
mod idle;

#[cfg(feature = "drills")]
pub use armed::{
    Alone, VARIABLES, after, after_commit, alone, before, before_commit, begin, check, mark, mutant,
};
#[cfg(not(feature = "drills"))]
pub use idle::{
    Alone, VARIABLES, after, after_commit, alone, before, before_commit, begin, check, mark, mutant,
};
pub use mutant::Mutant;
pub use step::{Part, Step};

/// A drill that there is none of.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: there is no `{value}`")]
pub struct DrillError {
    variable: &'static str,
    value: String,
}
