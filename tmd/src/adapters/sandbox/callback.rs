//! The sandbox tells what it did, as payment providers do: at least once, some of it twice, and not in order.
//!
//! The log itself is the list of what is to be told, and `told` in it is how far that has come. A crash loses nothing:
//! what was told and not written down is told again.

mod http;

pub use http::{HttpReceiver, HttpReceiverError};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Sandbox;
use super::committer::Job;
use super::log::{self, News};
use super::token::Behaviour;
use crate::ports::gateway::{CallbackReceiver, ProviderEvent};

/// Entries that are looked at together; so many at most are told of before one that is late.
const PAGE: u32 = 512;
/// How long between two looks at the log.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause after something could not be told.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How much later a `tok_callback_late` is told of.
const LATE: Duration = Duration::from_secs(3);

/// Tells `receiver` of everything in the log, from where it was left, until `stop`.
pub async fn tell(sandbox: Arc<Sandbox>, receiver: Arc<dyn CallbackReceiver>, stop: CancellationToken) {
    let mut teller = Teller { sandbox, receiver, told: BTreeSet::new() };
    let mut pause = PAUSE;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = match teller.turn().await {
            Ok(true) => PAUSE,
            Ok(false) => (pause * 2).min(LONGEST_PAUSE),
            Err(error) => {
                tracing::warn!(%error, "failed to read what is to be told");
                LONGEST_PAUSE
            }
        };
    }
}

struct Teller {
    sandbox: Arc<Sandbox>,
    receiver: Arc<dyn CallbackReceiver>,
    /// Entries that were told of before one that was not.
    told: BTreeSet<u64>,
}

impl Teller {
    /// Tells of what is due. Answers whether all of it was taken.
    async fn turn(&mut self) -> Result<bool, sqlx::Error> {
        let behind = log::told(&self.sandbox.readers).await?;
        let page = log::news(&self.sandbox.readers, behind, PAGE).await?;
        let mut due: Vec<ProviderEvent> = page
            .iter()
            .filter(|news| !self.told.contains(&news.event.record.sequence) && self.is_due(news))
            .map(|news| news.event.clone())
            .collect();
        // Nobody may rely on an order.
        due.reverse();
        let taken = if due.is_empty() { Vec::new() } else { self.receiver.tell(&due).await };
        let all = taken.iter().all(|taken| *taken);
        let told = due.iter().zip(taken).filter(|(_, taken)| *taken);
        self.told.extend(told.map(|(event, _)| event.record.sequence));
        self.write_down(behind, &page).await;
        Ok(all)
    }

    fn is_due(&self, news: &News) -> bool {
        let late = if news.behaviour == Some(Behaviour::CallbackLate) { LATE } else { Duration::ZERO };
        let age = Duration::from_millis(u64::try_from(news.age_millis).unwrap_or_default());
        age >= self.sandbox.pace.callback + late
    }

    /// How far all have been told of: up to the first that was not.
    async fn write_down(&mut self, behind: u64, page: &[News]) {
        let sequences = page.iter().map(|news| news.event.record.sequence);
        let Some(sequence) = sequences.take_while(|sequence| self.told.contains(sequence)).last() else {
            return;
        };
        if sequence > behind && self.sandbox.jobs.send(Job::Told { sequence }).await.is_ok() {
            // Until it is written the entries come again, and are known here. What is behind it never does.
            self.told.retain(|told| *told + u64::from(PAGE) > sequence);
        }
    }
}

#[cfg(test)]
mod tests;
