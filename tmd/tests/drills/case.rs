//! One purchase, one sudden end, and what became of it.

use std::panic::AssertUnwindSafe;

use futures::{FutureExt, StreamExt, stream};
use tempfile::TempDir;
use tmd::telemetry::panic_message;

use crate::audit;
use crate::buyer::{Buyer, Stop, Way};
use crate::program::{Orders, Program, Time, data_folder, eventually, organiser_token};

/// Daemons at once: most of the time they wait.
const AT_ONCE: usize = 10;

/// How often all has to look done before nothing more is expected.
const LAST_LOOKS: u32 = 10;

/// Who helps after the crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// Nobody.
    None,
    /// The buyer asks again, with the same keys.
    SameKeys,
}

/// What is tried.
#[derive(Clone, Debug)]
pub struct Case {
    pub way: Way,
    pub card: &'static str,
    pub crash_at: Option<String>,
    pub help: Help,
    /// The point is certain to be passed.
    pub is_sure: bool,
    /// The provider tells by itself before anybody asks it.
    pub early_callbacks: bool,
    /// A promise that the program is to break.
    pub mutant: Option<&'static str>,
}

/// Runs cases side by side; answers what each came to, in order.
pub async fn run_all(cases: Vec<Case>) -> Vec<String> {
    let count = cases.len();
    let running =
        stream::iter(cases.iter().enumerate()).map(async |(number, case)| (number, case.run().await));
    let mut found: Vec<_> = running.buffer_unordered(AT_ONCE).collect().await;
    found.sort_by_key(|(number, _)| *number);
    let broken: Vec<_> = found.iter().filter_map(|(_, case)| case.as_ref().err().cloned()).collect();
    assert!(broken.is_empty(), "{} of {count} cases broke a promise:\n{}", broken.len(), broken.join("\n"));
    found.into_iter().filter_map(|(_, case)| case.ok()).collect()
}

impl Case {
    /// What it came to, or which promise was broken.
    pub async fn run(&self) -> Result<String, String> {
        let data = data_folder().await;
        let found = AssertUnwindSafe(self.run_in(&data)).catch_unwind().await;
        let found = found.unwrap_or_else(|panic| Err(panic_message(&*panic).to_owned()));
        found.map_err(|fault| format!("{self:?}: {fault}"))
    }

    async fn run_in(&self, data: &TempDir) -> Result<String, String> {
        let orders = Orders {
            crash_at: self.crash_at.clone(),
            mutant: self.mutant,
            early_callbacks: self.early_callbacks,
            // The slow card takes 2 s, and is not to be given up.
            gateway_timeout_seconds: if self.card == "tok_slow" { 3 } else { 1 },
        };
        let time = if self.help == Help::None { Time::Short } else { Time::Long };
        let mut buyer = Buyer::new(self.way, time.event(), self.card, organiser_token(data.path()));
        let mut program = Program::start(data.path(), &orders).await;
        let walked = buyer.walk(&program.url).await;
        let db = audit::open(data.path()).await;
        let is_certain = self.crash_at.is_some() && (self.is_sure || matches!(walked, Err(Stop::NoAnswer)));
        let mut quiet = 0;
        let died = eventually("it dies, or all is done", async || {
            if program.died().is_some() {
                return Some(true);
            }
            // What is written may be the last thing before the end.
            quiet = if !is_certain && audit::is_quiet(&db).await { quiet + 1 } else { 0 };
            (quiet > LAST_LOOKS).then_some(false)
        });
        let died = died.await;
        if died {
            program = Program::start(data.path(), &Orders { crash_at: None, ..orders }).await;
            if self.help == Help::SameKeys
                && let Err(Stop::NoAnswer) = buyer.walk(&program.url).await
            {
                return Err(format!("no answer after the restart: {}", program.log()));
            }
            eventually("all is done", async || audit::is_quiet(&db).await.then_some(())).await;
        }
        let found = audit::audit(&db, data.path(), &program.url, (time.event(), &buyer)).await;
        db.close().await;
        let log = program.log();
        program.kill().await;
        let found = found.map_err(|fault| format!("{fault}\n{log}"))?;
        Ok(if self.crash_at.is_none() || died { found } else { format!("({found})") })
    }
}
