//! Routes that no integration test asks.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};
use syn::{Attribute, LitStr};

use crate::assert_none;
use crate::source::{Source, files, flatten, production};

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// `METHOD /path` of every `#[utoipa::path(method, path = "…")]`, with verbs as clients write them.
#[derive(Default)]
struct Routes(BTreeSet<String>);

impl<'ast> Visit<'ast> for Routes {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let is_route =
            attribute.path().segments.iter().map(|part| part.ident.to_string()).eq(["utoipa", "path"]);
        if let Ok(list) = attribute.meta.require_list()
            && is_route
        {
            let tokens = flatten(list.tokens.clone());
            let method = tokens.iter().map(ToString::to_string).find(|word| METHODS.contains(&word.as_str()));
            let path = tokens.windows(3).find_map(path);
            self.0.extend(method.zip(path).map(|(method, path)| format!("{} {path}", method.to_uppercase())));
        }
        visit::visit_attribute(self, attribute);
    }
}

/// The text of `path = "text"`.
fn path(tokens: &[TokenTree]) -> Option<String> {
    let [name, equals, TokenTree::Literal(text)] = tokens else { return None };
    let text = syn::parse_str::<LitStr>(&text.to_string()).ok()?.value();
    (name.to_string() == "path" && equals.to_string() == "=").then(|| text.replace("/-/", ":"))
}

fn routes(sources: &[Source]) -> BTreeSet<String> {
    let mut routes = Routes::default();
    sources.iter().flat_map(|source| &source.items).for_each(|item| routes.visit_item(item));
    routes.0
}

/// Routes that stand in no test as a whole literal. The table of routes names each once, so what counts is a test that
/// asks it: one more.
fn untested(routes: &BTreeSet<String>, tests: &[(String, String)]) -> Vec<String> {
    let times = |route: &String| {
        tests.iter().map(|(_, text)| text.matches(&format!("\"{route}\"")).count()).sum::<usize>()
    };
    routes.iter().filter(|route| times(route) < 2).cloned().collect()
}

#[test]
fn every_route_is_asked_by_an_integration_test() {
    let mut sources = production();
    sources.retain(|source| source.path.starts_with("tmd/src/http"));
    let routes = routes(&sources);
    assert!(routes.len() > 20, "the routes were not found");
    assert_none(
        "a route that nothing under tmd/tests/it asks",
        &untested(&routes, &files("tmd/tests/it", &["rs"])),
    );
}

#[test]
fn an_untested_route_is_found() {
    let page = "/// Confirms.\n#[utoipa::path(post, path = \"/api/a/{id}/-/confirm\", responses((status = 200)))]\npub fn a() {}\n\
                mod inner { #[utoipa::path(get, path = \"/api/b\", tag = \"path\")] async fn b() {} }\n\
                #[route(get, path = \"/api/c\")] fn c() {}\n\
                #[cfg(test)] mod tests { #[utoipa::path(get, path = \"/api/d\")] fn d() {} }";
    let routes = routes(&[Source::parse("tmd/src/http/a.rs", page)]);
    assert_eq!(routes, ["GET /api/b", "POST /api/a/{id}:confirm"].map(String::from).into());
    let table =
        ("scene.rs".to_owned(), "Route(\"GET /api/b\"), Route(\"POST /api/a/{id}:confirm\")".to_owned());
    let test = ("a.rs".to_owned(), "at(\"POST /api/a/{id}:confirm\", id)".to_owned());
    assert_eq!(untested(&routes, &[table.clone(), test]), ["GET /api/b"]);
    assert_eq!(untested(&routes, &[table]).len(), 2);
}
