//! The heartbeat of all streams: one clock for all, instead of a timer each.
//!
//! The streams are dealt out to sixteen groups that beat one after the other, so that ten thousand of them are not
//! woken at the same instant.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const GROUPS: u32 = 16;

/// Beats for everybody who listens.
pub struct Beats {
    groups: [watch::Sender<()>; GROUPS as usize],
    next: AtomicUsize,
}

impl Default for Beats {
    fn default() -> Self {
        Self { groups: std::array::from_fn(|_| watch::Sender::new(())), next: AtomicUsize::new(0) }
    }
}

impl Beats {
    /// Hears a beat from time to time, the first within one interval.
    pub fn listen(&self) -> watch::Receiver<()> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.groups[turn % self.groups.len()].subscribe()
    }

    /// Beats for each group once every interval, until told to stop.
    pub async fn run(&self, every: Duration, stop: &CancellationToken) {
        let mut ticks = tokio::time::interval(every / GROUPS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for group in self.groups.iter().cycle() {
            if stop.run_until_cancelled(ticks.tick()).await.is_none() {
                return;
            }
            group.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const EVERY: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn e2_every_group_beats_once_every_interval() {
        let (beats, stop) = (Arc::new(Beats::default()), CancellationToken::new());
        let mut listeners: Vec<_> = (0..GROUPS + 1).map(|_| beats.listen()).collect();
        let (running, stopping) = (Arc::clone(&beats), stop.clone());
        let lifecycle = crate::lifecycle::Lifecycle::new();
        lifecycle.spawn("beats", async move { running.run(EVERY, &stopping).await });
        for _ in 0..3 {
            tokio::time::sleep(EVERY).await;
            for listener in &mut listeners {
                assert!(listener.has_changed().unwrap());
                listener.mark_unchanged();
            }
        }
        stop.cancel();
    }
}
