//! What is built in: licences, sources and banned crates by the rules of `.deny.toml`, without a tool and without the network, and a
//! reason for each.
//!
//! Advisories are not looked at here: their database lives on the network (`cargo deny check advisories`).

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeSet, HashSet};
use std::process::Command;

use serde::Deserialize;
use spdx::{Expression, ParseMode};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: HashSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

#[derive(Deserialize)]
struct Sources {
    #[serde(rename = "allow-registry")]
    registries: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(format!("{ROOT}/.deny.toml")).expect("the rules");
    toml::from_str(&text).expect("rules in TOML")
}

/// Every package that is built on this machine, with all our features.
fn packages() -> Vec<Package> {
    let version = Command::new("rustc").arg("-vV").output().expect("rustc");
    let version = String::from_utf8(version.stdout).expect("text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked", "--all-features", "--filter-platform", host])
        .current_dir(ROOT)
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("metadata");
    let built: HashSet<String> = metadata.resolve.nodes.into_iter().map(|node| node.id).collect();
    metadata.packages.into_iter().filter(|package| built.contains(&package.id)).collect()
}

/// Whether an SPDX expression can be met with the allowed licences. Lax, because old crates write `MIT/Apache-2.0`; an exception
/// (`WITH`) only ever allows more.
fn is_met(expression: &str, allowed: &HashSet<String>) -> bool {
    let expression = Expression::parse_mode(expression, ParseMode::LAX).expect("an SPDX expression");
    expression.evaluate(|wanted| wanted.license.id().is_some_and(|licence| allowed.contains(licence.name)))
}

#[test]
fn every_licence_is_allowed() {
    let allowed = rules().licenses.allow;

    let refused: Vec<String> = packages()
        .into_iter()
        .filter(|package| !package.license.as_deref().is_some_and(|license| is_met(license, &allowed)))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();

    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn everything_comes_from_here_or_from_an_allowed_registry() {
    let registries = rules().sources.registries;
    let is_allowed = |source: &str| {
        source.strip_prefix("registry+").is_some_and(|url| registries.iter().any(|registry| registry == url))
    };

    let refused: Vec<String> = packages()
        .into_iter()
        .filter(|package| package.source.as_deref().is_some_and(|source| !is_allowed(source)))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.source))
        .collect();

    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn no_banned_crate_is_built_in() {
    let banned = rules().bans.deny;

    let found: Vec<String> = packages()
        .into_iter()
        .filter(|package| banned.iter().any(|banned| banned.name == package.name))
        .map(|package| format!("{} {}", package.name, package.version))
        .collect();

    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT", "ISC"].map(str::to_owned).into();

    for met in
        ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "MIT AND ISC", "GPL-3.0 AND ISC OR MIT", "MIT WITH LLVM-exception"]
    {
        assert!(is_met(met, &allowed), "{met}");
    }
    for refused in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND Apache-2.0", "GPL-3.0 OR Apache-2.0"] {
        assert!(!is_met(refused, &allowed), "{refused}");
    }
}

/// A crate that loses its line loses its place.
#[test]
fn every_dependency_says_why_it_is_here() {
    let manifest = std::fs::read_to_string(format!("{ROOT}/Cargo.toml")).expect("the manifest");
    let reasons = std::fs::read_to_string(format!("{ROOT}/docs/decisions/0002-dependencies.md")).expect("the reasons");
    let first_cells: BTreeSet<&str> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(|cell| cell.split(", "))
        .collect();
    let section =
        manifest.split("[workspace.dependencies]").nth(1).expect("a section").split("\n[").next().expect("a section");

    for line in section.lines().filter(|line| !line.contains("path = ")) {
        let Some((name, _)) = line.split_once(" = ") else { continue };
        assert!(first_cells.contains(name), "{name} has no line in docs/decisions/0002-dependencies.md");
    }
}
