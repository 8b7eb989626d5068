//! The rehearsal of an on-sale: who comes, and what their answers show.
//!
//! The crowd comes from a seed alone, so the same seed is the same crowd; when somebody comes does not depend on how the
//! office keeps up. What everybody was told is written down, and judged when all is over.

mod crowd;
mod dice;
mod figures;
mod goal;
mod history;
mod wave;

pub use crowd::{Crowd, Habit, Member};
pub use dice::Dice;
pub use figures::{Spread, rank_correlation};
pub use goal::{Goals, Reached};
pub use history::{Asked, Breach, Check, House, Known, Outcome, Step, check};
pub use wave::{WINDOW_MILLIS, Wave, arrive, recovery_millis};
