//! What the program prints.

use std::io;

/// The output may be closed; that is no reason to fail.
pub fn print(mut to: impl io::Write, text: &str) {
    to.write_all(text.as_bytes()).and_then(|()| to.flush()).ok();
}
