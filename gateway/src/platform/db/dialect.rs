//! Translates migrations from PostgreSQL to SQLite. Invariant: what both engines execute means the same to both, with the
//! same constraint names and the same collation; anything else is refused here, with its line, and belongs in a block for
//! one engine.
//!
//! A line `-- @postgres`, `-- @sqlite` or `-- @both` starts a block. A file starts with `@both`, and only such blocks are
//! translated.

use std::collections::HashMap;

use super::engine::Engine;

/// What is wrong with a migration, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct DialectError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What to write instead.
    pub problem: String,
}

/// The words for a column's type: ours, SQLite's, PostgreSQL's.
const TYPES: &[(&[&str], &str, &str)] = &[
    (&["bigint"], "integer", "bigint"),
    (&["boolean"], "integer", "boolean"),
    (&["double", "precision"], "real", "double precision"),
    // SQLite compares bytes; PostgreSQL does as well, whatever collation the database was made with.
    (&["text"], "text", "text collate \"C\""),
    (&["jsonb"], "text", "jsonb"),
    (&["bytea"], "blob", "bytea"),
];

/// Words that mean different things, or that one engine lacks.
const REFUSED: &[(&str, &str)] = &[
    ("now", "time comes from the gateway's clock"),
    ("current_timestamp", "time comes from the gateway's clock"),
    ("serial", "ids come from the gateway"),
    ("bigserial", "ids come from the gateway"),
    ("generated", "SQLite's generated columns differ: compute it in Rust"),
    ("exists", "a migration knows what exists: no `if exists`"),
    ("using", "SQLite has one kind of index: use a block"),
    ("include", "SQLite has no covering columns: use a block"),
];

/// PostgreSQL cuts longer names.
const NAME_BYTES_MAX: usize = 63;

/// The text for one engine.
pub(super) fn translate(source: &str, engine: Engine) -> Result<String, DialectError> {
    let mut text = String::with_capacity(source.len() + 256);
    for block in blocks(source) {
        match block.of {
            Some(only) if only == engine => text.push_str(&block.text),
            Some(_) => {}
            None => {
                for statement in statements(&block)? {
                    text.push_str(&statement.translate(engine)?);
                    text.push_str(";\n");
                }
            }
        }
    }
    Ok(text)
}

struct Block {
    /// `None` for both.
    of: Option<Engine>,
    line: usize,
    text: String,
}

fn blocks(source: &str) -> Vec<Block> {
    let mut blocks = vec![];
    let mut block = Block { of: None, line: 1, text: String::new() };
    for (place, line) in source.lines().enumerate() {
        let of = match line.trim() {
            "-- @both" => None,
            "-- @postgres" => Some(Engine::Postgres),
            "-- @sqlite" => Some(Engine::Sqlite),
            _ => {
                block.text.push_str(line);
                block.text.push('\n');
                continue;
            }
        };
        blocks.push(std::mem::replace(&mut block, Block { of, line: place + 2, text: String::new() }));
    }
    blocks.push(block);
    blocks
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// A literal with its quotes, or anything else: copied as it stands.
    Other(String),
    Space,
}

struct Statement {
    /// With the line each stands on.
    tokens: Vec<(Token, usize)>,
}

fn statements(block: &Block) -> Result<Vec<Statement>, DialectError> {
    let mut statements = vec![];
    let mut tokens: Vec<(Token, usize)> = vec![];
    let mut line = block.line;
    let mut rest = block.text.as_str();
    while let Some(first) = rest.chars().next() {
        let refuse = |problem: &str| Err(DialectError { line, problem: problem.to_owned() });
        let (token, len) = match first {
            '-' if rest.starts_with("--") => (Token::Space, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => return refuse("comments are written --"),
            ':' if rest.starts_with("::") => return refuse("write cast(x as t): SQLite does not know ::"),
            '"' => return refuse("names are written without quotes"),
            '$' => return refuse("a function belongs into a block of one engine"),
            '\'' => match rest.get(1..).and_then(|tail| tail.find('\'')) {
                // A doubled quote reads as two literals side by side, which copies just as well.
                Some(end) => (Token::Other(rest.get(..end + 2).unwrap_or(rest).to_owned()), end + 2),
                None => return refuse("a literal without an end"),
            },
            ';' => {
                push_statement(&mut statements, std::mem::take(&mut tokens));
                rest = rest.get(1..).unwrap_or("");
                continue;
            }
            first if first.is_whitespace() => {
                (Token::Space, rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()))
            }
            first if first.is_alphabetic() || first == '_' => {
                let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let word = rest.get(..len).unwrap_or(rest);
                if word.chars().any(char::is_uppercase) {
                    return refuse("write it in lower case: the engines fold names differently");
                }
                if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == word) {
                    return refuse(why);
                }
                (Token::Word(word.to_owned()), len)
            }
            other => (Token::Other(other.to_string()), other.len_utf8()),
        };
        let text = rest.get(..len).unwrap_or("");
        tokens.push((token, line));
        line += text.matches('\n').count();
        rest = rest.get(len..).unwrap_or("");
    }
    push_statement(&mut statements, tokens);
    Ok(statements)
}

