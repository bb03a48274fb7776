//! The parts, and the steps of each. Invariant: `all` does what every part does, each step once.

use std::cell::OnceCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::gateway::Gateway;
use crate::mutants;
use crate::report::{Outcome, Report};
use crate::tools::{Tools, has};

/// A crate more is build time for every partner: this number only goes down, to 100 in the end.
const SDK_CRATES_MAX: usize = 137;
/// What the fast part leaves to `engines`: whatever needs PostgreSQL, and tests that take a minute each. Parts of tests' names.
const NOT_FAST: [&str; 8] = [
    "postgres",
    "both_engines",
    "the_comparison_sees_every_kind_of_fact",
    "a_broken_connection_is_replaced",
    "commit_tests::",
    "mutations::",
    "killed_",
    "without_its_database_the_gateway",
];

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Fast,
    Engines,
    Document,
    Foreign,
    Browser,
    Sdk,
    Mutants,
    All,
}

impl Part {
    /// The part of this name.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "fast" => Self::Fast,
            "engines" => Self::Engines,
            "document" => Self::Document,
            "foreign" => Self::Foreign,
            "browser" => Self::Browser,
            "sdk" => Self::Sdk,
            "mutants" => Self::Mutants,
            "all" => Self::All,
            _ => return None,
        })
    }
}

/// One run of the checks.
pub struct Session {
    root: PathBuf,
    target: PathBuf,
    /// For files of this run; it goes at the end.
    work: PathBuf,
    report: Report,
    tools: Tools,
    /// What differed from the last commit before anything ran.
    tree: Option<String>,
    is_built: OnceCell<bool>,
    is_timed: bool,
}

