//! Rehearsals, with real processes and a real crowd.

use std::fmt::Write as _;

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

/// Runs a command of somebody who has programs.
fn run(office: &Office, words: &[&str]) -> Run {
    super::office::run(office.command(words).env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
}

/// A rehearsal, and what it came to.
fn rehearsed(office: &Office, more: &[&str]) -> (Run, Value) {
    let folder = office.home().join("report").display().to_string();
    let words = ["drill", "E9", "--buyers", "60", "--hold-ttl", "4s", "--report", &folder, "-o", "json"];
    let run = run(office, &[&words[..], more].concat());
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
        ["--faults", "postgres.kill"],
        ["--scenario", "/no/such.toml"],
        ["--full", "--set=store.url=postgres://elsewhere/x"],
        ["--faults=disk", "--full"],
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

/// Every fault of these kinds that the documentation has, which has them all.
fn faults(kinds: &[&str]) -> Vec<String> {
    let text = include_str!("../../../docs/drill.md");
    let words = text.split('`').skip(1).step_by(2);
    let is_of = |word: &&str| kinds.contains(&word.split_once('.').map_or(*word, |(kind, _)| kind));
    let is_fault =
        |word: &&str| word.contains('.') || !["gateway", "network", "postgres", "redis"].contains(word);
    let mut found: Vec<_> = words.filter(is_of).filter(is_fault).map(str::to_owned).collect();
    found.sort();
    found.dedup();
    found
}

/// A scenario that throws each of these, one after the other; what the provider tells is another matter, and has the same
/// time for itself.
fn one_after_the_other(names: &[String]) -> String {
    let mut text = "buyers = 60\nhold-ttl = \"4s\"\nseed = 9\n".to_owned();
    let (mut at_millis, mut told_at_millis) = (500, 500);
    for name in names {
        let ends = |hows: &[&str]| hows.iter().any(|how| name.ends_with(how));
        let (at, lasts) = if ends(&["twice", "late", "backwards", "wrong-amount", "forged"]) {
            (&mut told_at_millis, 2_500)
        } else {
            (&mut at_millis, if ends(&["commit"]) { 1_500 } else { 400 })
        };
        let is_instant = ends(&["cut", "reset", "flush", "terminate"]);
        let lasting = if is_instant { String::new() } else { format!("for = \"{lasts}ms\"\n") };
        let _ = write!(text, "[[fault]]\nat = \"{at}ms\"\nfault = \"{name}\"\n{lasting}");
        *at += lasts + 250;
    }
    // Somebody comes as long as faults do.
    format!("rush = \"{}ms\"\n{text}", at_millis.max(told_at_millis))
}

/// Runs a scenario with each of these, and has every promise kept; answers what was told of each.
fn thrown(office: &Office, names: &[String], more: &[&str]) -> Vec<(String, String)> {
    let file = office.file("scenario.toml", &one_after_the_other(names));
    let (run, report) = rehearsed(office, &[&["--scenario", &file], more].concat());
    assert_eq!((run.code, breaches(&report)), (0, vec![]), "{run:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = report["faults"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|one| (text(&one["fault"]), text(&one["what"]))).collect();
    let mut thrown: Vec<_> = told.iter().map(|(name, _)| name.clone()).collect();
    thrown.sort();
    assert_eq!(thrown, names);
    for (name, what) in &told {
        assert!(![" not", "nothing: "].iter().any(|bad| what.contains(bad)), "{name}: {what}");
        // What happens to something that there is none of is no fault. Of callbacks there may be none in so short a time.
        let is_none = what.starts_with("0 ") || what.contains(" 0 ");
        assert!(!is_none || what.contains("callbacks"), "{name}: {what}");
    }
    told
}

#[allow(clippy::disallowed_methods, reason = "the build machine says what it is in the environment")]
fn is_build_machine() -> bool {
    std::env::var_os("CI").is_some()
}

/// What only some machines have: elsewhere it is left out, but not on a build machine.
fn had_here(office: &Office, fault: &str) -> bool {
    let run = run(office, &["drill", "E9", "--faults", fault, "--buyers", "1", "--rush", "0s"]);
    assert!(run.code == 0 || !is_build_machine(), "{run:?}");
    assert!(run.code == 0 || run.code == 2, "{run:?}");
    run.code == 0
}

#[test]
fn every_fault_of_a_daemon_alone_is_thrown_and_every_promise_kept() {
    let office = house();
    let mut names = faults(&["kill", "pause", "network", "gateway"]);
    assert!(names.len() > 20, "{names:?}");
    for rare in ["disk", "clock"] {
        if had_here(&office, rare) {
            names.push(rare.to_owned());
        }
    }
    names.sort();
    let told = thrown(&office, &names, &[]);
    let (of_callbacks, none): (Vec<_>, Vec<_>) = told
        .iter()
        .filter(|(_, what)| what.contains("callbacks"))
        .partition(|(_, what)| !what.starts_with("0 "));
    assert!(of_callbacks.len() > none.len(), "{none:?}");
}

#[test]
fn every_fault_of_postgresql_and_redis_is_thrown_and_every_promise_kept() {
    let office = house();
    let names = faults(&["postgres", "redis"]);
    assert!(names.len() > 20, "{names:?}");
    let nowhere = run(&office, &["drill", "E9", "--full", "--buyers", "1", "--rush", "0s"]);
    if nowhere.code == 2 && !is_build_machine() {
        assert!(nowhere.err.contains("apt-get install"), "{nowhere:?}");
        return;
    }
    thrown(&office, &names, &["--full"]);
}

/// A daemon that believes whatever it is told is found out by what somebody else told it.
#[test]
fn who_believes_what_the_provider_did_not_sign_is_found_out() {
    let office = house();
    let text = "rush = \"4s\"\nat-most = \"20s\"\n[set]\nmutant = \"callback-unverified\"\n\
                [[fault]]\nat = \"1s\"\nfault = \"gateway.forged\"\nfor = \"5s\"\n";
    let file = office.file("scenario.toml", text);
    let run = run(
        &office,
        &["drill", "E9", "--buyers", "40", "--hold-ttl", "4s", "--scenario", &file, "-o", "json"],
    );
    if run.code == 11 && run.err.contains("MUTANT") {
        // This tmd was built without drills.
        return;
    }
    assert_eq!(run.code, 1, "{run:?}");
    let report: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert!(breaches(&report).contains(&"signed"), "{report}");
}

#[test]
fn the_example_of_a_scenario_runs_as_it_is() {
    let office = house();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../contrib/drill.toml");
    let run = office.run(&["drill", "E9", "--scenario", example, "--buyers", "50", "-o", "json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert_eq!((run.code, breaches(&report)), (0, vec![]), "{run:?}");
    assert_eq!((&report["rehearsed"]["buyers"], &report["rehearsed"]["seed"]), (&50.into(), &7.into()));
    let told: Vec<_> =
        report["faults"].as_array().unwrap().iter().map(|one| one["fault"].as_str().unwrap()).collect();
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(told.contains(&"kill") && told.contains(&"gateway.wrong-amount"), "{told:?}");
}

#[test]
fn without_its_programs_a_full_rehearsal_says_what_to_install() {
    let office = house();
    let mut command = office.command(&["drill", "E9", "--full"]);
    // Debian's own place is looked at as well: there they may be.
    let run = super::office::run(command.env("PATH", "/nowhere"));
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("apt-get install") && run.err.contains("--set"), "{run:?}");
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
