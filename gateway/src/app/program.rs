//! The program: from the command line to an exit code.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use super::banner::banner;
use super::command::{self, Command};
use super::commands;
use super::error::{StartError, chain};
use super::print::print;
use super::serve::start_with_site;
use super::signals::Signals;
use super::site::MakeSite;
use crate::platform::config::Config;
use crate::platform::exposure;
use crate::platform::logs;

/// Migrations, signals and retention; requests are answered by actix's own workers.
const RUNTIME_THREADS: usize = 2;

/// The program: reads the command line, does what it says, gives the exit code.
///
/// Neither generic nor `async`, so that everything it runs is compiled once, with this crate.
pub fn main(words: Vec<OsString>, environment: Vec<(OsString, OsString)>, site: MakeSite) -> ExitCode {
    let (action, config) = match command::parse(words, environment) {
        Ok(parsed) => parsed,
        Err(message) => {
            // Help and version are "errors" of clap with exit code 0.
            message.print().ok();
            return ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(2));
        }
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            print(io::stderr(), &format!("quanzi: {error}\n"));
            return ExitCode::from(2);
        }
    };
    if action == Command::Config {
        print(io::stdout(), &command::print(&config));
        return ExitCode::SUCCESS;
    }
    logs::start(&config);
    for hint in config.hints() {
        tracing::warn!("{hint}");
    }
    for warning in exposure::warnings(&config) {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build();
    let done = runtime.map_err(StartError::from).and_then(|runtime| {
        runtime.block_on(async {
            match action {
                Command::Migrate => commands::migrate(&config).await,
                Command::CheckLedger => commands::check_ledger(&config).await,
                Command::Keys(what) => commands::keys(&config, &what).await,
                Command::SetFee(partner, fee_bps) => commands::set_fee(&config, partner, fee_bps).await,
                Command::Serve | Command::Config => serve(config, site).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(io::stderr(), &format!("quanzi: {}\n", chain(&error)));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config, site: MakeSite) -> Result<(), StartError> {
    let mut signals = Signals::take(&config)?;
    let running = tokio::select! {
        started = start_with_site(config, Some(site)) => started?,
        () = signals.stop() => return Ok(()),
    };
    print(io::stdout(), &banner(&running));
    running.wait(&mut signals).await
}
