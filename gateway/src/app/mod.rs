//! The gateway as one value, the lists of all capabilities, and the program around them.
//!
//! - `registry`: one line for each capability: its routes, pages, jobs and what it lets expire.
//! - `state`: the gateway as one value; `serve` starts and stops it, `background` is what goes on besides requests.
//! - `program`: from the command line (`command`) to an exit code; `commands` are those that do not serve.

mod background;
mod banner;
pub mod command;
mod commands;
mod database;
mod error;
mod print;
pub mod program;
mod registry;
pub mod serve;
mod signals;
pub mod site;
mod state;
pub mod testing;

pub use error::StartError;
pub use registry::FORM_PAGES;
#[cfg(test)]
pub(crate) use registry::LEDGER_CHECKS;
pub use state::App;
