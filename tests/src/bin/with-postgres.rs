//! `with-postgres -- command…`: runs the command with `TEST_DATABASE_URL` pointing to a PostgreSQL that lives as long as the
//! command, and ends with its exit code. When the variable is set already, it only runs the command.

use std::io;
use std::process::{Command, ExitCode};

use quanzi_tests::postgres::Server;

const VARIABLE: &str = "TEST_DATABASE_URL";

fn main() -> io::Result<ExitCode> {
    let mut words = std::env::args_os().skip(1).skip_while(|word| word == "--");
    let program = words.next().ok_or_else(|| io::Error::other("usage: with-postgres -- command [argument…]"))?;
    let mut command = Command::new(program);
    command.args(words);
    let server = if std::env::var_os(VARIABLE).is_none() { Some(Server::start()?) } else { None };
    if let Some(server) = &server {
        command.env(VARIABLE, server.url());
    }
    let status = command.status()?;
    drop(server);
    // A command ended by a signal has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
