//! What every store of the provider's tellings keeps.

use tmcore::payment::{Operation, ProviderKey};

use super::stage::{Stage, hold, order_id};
use crate::ports::callback::{Known, Telling};

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    m12_a_telling_is_new_until_it_is_kept(&make().await).await;
    m12_kept_again_changes_nothing(&make().await).await;
    tellings_are_known_in_the_order_given(&make().await).await;
}

fn telling(event: &str, key: ProviderKey) -> Telling {
    Telling { event_id: event.to_owned(), key }
}

fn stranger() -> ProviderKey {
    ProviderKey::derive(order_id(99), Operation::Authorize, 1)
}

/// The key of an authorization that was written down.
async fn authorization(stage: &Stage) -> ProviderKey {
    let id = stage.free_sale("E1", 1).await;
    stage.order(&id, 1).await;
    stage.apply(hold(1, &[0])).await.unwrap().payment.unwrap().key
}

async fn m12_a_telling_is_new_until_it_is_kept(stage: &Stage) {
    let ours = telling("evt_1", authorization(stage).await);
    let known = stage.store.known(std::slice::from_ref(&ours)).await.unwrap();
    let written = stage.store.payments(order_id(1)).await.unwrap().remove(0);
    assert_eq!(known, [Known::About(Box::new(written))]);
    stage.store.keep(std::slice::from_ref(&ours)).await.unwrap();
    assert_eq!(stage.store.known(&[ours]).await.unwrap(), [Known::Heard]);
}

async fn m12_kept_again_changes_nothing(stage: &Stage) {
    let twice = [telling("evt_1", stranger()), telling("evt_1", stranger())];
    stage.store.keep(&twice).await.unwrap();
    stage.store.keep(&twice).await.unwrap();
    assert_eq!(stage.store.known(&twice).await.unwrap(), [Known::Heard, Known::Heard]);
    stage.store.keep(&[]).await.unwrap();
    assert_eq!(stage.store.known(&[]).await.unwrap(), []);
}

async fn tellings_are_known_in_the_order_given(stage: &Stage) {
    let key = authorization(stage).await;
    stage.store.keep(&[telling("evt_2", key)]).await.unwrap();
    let asked = [telling("evt_3", stranger()), telling("evt_2", key), telling("evt_1", key)];
    let known = stage.store.known(&asked).await.unwrap();
    assert!(matches!(known[..], [Known::Stranger, Known::Heard, Known::About(_)]), "{known:?}");
}
