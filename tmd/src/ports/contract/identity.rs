//! What every store knows of its office.

use tmcore::identity::{Identity, Provider};

use super::stage::Stage;

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    who_comes_first_says_who_the_office_is(&make().await).await;
    of_many_at_once_one_is_believed_by_all(&make().await).await;
    who_comes_after_it_was_forgotten_says_it_anew(&make().await).await;
}

fn identity(key: u8, provider: &str) -> Identity {
    Identity::new(&[key; 32], Provider::Remote(provider))
}

async fn who_comes_first_says_who_the_office_is(stage: &Stage) {
    let first = identity(1, "http://one");
    assert_eq!(stage.store.identify(&first).await.unwrap(), first);
    for other in [first, identity(2, "http://one"), identity(1, "http://two")] {
        assert_eq!(stage.store.identify(&other).await.unwrap(), first);
    }
}

async fn of_many_at_once_one_is_believed_by_all(stage: &Stage) {
    let said = futures::future::join_all((0..16).map(async |n| {
        let own = identity(n, "http://one");
        stage.store.identify(&own).await.unwrap()
    }));
    let said = said.await;
    assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
}

async fn who_comes_after_it_was_forgotten_says_it_anew(stage: &Stage) {
    let (first, second) = (identity(1, "http://one"), identity(2, "http://two"));
    stage.store.identify(&first).await.unwrap();
    stage.store.forget_identity().await.unwrap();
    assert_eq!(stage.store.identify(&second).await.unwrap(), second);
    assert_eq!(stage.store.identify(&first).await.unwrap(), second);
}
