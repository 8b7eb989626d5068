//! The documentation names what there is: every route, code, setting and metric, and no file or test that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that unwraps says where it failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use tempfile::TempDir;
use tmapi::ProblemCode;
use tmd::app::World;
use tmd::clock::SystemClock;
use tmd::config::Config;
use tmd::data_dir::DataDir;
use tmd::entropy::Entropy;
use tmd::http::error;
use tmd::lifecycle::Lifecycle;
use tmd::{http as daemon, wire};
use tower::ServiceExt;

const TEXTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/api.md",
    "docs/caching.md",
    "docs/crash-points.md",
    "docs/money.md",
    "docs/operations.md",
    "docs/overload.md",
    "docs/performance.md",
    "docs/scaling.md",
    "docs/seats.md",
    "docs/security.md",
    "docs/tmtui.md",
    "docs/verify.md",
    "docs/waiting-room.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between backticks on one line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Cells of the table rows that begin with a quoted cell or a number.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.split('|').map(str::trim).skip(1).collect())
}

async fn openapi() -> serde_json::Value {
    let folder = TempDir::new().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let world = World { clock: Arc::new(SystemClock::new()), entropy: Entropy };
    let config = Config::defaults().unwrap();
    let office = wire::office(&config, world, &Lifecycle::new(), &data).await.unwrap();
    let router = daemon::router(office, [0; 32]).unwrap();
    let response = router.oneshot(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.unwrap();
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn every_route_has_its_heading_and_no_other() {
    let description = openapi().await;
    let mut routes = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if item.get(method).is_some() {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    let api = read("docs/api.md");
    let headings = api.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    assert_eq!(headings.map(str::to_owned).collect::<BTreeSet<_>>(), routes);
}

#[test]
fn every_code_stands_in_the_table_with_its_status() {
    let api = read("docs/api.md");
    let mut listed = BTreeSet::new();
    for row in rows(&api).filter(|row| row[0].parse::<u16>().is_ok()) {
        listed.insert((row[0].to_owned(), row[1].trim_matches('`').to_owned()));
    }
    let known = ProblemCode::ALL
        .iter()
        .map(|code| (error::status(*code).as_u16().to_string(), code.as_str().to_owned()));
    assert_eq!(listed, known.collect::<BTreeSet<_>>());
}

#[test]
fn every_setting_stands_in_the_table_with_its_default() {
    let defaults: toml::Table = read("tmd/config.default.toml").parse().unwrap();
    let mut known = BTreeSet::new();
    for (section, keys) in &defaults {
        for (key, value) in keys.as_table().unwrap() {
            known.insert((format!("{section}.{key}"), value.to_string()));
        }
    }
    let operations = read("docs/operations.md");
    let is_setting = |name: &str| defaults.keys().any(|section| name.starts_with(&format!("{section}.")));
    let listed = rows(&operations)
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].trim_matches('`').to_owned()));
    assert_eq!(listed.filter(|(name, _)| is_setting(name)).collect::<BTreeSet<_>>(), known);
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_metric_stands_in_the_table_and_no_other() {
    let mut code = String::new();
    sources(&root().join("tmd/src"), &mut code);
    let mut known = BTreeSet::new();
    for kind in ["counter", "gauge", "histogram"] {
        for rest in code.split(&format!("metrics::{kind}!(")).skip(1) {
            let name = rest.split('"').nth(1).unwrap();
            if !name.contains("_test_") {
                known.insert(name.to_owned());
            }
        }
    }
    let operations = read("docs/operations.md");
    let table = operations.split("\n## Metrics\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed =
        rows(table).filter_map(|row| Some(row[0].strip_prefix('`')?.trim_end_matches('`').to_owned()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_file_that_is_named_is_there() {
    let mut missing = Vec::new();
    for text in TEXTS {
        let content = read(text);
        let folder = root().join(text).parent().unwrap().to_owned();
        let links = content.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let linked = links.filter(|link| !link.is_empty() && !link.contains("://"));
        missing
            .extend(linked.filter(|link| !folder.join(link).exists()).map(|link| format!("{text}: {link}")));
        let is_path = |name: &&str| {
            [
                "tmcore/",
                "tmapi/",
                "tmd/",
                "tmctl/",
                "tmtui/",
                "migrations/",
                "docs/",
                "fuzz/",
                "schemathesis/",
            ]
            .iter()
            .any(|start| name.starts_with(start))
        };
        let named = quoted(&content).filter(is_path).filter(|path| !root().join(path).exists());
        missing.extend(named.map(|path| format!("{text}: {path}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_test_that_is_named_is_there() {
    let mut code = String::new();
    for folder in ["tmd", "tmctl", "tmcore/src", "tmapi/src"] {
        for part in ["src", "tests", ""] {
            let folder = root().join(folder).join(part);
            if folder.is_dir() {
                sources(&folder, &mut code);
            }
        }
    }
    let mut count = 0;
    let texts = [
        "caching",
        "crash-points",
        "money",
        "overload",
        "scaling",
        "seats",
        "security",
        "verify",
        "waiting-room",
    ];
    for text in texts.map(|name| format!("docs/{name}.md")) {
        for name in quoted(&read(&text)).filter(|name| name.matches('_').count() >= 3 && !name.contains('.'))
        {
            assert!(code.contains(&format!("fn {name}(")), "{text}: {name}");
            count += 1;
        }
    }
    assert!(count > 25, "{count} tests are named");
}
