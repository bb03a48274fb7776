//! Every statement of the gateway, prepared on both engines against the real schema. Invariant: no statement escapes:
//! anything this test cannot parse in the source fails.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Column as _, Executor as _, SqlSafeStr, Statement as _, TypeInfo as _};

use super::scratch::Scratch;

#[derive(Debug, PartialEq)]
struct Found {
    name: String,
    sqlite: String,
    postgres: String,
}

/// All `const NAME: Sql = sql!(…);` of a file. Everything else that mentions `sql!(` is an error.
fn statements(source: &str) -> Result<Vec<Found>, String> {
    let source = without_comments(source);
    let mut found = vec![];
    let mut rest = source.as_str();
    while let Some((before, after)) = rest.split_once("sql!(") {
        let head = before.rfind("const ").and_then(|place| before.get(place + 6..)).unwrap_or("");
        let name = head.split_once(':').map(|(name, kind)| (name.trim(), kind.split_whitespace().collect::<String>()));
        let Some((name, _)) = name.filter(|(_, kind)| kind == "Sql=") else {
            let from = before.len().saturating_sub(60);
            return Err(format!(
                "a sql!(…) that is not `const NAME: Sql = sql!(…)`, after: {}",
                before.get(from..).unwrap_or("")
            ));
        };
        let (sqlite, postgres, tail) = pieces(after, &source).map_err(|problem| format!("{name}: {problem}"))?;
        found.push(Found { name: name.to_owned(), sqlite, postgres });
        rest = tail;
    }
    Ok(found)
}

/// The pieces up to the closing bracket: both texts, and what follows.
fn pieces<'s>(mut rest: &'s str, source: &str) -> Result<(String, String, &'s str), String> {
    let (mut sqlite, mut postgres) = (String::new(), String::new());
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if let Some(tail) = rest.strip_prefix(')') {
            return Ok((sqlite, postgres, tail));
        } else if let Some(tail) = rest.strip_prefix('[') {
            let (text, tail) = literal(tail.trim_start())?;
            postgres.push_str(&text);
            rest = tail.trim_start().strip_prefix(']').ok_or("a [ without its ]")?;
        } else if let Some(tail) = rest.strip_prefix('{') {
            let tail = tail.trim_start().strip_prefix("postgres:").ok_or("expected postgres: after {")?;
            let (theirs, tail) = literal(tail.trim_start())?;
            let tail = tail
                .trim_start()
                .trim_start_matches(',')
                .trim_start()
                .strip_prefix("sqlite:")
                .ok_or("expected sqlite:")?;
            let (ours, tail) = literal(tail.trim_start())?;
            postgres.push_str(&theirs);
            sqlite.push_str(&ours);
            rest =
                tail.trim_start().trim_start_matches(',').trim_start().strip_prefix('}').ok_or("a { without its }")?;
        } else if rest.starts_with(['"', 'r']) && literal(rest).is_ok() {
            let (text, tail) = literal(rest)?;
            sqlite.push_str(&text);
            postgres.push_str(&text);
            rest = tail;
        } else {
            let (name, tail) = rest.split_once("!()").ok_or_else(|| format!("cannot read {rest:.40}"))?;
            let body = source
                .split_once(&format!("macro_rules! {name} "))
                .ok_or_else(|| format!("no macro {name} in this file"))?
                .1;
            let start = body.find('"').ok_or("a macro without a literal")?;
            let (text, _) = literal(body.get(start..).unwrap_or(""))?;
            sqlite.push_str(&text);
            postgres.push_str(&text);
            rest = tail;
        }
    }
}

/// A string literal, also over several lines by `\`, and `r"…"`, `r#"…"#`.
fn literal(rest: &str) -> Result<(String, &str), String> {
    for (open, close) in [("r#\"", "\"#"), ("r\"", "\"")] {
        if let Some((text, tail)) = rest.strip_prefix(open).and_then(|body| body.split_once(close)) {
            return Ok((text.to_owned(), tail));
        }
    }
    let body = rest.strip_prefix('"').ok_or_else(|| format!("expected a literal at {rest:.40}"))?;
    let mut text = String::new();
    let mut chars = body.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Ok((text, body.get(place + 1..).unwrap_or(""))),
            '\\' => match chars.next() {
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => text.push('\n'),
                Some((_, c @ ('\\' | '\'' | '"'))) => text.push(c),
                _ => return Err("an escape this test does not know".to_owned()),
            },
            c => text.push(c),
        }
    }
    Err("a literal without an end".to_owned())
}

