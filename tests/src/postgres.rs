//! A PostgreSQL server to throw away. Invariant: it is gone, with its files, when its owner is, however the owner ended.
//!
//! The tests themselves only look at `TEST_DATABASE_URL` (`quanzi_gateway::app::testing`); this is what `with-postgres` sets it to.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Whom to run the server as when we are root, which PostgreSQL refuses to be.
const USERS: [&str; 2] = ["postgres", "nobody"];
/// Where the programs are when PATH does not know them: Debian, Red Hat, Homebrew on both processors, Postgres.app.
const FOLDERS: [&str; 5] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];
/// Loopback only, and nothing survives a power cut: that is what makes it fast.
const OPTIONS: [&str; 8] = [
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
    "shared_buffers=128MB",
    "autovacuum=off",
    "log_min_messages=fatal",
];
const DURABLE_OPTIONS: [&str; 4] =
    ["listen_addresses=127.0.0.1", "max_connections=300", "shared_buffers=256MB", "log_min_messages=fatal"];
const START_RUNS_MAX: u32 = 5;
const READY_TRIES_MAX: u32 = 200;
const READY_PAUSE: Duration = Duration::from_millis(50);

/// A running server.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<&'static str>,
    options: &'static [&'static str],
    port: u16,
    /// Shells that own the server, the newest last, and end it when their standard input closes: also when we are killed.
    keepers: Vec<Child>,
}

