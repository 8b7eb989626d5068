//! How long connections that have something to do wait for a thread: the queue that no channel shows.
//!
//! A connection's task is woken when the system has bytes for it and runs when a thread is free. The time between is
//! measured at the waker, as `tokio-metrics` does (<https://docs.rs/tokio-metrics>, "scheduled duration").

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::task::AtomicWaker;

use crate::clock::{Clock, SystemClock};

/// Time waited and how often, of all tasks that share it.
#[derive(Debug, Default)]
pub struct Delays {
    clock: SystemClock,
    waited_nanos: AtomicU64,
    runs: AtomicU64,
}

/// Sums since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    nanos: u64,
    /// How often a task ran after it was woken.
    pub runs: u64,
}

impl Waited {
    /// The mean wait since an earlier look; zero when nothing ran.
    #[must_use]
    pub fn mean_since(self, earlier: Self) -> Duration {
        let runs = self.runs.wrapping_sub(earlier.runs);
        Duration::from_nanos(self.nanos.wrapping_sub(earlier.nanos).checked_div(runs).unwrap_or(0))
    }
}

impl Delays {
    /// The sums so far.
    #[must_use]
    pub fn so_far(&self) -> Waited {
        Waited { nanos: self.waited_nanos.load(Ordering::Relaxed), runs: self.runs.load(Ordering::Relaxed) }
    }

    /// Counts one wait.
    pub fn note(&self, waited: Duration) {
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs a task and counts how long it waits each time it is woken. In a box, as a future that is an argument takes
    /// its room twice.
    pub async fn watch<F: Future>(self: Arc<Self>, mut task: Pin<Box<F>>) -> F::Output {
        let stamp = Arc::new(Stamp { delays: self, task: AtomicWaker::new(), woken_at: AtomicU64::new(0) });
        let waker = Waker::from(Arc::clone(&stamp));
        poll_fn(move |context| {
            stamp.begin(context.waker());
            task.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }

    /// Nanoseconds since these were made, never zero.
    fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

/// The waker of one task, with the time it was first used since the task ran; 0 when it was not.
struct Stamp {
    delays: Arc<Delays>,
    task: AtomicWaker,
    woken_at: AtomicU64,
}

impl Stamp {
    fn begin(&self, waker: &Waker) {
        self.task.register(waker);
        let woken_at = self.woken_at.swap(0, Ordering::Relaxed);
        if woken_at > 0 {
            self.delays.note(Duration::from_nanos(self.delays.now().saturating_sub(woken_at)));
        }
    }
}

impl Wake for Stamp {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken_at.load(Ordering::Relaxed) == 0 {
            self.woken_at.store(self.delays.now(), Ordering::Relaxed);
        }
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On one thread: whoever is woken while another is at work waits until that one is done.
    #[tokio::test]
    async fn a_task_that_waits_for_a_thread_is_counted_with_its_wait() {
        let delays = Arc::new(Delays::default());
        let (wake, woken) = tokio::sync::oneshot::channel::<()>();
        let waits = Arc::clone(&delays).watch(Box::pin(woken));
        let works = async {
            tokio::task::yield_now().await;
            wake.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(50));
        };
        let before = delays.so_far();
        tokio::join!(waits, works).0.unwrap();
        let mean = delays.so_far().mean_since(before);
        assert!(delays.so_far().runs >= 1 && mean >= Duration::from_millis(40), "{mean:?}");
        assert_eq!(before.mean_since(before), Duration::ZERO);
    }
}
