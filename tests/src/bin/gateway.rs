//! The program `quanzi` again, word for word: Cargo builds the programs of a test's own package only, and `tests/crash.rs` needs one
//! it can kill.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quanzi_cli::main()
}
