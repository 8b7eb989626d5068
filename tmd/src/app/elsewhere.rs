//! What other processes of the office committed: heard over the bus, and looked up in the rows, because facts get lost.

use std::sync::Arc;
use std::time::Duration;

use tmcore::EventId;
use tmcore::cache_key::CacheKey;
use tmcore::event::SaleState;
use tokio::sync::broadcast::error::RecvError;

use super::Office;
use crate::ports::StoreError;
use crate::ports::bus::Fact;

/// Sessions that are looked up one by one in one refresh; the rest has its turn in the next.
const MAX_LOOK_UPS: usize = 1_000;
/// Events announced from one page of rows.
const PAGE: u32 = 256;
/// Of all the time, at most one part in so many is spent on reading the rooms.
const REFRESH_SHARE: u32 = 10;

impl Office {
    /// Takes in what other processes tell until the bus is gone. Whatever was missed is left to the next refresh, which
    /// is asked for at once.
    pub async fn hear(self: Arc<Self>) {
        let mut facts = self.ports.bus.subscribe();
        // What was told before.
        self.rooms.is_behind.notify_one();
        loop {
            let heard = match facts.recv().await {
                Ok(Fact::SessionsMoved { records, admitted }) => {
                    let room = match records.first() {
                        Some(first) => self.room(&first.event).await.map(drop),
                        None => Ok(()),
                    };
                    self.rooms.take_in(&records, (admitted, self.world().clock.monotonic()));
                    room
                }
                Ok(Fact::EventChanged(event)) => self.take_in_event(&event).await,
                // Whoever shows seats listens too, and how they stand is not kept for long. Of holds nobody is told.
                Ok(Fact::SeatsChanged(_) | Fact::HoldMoved { .. }) => Ok(()),
                Ok(Fact::Missed) | Err(RecvError::Lagged(_)) => {
                    metrics::counter!("facts_missed_total").increment(1);
                    self.rooms.is_behind.notify_one();
                    Ok(())
                }
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = heard {
                tracing::warn!(%error, "failed to take in what another process told; the next refresh will");
                self.rooms.is_behind.notify_one();
            }
        }
    }

    async fn take_in_event(&self, event: &EventId) -> Result<(), StoreError> {
        for key in [
            CacheKey::Event(event.clone()),
            CacheKey::SeatMap(event.clone()),
            CacheKey::Availability(event.clone()),
        ] {
            self.ports.cache.look_again(Some(&key)).await;
        }
        if let Some(record) = self.store().event(event).await? {
            self.rooms.open(record.sale);
        }
        Ok(())
    }

    /// Reads sales and sessions of all rooms anew when something was missed, and every `pause` anyway, but never oftener
    /// than a tenth of the time.
    pub async fn keep_rooms_fresh(self: Arc<Self>, pause: Duration) {
        let mut rest = Duration::ZERO;
        loop {
            // Waited for in any case, so that facts missed in a row cost one refresh.
            tokio::time::sleep(rest).await;
            let is_behind = tokio::time::timeout(pause, self.rooms.is_behind.notified()).await.is_ok();
            if is_behind {
                self.ports.cache.look_again(None).await;
            }
            let began_at = self.world().clock.monotonic();
            if let Err(error) = self.refresh_rooms().await {
                metrics::counter!("worker_failures_total", "worker" => "rooms").increment(1);
                tracing::warn!(worker = "rooms", %error, "failed, will try again");
            }
            let took = self.world().clock.monotonic().saturating_sub(began_at);
            metrics::histogram!("rooms_refresh_duration_seconds").record(took.as_secs_f64());
            rest = took * REFRESH_SHARE;
        }
    }

    /// Reads the rooms from the rows: who came, who went, and whose sale is where.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refresh_rooms(&self) -> Result<(), StoreError> {
        for event in self.rooms.events(true) {
            if let Some(record) = self.store().event(&event).await? {
                self.rooms.open(record.sale);
            }
        }
        let known = self.rooms.sessions();
        let live = self.read_rooms().await?;
        for session in known.into_iter().filter(|session| !live.contains(session)).take(MAX_LOOK_UPS) {
            if let Some(record) = self.store().session(session).await? {
                self.rooms.take_in(&[record], (0, self.world().clock.monotonic()));
            }
        }
        Ok(())
    }

    /// Announces every event with a waiting room that is on sale, from the rows: the queue has lost what it knew (W5).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn announce_all(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.store().events(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.sale.event.clone());
            let on_sale = page
                .iter()
                .filter(|event| event.sale.state == SaleState::Open && event.sale.rules.waiting_room);
            for event in on_sale {
                self.ports.queue.announce(&event.sale.event);
            }
        }
    }
}
