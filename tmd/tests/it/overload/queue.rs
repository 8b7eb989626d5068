//! Nothing waits unseen: every queue has its depth and its capacity in the metrics, and stands in the documents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::child::Child;
use crate::wire::Ask;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let production = text.split("#[cfg(test)]").next().unwrap().to_owned();
            found.push((path, production));
        }
    }
}

/// Whatever several may wait in or that may be full.
const MADE_BY: [&str; 4] =
    ["mpsc::channel", "broadcast::Sender::new", "broadcast::channel", "Semaphore::new"];

#[test]
fn every_channel_and_every_semaphore_is_shown() {
    let mut found = Vec::new();
    sources(&root().join("tmd/src"), &mut found);
    let mut count = 0;
    for (path, text) in found {
        let made: usize = MADE_BY.iter().map(|made_by| text.matches(made_by).count()).sum();
        let shown = text.matches("QueueGauge::new(").count();
        assert!(made <= shown, "{}: {made} queues, {shown} shown", path.display());
        count += made;
    }
    assert!(count >= 6, "the queues were not found");
}

/// The names in a daemon's metrics are those of the table in `docs/overload.md`.
#[tokio::test(flavor = "multi_thread")]
async fn every_queue_is_in_the_metrics_and_in_the_table() {
    let child = Child::start(&[]).await;
    // Somebody listens, so that there is a hub.
    let mut seats = Ask::new("GET /api/sse/events/E1/seats").send(&child.url).await;
    seats.until("event: seat-snapshot").await;
    let metrics = Ask::new("GET /metrics").send(&child.admin).await.text();
    let named = |metric: &str| -> BTreeSet<String> {
        let start = format!("{metric}{{queue=\"");
        let names = metrics.lines().filter_map(|line| line.strip_prefix(&start)?.split('"').next());
        names.map(str::to_owned).collect()
    };
    let depths = named("queue_depth");
    assert_eq!(named("queue_capacity"), depths);
    let document = std::fs::read_to_string(root().join("docs/overload.md")).unwrap();
    let table = document.split("\n## Every queue\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let listed: BTreeSet<String> =
        rows.flat_map(|cell| cell.split(',').map(|name| name.trim().trim_matches('`').to_owned())).collect();
    assert_eq!(listed, depths);
    assert!(metrics.lines().any(|line| line == "queue_depth{queue=\"seat_streams\"} 1"), "{metrics}");
    assert!(metrics.lines().any(|line| line == "queue_capacity{queue=\"public_connections\"} 20000"));
}
