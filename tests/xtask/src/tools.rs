//! What a machine needs besides Rust. Invariant: it is looked for first, and installed only on Debian as root.

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest Node that the packages of `tests/node` run on.
const NODE_MIN: u32 = 20;
/// Where PostgreSQL's programs are when PATH does not know them: the same folders as `with-postgres` looks in.
const POSTGRES: [&str; 5] = [
    "/usr/lib/postgresql/*/bin/initdb",
    "/usr/pgsql-*/bin/initdb",
    "/opt/homebrew/opt/postgresql*/bin/initdb",
    "/usr/local/opt/postgresql*/bin/initdb",
    "/Applications/Postgres.app/Contents/Versions/*/bin/initdb",
];

/// Tools of this machine.
pub struct Tools {
    root: PathBuf,
    target: PathBuf,
    logs: PathBuf,
    is_updated: Cell<bool>,
}

impl Tools {
    pub fn new(root: &Path, target: &Path, logs: &Path) -> Self {
        Self { root: root.to_owned(), target: target.to_owned(), logs: logs.to_owned(), is_updated: Cell::new(false) }
    }

    /// Whether there is such a command, after it was installed if need be.
    pub fn need(&self, program: &str) -> bool {
        has(program) || (self.install(&[program]) && has(program))
    }

    pub fn need_postgres(&self) -> bool {
        if has_postgres() {
            return true;
        }
        // Only its programs are wanted, not a server that runs all the time.
        let options = "/etc/postgresql-common/createcluster.d";
        self.install(&["postgresql-common"])
            && fs::create_dir_all(options).is_ok()
            && fs::write(format!("{options}/quanzi.conf"), "create_main_cluster = false\n").is_ok()
            && self.install(&["postgresql"])
            && has_postgres()
    }

    pub fn need_node(&self) -> bool {
        is_node_new_enough() || (!has("node") && self.install(&["nodejs", "npm"]) && is_node_new_enough())
    }

    /// The packages of `tests/node`, in exactly the versions of its lock file, and our programs beside them.
    pub fn need_node_packages(&self) -> bool {
        let (from, to) = (self.root.join("tests/node"), self.target.join("node"));
        let is_ours = |name: &str| [".ts", ".mjs"].iter().any(|end| name.ends_with(end)) || name == "tsconfig.json";
        if !copy_files(&from, &to, is_ours)
            || !copy_files(&from.join("oidc-provider"), &to.join("oidc-provider"), is_ours)
        {
            return false;
        }
        let lock = from.join("package-lock.json");
        if is_same(&lock, &to.join("installed.json")) {
            return true;
        }
        copy_files(&from, &to, |name| name == "package.json" || name == "package-lock.json")
            && self.is_done(
                "npm.log",
                Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&to),
            )
            && fs::copy(&lock, to.join("installed.json")).is_ok()
    }

    /// Python with the packages of `tests/python`; its program.
    pub fn need_python_packages(&self) -> Option<PathBuf> {
        let requirements = self.root.join("tests/python/requirements.txt");
        let folder = self.target.join("python");
        let python = folder.join("bin/python");
        if is_same(&requirements, &folder.join("installed.txt")) {
            return Some(python);
        }
        let log = "python.log";
        let venv = || {
            fs::remove_dir_all(&folder).ok();
            self.is_done(log, Command::new("python3").args(["-m", "venv"]).arg(&folder))
        };
        let is_installed = self.need("python3")
            && (venv() || (self.install(&["python3-venv"]) && venv()))
            && self.is_done(log, Command::new(&python).args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements))
            && fs::copy(&requirements, folder.join("installed.txt")).is_ok();
        is_installed.then_some(python)
    }

    /// On macOS it is an application and no command: there it is skipped, unless CHROMIUM names its program.
    pub fn need_chromium(&self) -> bool {
        std::env::var_os("CHROMIUM").is_some_and(|program| Path::new(&program).is_file())
            || ["chromium", "chromium-browser", "google-chrome"].iter().any(|program| has(program))
            || self.need("chromium")
    }

    fn install(&self, packages: &[&str]) -> bool {
        if !has("apt-get") || !is_root() {
            return false;
        }
        if !self.is_updated.get() {
            self.is_updated.set(self.is_done("apt.log", Command::new("apt-get").args(["update", "-qq"])));
        }
        let mut command = Command::new("apt-get");
        command.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
        self.is_updated.get() && self.is_done("apt.log", command.env("DEBIAN_FRONTEND", "noninteractive"))
    }

    /// Runs a command, with its output at the end of this log.
    fn is_done(&self, log: &str, command: &mut Command) -> bool {
        let file = File::options().create(true).append(true).open(self.logs.join(log));
        let Ok((stdout, stderr)) = file.and_then(|file| Ok((file.try_clone()?, file))) else { return false };
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).status().is_ok_and(|status| status.success())
    }
}

/// Whether PATH has such a program.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn has_postgres() -> bool {
    std::env::var("TEST_DATABASE_URL").is_ok_and(|url| !url.is_empty())
        || (has("initdb") && has("postgres"))
        || POSTGRES.iter().any(|pattern| is_there(pattern))
}

/// Whether a file is there whose path has one `*`, for a part of one folder's name.
fn is_there(pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return Path::new(pattern).is_file() };
    let Some((parent, prefix)) = before.rsplit_once('/') else { return false };
    let after = after.trim_start_matches('/');
    fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with(prefix) && entry.path().join(after).is_file())
}

fn is_node_new_enough() -> bool {
    let version = Command::new("node").args(["-p", "process.versions.node.split('.')[0]"]).output();
    let major = version.ok().and_then(|output| String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok());
    has("npm") && major.is_some_and(|major| major >= NODE_MIN)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

/// Copies the files whose names are wanted.
fn copy_files(from: &Path, to: &Path, is_wanted: impl Fn(&str) -> bool) -> bool {
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() && is_wanted(&entry.file_name().to_string_lossy()) {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
        Ok(())
    };
    copy().is_ok()
}
