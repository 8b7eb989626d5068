//! From the first signal to the exit code (L1).
//!
//! The first SIGTERM or SIGINT begins the draining: `/readyz` answers 503 at once, streams say goodbye, what is in
//! flight may end, and the process ends with code 0. A second signal ends it at once.

use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ServerConfig;
use crate::telemetry::delay::Delays;
use crate::telemetry::panic_message;

/// What every part of the process shares about its end.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Cancelled by the first signal: no new work is begun, workers finish what they do.
    pub draining: CancellationToken,
    /// Cancelled right after: every open stream says goodbye and ends. Whoever answers a stream has to wait on it.
    pub streams: CancellationToken,
    /// Every task of the process; the process ends when they have.
    pub tasks: TaskTracker,
    /// How long its connections wait for a thread.
    pub delays: Arc<Delays>,
}

/// How long the end may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// For everything, requests in flight above all. What is not done by then is cut off.
    pub requests: Duration,
    /// For streams. A reader that has not taken the goodbye by then is cut off.
    pub streams: Duration,
}

impl From<&ServerConfig> for Grace {
    fn from(server: &ServerConfig) -> Self {
        Self {
            requests: Duration::from_secs(server.shutdown_grace_seconds.into()),
            streams: Duration::from_secs(server.stream_grace_seconds.into()),
        }
    }
}

/// A wish that the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM, from a supervisor.
    Terminate,
    /// SIGINT, from a keyboard.
    Interrupt,
}

/// How the process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything ended by itself.
    Drained,
    /// Something was not done when its grace was over.
    GraceOver,
    /// A second signal came.
    Forced(StopSignal),
}

impl Stopped {
    /// 0 after the first signal, however long it took; 128 and the signal's number after the second.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Drained | Self::GraceOver => 0,
            Self::Forced(StopSignal::Interrupt) => 130,
            Self::Forced(StopSignal::Terminate) => 143,
        }
    }
}

/// The signals that end the process, from now on; without this call they kill it.
///
/// # Errors
/// When the system refuses to register a handler.
pub fn stop_signals() -> io::Result<impl Stream<Item = StopSignal> + Unpin + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(futures::stream::poll_fn(move |context| {
        if terminate.poll_recv(context).is_ready() {
            return Poll::Ready(Some(StopSignal::Terminate));
        }
        interrupt.poll_recv(context).map(|_| Some(StopSignal::Interrupt))
    }))
}

impl Lifecycle {
    /// The life of a process that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the end has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Begins a task that the process waits for at its end. A panic in it is logged under its name and counted.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // A panicked task leaves nothing that others see: what tasks share is behind channels and locks that survive.
        let watched = AssertUnwindSafe(task).catch_unwind().map(move |outcome| {
            if let Err(panic) = outcome {
                metrics::counter!("tasks_panicked_total", "task" => name).increment(1);
                tracing::error!(task = name, "task ended by a panic: {}", panic_message(&*panic));
            }
        });
        self.tasks.spawn(watched)
    }

    /// Tries again and again until something comes of it, the time is over, or the draining begins. The first try is made
    /// after a pause: whoever comes here has just failed at it. Answers whether something came of it.
    pub async fn try_on<F>(&self, pause: Duration, time: Duration, mut attempt: impl FnMut() -> F) -> bool
    where
        F: Future<Output = bool>,
    {
        let trying = async {
            loop {
                tokio::time::sleep(pause).await;
                if attempt().await {
                    return;
                }
            }
        };
        let limited = tokio::time::timeout(time, trying);
        matches!(self.draining.run_until_cancelled(limited).await, Some(Ok(())))
    }

    /// Lives until the first signal, then drains; returns when everything has ended, the grace is over, or a second
    /// signal came.
    pub async fn until_stopped(
        &self,
        mut signals: impl Stream<Item = StopSignal> + Unpin,
        grace: Grace,
    ) -> Stopped {
        if let Some(first) = signals.next().await {
            tracing::info!(signal = ?first, "draining");
        }
        tokio::select! {
            stopped = self.drain(grace) => stopped,
            Some(second) = signals.next() => Stopped::Forced(second),
        }
    }

    async fn drain(&self, grace: Grace) -> Stopped {
        self.draining.cancel();
        self.streams.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace.requests, self.tasks.wait()).await.is_ok() {
            return Stopped::Drained;
        }
        tracing::warn!(tasks = self.tasks.len(), "the grace is over, cutting off what is left");
        Stopped::GraceOver
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use tokio::sync::oneshot;

    const GRACE: Grace = Grace { requests: Duration::from_secs(20), streams: Duration::from_secs(5) };

    fn one_signal() -> impl Stream<Item = StopSignal> + Unpin {
        stream::iter([StopSignal::Terminate]).chain(stream::pending())
    }

    #[tokio::test]
    async fn l1_the_first_signal_drains_and_waits_for_what_is_in_flight() {
        let lifecycle = Lifecycle::new();
        let (finish, finished) = oneshot::channel::<()>();
        lifecycle.spawn("in flight", async move { finished.await.unwrap() });
        let watcher = async {
            lifecycle.draining.cancelled().await;
            assert!(lifecycle.is_draining() && lifecycle.streams.is_cancelled());
            finish.send(()).unwrap();
        };
        let (stopped, ()) = tokio::join!(lifecycle.until_stopped(one_signal(), GRACE), watcher);
        assert_eq!((stopped, stopped.exit_code()), (Stopped::Drained, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn l1_what_does_not_end_is_cut_off_when_the_grace_is_over() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("endless", std::future::pending());
        let mut stopping = std::pin::pin!(lifecycle.until_stopped(one_signal(), GRACE));
        let early = tokio::time::timeout(Duration::from_secs(19), &mut stopping).await;
        assert!(early.is_err());
        let stopped = tokio::time::timeout(Duration::from_secs(2), stopping).await.unwrap();
        assert_eq!((stopped, stopped.exit_code()), (Stopped::GraceOver, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn l1_a_second_signal_ends_it_at_once() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("endless", std::future::pending());
        let signals = stream::iter([StopSignal::Terminate, StopSignal::Interrupt]);
        let stopping = lifecycle.until_stopped(signals, GRACE);
        let stopped = tokio::time::timeout(Duration::from_millis(1), stopping).await.unwrap();
        assert_eq!((stopped, stopped.exit_code()), (Stopped::Forced(StopSignal::Interrupt), 130));
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_until_its_time_is_over_or_the_end_has_begun() {
        let lifecycle = Lifecycle::new();
        let (pause, time) = (Duration::from_millis(200), Duration::from_secs(1));
        let mut tries = 0;
        let third = |tries: &mut u32| {
            *tries += 1;
            std::future::ready(*tries == 3)
        };
        assert!(lifecycle.try_on(pause, time, || third(&mut tries)).await);
        assert_eq!(tries, 3);
        assert!(!lifecycle.try_on(pause, time, || std::future::ready(false)).await);
        lifecycle.draining.cancel();
        assert!(!lifecycle.try_on(pause, time, || std::future::ready(true)).await);
    }

    #[tokio::test]
    async fn a_panicking_task_is_counted_and_takes_nobody_with_it() {
        let metrics = crate::telemetry::Metrics::install().unwrap();
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("lifecycle_test", async { panic!("on purpose") }).await.unwrap();
        assert!(metrics.render().contains("tasks_panicked_total{task=\"lifecycle_test\"} 1"));
        assert_eq!(lifecycle.until_stopped(one_signal(), GRACE).await, Stopped::Drained);
    }
}
