//! Routes that no integration test names.

use std::collections::BTreeSet;
use std::fs;

use proc_macro2::TokenTree;

use crate::assert_none;
use crate::source::{Source, files, flatten, root};

/// The path literals of the page of routes.
fn paths(routes: &Source) -> BTreeSet<String> {
    let tokens = routes.items.iter().flat_map(|item| flatten(quote(item)));
    let literals = tokens.filter_map(|token| match token {
        TokenTree::Literal(literal) => syn::parse_str::<syn::LitStr>(&literal.to_string()).ok(),
        _ => None,
    });
    literals.map(|literal| literal.value()).filter(|text| text.starts_with('/')).collect()
}

fn quote(item: &syn::Item) -> proc_macro2::TokenStream {
    quote::ToTokens::to_token_stream(item)
}

/// Paths that occur in no test, neither as they are routed (`{id}/-/confirm`) nor as they are called (`{id}:confirm`).
fn untested(paths: &BTreeSet<String>, tests: &[(String, String)]) -> Vec<String> {
    let occurs = |path: &str| tests.iter().any(|(_, text)| text.contains(path));
    paths.iter().filter(|path| !occurs(path) && !occurs(&path.replace("/-/", ":"))).cloned().collect()
}

#[test]
fn every_route_is_named_by_an_integration_test() {
    let Ok(text) = fs::read_to_string(root().join("tmd/src/http.rs")) else { return };
    let paths = paths(&Source::parse("tmd/src/http.rs", &text));
    assert_none(
        "a route that nothing under tmd/tests/it names",
        &untested(&paths, &files("tmd/tests/it", &["rs"])),
    );
}

#[test]
fn an_untested_route_is_found() {
    let page = "//! About `/api`.\nfn routes() -> Router { Router::new().route(\"/api/a\", get(a))\
                .route(\"/api/a/{id}/-/confirm\", post(b)).route(\"/api/c\", get(c)).layer(named(\"not a path\")) }\
                #[cfg(test)] mod tests { const X: &str = \"/x\"; }";
    let paths = paths(&Source::parse("tmd/src/http.rs", page));
    assert_eq!(paths.len(), 3);
    let tests = [("a.rs".to_owned(), "get(\"/api/a\"); post(\"/api/a/{id}:confirm\")".to_owned())];
    assert_eq!(untested(&paths, &tests), ["/api/c"]);
}