fn without_comments(source: &str) -> String {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |text, line| text + line + "\n")
}

/// The capabilities' sources; not this layer's, whose statements are about tables of its own tests.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("platform/db") {
                sources(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// A statement of the gateway, not of its tests, in PostgreSQL's form.
pub(super) struct Shipped {
    /// Its file, below `src`.
    pub file: String,
    pub name: String,
    pub text: String,
}

pub(super) fn shipped() -> Vec<Shipped> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    let mut files = vec![];
    sources(root, &mut files);
    let is_test = |file: &str| {
        file.starts_with("testing/") || ["tests.rs", "fixture.rs", "_tests.rs"].iter().any(|end| file.ends_with(end))
    };
    let mut all = vec![];
    for path in files {
        let file = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if is_test(&file) {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or("");
        let found = statements(source).unwrap_or_else(|problem| panic!("{file}: {problem}"));
        all.extend(found.into_iter().map(|found| Shipped {
            file: file.clone(),
            name: found.name,
            text: found.postgres,
        }));
    }
    all
}

/// `select *` breaks on the running gateway when a column is added.
fn takes_all_columns(text: &str) -> bool {
    ["select *", "returning *", ".*", "distinct *"].iter().any(|star| text.contains(star))
}

#[tokio::test]
async fn every_statement_prepares_on_both_engines() {
    let mut files = vec![];
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    let (ours, theirs) = (Scratch::sqlite().unwrap(), Scratch::postgres().await.unwrap());
    let (sqlite, postgres) = (ours.open().await.unwrap(), theirs.open().await.unwrap());
    let (mut on_sqlite, mut on_postgres) = (sqlite.begin().await.unwrap(), postgres.reading().await.unwrap());
    let mut problems = vec![];

    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let at = file.display();
        let found = statements(&source).unwrap_or_else(|problem| {
            problems.push(format!("{at}: {problem}"));
            vec![]
        });
        for Found { name, sqlite, postgres } in found {
            if takes_all_columns(&sqlite) || takes_all_columns(&postgres) {
                problems.push(format!("{at} {name}: list the columns"));
            }
            let prepared = on_sqlite.held_sqlite().unwrap().prepare(AssertSqlSafe(sqlite).into_sql_str()).await;
            problems.extend(prepared.err().map(|error| format!("{at} {name}, SQLite: {error}")));
            match on_postgres.held_postgres().unwrap().prepare(AssertSqlSafe(postgres).into_sql_str()).await {
                Err(error) => problems.push(format!("{at} {name}, PostgreSQL: {error}")),
                Ok(statement) => {
                    problems.extend(statement.columns().iter().filter_map(|column| {
                        let kind = column.type_info().name();
                        let known = ["INT8", "FLOAT8", "BOOL", "TEXT", "JSONB", "BYTEA"].contains(&kind);
                        (!known).then(|| format!("{at} {name}: {} is {kind} on PostgreSQL: cast it", column.name()))
                    }));
                }
            }
        }
    }

    assert!(problems.is_empty(), "{}", problems.join("\n"));
    drop((on_sqlite, on_postgres));
    sqlite.close().await;
    postgres.close().await;
}

#[test]
fn a_statement_is_read_as_the_compiler_reads_it() {
    let source = r##"
        macro_rules! columns { () => { "id, name" } }
        // const OLD: Sql = sql!("not this");
        pub(super) const FIND: Sql = sql!("select ", columns!(), " from circle \
            where id = $1", [" for update"], { postgres: "a", sqlite: "b" },);
        const RAW: Sql = sql!(r#"select 'x'"#);
    "##;

    let found = statements(source).unwrap();

    let text = "select id, name from circle where id = $1";
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0],
        Found { name: "FIND".into(), sqlite: format!("{text}b"), postgres: format!("{text} for updatea") }
    );
    assert_eq!(found[1].sqlite, "select 'x'");
}

#[test]
fn a_statement_that_cannot_be_read_fails() {
    for source in [
        "let x = sql!(\"select 1\");",
        "const X: Sql = sql!(COLUMNS, \"x\");",
        "const X: Sql = sql!(columns!());",
        "const X: Sql = sql!(\"\\u{41}\");",
        "const X: Sql = sql!([\"x\");",
    ] {
        assert!(statements(source).is_err(), "{source}");
    }
}
