//! Everything a maintainer runs: one verb per task, one module per verb.
//!
//! A verb may be run as often as one likes: it changes nothing that it would not change to the same again.
//! None of the workspace's own crates is linked here, so the checks run even when the code they check does not build.

mod audit;
mod bench;
mod ci;
mod codegen;
mod docs;
mod doctor;
mod executables;
mod features;
mod fmt;
mod lint;
mod msrv;
mod needs;
mod package;
mod pool;
mod programs;
mod public_api;
mod release;
mod step;
mod test;
mod tidy;
mod tools;
mod wasm;
#[cfg(test)]
mod workflows;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::step::Session;

/// Everything a maintainer of the Human API SDK runs.
///
/// Each verb is a list of steps. A step prints one line: its name, how it went, how long it took.
/// The output of the tools behind a step is shown only when it fails.
/// The exit status is 0 when no step failed, 1 when one did, 2 when the command line makes no sense.
///
/// A verb that needs a tool which is missing says how to install it. Nothing is installed for you.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const AFTER_HELP: &str = "\
Before a commit:      cargo xtask fmt && cargo xtask lint && cargo xtask test
As CI does it:        .ci/run
One test:             cargo xtask test token_is_renewed
More about a verb:    cargo xtask help test

NO_COLOR=1 turns colours off.";

const RELEASE_HELP: &str = "\
In that order, each as often as you like: nothing leaves this machine before `publish --execute`.
docs/releasing.md tells the whole story.";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Format all Rust code
    Fmt(fmt::Options),
    /// Run clippy over everything, warnings denied
    Lint(lint::Options),
    /// Run all tests: unit, integration, documentation, examples, quick bench checks
    Test(test::Options),
    /// Build the API documentation, warnings denied, and the book; check links, code blocks and searches
    Docs(docs::Options),
    /// Write the pages of docs/ that are generated, or with --check say which are out of date
    Codegen(codegen::Options),
    /// Check that the public API of each library is the one in docs/public-api, or write that anew
    PublicApi(public_api::Options),
    /// Check the rules that a compiler does not: dependencies, manifests, imports, tracked files
    Tidy,
    /// Build humanapi-core for wasm32, where there is no system to lean on
    Wasm,
    /// Check that every published crate compiles with each feature alone, with none, with its defaults and with all
    Features(features::Options),
    /// Check that each published crate compiles with the oldest compiler that it promises
    ///
    /// A compiler that is not installed is skipped, with the line that installs it.
    Msrv,
    /// Run the benches
    Bench(bench::Options),
    /// Check that the crates to be published can be packaged
    Package,
    /// Check licences, advisories and sources of all dependencies with cargo-deny
    Audit(audit::Options),
    /// Tell which tools are there, and how to install those that are not
    Doctor(doctor::Options),
    /// Release crates: plan, prepare, verify, publish
    #[command(subcommand, after_help = RELEASE_HELP)]
    Release(release::Action),
    /// Run everything that CI runs, in order
    Ci(ci::Options),
}

fn main() -> ExitCode {
    if let Some(code) = public_api::in_place_of_rustdoc() {
        return code;
    }
    match run(&Cli::parse().verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one verb to its summary. True if nothing failed.
fn run(verb: &Verb) -> anyhow::Result<bool> {
    let mut session = Session::new()?;
    match verb {
        Verb::Fmt(options) => session.verb("fmt", |session| fmt::run(session, options)),
        Verb::Lint(options) => session.verb("lint", |session| lint::run(session, options)),
        Verb::Test(options) => session.verb("test", |session| test::run(session, options)),
        Verb::Docs(options) => session.verb("docs", |session| docs::run(session, *options)),
        Verb::Codegen(options) => session.verb("codegen", |session| codegen::run(session, options)),
        Verb::PublicApi(options) => {
            session.verb("public-api", |session| public_api::run(session, *options));
        }
        Verb::Tidy => session.verb("tidy", tidy::run),
        Verb::Wasm => session.verb("wasm", wasm::run),
        Verb::Features(options) => {
            session.verb("features", |session| features::run(session, *options));
        }
        Verb::Msrv => session.verb("msrv", msrv::run),
        Verb::Bench(options) => session.verb("bench", |session| bench::run(session, options)),
        Verb::Package => session.verb("package", package::run),
        Verb::Audit(options) => session.verb("audit", |session| audit::run(session, options)),
        Verb::Doctor(options) => session.verb("doctor", |session| doctor::run(session, *options)),
        Verb::Release(action) => return release::run(&mut session, action),
        Verb::Ci(options) => ci::run(&mut session, options),
    }
    Ok(session.finish())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
