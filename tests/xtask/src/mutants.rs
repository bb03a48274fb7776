//! Changes to pure code that no test notices: cargo-mutants over money, gates, limits, signatures, JOSE and pages.
//!
//! Only files that need neither database nor network, so that a mutant costs a build and the crate's own unit tests.

use crate::parts::{cargo, is_cargo_command};
use crate::report::Report;

/// A package, its pure files, and the tests that have to notice.
const SETS: [(&str, &[&str]); 2] = [
    (
        "quanzi-openapi",
        &[
            "openapi/src/money.rs",
            "openapi/src/page.rs",
            "openapi/src/jose.rs",
            "openapi/src/jose/*.rs",
            "openapi/src/signature.rs",
            "openapi/src/signature/*.rs",
            "openapi/src/schema_name.rs",
        ],
    ),
    (
        "quanzi-gateway",
        &[
            "gateway/src/capabilities/gates/model.rs",
            "gateway/src/capabilities/payments/model.rs",
            "gateway/src/platform/ledger/model.rs",
            "gateway/src/edge/limit.rs",
        ],
    ),
];

/// Mutates and tests each set.
pub fn run(report: &mut Report) {
    if !is_cargo_command("mutants") {
        return report.skip("mutants", "cargo-mutants is missing: cargo install cargo-mutants --locked");
    }
    for (package, files) in SETS {
        let mut command = cargo(["mutants", "--package", package, "--no-shuffle", "--output", "target/mutants"]);
        command.args(files.iter().flat_map(|file| ["--file", file]));
        report.command(&format!("mutants of {package}"), &mut command);
    }
}
