//! What every search index keeps.

use tmcore::Timestamp;

use super::stage::{Stage, event};
use crate::ports::search::SearchQuery;

/// Runs the suite; `make` makes a fresh store for every check.
pub async fn run(make: impl AsyncFn() -> Stage) {
    every_word_has_to_occur_somewhere(&make().await).await;
    signs_are_taken_as_they_are(&make().await).await;
    hits_are_paged_counted_and_bounded_by_time(&make().await).await;
}

async fn found(stage: &Stage, query: SearchQuery) -> (Vec<String>, u64) {
    let (hits, total) = stage.store.search(&query).await.unwrap();
    (hits.into_iter().map(|hit| hit.sale.event.to_string()).collect(), total)
}

fn words(words: &[&str]) -> SearchQuery {
    SearchQuery {
        keywords: words.iter().map(|&word| word.into()).collect(),
        limit: 10,
        ..SearchQuery::default()
    }
}

async fn every_word_has_to_occur_somewhere(stage: &Stage) {
    let mut record = event("E1");
    record.name = "Winter Tale".into();
    stage.store.put_event(&record, None, true).await.unwrap();
    stage.store.put_event(&event("E2"), None, true).await.unwrap();
    for (query, hits) in
        [(vec!["winter"], 1), (vec!["ada"], 2), (vec!["tale", "ghent", "hall"], 1), (vec!["tale", "x"], 0)]
    {
        let (found, total) = found(stage, words(&query)).await;
        assert_eq!((found.len() as u64, total), (hits, hits), "{query:?}");
    }
}

async fn signs_are_taken_as_they_are(stage: &Stage) {
    for (id, name) in
        [("E1", "100% Brass"), ("E2", "100 Brass"), ("E3", "a_b"), ("E4", "axb"), ("E5", "back\\slash")]
    {
        let mut record = event(id);
        record.name = name.into();
        stage.store.put_event(&record, None, true).await.unwrap();
    }
    for (sign, id) in [("100%", "E1"), ("a_b", "E3"), ("k\\s", "E5")] {
        assert_eq!(found(stage, words(&[sign])).await, (vec![id.to_owned()], 1), "{sign}");
    }
}

async fn hits_are_paged_counted_and_bounded_by_time(stage: &Stage) {
    for n in 1..=5_i64 {
        let mut record = event(&format!("E{n}"));
        record.starts_at = Timestamp::from_millis(n * 1_000);
        stage.store.put_event(&record, None, true).await.unwrap();
    }
    let page = SearchQuery { offset: 1, limit: 2, ..words(&[]) };
    assert_eq!(found(stage, page).await, (vec!["E2".to_owned(), "E3".to_owned()], 5));
    let (from, until) = (Some(Timestamp::from_millis(2_000)), Some(Timestamp::from_millis(4_000)));
    let between = SearchQuery { from, until, ..words(&[]) };
    assert_eq!(found(stage, between).await, (vec!["E2".to_owned(), "E3".to_owned()], 2));
}
