//! The heartbeat of all streams: one clock for all, instead of a timer each.
//!
//! There are sixteen groups that beat one after the other. A stream joins the group that has just beaten, so that its
//! first beat is as far away as any other, and streams that were opened at different times are woken at different times.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

const GROUPS: u32 = 16;

/// Beats for everybody who listens.
pub struct Beats {
    groups: [watch::Sender<()>; GROUPS as usize],
    /// Which group has beaten last.
    last: AtomicUsize,
}

impl Default for Beats {
    fn default() -> Self {
        Self { groups: std::array::from_fn(|_| watch::Sender::new(())), last: AtomicUsize::new(0) }
    }
}

impl Beats {
    /// Hears a beat every interval, the first hardly sooner.
    pub fn listen(&self) -> watch::Receiver<()> {
        let last = self.last.load(Ordering::Relaxed);
        self.groups[last % self.groups.len()].subscribe()
    }

    /// Beats for each group once every interval, until told to stop.
    pub async fn run(&self, every: Duration, stop: &CancellationToken) {
        let mut ticks = tokio::time::interval(every / GROUPS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for (number, group) in self.groups.iter().enumerate().cycle() {
            if stop.run_until_cancelled(ticks.tick()).await.is_none() {
                return;
            }
            group.send_replace(());
            self.last.store(number, Ordering::Relaxed);
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
        let (running, stopping) = (Arc::clone(&beats), stop.clone());
        let lifecycle = crate::lifecycle::Lifecycle::new();
        lifecycle.spawn("beats", async move { running.run(EVERY, &stopping).await });
        tokio::time::sleep(EVERY / GROUPS / 2).await;
        let mut listeners = Vec::new();
        for _ in 0..20 {
            listeners.push(beats.listen());
            let early = listeners.last().unwrap().clone();
            tokio::time::sleep(EVERY / GROUPS).await;
            assert!(!early.has_changed().unwrap(), "the first beat is not the next");
        }
        for listener in &mut listeners {
            listener.mark_unchanged();
        }
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
