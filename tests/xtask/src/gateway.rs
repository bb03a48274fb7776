//! The gateway that examples, guides and libraries of others talk to. Invariant: it ends when this program does, however that ends.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::report::Outcome;

const READY_TRIES_MAX: u32 = 300;
const READY_PAUSE: Duration = Duration::from_millis(100);
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The shell that owns the gateway: its standard input closes when we end, also when we are killed. It ends the gateway then, and
/// itself with the gateway's exit code. A terminal's interrupt reaches the whole group, but the shell must stay to do its work.
const KEEPER: &str = r#"
    trap '' INT HUP TERM
    "$@" </dev/null &
    gateway=$!
    cat >/dev/null
    kill -TERM $gateway
    wait $gateway
"#;

/// A running gateway with a folder of its own.
pub struct Gateway {
    keeper: Child,
    /// Its address.
    pub url: String,
    log: PathBuf,
}

impl Gateway {
    /// Starts one on a free port and waits until it is ready.
    pub fn start(program: &Path, work: &Path, log: PathBuf) -> Result<Self, String> {
        let banner = work.join("banner");
        let text = |error: std::io::Error| error.to_string();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(program)
            .args(["--listen", "127.0.0.1:0", "--rate-registrations-per-minute", "1000", "--data-dir"])
            .arg(work.join("data"))
            .stdin(Stdio::piped())
            .stdout(File::create(&banner).map_err(text)?)
            .stderr(File::create(&log).map_err(text)?)
            .spawn()
            .map_err(text)?;
        let mut gateway = Self { keeper, url: String::new(), log };
        for _ in 0..READY_TRIES_MAX {
            let banner = fs::read_to_string(&banner).unwrap_or_default();
            if let Some(url) = address(&banner)
                && is_ready(url)
            {
                url.clone_into(&mut gateway.url);
                return Ok(gateway);
            }
            thread::sleep(READY_PAUSE);
        }
        let said = gateway.said();
        Err(format!("the gateway did not get ready:\n{}\n{said}", fs::read_to_string(&banner).unwrap_or_default()))
    }

    /// Asks it to stop and waits; it has to end with exit code 0.
    pub fn stop(mut self) -> Outcome {
        drop(self.keeper.stdin.take());
        let status = self.keeper.wait().map_err(|error| error.to_string())?;
        if status.success() {
            return Ok(());
        }
        Err(format!("the gateway ended with exit code {}:\n{}", status.code().unwrap_or(-1), self.said()))
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().ok();
    }
}

/// The address in what it prints at the start.
fn address(banner: &str) -> Option<&str> {
    banner.lines().find_map(|line| line.trim().strip_prefix("address")).map(str::trim)
}

fn is_ready(url: &str) -> bool {
    let Some(host) = url.strip_prefix("http://") else { return false };
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin)?;
        Ok(&begin == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
