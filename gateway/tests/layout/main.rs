//! The layout of the gateway, held against its sources: imports go down the layers, no file depends on itself through others,
//! capabilities stand in an order, and the name of a type has one meaning.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::{Import, Module, Sources};

/// The layers, from the top. Those in one row stand beside each other and do not import each other.
const LAYERS: &[&[&str]] = &[
    &["app"],
    &["workflows", "consoles", "sandbox", "channels", "dialects"],
    &["capabilities"],
    &["edge"],
    &["access"],
    &["platform"],
];

/// The capabilities, from the top: each may use those after it. A use-case that would need one before it is a workflow.
const CAPABILITIES: &[&str] = &[
    "cashier",
    "wallets",
    "ledger",
    "payments",
    "tips",
    "likes",
    "comments",
    "content",
    "mandates",
    "rights",
    "memberships",
    "gates",
    "circles",
    "grants",
    "sign_in",
    "fans",
    "webhooks",
    "events",
    "apps",
    "partners",
    "operations",
];

/// Names that say nothing by themselves. Each belongs to one type at most; everywhere else a noun goes before it.
///
/// `Fault` is not among them: the database's and the gateway's are named by their modules (`db::Fault`).
const GENERIC_NAMES: &[&str] = &[
    "Action", "Asked", "Desk", "Facts", "Held", "Input", "Item", "Key", "Order", "Outcome", "Place", "Question",
    "Record", "Refused", "Request", "Row", "Standing", "State", "Status", "Wanted", "Work",
];

#[test]
fn imports_go_down() {
    let sources = Sources::read().unwrap();

    let upward: Vec<_> = sources.imports().into_iter().filter(|import| !goes_down(import)).collect();

    assert!(upward.is_empty(), "imports that do not go down:\n{}", list(&upward));
}

#[test]
fn no_file_depends_on_itself() {
    let sources = Sources::read().unwrap();

    let cycles = cycles(&sources.imports());

    let text: Vec<_> = cycles.iter().map(|imports| list(imports)).collect();
    assert!(text.is_empty(), "{} cycles:\n{}", text.len(), text.join("\n\n"));
}

#[test]
fn capabilities_stand_in_an_order() {
    let sources = Sources::read().unwrap();
    let rank = |name: &str| CAPABILITIES.iter().position(|capability| *capability == name);

    let folders: BTreeSet<_> = sources.files().filter_map(|file| capability(&file.module)).collect();
    let imports = sources.imports();
    let backward: Vec<_> = imports
        .iter()
        .filter(|import| match (capability(&import.from), capability(&import.to)) {
            (Some(from), Some(to)) => from != to && rank(from) >= rank(to),
            _ => false,
        })
        .cloned()
        .collect();

    assert_eq!(folders, CAPABILITIES.iter().copied().collect(), "the list is that of the folders");
    assert!(backward.is_empty(), "imports against the order:\n{}", list(&backward));
}

#[test]
fn the_app_is_named_by_itself_only() {
    let sources = Sources::read().unwrap();
    let named = |import: &&Import| import.name == "App" || import.to.first().is_some_and(|layer| layer == "app");

    let imports = sources.imports();
    let outside: Vec<_> = imports
        .iter()
        .filter(named)
        .filter(|import| import.from.first().is_some_and(|layer| layer != "app"))
        .cloned()
        .collect();

    assert!(outside.is_empty(), "{}", list(&outside));
}

#[test]
fn a_generic_name_belongs_to_one_type() {
    let sources = Sources::read().unwrap();

    let mut types = sources.types();
    types.retain(|name, files| GENERIC_NAMES.contains(&name.as_str()) && files.len() > 1);

    assert!(types.is_empty(), "prefix these with their nouns: {types:#?}");
}

