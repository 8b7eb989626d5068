//! Drills that take place.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::{DrillError, Mutant, Part, Step};

const CRASH_AT: &str = "TMD_CRASH_AT";
const MUTANT: &str = "TMD_MUTANT";

/// Variables of the environment that are no settings.
pub const VARIABLES: &[&str] = &[CRASH_AT, MUTANT];

/// What the environment asks for; read once.
struct Orders {
    crash: Result<Option<Crash>, DrillError>,
    mutant: Result<Option<Mutant>, DrillError>,
}

/// A point, and how often it is still passed alive.
struct Crash {
    step: Step,
    is_before: bool,
    passes_left: AtomicU32,
}

static ORDERS: LazyLock<Orders> = LazyLock::new(|| {
    let read = |variable| text_of(variable).filter(|value| !value.is_empty());
    let parse_mutant =
        |value: String| Mutant::parse(&value).map(Some).ok_or(DrillError { variable: MUTANT, value });
    Orders {
        crash: read(CRASH_AT).map_or(Ok(None), |value| Crash::parse(value).map(Some)),
        mutant: read(MUTANT).map_or(Ok(None), parse_mutant),
    }
});

/// What the open transaction of each writer does. Every part has one writer, so it has one transaction at a time.
static MARKS: Mutex<Vec<Step>> = Mutex::new(Vec::new());

#[expect(clippy::disallowed_methods, reason = "drills are no settings, and no release has them")]
fn text_of(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

impl Crash {
    fn parse(value: String) -> Result<Self, DrillError> {
        let (name, pass) = value.split_once(':').unwrap_or((&value, "1"));
        let point = Step::ALL.iter().find_map(|step| {
            let [before, after] = step.points();
            if name == before { Some((*step, true)) } else { (name == after).then_some((*step, false)) }
        });
        let pass = pass.parse::<u32>().ok().and_then(|pass| pass.checked_sub(1));
        match (point, pass) {
            (Some((step, is_before)), Some(alive)) => {
                Ok(Self { step, is_before, passes_left: AtomicU32::new(alive) })
            }
            _ => Err(DrillError { variable: CRASH_AT, value }),
        }
    }
}

fn pass(step: Step, is_before: bool) {
    let Ok(Some(crash)) = &ORDERS.crash else { return };
    if (crash.step, crash.is_before) != (step, is_before) {
        return;
    }
    let alive =
        crash.passes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    if alive.is_err() {
        die();
    }
}

/// Nothing is run on the way out, as when the power fails.
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

fn marks(part: Part) -> Vec<Step> {
    let marks = MARKS.lock().unwrap_or_else(PoisonError::into_inner);
    marks.iter().copied().filter(|step| step.part() == part).collect()
}

/// Nobody else's transaction of the office while this lives.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "held, not read")] tokio::sync::MutexGuard<'static, ()>);

/// Waits until no other transaction of the office is open, where a store would have several.
pub async fn alone() -> Alone {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    Alone(TURN.lock().await)
}

/// A writer's transaction begins.
pub fn begin(part: Part) {
    MARKS.lock().unwrap_or_else(PoisonError::into_inner).retain(|step| step.part() != part);
}

/// The open transaction of the step's part writes this.
pub fn mark(step: Step) {
    MARKS.lock().unwrap_or_else(PoisonError::into_inner).push(step);
}

/// The transaction with what was marked is about to be committed.
pub fn before_commit(part: Part) {
    marks(part).into_iter().for_each(before);
}

/// It is committed.
pub fn after_commit(part: Part) {
    marks(part).into_iter().for_each(after);
}

/// The step is about to be taken.
pub fn before(step: Step) {
    pass(step, true);
}

/// The step is taken, however it came out.
pub fn after(step: Step) {
    pass(step, false);
}

/// Whether the promise is to be broken.
#[must_use]
pub fn mutant(mutant: Mutant) -> bool {
    matches!(&ORDERS.mutant, Ok(Some(asked)) if *asked == mutant)
}

/// Whether the environment asks for drills that there are.
///
/// # Errors
/// [`DrillError`] for a point or a mutant that nobody knows.
pub fn check() -> Result<(), DrillError> {
    let again = |error: &DrillError| DrillError { variable: error.variable, value: error.value.clone() };
    ORDERS.crash.as_ref().map(drop).map_err(again)?;
    ORDERS.mutant.as_ref().map(drop).map_err(again)
}
