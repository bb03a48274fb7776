//! A gateway as its operator runs it: memory when idle, time from start to the first answer.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::figures::{median, millis};

const STARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(2);

/// Measures and prints.
pub fn run() {
    let program = std::env::current_exe().expect("our own path").with_file_name("quanzi");
    if !program.exists() {
        println!("process: skipped, {} is not built (cargo build --release)", program.display());
        return;
    }
    let folder = std::env::temp_dir().join(format!("quanzi-load-{}", std::process::id()));
    // The first start makes the database and the keys; what counts is a start on an existing one.
    start(&program, &folder).0.stop();
    let mut seconds = Vec::new();
    let mut memory = None;
    for _ in 0..STARTS {
        let (gateway, took) = start(&program, &folder);
        seconds.push(took.as_secs_f64());
        std::thread::sleep(IDLE);
        memory = gateway.memory_kib();
        gateway.stop();
    }
    std::fs::remove_dir_all(&folder).ok();
    let took = Duration::from_secs_f64(median(seconds));
    println!("process: start to first answer {} (bar: 500 ms)", millis(took));
    if let Some(kib) = memory {
        println!("process: idle memory {:.1} MB resident (bar: 60 MB)", f64::from(kib) / 1_024.0);
    }
}

struct Gateway(Child);

fn start(program: &Path, folder: &Path) -> (Gateway, Duration) {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let address = format!("127.0.0.1:{port}");
    let started = Instant::now();
    let child = Command::new(program)
        .env("QUANZI_LISTEN", &address)
        .env("QUANZI_DATA_DIR", folder)
        .env("QUANZI_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .expect("the gateway starts");
    while !answers(&address) {
        assert!(started.elapsed() < Duration::from_secs(30), "the gateway does not answer");
        std::thread::sleep(Duration::from_millis(2));
    }
    (Gateway(child), started.elapsed())
}

fn answers(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut begin = [0; 12];
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").is_ok()
        && stream.read_exact(&mut begin).is_ok()
        && &begin == b"HTTP/1.1 200"
}

impl Gateway {
    /// Resident memory, where the system tells it in `/proc`.
    fn memory_kib(&self) -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").trim().parse().ok()
    }

    fn stop(mut self) {
        Command::new("kill").arg(self.0.id().to_string()).status().ok();
        self.0.wait().ok();
    }
}
