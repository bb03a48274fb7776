//! The guides of `docs/guides`, embedded, in reading order.
//!
//! The line `<!-- event types -->` is replaced by the table of all event types. A line with only `<!-- include path -->` is
//! replaced by the named file as a code block. The file is embedded too and also served by itself, so what a guide shows is
//! what a reader downloads and what the tests run.

use std::fmt::Write as _;

use quanzi_openapi::events::EventType;

/// One guide as it stands in the repository.
pub struct Guide {
    /// Its name in addresses.
    pub slug: &'static str,
    /// Its source.
    source: &'static str,
}

macro_rules! guides {
    ($($slug:literal)+) => {
        &[$(Guide { slug: $slug, source: include_str!(concat!("../../../docs/guides/", $slug, ".md")) }),+]
    };
}
macro_rules! files {
    ($($path:literal)+) => { &[$(($path, include_str!(concat!("../../../docs/guides/", $path)))),+] };
}

/// Every guide.
pub const GUIDES: &[Guide] = guides! {
    "getting-started" "signing" "keys-and-rotation" "errors" "idempotency" "pagination" "rate-limits" "versioning"
    "circles-and-gates" "members-and-posts" "scopes-and-consent" "sign-fans-in" "act-for-a-fan" "payments" "ledger" "events" "webhooks" "sandbox" "operating"
};
/// Files that guides include; each is served under `/docs/`.
pub const FILES: &[(&str, &str)] = files! { "signing/sign.sh" "signing/sign.py" "signing/sign.mjs" };

impl Guide {
    /// The guide with its includes in place.
    pub fn markdown(&self) -> String {
        let block = |(path, file): (&str, &str)| {
            let language = path.rsplit_once('.').map_or("", |(_, ending)| ending);
            format!("```{language}\n{}\n```\n", file.trim_end())
        };
        self.source
            .lines()
            .map(|line| match line.trim() {
                "<!-- event types -->" => event_types(),
                _ => included(line).map_or_else(|| format!("{line}\n"), block),
            })
            .collect::<Vec<_>>()
            .concat()
    }

    /// Its heading.
    pub fn title(&self) -> &'static str {
        self.source.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(self.slug)
    }

    /// Its first paragraph, on one line.
    pub fn summary(&self) -> String {
        let after_title = self.source.split_once("\n\n").map_or("", |(_, rest)| rest);
        after_title.lines().take_while(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Every event type, what it says, and what is in its `data`.
fn event_types() -> String {
    let mut table = String::from("| type | says | `data` |\n|---|---|---|\n");
    for kind in EventType::ALL {
        let _ = writeln!(table, "| `{kind}` | {} | {} |", kind.about().trim(), kind.shape());
    }
    table
}

fn included(line: &str) -> Option<(&'static str, &'static str)> {
    let path = line.trim().strip_prefix("<!-- include ")?.strip_suffix("-->")?.trim();
    FILES.iter().copied().find(|(name, _)| *name == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_guide_of_the_folder_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides");
        let names: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                entry.unwrap().file_name().into_string().unwrap().strip_suffix(".md").map(str::to_owned)
            })
            .collect();

        assert_eq!(names, GUIDES.iter().map(|guide| guide.slug.to_owned()).collect());
    }

    #[test]
    fn every_include_is_found_and_every_file_is_included() {
        let all: String = GUIDES.iter().map(Guide::markdown).collect();

        assert!(!all.contains("<!-- include"), "an include names a file that is not embedded");
        for (path, file) in FILES {
            assert!(all.contains(file.trim_end()), "{path} is in no guide");
        }
    }

    #[test]
    fn every_guide_has_a_title_and_a_summary() {
        for guide in GUIDES {
            assert_ne!(guide.title(), guide.slug);
            assert!((40..300).contains(&guide.summary().len()), "{}: {}", guide.slug, guide.summary());
        }
    }
}
