//! Who may import whom. The pure crate knows nothing, the daemon's layers know the one below, `wire` knows all.

use std::fs;

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, Macro, Path, UseTree};

use crate::assert_none;
use crate::source::{Source, crates, flatten, production, root};

/// What a layer of `tmd` may import of the others, beside itself and the [`GROUND`].
const LAYERS: &[(&str, &[&str])] = &[
    ("http", &["app"]),
    ("workers", &["app"]),
    // The demo events are made as an organiser makes them.
    ("demo", &["app", "http"]),
    ("app", &["ports"]),
    ("ports", &[]),
    ("store", &["ports"]),
    ("adapters", &["ports"]),
    ("descriptors", &[]),
    ("serve", &["descriptors", "wire", "http", "app", "adapters", "workers", "demo", "data_dir"]),
    ("health", &[]),
    // The ground: settings, time, randomness, tasks and the log, which every layer may use.
    ("cli", &[]),
    ("clock", &[]),
    ("config", &["cli"]),
    ("data_dir", &[]),
    ("drill", &[]),
    ("entropy", &[]),
    ("lifecycle", &[]),
    ("telemetry", &[]),
];
const GROUND: &[&str] = &["clock", "config", "drill", "entropy", "lifecycle", "telemetry"];

/// The only places that see everything.
const SEE_ALL: &[&str] = &["main", "lib", "wire"];

/// Crates that only some layers may name.
const DRIVERS: &[(&str, &[&str])] = &[
    ("axum", &["http", "serve", "adapters"]),
    ("redis", &["adapters"]),
    ("sqlx", &["store", "adapters"]),
    ("tmapi", &["http", "serve", "adapters"]),
];

/// Our crates each crate may depend on.
const CRATES: &[(&str, &[&str])] = &[
    ("tmcore", &[]),
    ("tmapi", &["tmcore"]),
    ("tmd", &["tmcore", "tmapi"]),
    ("tmctl", &["tmcore", "tmapi"]),
    // Contexts, tokens and requests that were cut off are kept in one way for both.
    ("tmtui", &["tmcore", "tmapi", "tmctl"]),
];

/// The rules take time, randomness and the world's answers as arguments.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "tokio-util",
    "sqlx",
    "axum",
    "redis",
    "hyper",
    "tower",
    "reqwest",
    "rand",
    "async-trait",
    "futures",
];

/// The names a file refers to, as paths from the crate's root or from another crate's name.
struct References {
    module: Vec<String>,
    found: Vec<(Vec<String>, usize)>,
}

impl References {
    fn add(&mut self, segments: Vec<String>, line: usize) {
        let mut absolute = match segments[0].as_str() {
            "self" | "super" => self.module.clone(),
            "crate" => Vec::new(),
            _ => return self.found.push((segments, line)),
        };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(absolute.pop()),
                _ => absolute.push(segment),
            }
        }
        absolute.insert(0, "crate".to_owned());
        self.found.push((absolute, line));
    }

    fn add_tree(&mut self, mut before: Vec<String>, tree: &UseTree, line: usize) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_tree(before, &path.tree, line);
            }
            UseTree::Name(name) => self.add([before, vec![name.ident.to_string()]].concat(), line),
            UseTree::Rename(name) => self.add([before, vec![name.ident.to_string()]].concat(), line),
            UseTree::Glob(_) => self.add(before, line),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_tree(before.clone(), tree, line));
            }
        }
    }
}

impl<'ast> Visit<'ast> for References {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_tree(Vec::new(), &item.tree, item.use_token.span.start().line);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.segments.len() > 1 {
            let line = path.segments[0].ident.span().start().line;
            self.add(path.segments.iter().map(|segment| segment.ident.to_string()).collect(), line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        let tokens = flatten(call.tokens.clone());
        for window in tokens.windows(4) {
            if let [
                TokenTree::Ident(first),
                TokenTree::Punct(a),
                TokenTree::Punct(b),
                TokenTree::Ident(second),
            ] = window
                && (a.as_char(), b.as_char()) == (':', ':')
            {
                self.add(vec![first.to_string(), second.to_string()], first.span().start().line);
            }
        }
    }
}

fn references(source: &Source, module: Vec<String>) -> Vec<(Vec<String>, usize)> {
    let mut references = References { module, found: Vec::new() };
    source.items.iter().for_each(|item| references.visit_item(item));
    references.found
}

/// `tmd/src/http/accept.rs` is `["http", "accept"]`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.split_once("/src/").map_or(path, |(_, inner)| inner);
    let bare = inner.strip_suffix(".rs").unwrap_or(inner);
    bare.split('/').filter(|part| *part != "mod").map(str::to_owned).collect()
}

fn row<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(key, _)| *key == name).map(|(_, allowed)| *allowed)
}

