//! The program `quanzi`; everything it does is in the library, where tests can reach it.

use std::process::ExitCode;

/// Many small, short-lived allocations from several threads: measurably faster than the system's on Linux, and smaller when idle.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quanzi_gateway::app::start::main(std::env::args_os(), std::env::vars_os())
}
