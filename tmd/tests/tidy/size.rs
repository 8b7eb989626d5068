//! How large a file, a function, a list of parameters and a struct may be.

use syn::visit::{self, Visit};
use syn::{Block, Fields, FnArg, ImplItemFn, ItemFn, ItemImpl, ItemStruct, Signature, TraitItemFn, Type};

use crate::assert_none;
use crate::source::{Source, production};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_PARAMETERS: usize = 5;
const MAX_BOOL_PARAMETERS: usize = 1;
const MAX_STATE_FIELDS: usize = 7;

/// Structs that mirror something outside of the program (the wire, the configuration, the command line, a row) have
/// as many fields as that has.
const MIRRORS: &[&str] = &["Serialize", "Deserialize", "Args", "Parser", "FromRow"];

struct Sizes<'a> {
    source: &'a Source,
    in_trait_impl: bool,
    faults: Vec<String>,
}

fn faults(source: &Source) -> Vec<String> {
    let mut sizes = Sizes { source, in_trait_impl: false, faults: Vec::new() };
    if source.lines > MAX_FILE_LINES {
        sizes.faults.push(format!("{}: {} lines", source.path, source.lines));
    }
    for item in &source.items {
        sizes.visit_item(item);
    }
    sizes.faults
}

impl Sizes<'_> {
    fn fault(&mut self, line: usize, what: &str) {
        self.faults.push(format!("{}: {what}", self.source.at(line)));
    }

    fn check_function(&mut self, signature: &Signature, block: Option<&Block>) {
        let first = signature.fn_token.span.start().line;
        let name = &signature.ident;
        if let Some(block) = block {
            let lines = block.brace_token.span.close().end().line - first + 1;
            if lines > MAX_FUNCTION_LINES {
                self.fault(first, &format!("`{name}` has {lines} lines"));
            }
        }
        // A trait's implementation does not choose its signature.
        if self.in_trait_impl {
            return;
        }
        let parameters = signature.inputs.len();
        if parameters > MAX_PARAMETERS {
            self.fault(first, &format!("`{name}` has {parameters} parameters"));
        }
        if signature.inputs.iter().filter(|input| is_bool(input)).count() > MAX_BOOL_PARAMETERS {
            self.fault(first, &format!("`{name}` has two bool parameters"));
        }
    }
}

impl<'ast> Visit<'ast> for Sizes<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.check_function(&item.sig, Some(&item.block));
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let outer = std::mem::replace(&mut self.in_trait_impl, item.trait_.is_some());
        visit::visit_item_impl(self, item);
        self.in_trait_impl = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.check_function(&item.sig, Some(&item.block));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        self.check_function(&item.sig, item.default.as_ref());
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        let fields = item.fields.len();
        if matches!(item.fields, Fields::Named(_)) && fields > MAX_STATE_FIELDS && !is_mirror(item) {
            let line = item.struct_token.span.start().line;
            self.fault(line, &format!("`{}` has {fields} fields", item.ident));
        }
    }
}

fn is_bool(input: &FnArg) -> bool {
    let FnArg::Typed(typed) = input else { return false };
    matches!(&*typed.ty, Type::Path(path) if path.path.is_ident("bool"))
}

fn is_mirror(item: &ItemStruct) -> bool {
    let derives = item.attrs.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let mut names =
        derives.flat_map(|derive| crate::source::flatten(derive.meta.require_list().unwrap().tokens.clone()));
    names.any(|token| MIRRORS.contains(&token.to_string().as_str()))
}

#[test]
fn files_functions_and_structs_stay_small() {
    let faults: Vec<_> = production().iter().flat_map(faults).collect();
    assert_none("too large", &faults);
}

#[test]
fn a_long_file_is_found() {
    let text = "// a line\n".repeat(MAX_FILE_LINES);
    assert!(faults(&Source::parse("a.rs", &text)).is_empty());
    assert_eq!(faults(&Source::parse("a.rs", &format!("{text}// one more\n"))), ["a.rs: 501 lines"]);
}

#[test]
fn a_long_function_is_found() {
    let body = "\n".repeat(MAX_FUNCTION_LINES - 1);
    assert!(faults(&Source::parse("a.rs", &format!("fn a() {{{body}}}"))).is_empty());
    let long = format!("struct S;\nimpl S {{\nfn a() {{\n{body}}}\n}}");
    assert_eq!(faults(&Source::parse("a.rs", &long)), ["a.rs:3: `a` has 71 lines"]);
}

#[test]
fn many_parameters_are_found() {
    let five = "trait T { fn a(&self, b: u8, c: u8, d: u8, e: bool); }";
    assert!(faults(&Source::parse("a.rs", five)).is_empty());
    let six = "impl S { fn a(&self, b: u8, c: u8, d: u8, e: u8, f: u8) {} }";
    assert_eq!(faults(&Source::parse("a.rs", six)), ["a.rs:1: `a` has 6 parameters"]);
    assert_eq!(
        faults(&Source::parse("a.rs", "fn a(b: bool, c: bool) {}")),
        ["a.rs:1: `a` has two bool parameters"]
    );
    let imposed = "impl T for S { fn a(&self, b: bool, c: bool, d: u8, e: u8, f: u8) {} }";
    assert!(faults(&Source::parse("a.rs", imposed)).is_empty());
}

#[test]
fn wide_state_is_found() {
    let fields = "a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8";
    assert!(faults(&Source::parse("a.rs", &format!("struct S {{ {fields} }}"))).is_empty());
    let wide = format!("#[derive(Clone)]\nstruct S {{ {fields}, h: u8 }}");
    assert_eq!(faults(&Source::parse("a.rs", &wide)), ["a.rs:2: `S` has 8 fields"]);
    let wire = format!("#[derive(Clone, serde::Serialize)]\nstruct S {{ {fields}, h: u8 }}");
    assert!(faults(&Source::parse("a.rs", &wire)).is_empty());
}
