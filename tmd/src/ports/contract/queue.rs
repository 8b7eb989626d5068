//! What every waiting-room queue keeps.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::stage::event_id;
use crate::ports::queue::WaitingRoomQueue;

/// Runs the suite; `make` makes a fresh queue for every check.
pub async fn run(make: impl AsyncFn() -> Arc<dyn WaitingRoomQueue>) {
    news_are_told_once_however_often_announced(&*make().await).await;
    whoever_waits_is_woken(make().await).await;
}

async fn news_are_told_once_however_often_announced(queue: &dyn WaitingRoomQueue) {
    for id in ["E1", "E2", "E1", "E1"] {
        queue.announce(&event_id(id));
    }
    let mut told = [queue.next().await.to_string(), queue.next().await.to_string()];
    told.sort_unstable();
    assert_eq!(told, ["E1", "E2"]);
    assert!(queue.next().now_or_never().is_none(), "no more news");
}

async fn whoever_waits_is_woken(queue: Arc<dyn WaitingRoomQueue>) {
    let waiting = tokio::time::timeout(Duration::from_secs(5), queue.next());
    let (told, ()) = tokio::join!(waiting, async { queue.announce(&event_id("E1")) });
    assert_eq!(told.unwrap(), event_id("E1"));
}