#[test]
fn the_reader_follows_re_exports_and_leaves_tests_and_texts_out() {
    let sources = Sources::of([
        ("lib.rs", "pub mod high;\npub mod low;"),
        ("high.rs", "use crate::low::{self, Shown as Seen};\n/// crate::low::hidden::Comment\nfn f() { low::act(\"crate::low::Text\"); }\n#[cfg(test)]\nmod tests { use crate::low::OnlyInTests; }"),
        ("low/mod.rs", "mod hidden;\npub use hidden::{Shown, act};"),
        ("low/hidden.rs", "pub struct Shown;\npub fn act(_: &str) {}\nmod late { fn g() -> super::Shown { super::Shown } }"),
    ].map(|(path, text)| (path.into(), text.to_owned())));

    let imports: Vec<_> = sources.imports().into_iter().filter(|import| import.from == ["high"]).collect();

    assert_eq!(list(&imports), "  high -> low::hidden (Shown, act)");
    assert!(cycles(&sources.imports()).is_empty());
}

#[test]
fn the_reader_finds_a_cycle_through_three_files() {
    let sources = Sources::of(
        [
            ("a.rs", "use crate::b::B;\npub struct A(B);"),
            ("b.rs", "pub struct B(Box<crate::c::C>);"),
            ("c.rs", "use super::a;\npub struct C(Option<Box<a::A>>);"),
            ("d.rs", "use crate::a::A;\nstruct D(A);"),
        ]
        .map(|(path, text)| (path.into(), text.to_owned())),
    );

    let cycles = cycles(&sources.imports());

    assert_eq!(cycles.len(), 1);
    assert_eq!(list(&cycles.concat()), "  a -> b (B)\n  b -> c (C)\n  c -> a (A)");
}

fn layer(module: &Module) -> Option<(usize, &str)> {
    let first = module.first()?;
    let rank = LAYERS.iter().position(|row| row.contains(&first.as_str()))?;
    Some((rank, first))
}

/// Whether an import leads downwards or stays in its folder. The root of the crate has no layer: it names all of them.
fn goes_down(import: &Import) -> bool {
    match (layer(&import.from), layer(&import.to)) {
        (Some(from), Some(to)) => from.1 == to.1 || from.0 < to.0,
        _ => import.from.is_empty(),
    }
}

fn capability(module: &Module) -> Option<&str> {
    match module.as_slice() {
        [layer, name, ..] if layer == "capabilities" => Some(name),
        _ => None,
    }
}

/// The imports within each group of files that reach each other.
fn cycles(imports: &BTreeSet<Import>) -> Vec<Vec<Import>> {
    let mut next: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reach: BTreeMap<&Module, BTreeSet<&Module>> = next.keys().map(|from| (*from, reachable(&next, from))).collect();
    let reaches = |from: &Module, to: &Module| reach.get(from).is_some_and(|those| those.contains(to));
    let mut groups: BTreeMap<&Module, Vec<Import>> = BTreeMap::new();
    for import in imports.iter().filter(|import| reaches(&import.to, &import.from)) {
        let first = next.keys().find(|other| reaches(&import.from, other) && reaches(other, &import.from));
        groups.entry(first.copied().unwrap_or(&import.from)).or_default().push(import.clone());
    }
    groups.into_values().collect()
}

fn reachable<'m>(next: &BTreeMap<&'m Module, BTreeSet<&'m Module>>, from: &Module) -> BTreeSet<&'m Module> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Module> = next.get(from).into_iter().flatten().copied().collect();
    while let Some(module) = open.pop() {
        if found.insert(module) {
            open.extend(next.get(module).into_iter().flatten());
        }
    }
    found
}

fn list(imports: &[Import]) -> String {
    let mut names: BTreeMap<(&Module, &Module), Vec<&str>> = BTreeMap::new();
    for import in imports {
        names.entry((&import.from, &import.to)).or_default().push(&import.name);
    }
    let lines = names
        .iter()
        .map(|((from, to), names)| format!("  {} -> {} ({})", from.join("::"), to.join("::"), names.join(", ")));
    lines.collect::<Vec<_>>().join("\n")
}
