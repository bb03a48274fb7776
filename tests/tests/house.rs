//! Rules of the house that no compiler knows: where a noun is at home, that every error code is provoked, that stories do not sleep.

#![expect(clippy::expect_used, reason = "this crate is tests: a panic is how a test says no")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quanzi_openapi::ErrorCode;

/// Where a noun of the contract lives; the guide is any that speaks of it.
const HOMES: [&str; 4] = ["sdk", "gateway", "story", "guide"];

/// Homes that a noun does not have, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("authorization", "sdk", "sdk/src/authorize.rs: the SDK's side of it is a flow, not calls"),
    ("authorization", "story", "stories/authorize.rs and stories/consent.rs: the SDK's flow, and the fan's way"),
    ("deliveries", "sdk", "read through their endpoint: sdk/src/webhook_endpoints.rs"),
    ("deliveries", "gateway", "what the capability webhooks does, and nothing by itself"),
    ("fans", "sdk", "invented through sdk/src/sandbox.rs; a real one comes by consent"),
    ("fans", "story", "stories/me.rs and stories/consent.rs: what a fan does and agrees to"),
    (
        "grants",
        "sdk",
        "listed in the gateway for the partner's own eyes; sdk/src/memberships.rs shows what a grant allows",
    ),
    ("grants", "story", "stories/consent.rs: a grant is what consent leaves behind"),
    ("likes", "sdk", "given by fans: sdk/src/me.rs"),
    ("oauth", "sdk", "sdk/src/token.rs asks for tokens by itself"),
    ("oauth", "story", "stories/tokens.rs and stories/rules.rs: by what they are about"),
    ("operations", "sdk", "for the operator's monitoring, not for partners"),
    ("operations", "story", "tests/crash.rs and the gateway's own tests: readiness is about failures"),
    ("refunds", "sdk", "made and read through their payment: sdk/src/payments.rs"),
    ("refunds", "gateway", "what the capability payments does; one table, one writing store"),
    ("sandbox", "story", "every story plays in it; stories/clock.rs has what is its own"),
    ("wallets", "sdk", "topped up through sdk/src/sandbox.rs"),
    ("wallets", "story", "stories/payments.rs and stories/cashier.rs: a wallet is only seen when somebody pays"),
    ("wallets", "guide", "what a fan has in a wallet is nobody's business but the fan's"),
    (
        "webhooks",
        "sdk",
        "two sides: sdk/src/webhook.rs believes a delivery, sdk/src/webhook_endpoints.rs makes endpoints",
    ),
];

/// Codes that no test provokes, and why.
const UNPROVOKED: &[(ErrorCode, &str)] = &[(
    ErrorCode::DigestMissing,
    "a body that comes unannounced (an upgrade, a later protocol): over HTTP/1.1 the rules of coverage refuse it first",
)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder of the workspace with this extension.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == extension) {
                found.push(path);
            }
        }
    }
    found
}

/// The files of the contract that declare endpoints.
fn nouns() -> BTreeSet<String> {
    let contract = root().join("openapi/src");
    files("openapi/src", "rs")
        .into_iter()
        .filter(|path| read(path).contains("impl Endpoint for "))
        .map(|path| {
            let inside = path.strip_prefix(&contract).expect("inside").with_extension("");
            let first = inside.iter().next().expect("a name");
            first.to_string_lossy().into_owned()
        })
        .collect()
}

fn has_home(noun: &str, home: &str) -> bool {
    match home {
        "sdk" => root().join(format!("sdk/src/{noun}.rs")).is_file(),
        "story" => root().join(format!("tests/tests/stories/{noun}.rs")).is_file(),
        "gateway" => {
            let gateway = root().join("gateway/src");
            let is_folder = |layer: &str| gateway.join(layer).join(noun).is_dir();
            gateway.join(noun).is_dir()
                || ["capabilities", "workflows", "access", "platform"].into_iter().any(is_folder)
        }
        _ => files("docs/guides", "md").iter().any(|guide| read(guide).to_lowercase().contains(noun)),
    }
}

#[test]
fn every_noun_has_its_homes_or_a_reason() {
    let nouns = nouns();
    assert!(nouns.len() > 20, "{nouns:?}");

    let missing: Vec<String> = nouns
        .iter()
        .flat_map(|noun| HOMES.map(|home| (noun.as_str(), home)))
        .filter(|(noun, home)| !has_home(noun, home) && !EXCEPTIONS.iter().any(|(n, h, _)| n == noun && h == home))
        .map(|(noun, home)| format!("{noun} has no {home}"))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");

    for (noun, home, _) in EXCEPTIONS {
        assert!(nouns.contains(*noun), "{noun} is no noun of the contract");
        assert!(!has_home(noun, home), "{noun} has its {home}: no exception is needed any more");
    }
}

/// Tests, as text: test files, and what stands below `#[cfg(test)]` in others.
fn tests() -> String {
    let mut text = String::new();
    let is_this = |path: &Path| path.file_name().is_some_and(|name| name == "house.rs");
    for path in files("tests/tests", "rs").into_iter().filter(|path| !is_this(path)) {
        text += &read(&path);
    }
    for folder in ["gateway", "sdk"] {
        for path in files(folder, "rs") {
            let file = read(&path);
            let is_test = path.to_string_lossy().ends_with("tests.rs") || path.iter().any(|part| part == "tests");
            text += if is_test {
                &file
            } else {
                file.split_once("#[cfg(test)]\nmod tests {").map_or("", |(_, tests)| tests)
            };
        }
    }
    text
}

#[test]
fn every_error_code_is_provoked_by_a_test() {
    let tests = tests();

    let unnamed: Vec<&str> = ErrorCode::ALL
        .iter()
        .filter(|code| !UNPROVOKED.iter().any(|(unprovoked, _)| unprovoked == *code))
        .filter(|code| !tests.contains(&format!("\"{code}\"")) && !is_named(&tests, &format!("ErrorCode::{code:?}")))
        .map(|code| code.as_str())
        .collect();

    assert!(unnamed.is_empty(), "no test names these codes: {unnamed:#?}");
}

/// Whether the name stands there, and not only the beginning of a longer one.
fn is_named(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let next = text.get(at + name.len()..).and_then(|rest| rest.chars().next());
        !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
    })
}

/// Time is moved. What the gateway does on its own is waited for in `quanzi_tests::patience`, and seen before it is believed.
#[test]
fn no_story_sleeps() {
    for path in files("tests/tests/stories", "rs") {
        assert!(!read(&path).contains("sleep("), "{} sleeps", path.display());
    }
}
