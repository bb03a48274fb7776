//! Sources of settings: built in < file < environment < flags. Everything becomes text here, so that a value is parsed the
//! same way whatever its source.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::settings::{self, SETTINGS, Setting};

/// The file that is read when it is there and none is named.
pub const FILE: &str = "quanzi.toml";
/// The variable that names another.
pub const FILE_VARIABLE: &str = "QUANZI_CONFIG";
/// Prefix of the gateway's environment variables.
const PREFIX: &str = "QUANZI_";
/// How many letters may be wrong in a variable for it to be worth a hint.
const HINT_DISTANCE_MAX: usize = 2;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Built in.
    Default,
    /// The file at this path.
    File(PathBuf),
    /// The environment.
    Environment,
    /// The command line.
    Flag,
}

impl Source {
    /// The name under which this source knows the setting.
    pub(super) fn name_of(&self, setting: &Setting) -> String {
        match self {
            Self::Default | Self::File(_) => setting.name.to_owned(),
            Self::Environment => setting.variable.to_owned(),
            Self::Flag => format!("--{}", setting.flag),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub text: String,
    pub source: Source,
}

/// What was given, by setting.
#[derive(Default)]
pub(super) struct Values(BTreeMap<&'static str, Given>);

impl Values {
    pub fn get(&self, setting: &Setting) -> Option<&Given> {
        self.0.get(setting.name)
    }

    fn put(&mut self, setting: &'static Setting, text: String, source: Source) {
        self.0.insert(setting.name, Given { text, source });
    }

    /// What a later source says wins.
    pub fn flags(&mut self, flags: impl IntoIterator<Item = (&'static Setting, String)>) {
        for (setting, text) in flags {
            self.put(setting, text, Source::Flag);
        }
    }

    /// Gives hints on variables that look like a setting written wrongly. They are not refused, unlike keys of the file: Kubernetes sets
    /// variables with our prefix for a service of our name, and the examples have some of their own. A variable that is set but empty
    /// counts as not given: a compose file cannot leave one out.
    pub fn environment(&mut self, variables: Vec<(OsString, OsString)>) -> Result<Vec<String>, ConfigError> {
        let mut hints = Vec::new();
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX) && *name != FILE_VARIABLE) else {
                continue;
            };
            let Some(setting) = SETTINGS.iter().find(|setting| setting.variable == name) else {
                if let Some(near) = nearest(name, SETTINGS.iter().map(|setting| setting.variable), HINT_DISTANCE_MAX) {
                    hints.push(format!("the variable {name} is ignored; did you mean {near}?"));
                }
                continue;
            };
            let Ok(text) = value.into_string() else {
                return Err(ConfigError(format!("{name} in the environment is not UTF-8 text")));
            };
            if !text.is_empty() {
                self.put(setting, text, Source::Environment);
            }
        }
        Ok(hints)
    }

    /// Reads the file at `path`, or [`FILE`] if it is there.
    pub fn file(&mut self, path: Option<&Path>) -> Result<(), ConfigError> {
        let (path, is_named) = path.map_or((Path::new(FILE), false), |path| (path, true));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => return Ok(()),
            Err(error) => return Err(ConfigError(format!("the file {} could not be read: {error}", path.display()))),
        };
        self.toml(&text, path)
    }

    pub(super) fn toml(&mut self, text: &str, path: &Path) -> Result<(), ConfigError> {
        let source = Source::File(path.to_owned());
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            // The library's own message quotes the line, and that line may hold a password.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.lines().count().max(1);
            ConfigError(format!("{} is not valid TOML near line {line}: {}", path.display(), error.message()))
        })?;
        self.table("", table, &source)
    }

    /// `[database] url = …` is another way to write `database_url = …`.
    fn table(&mut self, prefix: &str, table: toml::Table, source: &Source) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name = if prefix.is_empty() { key } else { format!("{prefix}_{key}") };
            match (settings::find(&name), value) {
                (Some(setting), value) => {
                    if self.get(setting).is_some_and(|given| given.source == *source) {
                        return Err(ConfigError(format!("{name} appears twice in {source}")));
                    }
                    let Some(text) = text(value) else {
                        return Err(ConfigError(format!("{name} in {source} is not {}", setting.takes)));
                    };
                    self.put(setting, text, source.clone());
                }
                (None, toml::Value::Table(inner)) => self.table(&name, inner, source)?,
                (None, _) => return Err(unknown(&name, source)),
            }
        }
        Ok(())
    }
}

/// A value of the file as it would stand in a variable.
fn text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(is_so) => Some(is_so.to_string()),
        toml::Value::Array(values) => {
            let texts: Option<Vec<String>> = values
                .into_iter()
                .map(|value| match value {
                    toml::Value::String(text) if !text.contains(',') => Some(text),
                    _ => None,
                })
                .collect();
            Some(texts?.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn unknown(name: &str, source: &Source) -> ConfigError {
    let near = nearest(name, SETTINGS.iter().map(|setting| setting.name), usize::MAX);
    ConfigError(format!("there is no setting {name} ({source}); did you mean {}?", near.unwrap_or("another")))
}

fn nearest(name: &str, known: impl Iterator<Item = &'static str>, distance_max: usize) -> Option<&'static str> {
    let near = known.map(|known| (distance(name, known), known)).min()?;
    (near.0 <= distance_max).then_some(near.1)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut next = vec![i + 1];
        for ((before, above), to) in row.iter().zip(row.iter().skip(1)).zip(b.bytes()) {
            let left = next.last().copied().unwrap_or_default();
            next.push((before + usize::from(from != to)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
