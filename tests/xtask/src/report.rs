//! Steps, and what is said about them at the end. Invariant: whatever was left out is said, with its reason.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// How much of a failed step's output is shown.
const LINES_SHOWN_MAX: usize = 300;

/// Why a step failed.
pub type Outcome = Result<(), String>;

/// Where a step's output goes.
pub struct Log {
    path: PathBuf,
}

impl Log {
    /// An empty one.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        File::create(&path)?;
        Ok(Self { path })
    }

    /// Runs a command to its end; its output is kept here.
    pub fn run(&self, command: &mut Command) -> Outcome {
        let output = self.append().and_then(|file| Ok((file.try_clone()?, file)));
        let (stdout, stderr) = output.map_err(|error| error.to_string())?;
        success(command.stdin(Stdio::null()).stdout(stdout).stderr(stderr))
    }

    /// The same, with the command's standard output in this file.
    pub fn run_into(&self, file: &Path, command: &mut Command) -> Outcome {
        let stdout = File::create(file).map_err(|error| error.to_string())?;
        let stderr = self.append().map_err(|error| error.to_string())?;
        success(command.stdin(Stdio::null()).stdout(stdout).stderr(stderr))
    }

    fn append(&self) -> io::Result<File> {
        File::options().append(true).open(&self.path)
    }

    fn text(&self) -> String {
        fs::read(&self.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

fn success(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    if status.success() {
        return Ok(());
    }
    Err(status.code().map_or_else(|| "ended by a signal".to_owned(), |code| format!("failed with exit code {code}")))
}

/// What a runner of tests said at its end.
#[derive(Debug, PartialEq, Eq, Clone, Copy, Default)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub ignored: usize,
}

/// The last line of nextest, or the sum of what each test program said.
pub fn counts(log: &str) -> Counts {
    let mut counts = Counts::default();
    let mut programs = Counts::default();
    let mut is_nextest = false;
    for line in log.lines().map(without_colours) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number_before = |word: &str| {
            let pairs = words.iter().zip(words.iter().skip(1));
            pairs.filter(|(_, next)| next.trim_matches([',', ';']) == word).find_map(|(number, _)| number.parse().ok())
        };
        let number = |word| number_before(word).unwrap_or(0_usize);
        if words.first() == Some(&"Summary") {
            is_nextest = true;
            let failed = number("failed") + number_before("timed").unwrap_or(0);
            counts = Counts { passed: number("passed"), failed, ignored: number("skipped") };
        } else if line.starts_with("test result:") {
            programs.passed += number("passed");
            programs.failed += number("failed");
            programs.ignored += number("ignored");
        }
    }
    if is_nextest { counts } else { programs }
}

/// A line as it is without a terminal's colours.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    text
}

/// All that was done and left out.
pub struct Report {
    logs: PathBuf,
    started: Instant,
    steps: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
    lines: Vec<String>,
}