fn push_statement(statements: &mut Vec<Statement>, tokens: Vec<(Token, usize)>) {
    if tokens.iter().any(|(token, _)| *token != Token::Space) {
        statements.push(Statement { tokens });
    }
}

/// Text to write instead of some tokens (empty for gone) or after one, by the token's place.
#[derive(Default)]
struct Edits {
    instead: HashMap<usize, String>,
    after: HashMap<usize, &'static str>,
}

impl Statement {
    fn translate(&self, engine: Engine) -> Result<String, DialectError> {
        let words: Vec<Seen<'_>> = self.seen();
        let starts: Vec<&str> = words.iter().take(3).map(|seen| seen.text).collect();
        let mut edits = Edits::default();
        match starts.as_slice() {
            ["create", "table", ..] => create_table(&words, engine, &mut edits)?,
            ["create", "index", ..] => create_index(&words, 2, false)?,
            ["create", "unique", "index"] => create_index(&words, 3, true)?,
            ["alter", "table", ..] => alter_table(&words, engine, &mut edits)?,
            ["drop", "table" | "index", ..] | ["insert" | "update" | "delete" | "with", ..] => {}
            _ => return Err(fault(words.first(), "a statement that only one engine knows: put it into a block")),
        }
        let mut text = String::new();
        for (place, (token, _)) in self.tokens.iter().enumerate() {
            match (edits.instead.get(&place), token) {
                (Some(instead), _) => text.push_str(instead),
                (None, Token::Word(word) | Token::Other(word)) => text.push_str(word),
                (None, Token::Space) => text.push(' '),
            }
            text.push_str(edits.after.get(&place).copied().unwrap_or(""));
        }
        Ok(text.trim().to_owned())
    }

    fn seen(&self) -> Vec<Seen<'_>> {
        let tokens = self.tokens.iter().enumerate();
        tokens
            .filter_map(|(place, (token, line))| match token {
                Token::Word(text) => Some(Seen { text, is_word: true, place, line: *line }),
                Token::Other(text) => Some(Seen { text, is_word: false, place, line: *line }),
                Token::Space => None,
            })
            .collect()
    }
}

/// A token that is not space, and its place among all.
#[derive(Debug, Clone, Copy)]
struct Seen<'s> {
    text: &'s str,
    is_word: bool,
    place: usize,
    line: usize,
}

fn fault(at: Option<&Seen<'_>>, problem: impl Into<String>) -> DialectError {
    DialectError { line: at.map_or(0, |seen| seen.line), problem: problem.into() }
}

fn name_at<'s>(words: &[Seen<'s>], place: usize) -> Result<Seen<'s>, DialectError> {
    match words.get(place) {
        Some(seen) if seen.is_word => Ok(*seen),
        seen => Err(fault(seen.or(words.last()), "a name is missing")),
    }
}

fn create_table(words: &[Seen<'_>], engine: Engine, edits: &mut Edits) -> Result<(), DialectError> {
    let table = name_at(words, 2)?;
    let (items, end) = list(words, 3)?;
    for item in items {
        let first = name_at(item, 0)?;
        if !matches!(first.text, "constraint" | "primary" | "unique" | "foreign" | "check") {
            column(item, engine, edits)?;
        }
        constraints(item, table.text)?;
    }
    if let Some(more) = words.get(end + 1) {
        return Err(fault(Some(more), "a table ends with its closing bracket"));
    }
    if engine == Engine::Sqlite {
        // Without it an overflow silently becomes a float, and anything fits into any column.
        edits.after.extend(words.get(end).map(|close| (close.place, " strict")));
    }
    Ok(())
}

type Items<'w, 's> = Vec<&'w [Seen<'s>]>;

/// The items between the brackets that open at `from`, split at the commas of their level, and the place of the closing one.
fn list<'w, 's>(words: &'w [Seen<'s>], from: usize) -> Result<(Items<'w, 's>, usize), DialectError> {
    let open = words.get(from).filter(|seen| seen.text == "(");
    let open = open.ok_or_else(|| fault(words.last(), "a list in brackets is missing"))?;
    let (mut items, mut depth, mut start) = (vec![], 0_usize, from + 1);
    for (place, seen) in words.iter().enumerate().skip(from) {
        match seen.text {
            "(" => depth += 1,
            ")" if depth == 1 => {
                items.extend(words.get(start..place));
                return Ok((items, place));
            }
            ")" => depth -= 1,
            "," if depth == 1 => {
                items.extend(words.get(start..place));
                start = place + 1;
            }
            _ => {}
        }
    }
    Err(fault(Some(open), "a bracket that is not closed"))
}

