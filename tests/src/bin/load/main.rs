//! `load -- reads | tips | events | webhooks | tokens | consent`: what a gateway takes, measured beside baselines of the same run.
//!
//! Run it from a release build: `cargo run --release -p quanzi-tests --bin load -- reads`. It starts its own gateways and, unless
//! `TEST_DATABASE_URL` is set, its own PostgreSQL. Requests are signed before the clock starts. Machines are noisy: quote ratios.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a tool for us: it stops at the first surprise and prints what it measured"
)]

mod bare;
mod client;
mod consent;
mod events;
mod figures;
mod process;
mod reads;
mod tips;
mod tokens;
mod webhooks;

use quanzi_tests::postgres::Server;

/// As in the gateway's own binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: load -- reads | tips | events | webhooks | tokens | consent";

fn main() {
    let mode = std::env::args().skip(1).find(|word| word != "--");
    if !matches!(mode.as_deref(), Some("reads" | "tips" | "events" | "webhooks" | "tokens" | "consent")) {
        println!("{USAGE}");
        std::process::exit(2);
    }
    if cfg!(debug_assertions) {
        println!("This is a debug build: the figures say nothing about a release.\n");
    }
    let variable = quanzi_gateway::app::testing::VARIABLE;
    if std::env::var_os(variable).is_none() {
        // The database's address is read from the environment, which only a fresh process can be given safely.
        let server =
            (if matches!(mode.as_deref(), Some("tips" | "tokens")) { Server::durable() } else { Server::start() })
                .expect("a PostgreSQL");
        let program = std::env::current_exe().expect("our own path");
        let status =
            std::process::Command::new(program).args(std::env::args_os().skip(1)).env(variable, server.url()).status();
        drop(server);
        std::process::exit(status.ok().and_then(|status| status.code()).unwrap_or(1));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match mode.as_deref() {
            Some("webhooks") => Box::pin(webhooks::run()).await,
            Some("tips") => Box::pin(tips::run()).await,
            Some("tokens") => Box::pin(tokens::run()).await,
            Some("consent") => Box::pin(consent::run()).await,
            Some("events") => Box::pin(events::run()).await,
            _ => Box::pin(reads::run()).await,
        }
    });
}