impl Session {
    /// Finds the workspace; with a flag it also measures what takes long to measure.
    pub fn start(is_timed: bool) -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        std::env::set_current_dir(&root)?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let report = Report::new(target.join("run"))?;
        let work = target.join("run").join("work");
        fs::remove_dir_all(&work).ok();
        fs::create_dir_all(&work)?;
        let tools = Tools::new(&root, &target, report.logs());
        let tree = tree();
        Ok(Self { root, target, work, report, tools, tree, is_built: OnceCell::new(), is_timed })
    }

    /// Runs these parts.
    pub fn run(&mut self, parts: &[Part]) {
        let wants = |part: Part| parts.contains(&part) || parts.contains(&Part::All);
        if wants(Part::Fast) {
            self.code();
        }
        if wants(Part::Sdk) {
            self.sdk();
        }
        if wants(Part::Engines) {
            self.engines();
        } else if wants(Part::Fast) {
            self.fast_tests();
        }
        if wants(Part::Document) {
            self.document();
        }
        if wants(Part::Foreign) || wants(Part::Browser) {
            self.with_gateway(wants(Part::Foreign), wants(Part::Browser));
        }
        if parts.contains(&Part::Mutants) {
            mutants::run(&mut self.report);
        }
    }

    /// The closing words.
    pub fn finish(mut self) -> ExitCode {
        if let Some(before) = self.tree.take() {
            self.report.step("the tree is as it was", |_| unchanged(&before));
        }
        fs::remove_dir_all(&self.work).ok();
        self.report.finish()
    }

    // One set of packages and features everywhere (--workspace), so that nothing is compiled twice.

    /// What needs no test to run.
    fn code(&mut self) {
        let report = &mut self.report;
        report.command("formatting", &mut cargo(["fmt", "--all", "--check"]));
        let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        report.command("clippy", &mut cargo(clippy));
        // Licences, sources and bans are also among the tests (tests/tests/dependencies.rs).
        if is_cargo_command("deny") {
            let deny = ["deny", "check", "licenses", "sources", "bans"];
            report.command("cargo deny: licences, sources, bans", &mut cargo(deny));
        }
    }

    /// Programs, tests and examples; once.
    fn build(&mut self) -> bool {
        let report = &mut self.report;
        *self
            .is_built
            .get_or_init(|| report.command("build", &mut cargo(["build", "--workspace", "--all-targets", "--locked"])))
    }

    fn fast_tests(&mut self) {
        if !self.build() {
            return self.report.skip("tests", "the build failed");
        }
        self.report.tests("unit tests, and stories on SQLite", true, |log| {
            if is_cargo_command("nextest") {
                let filter = format!("not test(/{}/)", NOT_FAST.join("|"));
                return log.run(&mut cargo([
                    "nextest",
                    "run",
                    "--workspace",
                    "--locked",
                    "--color=never",
                    "-E",
                    &filter,
                ]));
            }
            let mut test = cargo(["test", "--workspace", "--locked", "--no-fail-fast", "--color=never"]);
            test.args(["--lib", "--bins", "--tests", "--examples", "--"]);
            log.run(test.args(NOT_FAST.iter().flat_map(|name| ["--skip", name])))
        });
    }

    fn engines(&mut self) {
        let both = "tests on SQLite and PostgreSQL";
        if !self.build() {
            self.report.skip(both, "the build failed");
        } else if !self.tools.need_postgres() {
            self.report.skip(both, "PostgreSQL (initdb) is missing; install it or set TEST_DATABASE_URL");
        } else {
            let with_postgres = self.program("with-postgres");
            self.report.tests(both, false, |log| {
                let mut command = program(with_postgres);
                command.arg("--").arg(cargo_program());
                if is_cargo_command("nextest") {
                    command.args(["nextest", "run", "--workspace", "--locked", "--color=never"]);
                } else {
                    command.args(["test", "--workspace", "--locked", "--no-fail-fast", "--color=never"]);
                    command.args(["--lib", "--bins", "--tests", "--examples"]);
                }
                log.run(&mut command)
            });
        }
        self.report.tests("examples in the documentation", false, |log| {
            log.run(&mut cargo(["test", "--workspace", "--doc", "--locked", "--no-fail-fast", "--color=never"]))
        });
    }

    fn document(&mut self) {
        let mut doc = cargo(["doc", "--workspace", "--no-deps", "--locked"]);
        self.report.command("documentation of the code", doc.env("RUSTDOCFLAGS", "-D warnings"));
        if let Some(why) = self.node_is_missing() {
            return self.report.skip("document checks", why);
        }
        let node = self.target.join("node");
        let document = self.root.join("openapi/openapi.json");
        let lint = self.work.join("lint.json");
        self.report.step("openapi.json: redocly lint, no errors and no warnings", |log| {
            let mut redocly = Command::new(node.join("node_modules/.bin/redocly"));
            redocly.args(["lint", "--extends=recommended", "--format=json"]).arg(&document);
            redocly.envs([("REDOCLY_TELEMETRY", "off"), ("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")]);
            let linted = log.run_into(&lint, &mut redocly);
            log.run(Command::new("node").arg(node.join("lint.mjs")).arg(&lint)).and(linted)
        });
        self.report.step("openapi.json: types for TypeScript compile strictly", |log| {
            let program = |name: &str| {
                let mut command = Command::new(node.join("node_modules/.bin").join(name));
                command.current_dir(&node);
                command
            };
            log.run(program("openapi-typescript").arg(&document).args(["-o", "api.ts"]))?;
            log.run(program("tsc").args(["--project", "tsconfig.json"]))
        });
    }

    /// The SDK alone: in the workspace the server's features are on, and hide what users of the SDK run into.
    fn sdk(&mut self) {
        let check = ["check", "--locked", "-p", "quanzi", "-p", "quanzi-examples", "--lib", "--bins", "--examples"];
        self.report.command("the SDK and its examples as users get them", &mut cargo(check));
        let crates = sdk_crates();
        self.report.step("the SDK brings few crates", |_| match &crates {
            Some(crates) if *crates <= SDK_CRATES_MAX => Ok(()),
            Some(crates) => Err(format!("{crates} crates, and {SDK_CRATES_MAX} are the most")),
            None => Err("cargo tree failed".to_owned()),
        });
        if let Some(crates) = crates {
            self.report.note(&format!("package quanzi builds {crates} crates, itself included"));
        }
        if self.is_timed {
            let (folder, started) = (self.work.join("sdk"), Instant::now());
            let mut build = cargo(["build", "--locked", "-p", "quanzi"]);
            self.report.command("the SDK is built from nothing", build.env("CARGO_TARGET_DIR", &folder));
            self.report.note(&format!("a clean build of package quanzi took {} s", started.elapsed().as_secs()));
            fs::remove_dir_all(folder).ok();
        }
    }

    /// What talks to a running gateway.
    fn with_gateway(&mut self, wants_foreign: bool, wants_browser: bool) {
        let name = "examples, guides and libraries of others";
        if !self.build() {
            return self.report.skip(name, "the build failed");
        }
        let (program, log) = (self.program("quanzi"), self.report.logs().join("gateway.log"));
        let mut started = None;
        let work = &self.work;
        self.report.step("a gateway starts", |_| {
            started = Some(Gateway::start(&program, work, log)?);
            Ok(())
        });
        let Some(gateway) = started else { return };
        if wants_foreign {
            self.examples(&gateway.url);
            self.guides(&gateway.url);
            self.libraries(&gateway.url);
            self.delivery(&gateway.url);
        }
        if wants_browser {
            self.browser(&gateway.url);
        }
        self.report.step("the gateway stops when told, with exit code 0", |_| gateway.stop());
    }

    fn examples(&mut self, url: &str) {
        let names = names(&self.root.join("examples/examples"), "rs");
        if names.is_empty() {
            self.report.skip("examples", "there are none");
        }
        for name in names {
            let program = self.program("examples").join(&name);
            self.report.command(&format!("example {name}"), Command::new(program).env("QUANZI_URL", url));
        }
    }

    fn guides(&mut self, url: &str) {
        let guide = self.root.join("docs/guides/signing");
        let command = |program: &Path, file: &str| {
            let mut command = Command::new(program);
            command.arg(guide.join(file)).env("QUANZI_URL", url);
            command
        };
        if self.tools.need("openssl") && self.tools.need("curl") {
            self.report.command("signing guide in shell", &mut command(Path::new("sh"), "sign.sh"));
        } else {
            self.report.skip("signing guide in shell", "openssl or curl is missing");
        }
        match self.tools.need_python_packages() {
            Some(python) => {
                self.report.command("signing guide in Python", &mut command(&python, "sign.py"));
            }
            None => self.report.skip("signing guide in Python", "Python's packages could not be installed"),
        }
        if self.tools.need_node() {
            self.report.command("signing guide in Node", &mut command(Path::new("node"), "sign.mjs"));
        } else {
            self.report.skip("signing guide in Node", "Node 20 or newer with npm is missing");
        }
    }

    fn libraries(&mut self, url: &str) {
        for (name, file) in [
            ("openid-client of npm signs a fan in", "openid.mjs"),
            ("http-message-signatures of npm signs and believes", "signatures.mjs"),
        ] {
            self.node(name, &[file.as_ref()], url);
        }
        let signs = "http-message-signatures of PyPI signs and believes";
        self.python(signs, &["tests/python/signatures.py".as_ref()], url);
    }

    /// A delivery as it was sent, for other languages' libraries. They look at its time, so it is captured just before.
    fn delivery(&mut self, url: &str) {
        let (program, delivery) = (self.program("webhook-capture"), self.work.join("delivery.json"));
        let is_captured = self.report.step("a webhook delivery is captured", |log| {
            log.run_into(&delivery, Command::new(program).env("QUANZI_URL", url))
        });
        if is_captured {
            self.node("standardwebhooks of npm believes it", &["verify.mjs".as_ref(), &delivery], url);
            self.python("standardwebhooks of PyPI believes it", &["tests/python/verify.py".as_ref(), &delivery], url);
        }
    }

    fn browser(&mut self, url: &str) {
        let name = "a fan's whole way in Chromium, in two languages";
        if self.tools.need_chromium() {
            let screenshots = self.target.join("screenshots");
            self.node(name, &["browser.mjs".as_ref(), &screenshots], url);
        } else {
            self.report.skip(name, "Chromium is missing");
        }
    }

    /// One of our programs beside the packages of npm.
    fn node(&mut self, name: &str, words: &[&Path], url: &str) {
        if let Some(why) = self.node_is_missing() {
            return self.report.skip(name, why);
        }
        let folder = self.target.join("node");
        let words =
            words.iter().enumerate().map(|(index, word)| if index == 0 { folder.join(word) } else { word.into() });
        self.report.command(name, Command::new("node").args(words).env("QUANZI_URL", url));
    }

    fn python(&mut self, name: &str, words: &[&Path], url: &str) {
        match self.tools.need_python_packages() {
            Some(python) => {
                self.report.command(name, Command::new(python).args(words).env("QUANZI_URL", url));
            }
            None => self.report.skip(name, "Python's packages could not be installed, see python.log"),
        }
    }

    fn node_is_missing(&self) -> Option<&'static str> {
        if !self.tools.need_node() {
            return Some("Node 20 or newer with npm is missing");
        }
        (!self.tools.need_node_packages()).then_some("the npm packages could not be installed, see npm.log")
    }

    /// A program of ours.
    fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }
}

fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Cargo, as from a shell.
pub fn cargo<'w>(words: impl IntoIterator<Item = &'w str>) -> Command {
    let mut command = program(cargo_program());
    command.args(words);
    command
}

/// A program without what cargo tells the programs it runs, such as this one: build scripts would take it for a change.
fn program(path: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Whether cargo has this command.
pub fn is_cargo_command(name: &str) -> bool {
    has(&format!("cargo-{name}")) || cargo([name, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// How many crates are built for package `quanzi` with its default features.
fn sdk_crates() -> Option<usize> {
    let words = ["tree", "--locked", "-p", "quanzi", "-e", "normal,build", "--prefix", "none", "--format", "{p}"];
    let output = cargo(words).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let crates = text.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty());
    Some(crates.collect::<std::collections::BTreeSet<_>>().len())
}

/// The names of a folder's files with this extension, without it.
fn names(folder: &Path, extension: &str) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// What differs from the last commit; nothing is known where there is no git.
fn tree() -> Option<String> {
    let output = Command::new("git").args(["status", "--porcelain"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Nothing that is generated may differ from what is committed, and no test may leave anything in the tree.
fn unchanged(before: &str) -> Outcome {
    let after = tree().unwrap_or_default();
    if before == after {
        return Ok(());
    }
    Err(format!("the checks changed these files; commit what was generated anew:\n{after}(before:\n{before})"))
}
