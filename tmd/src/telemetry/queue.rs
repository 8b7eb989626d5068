//! Everything in the process that something may wait in, or that may be full: how deep it is and how much it takes.
//!
//! `queue_capacity{queue}` is set once, `queue_depth{queue}` at every change. Whoever makes a bounded channel, a
//! semaphore or a bound of their own makes a [`QueueGauge`] beside it.

use metrics::{Gauge, SharedString};

/// The two metrics of one queue.
#[derive(Clone, Debug)]
pub struct QueueGauge {
    depth: Gauge,
    capacity: usize,
}

impl QueueGauge {
    /// Shows a queue of this name, empty, that takes `capacity`.
    #[must_use]
    pub fn new(name: impl Into<SharedString>, capacity: usize) -> Self {
        let name = name.into();
        metrics::gauge!("queue_capacity", "queue" => name.clone()).set(number(capacity));
        let depth = metrics::gauge!("queue_depth", "queue" => name);
        depth.set(0.0);
        Self { depth, capacity }
    }

    /// Shows how many are in it.
    pub fn set(&self, depth: usize) {
        self.depth.set(number(depth));
    }

    /// Shows how many are in it, when what is known is how many more it would take.
    pub fn set_free(&self, free: usize) {
        self.set(self.capacity.saturating_sub(free));
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_capacity_are_shown_from_the_beginning() {
        let metrics = crate::telemetry::Metrics::install().unwrap();
        let shown = |wanted: &str| metrics.render().lines().any(|line| line == wanted);
        let queue = QueueGauge::new("of a unit test", 10);
        assert!(shown("queue_capacity{queue=\"of a unit test\"} 10"));
        assert!(shown("queue_depth{queue=\"of a unit test\"} 0"));
        queue.set_free(3);
        assert!(shown("queue_depth{queue=\"of a unit test\"} 7"));
    }
}
