//! The project's files, read and parsed.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::{Attribute, Item};

/// A Rust file of a crate's `src`, without what is compiled for its tests only.
pub struct Source {
    /// From the workspace's root, with `/`.
    pub path: String,
    /// The items that stay when nothing is tested.
    pub items: Vec<Item>,
    /// Lines of the file, without those of its tests.
    pub lines: usize,
}

impl Source {
    /// Parses a file's text and drops its tests.
    pub fn parse(path: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|fault| panic!("{path} does not parse: {fault}"));
        let mut items = file.items;
        let test_lines = drop_tests(&mut items);
        Self { path: path.to_owned(), items, lines: text.lines().count() - test_lines }
    }

    /// A line of this file, as a compiler writes it.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// The workspace's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// The crates of the workspace, by folder.
pub fn crates() -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().expect("a list of members");
    members.iter().map(|member| member.as_str().expect("a folder").to_owned()).collect()
}

/// Every Rust file below a crate's `src` that is not a test's, parsed.
pub fn production() -> Vec<Source> {
    let mut sources = Vec::new();
    for member in crates() {
        for (path, text) in files(&format!("{member}/src"), &["rs"]) {
            let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
            if !is_test {
                sources.push(Source::parse(&path, &text));
            }
        }
    }
    assert!(sources.len() >= 5, "the production files were not found");
    sources
}

/// Path from the root and text of every file below a folder whose name ends in one of the extensions, in order.
/// Build output and hidden folders are left out.
pub fn files(folder: &str, extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root().join(folder), extensions, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, extensions, found);
            }
        } else if extensions.iter().any(|extension| name.ends_with(&format!(".{extension}"))) {
            let from_root = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push((from_root, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Removes items under `#[cfg(test)]`, at any depth of inline modules, and tells how many lines they took.
fn drop_tests(items: &mut Vec<Item>) -> usize {
    let mut lines = 0;
    items.retain(|item| {
        let is_test = attributes(item).iter().any(is_cfg_test);
        if is_test {
            lines += item.span().end().line - item.span().start().line + 1;
        }
        !is_test
    });
    for item in items {
        if let Item::Mod(module) = item
            && let Some((_, inner)) = &mut module.content
        {
            lines += drop_tests(inner);
        }
    }
    lines
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    let is_cfg = attribute.path().is_ident("cfg");
    let condition = attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
    is_cfg && (condition == "test" || condition.starts_with("all (test"))
}

/// Every token, those inside of brackets too. What macros are called with is not parsed, so rules look at its tokens.
pub fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            flat.extend(flatten(group.stream()));
        } else {
            flat.push(token);
        }
    }
    flat
}

#[test]
fn tests_do_not_count() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nmod c {\n    #[cfg(test)]\n    fn d() {}\n}\n";
    let source = Source::parse("a.rs", text);
    assert_eq!((source.items.len(), source.lines), (2, 3));
}