impl Report {
    /// Nothing yet; earlier logs go.
    pub fn new(logs: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&logs)?;
        for entry in fs::read_dir(&logs)?.flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { logs, started: Instant::now(), steps: 0, passed: 0, failed: 0, skipped: 0, lines: Vec::new() })
    }

    /// Runs a step; shows its output when it fails. Whether it succeeded.
    pub fn step(&mut self, name: &str, work: impl FnOnce(&Log) -> Outcome) -> bool {
        let is_good = self.run(name, work).1;
        let counter = if is_good { &mut self.passed } else { &mut self.failed };
        *counter += 1;
        is_good
    }

    /// The same for one command.
    pub fn command(&mut self, name: &str, command: &mut Command) -> bool {
        self.step(name, |log| log.run(command))
    }

    /// Runs a step that runs tests, and counts these instead of the step. With a filter, what it leaves out is no skip.
    pub fn tests(&mut self, name: &str, is_filtered: bool, work: impl FnOnce(&Log) -> Outcome) -> bool {
        let (log, is_good) = self.run(name, work);
        let Counts { passed, failed, ignored } = counts(&log);
        let ignored = if is_filtered { 0 } else { ignored };
        // A runner that failed without a failed test did not build, and tests that nobody found are not tests that passed.
        let runner = usize::from(failed == 0 && (!is_good || passed == 0));
        self.passed += passed;
        self.failed += failed + runner;
        self.skipped += ignored;
        self.lines.push(format!("         {passed} tests passed, {failed} failed, {ignored} ignored"));
        is_good && failed + runner == 0
    }

    /// The step's output, and whether it succeeded.
    fn run(&mut self, name: &str, work: impl FnOnce(&Log) -> Outcome) -> (String, bool) {
        let started = Instant::now();
        self.steps += 1;
        println!("{name} …");
        let path = self.logs.join(format!("{:02}.log", self.steps));
        let log = Log { path: path.clone() };
        let outcome = Log::create(path.clone()).map_err(|error| error.to_string()).and_then(|log| work(&log));
        let (text, seconds) = (log.text(), started.elapsed().as_secs());
        match &outcome {
            Ok(()) => self.lines.push(format!("ran      {name} ({seconds} s)")),
            Err(reason) => {
                self.lines.push(format!("FAILED   {name} ({seconds} s), see {}", path.display()));
                let lines: Vec<&str> = text.lines().collect();
                for line in lines.iter().skip(lines.len().saturating_sub(LINES_SHOWN_MAX)) {
                    println!("{line}");
                }
                println!("{name}: {reason}");
            }
        }
        (text, outcome.is_ok())
    }

    /// Says that something was left out, and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        self.lines.push(format!("SKIPPED  {name}: {why}"));
        println!("{name}: skipped, {why}");
    }

    /// Says something that is neither good nor bad.
    pub fn note(&mut self, text: &str) {
        self.lines.push(format!("         {text}"));
        println!("{text}");
    }

    /// The folder of the steps' output.
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The closing words.
    pub fn finish(self) -> ExitCode {
        let seconds = self.started.elapsed().as_secs();
        println!("\nIn {} min {} s:", seconds / 60, seconds % 60);
        for line in &self.lines {
            println!("  {line}");
        }
        println!(
            "Not part of this: security advisories, whose database is on the network (`cargo deny check advisories`), load \
             (`--bin load`) and `cargo xtask mutants`."
        );
        let mut failed = self.failed;
        if self.skipped > 0 && std::env::var("CI").is_ok_and(|ci| ci == "true") {
            println!("In CI nothing may be skipped: each skip counts as a failure.");
            failed += self.skipped;
        }
        if self.skipped > 0 {
            println!("{} passed, {failed} failed, {} skipped", self.passed, self.skipped);
        } else {
            println!("Nothing was skipped.");
            println!("{} passed, {failed} failed", self.passed);
        }
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, counts};

    #[test]
    fn the_last_line_of_nextest_is_what_counts() {
        let log = "     Summary [ 857.1s] 1339 tests run: 1336 passed (2 slow), 1 failed, 2 timed out, 3 skipped\n\
                   test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";

        assert_eq!(counts(log), Counts { passed: 1336, failed: 3, ignored: 3 });
    }

    #[test]
    fn colours_do_not_matter() {
        let log = "\u{1b}[32;1m     Summary\u{1b}[0m [   1.2s] \u{1b}[1m4\u{1b}[0m tests run: \u{1b}[1m4\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped";

        assert_eq!(counts(log), Counts { passed: 4, failed: 0, ignored: 0 });
    }

    #[test]
    fn what_test_programs_say_is_added_up() {
        let log = "test result: ok. 9 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
                   test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out";

        assert_eq!(counts(log), Counts { passed: 11, failed: 3, ignored: 1 });
    }

    #[test]
    fn no_test_is_nothing_that_passed() {
        assert_eq!(counts("error: could not compile"), Counts::default());
    }
}