/// `name type …`
fn column(item: &[Seen<'_>], engine: Engine, edits: &mut Edits) -> Result<(), DialectError> {
    let rest = item.get(1..).unwrap_or(&[]);
    for (ours, sqlite, postgres) in TYPES {
        let types = rest.get(..ours.len()).unwrap_or(&[]);
        if types.len() == ours.len() && types.iter().zip(*ours).all(|(seen, word)| seen.text == *word) {
            let theirs = if engine == Engine::Sqlite { sqlite } else { postgres };
            for (place, seen) in types.iter().enumerate() {
                edits.instead.insert(seen.place, if place == 0 { (*theirs).to_owned() } else { String::new() });
            }
            return Ok(());
        }
    }
    let known: Vec<String> = TYPES.iter().map(|(ours, ..)| ours.join(" ")).collect();
    Err(fault(item.first(), format!("a column is one of: {}", known.join(", "))))
}

/// SQLite reports columns where PostgreSQL reports names, so names are the ones PostgreSQL would give, and checks have one.
fn constraints(item: &[Seen<'_>], table: &str) -> Result<(), DialectError> {
    for (place, seen) in item.iter().enumerate().filter(|(_, seen)| seen.is_word) {
        let named = place
            .checked_sub(2)
            .and_then(|before| item.get(before..place))
            .filter(|before| before.first().is_some_and(|word| word.text == "constraint"))
            .and_then(|before| before.get(1));
        let wanted = match seen.text {
            "check" if named.is_none() => {
                return Err(fault(Some(seen), "a check has a name: constraint x check (...)"));
            }
            "unique" => {
                let columns = if place == 0 || named.is_some_and(|_| place == 2) {
                    plain_columns(&list(item, place + 1)?.0).unwrap_or_default()
                } else {
                    vec![name_at(item, 0)?.text]
                };
                unique_name(table, &columns)
            }
            "primary" => format!("{table}_pkey"),
            _ => continue,
        };
        if wanted.len() > NAME_BYTES_MAX {
            return Err(fault(Some(seen), format!("{wanted} is longer than PostgreSQL's {NAME_BYTES_MAX} bytes")));
        }
        if let Some(other) = named.filter(|name| name.text != wanted) {
            return Err(fault(Some(other), format!("the name is {wanted}, on both engines")));
        }
    }
    Ok(())
}

fn unique_name(table: &str, columns: &[&str]) -> String {
    format!("{table}_{}_key", columns.join("_"))
}

/// The columns' names, unless one is an expression.
fn plain_columns<'s>(items: &[&[Seen<'s>]]) -> Option<Vec<&'s str>> {
    let plain = |item: &&[Seen<'s>]| item.iter().all(|seen| seen.is_word).then(|| item.first().map(|seen| seen.text));
    items.iter().map(|item| plain(item).flatten()).collect()
}

/// `[unique] index name on table (columns) …`, the name at `at`.
fn create_index(words: &[Seen<'_>], at: usize, unique: bool) -> Result<(), DialectError> {
    let name = name_at(words, at)?;
    if words.get(at + 1).is_none_or(|seen| seen.text != "on") {
        return Err(fault(Some(&name), "an index has a name: create index x on t (...)"));
    }
    let table = name_at(words, at + 2)?;
    if name.text.len() > NAME_BYTES_MAX {
        return Err(fault(Some(&name), format!("longer than PostgreSQL's {NAME_BYTES_MAX} bytes")));
    }
    // For an index on an expression SQLite reports the index's own name, so that may be any.
    if let Some(columns) = plain_columns(&list(words, at + 3)?.0).filter(|_| unique) {
        let wanted = unique_name(table.text, &columns);
        if name.text != wanted {
            return Err(fault(Some(&name), format!("the name is {wanted}, on both engines")));
        }
    }
    Ok(())
}

/// `alter table t add [column] name type …`; renaming and dropping mean the same to both.
fn alter_table(words: &[Seen<'_>], engine: Engine, edits: &mut Edits) -> Result<(), DialectError> {
    let table = name_at(words, 2)?;
    match name_at(words, 3)?.text {
        "add" => {
            let from = if words.get(4).is_some_and(|seen| seen.text == "column") { 5 } else { 4 };
            let item = words.get(from..).unwrap_or(&[]);
            if name_at(item, 0)
                .is_ok_and(|first| matches!(first.text, "constraint" | "unique" | "check" | "foreign" | "primary"))
            {
                return Err(fault(item.first(), "SQLite cannot add a constraint: use a unique index, or blocks"));
            }
            column(item, engine, edits)?;
            constraints(item, table.text)
        }
        "rename" | "drop" => Ok(()),
        _ => Err(fault(words.get(3), "SQLite cannot alter this: put it into a block")),
    }
}
