//! `docs/security-rules.md` names a test for every rule, and each of these tests exists.

use std::collections::BTreeSet;
use std::path::Path;

const RULES: u32 = 59;

fn read(path: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// File and function of what stands between backticks, if it names a test: `story::name`, or `gateway: name`.
fn test_of(quoted: &str) -> Option<(String, &str)> {
    if let Some(name) = quoted.strip_prefix("gateway: ") {
        return Some(("gateway/src/access/oauth/tests.rs".to_owned(), name));
    }
    let (file, name) = quoted.split_once("::")?;
    Some((format!("tests/tests/stories/{file}.rs"), name))
}

#[test]
fn every_rule_has_a_test_and_every_test_is_there() {
    let text = read("docs/security-rules.md");
    let mut rules = BTreeSet::new();

    for row in text.lines().filter_map(|line| line.strip_prefix("| ")) {
        let Some(number) = row.split(' ').next().and_then(|number| number.parse::<u32>().ok()) else { continue };
        let tests = row.rsplit('|').nth(1).expect("the last column");
        let quoted: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        // A path is followed by the name of a test in that file.
        let with_path = quoted.windows(2).filter_map(|pair| match pair {
            [file, name] if file.starts_with("gateway/") => Some(((*file).to_owned(), *name)),
            _ => None,
        });
        let named: Vec<_> = quoted.iter().filter_map(|quoted| test_of(quoted)).chain(with_path).collect();
        for (file, name) in &named {
            assert!(read(file).contains(&format!("fn {name}(")), "rule {number}: there is no {name} in {file}");
        }
        assert!(!named.is_empty(), "rule {number} has no test");
        assert!(rules.insert(number), "rule {number} appears twice");
    }

    assert_eq!(rules, (1..=RULES).collect());
}
