//! The gateway's sources as the layout tests see them: files, the paths that each names, and the file that each path leads to.
//!
//! It reads tokens, not a syntax tree: comments, literals and everything under `#[cfg(test)]` are left out, `use` trees are
//! followed through re-exports to the file that defines a name, and paths in expressions count as imports do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A module's name, from the root: `["platform", "db", "tx"]`.
pub type Module = Vec<String>;

/// One file without its tests.
pub struct SourceFile {
    /// The path below `src`.
    pub path: PathBuf,
    /// The module that the file is.
    pub module: Module,
    tokens: Vec<String>,
    /// What `use` brings into scope: each name with the path behind it.
    imports: BTreeMap<String, Vec<String>>,
}

/// A file that names something of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// Who names it.
    pub from: Module,
    /// Where it is defined.
    pub to: Module,
    /// What is named.
    pub name: String,
}

/// Every file of the gateway that is not a test.
pub struct Sources {
    files: BTreeMap<Module, SourceFile>,
    /// Macros that stand at the crate's root, wherever they are written.
    macros: BTreeMap<String, Module>,
}

impl Sources {
    /// Those under `src` of this crate.
    pub fn read() -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = Vec::new();
        collect(&root, &mut paths)?;
        let texts = paths.into_iter().map(|path| {
            let below = path.strip_prefix(&root).unwrap_or(&path).to_owned();
            fs::read_to_string(&path).map(|text| (below, text))
        });
        Ok(Self::of(texts.collect::<io::Result<Vec<_>>>()?))
    }

    /// Those of these texts.
    pub fn of(texts: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let mut files = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for (path, text) in texts {
            let module = module_of(&path);
            let (tokens, test_modules) = without_tests(&tokenize(&text));
            tests.extend(test_modules.into_iter().map(|name| child(&module, &name)));
            let imports = imports(&tokens);
            files.insert(module.clone(), SourceFile { path, module, tokens, imports });
        }
        files.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let macros = files.values().flat_map(|file| {
            let exported = exported_macros(&file.tokens);
            exported.into_iter().map(|name| (name, file.module.clone()))
        });
        let macros = macros.collect();
        Self { files, macros }
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.values()
    }

    /// Every import of one file by another, once for each name.
    pub fn imports(&self) -> BTreeSet<Import> {
        self.files.values().flat_map(|file| self.imports_of(file)).collect()
    }

    fn imports_of(&self, file: &SourceFile) -> Vec<Import> {
        let named = file.imports.values().cloned().chain(paths(&file.tokens));
        let defined = named.filter_map(|path| self.definition(&file.module, &path, 0));
        defined
            .filter(|(to, _)| *to != file.module)
            .map(|(to, name)| Import { from: file.module.clone(), to, name })
            .collect()
    }

    /// The file that defines what a path leads to, and its name there; nothing for other crates' and for a bare module.
    fn definition(&self, at: &Module, path: &[String], depth: usize) -> Option<(Module, String)> {
        assert!(depth < 16, "{path:?} in {at:?} leads round in circles");
        let (mut module, mut rest) = self.start(at, path, depth)?;
        while let Some(next) = rest.first()
            && self.files.contains_key(&child(&module, next))
        {
            module = child(&module, next);
            rest.remove(0);
        }
        let name = rest.first()?.clone();
        let file = self.files.get(&module)?;
        if let Some(behind) = file.imports.get(&name).filter(|behind| behind.as_slice() != [name.as_str()]) {
            let whole: Vec<_> = behind.iter().chain(rest.iter().skip(1)).cloned().collect();
            return self.definition(&module, &whole, depth + 1);
        }
        if module.is_empty()
            && let Some(home) = self.macros.get(&name)
        {
            return Some((home.clone(), name));
        }
        Some((module, name))
    }

    /// The module at which a path begins, and the rest of it.
    fn start(&self, at: &Module, path: &[String], depth: usize) -> Option<(Module, Vec<String>)> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), rest.to_vec())),
            "self" => Some((at.clone(), rest.to_vec())),
            "super" => {
                let mut module = parent(at);
                let mut rest = rest;
                while let Some((next, more)) = rest.split_first()
                    && next == "super"
                {
                    (module, rest) = (parent(&module), more);
                }
                Some((module, rest.to_vec()))
            }
            name => {
                let file = self.files.get(at)?;
                if let Some(behind) = file.imports.get(name)
                    && behind.as_slice() != [name]
                    && behind.first().is_some_and(|head| head != name)
                {
                    assert!(depth < 16, "{path:?} in {at:?} leads round in circles");
                    let whole: Vec<_> = behind.iter().chain(rest).cloned().collect();
                    return self.start(at, &whole, depth + 1);
                }
                self.files.contains_key(&child(at, name)).then(|| (at.clone(), path.to_vec()))
            }
        }
    }

    /// The types that each file defines; not those inside an implementation.
    pub fn types(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let mut types: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for file in self.files() {
            let mut depth = 0_usize;
            for (index, token) in file.tokens.iter().enumerate() {
                match token.as_str() {
                    "{" => depth += 1,
                    "}" => depth = depth.saturating_sub(1),
                    "struct" | "enum" | "trait" | "type" | "union" if depth == 0 => {
                        let name = file.tokens.get(index + 1).filter(|name| is_word(name));
                        types.entry(name.cloned().unwrap_or_default()).or_default().push(file.path.clone());
                    }
                    _ => {}
                }
            }
        }
        types
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

fn module_of(path: &Path) -> Module {
    let mut module: Module = path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

fn child(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn parent(module: &Module) -> Module {
    let mut parent = module.clone();
    parent.pop();
    parent
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Words, `::` and single signs; no comments, and one `""` for each literal text.
fn tokenize(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        let (this, next) = (at(index), at(index + 1));
        if this == '/' && next == '/' {
            while index < chars.len() && at(index) != '\n' {
                index += 1;
            }
        } else if this == '/' && next == '*' {
            index += 2;
            while index < chars.len() && !(at(index) == '*' && at(index + 1) == '/') {
                index += 1;
            }
            index += 2;
        } else if this == '"' {
            index = after_text(&chars, index);
            tokens.push("\"\"".to_owned());
        } else if (this == 'r' || this == 'b') && raw_text(&chars, index).is_some() {
            index = raw_text(&chars, index).unwrap_or(chars.len());
            tokens.push("\"\"".to_owned());
        } else if this == '\'' && (next == '\\' || at(index + 2) == '\'') {
            index += if next == '\\' { 3 } else { 2 };
            while index < chars.len() && at(index) != '\'' {
                index += 1;
            }
            index += 1;
            tokens.push("\"\"".to_owned());
        } else if this.is_alphanumeric() || this == '_' {
            let from = index;
            while at(index).is_alphanumeric() || at(index) == '_' {
                index += 1;
            }
            tokens.push(chars.get(from..index).unwrap_or_default().iter().collect());
        } else if this == ':' && next == ':' {
            tokens.push("::".to_owned());
            index += 2;
        } else {
            if !this.is_whitespace() {
                tokens.push(this.to_string());
            }
            index += 1;
        }
    }
    tokens
}

/// Past the closing quote of a text that opens here.
fn after_text(chars: &[char], open: usize) -> usize {
    let mut index = open + 1;
    while let Some(this) = chars.get(index) {
        match this {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    index
}

/// Past the end of a raw text or a text of bytes, when one begins here.
fn raw_text(chars: &[char], start: usize) -> Option<usize> {
    let mut index = start;
    if chars.get(index) == Some(&'b') {
        index += 1;
    }
    if chars.get(index) == Some(&'"') {
        return (index > start).then(|| after_text(chars, index));
    }
    if chars.get(index) != Some(&'r') {
        return None;
    }
    index += 1;
    let hashes = chars.get(index..)?.iter().take_while(|sign| **sign == '#').count();
    index += hashes;
    if chars.get(index) != Some(&'"') {
        return None;
    }
    index += 1;
    loop {
        let rest = chars.get(index..).filter(|rest| !rest.is_empty())?;
        let closes = rest.iter().skip(1).take(hashes).filter(|sign| **sign == '#').count() == hashes;
        if rest.first() == Some(&'"') && closes {
            return Some(index + 1 + hashes);
        }
        index += 1;
    }
}

/// The tokens without items under `#[cfg(test)]`, and the names of the modules among those.
fn without_tests(tokens: &[String]) -> (Vec<String>, Vec<String>) {
    let mut kept = Vec::new();
    let mut modules = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        if token == "#" && is_test_attribute(tokens, index) {
            let item = after_attributes(tokens, index);
            let end = after_item(tokens, item);
            let words: Vec<_> = tokens.get(item..end).unwrap_or_default().iter().collect();
            if let Some(at) = words.iter().position(|word| *word == "mod").filter(|at| *at < 5) {
                modules.extend(words.get(at + 1).map(|name| (*name).clone()));
            }
            index = end;
        } else {
            kept.push(token.clone());
            index += 1;
        }
    }
    (kept, modules)
}

fn is_test_attribute(tokens: &[String], at: usize) -> bool {
    let end = after_group(tokens, at + 1);
    let words = tokens.get(at + 1..end).unwrap_or_default();
    let has = |word: &str| words.iter().any(|token| token == word);
    has("cfg") && has("test") && !has("not")
}

fn after_attributes(tokens: &[String], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token == "#") {
        at = after_group(tokens, at + 1);
    }
    at
}

/// Past the bracket that closes the one here.
fn after_group(tokens: &[String], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// Past the item that begins here: its `;`, or the block that ends it.
fn after_item(tokens: &[String], start: usize) -> usize {
    let ends_with_sign =
        tokens.iter().skip(start).take(5).any(|token| matches!(token.as_str(), "use" | "static" | "type"));
    let mut index = start;
    while let Some(token) = tokens.get(index) {
        match token.as_str() {
            ";" => return index + 1,
            "{" if !ends_with_sign => return after_group(tokens, index),
            "(" | "[" | "{" => index = after_group(tokens, index),
            _ => index += 1,
        }
    }
    index
}

/// Every name that a `use` brings into scope, with its path.
fn imports(tokens: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for (index, token) in tokens.iter().enumerate() {
        if token == "use" {
            let mut at = index + 1;
            use_tree(tokens, &mut at, &[], &mut found);
        }
    }
    found
}

fn use_tree(tokens: &[String], at: &mut usize, prefix: &[String], found: &mut BTreeMap<String, Vec<String>>) {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(*at) {
        match token.as_str() {
            "::" => *at += 1,
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| token != "}") {
                    use_tree(tokens, at, &path, found);
                    if tokens.get(*at).is_some_and(|token| token == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "as" => {
                if let Some(alias) = tokens.get(*at + 1) {
                    let key = if alias == "_" { path.join("::") } else { alias.clone() };
                    found.insert(key, path);
                }
                *at += 2;
                return;
            }
            word if is_word(word) => {
                path.push(word.to_owned());
                *at += 1;
            }
            _ => break,
        }
    }
    if path.len() > prefix.len() || path.last().is_some_and(|last| last == "self") {
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        if let Some(last) = path.last().cloned() {
            found.insert(last, path);
        }
    } else {
        // A sign that no import has here: a glob, which the style bans.
        *at += 1;
    }
}

/// Every path of two or more words outside `use`.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        if token == "use" {
            index = after_item(tokens, index);
            continue;
        }
        let mut path = vec![token.clone()];
        let mut end = index + 1;
        while is_word(token)
            && tokens.get(end).is_some_and(|token| token == "::")
            && let Some(word) = tokens.get(end + 1).filter(|word| is_word(word))
        {
            path.push(word.clone());
            end += 2;
        }
        if path.len() > 1 {
            found.push(path);
        }
        index = end;
    }
    found
}

fn exported_macros(tokens: &[String]) -> Vec<String> {
    let is_export = |index: usize| {
        let before = tokens.get(index.saturating_sub(4)..index).unwrap_or_default();
        before.iter().any(|token| token == "macro_export")
    };
    let macros = tokens.iter().enumerate().filter(|(index, token)| *token == "macro_rules" && is_export(*index));
    macros.filter_map(|(index, _)| tokens.get(index + 2).cloned()).collect()
}
