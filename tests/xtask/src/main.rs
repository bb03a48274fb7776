//! `cargo xtask <part>…`: runs the checks, and says what was run, what was skipped and why.
//!
//! It ends with one line "N passed, N failed", which counts tests, and steps that are no tests. The exit code is 1 when anything
//! failed; with `CI=true` also when anything was skipped. What a part needs besides Rust is looked for, and on Debian installed when
//! this is root.

#![expect(clippy::print_stdout, reason = "a command line program talks on its standard output")]

mod gateway;
mod mutants;
mod parts;
mod report;
mod tools;

use std::process::ExitCode;

use parts::{Part, Session};

const USAGE: &str = "usage: cargo xtask <part>…

  fast      formatting, clippy, licences, unit tests, stories on SQLite
  engines   every test on SQLite and PostgreSQL, examples in the documentation
  document  the code's documentation, openapi.json by tools of others
  foreign   examples, guides and libraries of others against a running gateway
  browser   a fan's whole way in Chromium
  sdk       the SDK as users get it, and how many crates it brings (with --time also how long a clean build takes)
  all       all of these
  mutants   changes to pure code that no test notices (needs cargo-mutants; takes an hour; not among `all`)";

fn main() -> ExitCode {
    let (flags, words): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let parts: Option<Vec<Part>> = words.iter().map(|word| Part::named(word)).collect();
    let (Some(parts), true) = (parts, flags.iter().all(|flag| flag == "--time")) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    if parts.is_empty() {
        println!("{USAGE}");
        return ExitCode::from(2);
    }
    match Session::start(!flags.is_empty()) {
        Ok(mut session) => {
            session.run(&parts);
            session.finish()
        }
        Err(error) => {
            println!("cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
