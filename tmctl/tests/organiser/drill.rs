//! Rehearsals, with real processes and a real crowd.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _};

use super::office::{Office, Run};

/// An office with a small house that half a hundred buyers can sell out.
pub fn house() -> Office {
    let office = Office::start(&[]);
    let plan = office.home().join("plan.json");
    let seats = |row: u32| -> Vec<Value> {
        let seat = |n: u32| {
            serde_json::json!({"seat_number": n.to_string(), "seat_guid": format!("{row}-{n}"),
            "category": "Standard", "position": {"x": 10 * n, "y": 0}})
        };
        (1..=20).map(seat).collect()
    };
    let rows: Vec<_> = (1..=5)
        .map(|row| serde_json::json!({"row_number": row.to_string(), "position": {"x": 0, "y": 10 * row}, "seats": seats(row)}))
        .collect();
    let document = serde_json::json!({
        "name": "House", "size": {"width": 300, "height": 100}, "categories": [{"name": "Standard", "color": "#336699"}],
        "zones": [{"name": "Hall", "position": {"x": 0, "y": 0}, "rows": rows, "areas": []}],
    });
    std::fs::write(&plan, document.to_string()).unwrap();
    let plan = plan.display().to_string();
    let words = ["event", "import", "E9", &plan, "--price", "Standard=10.00", "--name", "Gala"];
    office
        .ok(&[&words[..], &["--starts-at", "2030-01-01T20:00", "--capacity", "20", "--rate", "6000"]]
            .concat());
    office.ok(&["event", "open", "E9"]);
    office
}

/// A rehearsal, and what it came to.
fn rehearsed(office: &Office, more: &[&str]) -> (Run, Value) {
    let folder = office.home().join("report").display().to_string();
    let words = ["drill", "E9", "--buyers", "60", "--hold-ttl", "4s", "--report", &folder, "-o", "json"];
    let run = office.run(&[&words[..], more].concat());
    let report = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    (run, report)
}

pub fn breaches(report: &Value) -> Vec<&str> {
    let judged = report["verdict"].as_array().unwrap().iter();
    judged.filter(|one| one["holds"] != true).map(|one| one["check"].as_str().unwrap()).collect()
}

#[test]
fn a_rehearsal_sells_out_a_copy_and_leaves_the_event_alone() {
    let office = house();
    let (run, report) = rehearsed(&office, &["--rush", "3s", "--seed", "3"]);
    assert_eq!((run.code, breaches(&report)), (0, vec![]), "{run:?}");
    assert_eq!(report["sold"], 100, "{report}");
    assert!(report["soldOutAfterMillis"].as_u64().is_some(), "{report}");
    let bots = report["habits"].as_array().unwrap().iter().find(|one| one["habit"] == "bot");
    assert!(bots.is_none_or(|bots| bots["bought"] == 0), "{report}");
    assert_eq!(office.json(&["sale", "status", "E9"])["seats"]["sold"], 0, "the event itself was sold");
    // Every answer is kept: a line when it was asked for, and one when it was there.
    let history = std::fs::read_to_string(office.home().join("report/history.jsonl")).unwrap();
    let lines: Vec<Value> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked = lines.iter().filter(|line| line["type"] == "invoke").count();
    assert_eq!(asked * 2, lines.len());
    assert!(lines.is_sorted_by_key(|line| line["time"].as_u64()));
    let page = std::fs::read_to_string(office.home().join("report/drill.html")).unwrap();
    assert!(page.contains("<polyline") && page.contains("no seat was sold to two"), "{page}");
    // The same seed is the same crowd.
    let came = |report: &Value| -> Vec<Value> {
        report["habits"].as_array().unwrap().iter().map(|one| one["came"].clone()).collect()
    };
    let (_, again) = rehearsed(&office, &["--rush", "3s", "--seed", "3"]);
    assert_eq!(came(&again), came(&report));
}

#[test]
fn whatever_goes_wrong_in_a_rehearsal_every_promise_is_kept() {
    let office = house();
    let (run, report) = rehearsed(&office, &["--faults", "kill,pause,gateway,network", "--rush", "12s"]);
    assert_eq!((run.code, breaches(&report)), (0, vec![]), "{run:?}");
    assert!(report["faults"].as_array().is_some_and(|faults| !faults.is_empty()), "{report}");
    assert!(report["sold"].as_u64().unwrap() > 50, "{report}");
}

#[test]
fn a_rehearsal_that_cannot_be_is_refused_in_a_sentence() {
    let office = house();
    let nothing = office.run(&["drill", "E44"]);
    assert_eq!(nothing.code, 3, "{nothing:?}");
    for words in [
        ["--buyers", "0"],
        ["--faults", "flood"],
        ["--set", "PATH=/"],
        ["--bots", "101"],
        ["--faults", "redis"],
    ] {
        assert_eq!(office.run(&[&["drill", "E9"][..], &words].concat()).code, 2, "{words:?}");
    }
    let refused = office.run(&["drill", "E9", "--set", "store.batch_items=-1"]);
    assert_eq!(refused.code, 11, "{refused:?}");
    assert!(refused.err.contains("batch_items"), "{refused:?}");
}

/// A rehearsal, and what it came to; `None` where it needs a tmd with drills in it, and this one has none.
pub fn rehearsal(office: &Office, words: &[&str]) -> Option<(Run, Value)> {
    let run = office.run(&[&["drill", "E9", "-o", "json"][..], words].concat());
    if run.code == 11 && (run.err.contains("MUTANT") || run.err.contains("CRASH_AT")) {
        return None;
    }
    let report = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    Some((run, report))
}

/// A database of a rehearsal's own, and a Redis; neither where there are no such servers, but on a build machine.
#[allow(clippy::disallowed_methods, reason = "which servers tests use is no setting of the program")]
fn servers() -> Option<[String; 2]> {
    let named = |name| std::env::var(name).ok().filter(|url| !url.is_empty());
    let found = named("TMD_TEST_POSTGRES_URL").zip(named("TMD_TEST_REDIS_URL"));
    assert!(
        found.is_some() || named("CI").is_none(),
        "TMD_TEST_POSTGRES_URL and TMD_TEST_REDIS_URL are not set"
    );
    let (server, redis) = found?;
    let database = format!("rehearsal_{}", std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut admin = sqlx::PgConnection::connect(&server).await.unwrap();
        let sql = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE); CREATE DATABASE {database}");
        for sql in sql.split("; ") {
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.unwrap();
        }
    });
    let (base, _) = server.rsplit_once('/').unwrap();
    Some([format!("store.url={base}/{database}"), format!("redis.url={redis}")])
}

#[test]
fn on_postgresql_and_redis_too_every_promise_is_kept_whatever_goes_wrong() {
    let Some([postgres, redis]) = servers() else { return };
    let office = house();
    let prefix = format!("redis.key_prefix=rehearsal-{}", std::process::id());
    let settings = ["--set", "store.backend=postgres", "--set", &postgres, "--set", &redis, "--set", &prefix];
    let faults = ["--rush", "12s", "--faults", "kill,pause,gateway,network,postgres,redis", "--seed", "5"];
    let (run, report) = rehearsed(&office, &[&settings[..], &faults].concat());
    assert_eq!((run.code, breaches(&report)), (0, vec![]), "{run:?}");
    assert!(report["sold"].as_u64().unwrap() > 50, "{report}");
}
