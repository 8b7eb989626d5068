//! Who is let in before a request's body is read: the budgets of addresses, and what is refused first when there is
//! too much to do ([`tmcore::shedding`]).

mod budget;
mod refusal;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use http::HeaderMap;
use metrics::{Counter, Gauge};
use tmapi::ProblemCode;
use tmcore::shedding::{Level, Priority};

use super::accept::Peer;
use super::hardening::problem::RequestId;
use super::limit::Spent;
use crate::config::OverloadConfig;
use crate::lifecycle::Lifecycle;
use crate::telemetry::queue::QueueGauge;
use budget::AddressBudgets;
use refusal::Refusals;

/// How often the wait for a thread is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// What fewer waits say is chance.
const LEAST_RUNS: u64 = 20;
/// How many looks until the budgets of quiet addresses are forgotten.
const TIDIED_EVERY_LOOKS: u64 = 600;

/// Stands at the door of the public listener.
pub struct Guard {
    most: Most,
    target: Duration,
    in_flight: AtomicUsize,
    classes: [Class; Priority::ALL.len()],
    level: AtomicU32,
    draws: AtomicU32,
    doors: (AddressBudgets, Refusals),
}

/// How many requests may be worked on.
struct Most {
    in_flight: usize,
    /// Of purchases, for another purchase to begin.
    purchases: usize,
}

/// What is known of one class.
struct Class {
    in_flight: AtomicUsize,
    shown: QueueGauge,
    /// Refused for want of room, and for delay.
    refused: [Counter; 2],
}

impl Class {
    fn new(priority: Priority, max_in_flight: usize) -> Self {
        let class = priority.as_str();
        let refused = ["room", "delay"].map(
            |reason| metrics::counter!("http_requests_shed_total", "class" => class, "reason" => reason),
        );
        let shown = QueueGauge::new(format!("{class}_requests"), priority.room(max_in_flight));
        Self { in_flight: AtomicUsize::new(0), shown, refused }
    }
}

/// A request that was let in, until it is answered.
pub struct Pass {
    guard: Arc<Guard>,
    class: Option<Priority>,
    spent: Option<Spent>,
}

impl Pass {
    /// Tells in the answer's head what is left of the address's budget.
    pub(super) fn stamp(&self, headers: &mut HeaderMap) {
        if let Some(spent) = &self.spent {
            spent.stamp(headers);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(class) = self.class {
            self.guard.in_flight.fetch_sub(1, Ordering::Relaxed);
            let class = &self.guard.classes[class as usize];
            class.shown.set(class.in_flight.fetch_sub(1, Ordering::Relaxed) - 1);
        }
    }
}

impl Guard {
    /// A guard as configured, who looks at the wait for a thread until the draining.
    #[must_use]
    pub fn start(config: &OverloadConfig, lifecycle: &Lifecycle) -> Arc<Self> {
        let guard = Arc::new(Self {
            most: Most { in_flight: config.max_in_flight, purchases: config.max_purchases_in_flight },
            target: Duration::from_millis(config.queue_delay_milliseconds.into()),
            in_flight: AtomicUsize::new(0),
            classes: Priority::ALL.map(|priority| Class::new(priority, config.max_in_flight)),
            level: AtomicU32::new(Level::default().thousandths()),
            draws: AtomicU32::new(0),
            doors: (AddressBudgets::new(config), Refusals::new(config.retry_after_seconds)),
        });
        lifecycle.spawn("load", Arc::clone(&guard).look_at_the_load(lifecycle.clone()));
        guard
    }

    /// Lets a request in, or answers it.
    pub(super) fn admit<B>(
        self: &Arc<Self>,
        request: &http::Request<B>,
        id: &RequestId,
    ) -> Result<Pass, Box<Response>> {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let Some(class) = Priority::of(method, path) else {
            return Ok(Pass { guard: Arc::clone(self), class: None, spent: None });
        };
        let (budgets, refusals) = &self.doors;
        let peer = request.extensions().get().map(|Peer(peer)| peer.ip());
        let spent = budgets.spend(peer, class).map_err(|exhausted| {
            let mut response = refusals.response(ProblemCode::RateLimited, exhausted.retry_after_seconds, id);
            exhausted.spent.stamp(response.headers_mut());
            Box::new(response)
        })?;
        let draw = self.draw();
        let has_room = self.in_flight.load(Ordering::Relaxed) < class.room(self.most.in_flight)
            && (!Priority::begins_purchase(method, path) || self.has_room_for_a_purchase());
        let level = Level::of_thousandths(self.level.load(Ordering::Relaxed));
        let state = &self.classes[class as usize];
        if !has_room || !level.admits(class, draw) {
            state.refused[usize::from(has_room)].increment(1);
            let mut response = refusals.response(ProblemCode::Busy, refusals.spread(draw), id);
            if let Some(spent) = spent {
                spent.stamp(response.headers_mut());
            }
            return Err(Box::new(response));
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        state.shown.set(state.in_flight.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(Pass { guard: Arc::clone(self), class: Some(class), spent })
    }

    fn has_room_for_a_purchase(&self) -> bool {
        let in_flight = |class: Priority| self.classes[class as usize].in_flight.load(Ordering::Relaxed);
        in_flight(Priority::Confirm) + in_flight(Priority::Finalize) < self.most.purchases
    }

    /// 0 to 999, evenly, one after the other: Weyl's sequence of the golden ratio
    /// (<https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence>).
    fn draw(&self) -> u32 {
        let turn = self.draws.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9);
        u32::try_from((u64::from(turn) * 1_000) >> 32).unwrap_or(0)
    }

    async fn look_at_the_load(self: Arc<Self>, lifecycle: Lifecycle) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (wait, shown): (Gauge, Gauge) =
            (metrics::gauge!("connection_wait_seconds"), metrics::gauge!("overload_classes_admitted"));
        let (mut level, mut before) = (Level::default(), lifecycle.delays.so_far());
        for look in 1_u64.. {
            if lifecycle.draining.run_until_cancelled(looks.tick()).await.is_none() {
                return;
            }
            let now = lifecycle.delays.so_far();
            let is_known = now.runs.wrapping_sub(before.runs) >= LEAST_RUNS;
            let delay = if is_known { now.mean_since(before) } else { Duration::ZERO };
            before = now;
            level = level.after(delay, self.target);
            self.level.store(level.thousandths(), Ordering::Relaxed);
            wait.set(delay.as_secs_f64());
            shown.set(f64::from(level.thousandths()) / 1_000.0);
            if look.is_multiple_of(TIDIED_EVERY_LOOKS) {
                self.doors.0.tidy();
            }
        }
    }
}

#[cfg(test)]
mod tests;