fn faults(source: &Source) -> Vec<String> {
    let module = module_of(&source.path);
    let layer = module[0].clone();
    if SEE_ALL.contains(&layer.as_str()) {
        return Vec::new();
    }
    let Some(allowed) = row(LAYERS, &layer) else {
        return vec![format!("{}: `{layer}` is no layer; give it a row in `LAYERS`", source.path)];
    };
    let mut faults = Vec::new();
    for (path, line) in references(source, module) {
        let target = path.get(1).map_or("", String::as_str);
        let is_layer = row(LAYERS, target).is_some() || SEE_ALL.contains(&target);
        if path[0] == "crate"
            && is_layer
            && target != layer
            && !allowed.contains(&target)
            && !GROUND.contains(&target)
        {
            faults.push(format!("{}: {layer} -> {target}", source.at(line)));
        }
        if row(DRIVERS, &path[0]).is_some_and(|layers| !layers.contains(&layer.as_str())) {
            faults.push(format!("{}: {layer} -> {}", source.at(line), path[0]));
        }
    }
    faults.dedup();
    faults
}

fn manifest_faults(name: &str, manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies =
        manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let Some(allowed) = row(CRATES, name) else { return vec![format!("{name}: give it a row in `CRATES`")] };
    let is_wrong = |dependency: &str| {
        let is_ours = row(CRATES, dependency).is_some();
        (is_ours && !allowed.contains(&dependency)) || (name == "tmcore" && NOT_IN_CORE.contains(&dependency))
    };
    let wrong = dependencies.keys().filter(|dependency| is_wrong(dependency));
    wrong.map(|dependency| format!("{name} -> {dependency}")).collect()
}

#[test]
fn layers_import_only_what_lies_below() {
    let sources = production();
    let daemon = sources.iter().filter(|source| source.path.starts_with("tmd/"));
    assert_none("an import against the arrows", &daemon.flat_map(faults).collect::<Vec<_>>());
}

#[test]
fn crates_depend_only_on_what_lies_below() {
    let manifest = |name: &String| fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let faults: Vec<_> = crates().iter().flat_map(|name| manifest_faults(name, &manifest(name))).collect();
    assert_none("a dependency against the arrows", &faults);
}

#[test]
fn an_import_against_the_arrows_is_found() {
    for (path, text, fault) in [
        ("tmd/src/app/order.rs", "use crate::http::Peer;", "app -> http"),
        ("tmd/src/app/order.rs", "use super::super::http::{a, b};", "app -> http"),
        ("tmd/src/app.rs", "use crate::{ports::Store, store::sqlite};", "app -> store"),
        ("tmd/src/ports.rs", "fn a() -> crate::adapters::Gateway { todo!() }", "ports -> adapters"),
        ("tmd/src/ports.rs", "mod contract { use super::super::store; }", "ports -> store"),
        ("tmd/src/workers/sweeper.rs", "fn a() { log!(\"{}\", crate::store::count()) }", "workers -> store"),
        ("tmd/src/http/order.rs", "use crate::wire::Wired;", "http -> wire"),
        ("tmd/src/app.rs", "type Rows = Vec<sqlx::Row>;", "app -> sqlx"),
        ("tmd/src/store/sqlite.rs", "use axum::Json;", "store -> axum"),
    ] {
        let faults = faults(&Source::parse(path, text));
        assert_eq!(faults, [format!("{path}:1: {fault}")], "{text}");
    }
    assert_eq!(faults(&Source::parse("tmd/src/odd.rs", "")).len(), 1);
}

#[test]
fn imports_along_the_arrows_are_not() {
    for (path, text) in [
        (
            "tmd/src/http/order.rs",
            "use crate::app; use tmapi::Problem; use super::accept::Peer; use http::Method;",
        ),
        ("tmd/src/store/sqlite.rs", "use crate::ports::Store; use crate::clock::Clock; use sqlx::Row;"),
        ("tmd/src/app.rs", "#[cfg(test)] mod tests { use crate::adapters::memory; }"),
        ("tmd/src/wire.rs", "use crate::{http, store, adapters, workers};"),
    ] {
        assert_eq!(faults(&Source::parse(path, text)), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_dependency_against_the_arrows_is_found() {
    let manifest = "[dependencies]\ntmapi.workspace = true\ntokio = \"1\"\nserde = \"1\"\n";
    assert_eq!(manifest_faults("tmcore", manifest), ["tmcore -> tmapi", "tmcore -> tokio"]);
    assert_eq!(manifest_faults("tmctl", "[dependencies]\ntmd = \"1\""), ["tmctl -> tmd"]);
    assert_eq!(manifest_faults("tmctl", manifest), Vec::<String>::new());
}
