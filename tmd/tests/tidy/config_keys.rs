//! Settings that nobody reads.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};
use syn::{ExprField, FieldPat, Ident, Macro, Member};

use crate::source::{Source, flatten, production, root};

/// The names in a file, and which of them stand for fields that are read, whatever they are fields of.
#[derive(Default)]
struct Names {
    all: BTreeSet<String>,
    fields_read: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, name: &'ast Ident) {
        self.all.insert(name.to_string());
    }

    fn visit_expr_field(&mut self, field: &'ast ExprField) {
        if let Member::Named(name) = &field.member {
            self.fields_read.insert(name.to_string());
        }
        visit::visit_expr_field(self, field);
    }

    fn visit_field_pat(&mut self, field: &'ast FieldPat) {
        if let Member::Named(name) = &field.member {
            self.fields_read.insert(name.to_string());
        }
        visit::visit_field_pat(self, field);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let tokens = flatten(call.tokens.clone());
        self.all.extend(tokens.iter().map(ToString::to_string));
        for window in tokens.windows(2) {
            if let [TokenTree::Punct(dot), TokenTree::Ident(name)] = window
                && dot.as_char() == '.'
            {
                self.fields_read.insert(name.to_string());
            }
        }
    }
}

impl Names {
    fn of(source: &Source) -> Self {
        let mut names = Self::default();
        source.items.iter().for_each(|item| names.visit_item(item));
        names
    }

    /// A file reads a setting when it reads a field of its name and names the section, as a field (`waiting_room`) or
    /// by its type (`WaitingRoomConfig`): `capacity` alone may be an event's.
    fn reads(&self, section: &str, key: &str) -> bool {
        let capitalized = |word: &str| word[..1].to_uppercase() + &word[1..];
        let type_start: String = section.split('_').map(capitalized).collect();
        let names_section = self.all.iter().any(|name| name == section || name.starts_with(&type_start));
        names_section && self.fields_read.contains(key)
    }
}

/// `section.key` of every setting whose key no source reads.
fn unread(defaults: &str, sources: &[Source]) -> Vec<String> {
    let names: Vec<Names> = sources.iter().map(Names::of).collect();
    let sections: toml::Table = defaults.parse().unwrap();
    let mut unread = Vec::new();
    for (section, keys) in &sections {
        for key in keys.as_table().expect("a section").keys() {
            if !names.iter().any(|names| names.reads(section, key)) {
                unread.push(format!("{section}.{key}"));
            }
        }
    }
    unread
}

#[test]
fn every_setting_is_read_somewhere() {
    let Ok(defaults) = std::fs::read_to_string(root().join("tmd/config.default.toml")) else { return };
    let mut sources = production();
    sources
        .retain(|source| source.path.starts_with("tmd/src/") && !source.path.starts_with("tmd/src/config"));
    let unread = unread(&defaults, &sources);
    assert!(unread.is_empty(), "settings that nothing outside of config.rs reads: {unread:?}");
}

#[test]
fn a_dead_setting_is_found() {
    let text = "fn a(c: &Config) { use_(c.server.listen); log!(\"{}\", c.store.batch); let Server { grace, .. } = c; }";
    let by_type = "fn b(room: &WaitingRoomConfig, event: &Event) -> u32 { room.tick + event.capacity }";
    let sources = [Source::parse("tmd/src/serve.rs", text), Source::parse("tmd/src/workers.rs", by_type)];
    let defaults = "[server]\nlisten = 1\ngrace = 1\ndead = 1\n[store]\nbatch = 1\n[waiting_room]\ntick = 1\n\
                    [event_defaults]\ncapacity = 1\n";
    assert_eq!(unread(defaults, &sources), ["event_defaults.capacity", "server.dead"]);
}
