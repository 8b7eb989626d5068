//! What every bus keeps.

use std::sync::Arc;

use super::stage::event_id;
use crate::ports::bus::{Bus, Fact};

/// Runs the suite; `make` makes a fresh bus for every check.
pub async fn run(make: impl AsyncFn() -> Arc<dyn Bus>) {
    everybody_hears_everything_in_order(&*make().await).await;
    nobody_listening_is_no_failure(&*make().await);
}

async fn everybody_hears_everything_in_order(bus: &dyn Bus) {
    let (mut first, mut second) = (bus.subscribe(), bus.subscribe());
    let facts = [Fact::SeatsChanged(event_id("E1")), Fact::EventChanged(event_id("E2"))];
    for fact in &facts {
        bus.publish(fact.clone());
    }
    for listener in [&mut first, &mut second] {
        for fact in &facts {
            assert_eq!(listener.recv().await.unwrap(), *fact);
        }
    }
}

fn nobody_listening_is_no_failure(bus: &dyn Bus) {
    bus.publish(Fact::SeatsChanged(event_id("E1")));
}