impl Server {
    /// Makes and starts one; some two seconds.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&OPTIONS)
    }

    /// One whose commits survive a power cut, as in production: for measuring.
    pub fn durable() -> io::Result<Self> {
        Self::start_with(&DURABLE_OPTIONS)
    }

    fn start_with(options: &'static [&'static str]) -> io::Result<Self> {
        let programs = programs()?;
        let folder = std::env::temp_dir().join(format!("quanzi-postgres-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder)?;
        let user = if is_root()? { Some(give_away(&folder)?) } else { None };
        let started = initialise(&programs, &folder, user).and_then(|()| {
            // Between finding a port and taking it another may take it: try the next.
            let mut run = 1;
            loop {
                let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
                match serve(&programs, &folder, user, options, port) {
                    Err(_) if run < START_RUNS_MAX => run += 1,
                    outcome => break outcome.map(|keeper| (keeper, port)),
                }
            }
        });
        match started {
            Ok((keeper, port)) => Ok(Self { programs, folder, user, options, port, keepers: vec![keeper] }),
            Err(error) => {
                fs::remove_dir_all(&folder).ok();
                Err(error)
            }
        }
    }

    /// Its address, with the right to make databases.
    pub fn url(&self) -> String {
        format!("postgres://quanzi@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it without ceremony, as a crash does; what was committed is on the disk of a [`durable`](Self::durable) one.
    pub fn crash(&self) -> io::Result<()> {
        let file = self.folder.join("data").join("postmaster.pid");
        let pid = fs::read_to_string(&file)?.lines().next().unwrap_or_default().to_owned();
        Command::new("kill").args(["-QUIT", &pid]).status()?;
        // It stays a child of its keeper until that ends, so its number is nobody else's; its sessions hold the port till they go.
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            thread::sleep(READY_PAUSE);
        }
        fs::remove_file(file).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) -> io::Result<()> {
        self.keepers.push(serve(&self.programs, &self.folder, self.user, self.options, self.port)?);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for keeper in self.keepers.iter_mut().rev() {
            drop(keeper.stdin.take());
            keeper.wait().ok();
        }
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The folder with `initdb`, `postgres` and the programs that come with them.
pub fn programs() -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    for pattern in FOLDERS {
        let Some((parent, rest)) = pattern.split_once('*') else { continue };
        let (parent, prefix) = parent.rsplit_once('/').unwrap_or((parent, ""));
        let mut found: Vec<PathBuf> = fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join(rest.trim_start_matches('/')))
            .collect();
        // The newest first.
        found.sort();
        found.reverse();
        folders.extend(found);
    }
    let has_both = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let folder = folders.into_iter().find(has_both).ok_or_else(|| {
        io::Error::other("PostgreSQL's initdb was not found: install PostgreSQL, or set TEST_DATABASE_URL to a server")
    })?;
    // A link leads to the folder with all the others.
    let real = folder.join("postgres").canonicalize()?;
    Ok(real.parent().map_or(folder, Path::to_owned))
}

fn is_root() -> io::Result<bool> {
    Ok(Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0")
}

/// Gives the folder to the first unprivileged user there is.
fn give_away(folder: &Path) -> io::Result<&'static str> {
    for user in USERS {
        if Command::new("chown").arg(user).arg(folder).stderr(Stdio::null()).status()?.success() {
            return Ok(user);
        }
    }
    Err(io::Error::other("root has no user `postgres` or `nobody` to run PostgreSQL as"))
}

/// A shell script, as that user.
fn shell(user: Option<&str>, script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(if user.is_some() { "setpriv" } else { "sh" });
    if let Some(user) = user {
        // Not `su` or `runuser`: their PAM session is missing in many containers.
        command.args(["--reuid", user, "--regid", &group(user), "--clear-groups", "sh"]);
    }
    command.args(["-c", script, "sh"]).args(arguments);
    command
}

fn group(user: &str) -> String {
    let output = Command::new("id").args(["-g", user]).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(output.trim_ascii()).into_owned()
}

fn initialise(programs: &Path, folder: &Path, user: Option<&str>) -> io::Result<()> {
    let initdb = programs.join("initdb");
    let data = folder.join("data");
    let script = r#"exec "$1" -D "$2" -U quanzi -A trust -E UTF8 --locale=C -N >"$2.log" 2>&1"#;
    let status = shell(user, script, &[&initdb.to_string_lossy(), &data.to_string_lossy()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()?;
    if status.success() {
        return Ok(());
    }
    let log = fs::read_to_string(folder.join("data.log")).unwrap_or_default();
    Err(io::Error::other(format!("initdb failed: {log}")))
}

/// Starts the server under its keeper and waits until it answers.
fn serve(programs: &Path, folder: &Path, user: Option<&str>, options: &[&str], port: u16) -> io::Result<Child> {
    let data = folder.join("data");
    // `cat` ends when the pipe does, which is when its writer ends; SIGQUIT is PostgreSQL's shutdown without ceremony.
    // An interrupt from the terminal reaches the whole group, but the keeper must stay to do its work.
    let script = r#"
        trap '' INT TERM HUP
        program=$1; data=$2; shift 2
        "$program" -D "$data" "$@" >"$data.log" 2>&1 </dev/null &
        server=$!
        cat >/dev/null
        kill -QUIT $server 2>/dev/null
        wait $server
        rm -rf "${data%/*}"
    "#;
    let program = programs.join("postgres");
    let port_option = format!("port={port}");
    let socket_option = format!("unix_socket_directories={}", folder.display());
    let mut arguments = vec![program.to_string_lossy().into_owned(), data.to_string_lossy().into_owned()];
    for option in options.iter().copied().chain([port_option.as_str(), socket_option.as_str()]) {
        arguments.extend(["-c".to_owned(), option.to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut keeper = shell(user, script, &arguments).current_dir(folder).stdin(Stdio::piped()).spawn()?;
    let ready = data.join("postmaster.pid");
    for _ in 0..READY_TRIES_MAX {
        // The last line of this file is the server's own word on its state.
        let state = fs::read_to_string(&ready).unwrap_or_default();
        if state.lines().last().is_some_and(|line| line.trim() == "ready") {
            return Ok(keeper);
        }
        thread::sleep(READY_PAUSE);
    }
    drop(keeper.stdin.take());
    keeper.wait()?;
    let log = fs::read_to_string(folder.join("data.log")).unwrap_or_default();
    Err(io::Error::other(format!("PostgreSQL did not start: {log}")))
}
