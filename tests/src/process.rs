//! A gateway as a process of its own: it can be killed at any moment and started again. Invariant: it is gone when this is dropped.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Between two looks at whether it answers.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// Longest start.
const START_MAX: Duration = Duration::from_secs(30);
/// What no test wants to run into.
const UNLIMITED: &str = "1000000";

/// A gateway, running or not: its address and its database stay the same.
pub struct Process {
    program: PathBuf,
    address: String,
    database_url: String,
    data_dir: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// One that is not running yet, on this database.
    pub fn new(program: &str, database_url: &str) -> Self {
        // Nobody else takes the port meanwhile: the system hands out others first.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let data_dir = std::env::temp_dir().join(format!("quanzi-process-{}", crate::raw::random_text()));
        Self { program: program.into(), address, database_url: database_url.to_owned(), data_dir, child: None }
    }

    /// Its origin.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it and waits until it says that it is ready.
    pub async fn start(&mut self) {
        let child = self.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the gateway starts");
        self.child = Some(child);
        let ready = async {
            while !self.is_ready().await {
                tokio::time::sleep(LOOK_PAUSE).await;
            }
        };
        tokio::time::timeout(START_MAX, ready).await.expect("the gateway answers");
    }

    /// Ends it as a power cut does: SIGKILL, in the middle of whatever it is doing.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it was running");
            child.wait().expect("it is gone");
        }
    }

    /// Whether `/readyz` says yes.
    pub async fn is_ready(&self) -> bool {
        let asked = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            let request = format!("GET /readyz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
            stream.write_all(request.as_bytes()).await?;
            let mut begin = [0; 12];
            stream.read_exact(&mut begin).await?;
            std::io::Result::Ok(&begin == b"HTTP/1.1 200")
        };
        // It listens but does not respond yet, or no longer.
        tokio::time::timeout(Duration::from_secs(6), asked).await.is_ok_and(|asked| asked.unwrap_or(false))
    }

    /// Runs a command of the program on the same database, to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the program runs")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .stdin(Stdio::null())
            .env("QUANZI_LISTEN", &self.address)
            .env("QUANZI_DATABASE_URL", &self.database_url)
            .env("QUANZI_DATA_DIR", &self.data_dir)
            .env("QUANZI_SANDBOX_DEMO", "false")
            .env("QUANZI_WORKERS", "2")
            .env("QUANZI_LOG", "error")
            .env("QUANZI_RATE_READS_PER_SECOND", UNLIMITED)
            .env("QUANZI_RATE_WRITES_PER_SECOND", UNLIMITED)
            .env("QUANZI_RATE_ADDRESS_PER_SECOND", UNLIMITED)
            .env("QUANZI_RATE_REGISTRATIONS_PER_MINUTE", UNLIMITED);
        command
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        std::fs::remove_dir_all(&self.data_dir).ok();
    }
}
