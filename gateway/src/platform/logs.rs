//! The log on standard error, in a format for people or for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::platform::config::{Config, LogFormat};

/// Libraries that log their internals; name them in the filter to see them, where the later directive takes precedence.
const QUIET: &str = "sqlx=warn,actix_server=warn,actix_http=warn,actix_web=warn,h2=warn,rustls=warn,mio=warn";

/// Starts the log of this process. A second start is ignored: in tests many gateways share a process.
pub fn start(config: &Config) {
    let filter = EnvFilter::new(format!("{QUIET},{}", config.log));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Pretty => log.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).finish().try_init(),
    };
    drop(started);
}
